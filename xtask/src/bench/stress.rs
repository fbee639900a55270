//! The tester beside the bare client, both against the bare server and the simulator.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::table::{Bar, Row};
use super::{Benchmark, Setting, case};
use crate::server::Server;
use crate::shell::Tool;

/// The usual pace of a model.
const GAP_MS: u32 = 140;
const EVENTS: u32 = 60;
/// The answers of the largest case are longer, so that all of its users are there at once.
const LONG_EVENTS: u32 = 120;
const SPREAD: &str = "spread=5s";

const COLUMNS: [&str; 8] = [
    "users",
    "whole",
    "cpu s/1000",
    "peak MiB",
    "ttft p99 ms",
    "ttft err p99",
    "gap p99 ms",
    "others cpu %",
];
const WHOLE: usize = 1;
const CPU: usize = 2;
const MEMORY: usize = 3;
const TTFT: usize = 4;
const TTFT_ERROR: usize = 5;

/// A server, a client and how it starts its users.
#[derive(Clone, Copy)]
struct Load {
    /// The simulator instead of the bare server.
    simulator: bool,
    /// The tester instead of the bare client.
    tester: bool,
    start: &'static str,
    users: u32,
    events: u32,
}

/// The tester's benchmark.
pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "stress",
    columns: &COLUMNS,
    cases: [9, 9],
    usual: Duration::from_secs(20),
    limit: Duration::from_secs(120),
    repetition,
};

fn repetition(setting: &Setting, rows: &mut Vec<Row>) -> Result<Vec<Bar>> {
    let users = setting.streams(3_000);
    let mut bars = Vec::new();
    for simulator in [false, true] {
        for start in ["burst", SPREAD] {
            let load = Load { simulator, tester: false, start, users, events: EVENTS };
            let bare = measure(setting, load, rows);
            let tester = measure(setting, Load { tester: true, ..load }, rows);
            bars.extend(bars_of(load, &bare, &tester));
        }
    }
    let many = setting.streams(12_000);
    let load =
        Load { simulator: true, tester: true, start: SPREAD, users: many, events: LONG_EVENTS };
    let most = measure(setting, load, rows);
    let missing = f64::from(many) - most[WHOLE];
    bars.push(bar("12,000 with simulator: TTFT p99, ms", 1210.0, most[TTFT], None));
    bars.push(bar("12,000 with simulator: not whole", 0.0, missing, None));
    Ok(bars)
}

/// What the tester should reach in a case; the bars are those of a burst and of a spread start.
fn bars_of(load: Load, bare: &[f64], tester: &[f64]) -> Vec<Bar> {
    let burst = load.start == "burst";
    let first = match (load.simulator, burst) {
        (false, true) => "bare server, burst: CPU s/1000 streams",
        (false, false) => "bare server, spread: CPU s/1000 streams",
        (true, true) => "simulator, burst: CPU s/1000 streams",
        (true, false) => "simulator, spread: CPU s/1000 streams",
    };
    let error_limit = if burst { 20.0 } else { 10.0 };
    let missing = f64::from(load.users) - tester[WHOLE];
    vec![
        bar(first, 1.0, tester[CPU], Some(bare[CPU])),
        bar("… memory, MiB", 30.0, tester[MEMORY], Some(bare[MEMORY])),
        bar("… TTFT error p99, ms", error_limit, tester[TTFT_ERROR], None),
        bar("… not whole", 0.0, missing, Some(f64::from(load.users) - bare[WHOLE])),
    ]
}

fn bar(what: &'static str, at_most: f64, measured: f64, control: Option<f64>) -> Bar {
    Bar { what, at_most, measured, control }
}

/// Runs one case, adds its row and returns its numbers.
fn measure(setting: &Setting, load: Load, rows: &mut Vec<Row>) -> Vec<f64> {
    let name = load.name();
    let row = setting.row(&name, || load.row(setting));
    rows.push(row.clone());
    row.values
}

impl Load {
    fn name(self) -> String {
        let server = if self.simulator { "simulator" } else { "bare server" };
        let client = if self.tester { "weir stress" } else { "bare client" };
        format!("{client} → {server}, {}", self.start)
    }

    fn row(self, setting: &Setting) -> Result<Row> {
        let server = start_server(setting, self)?;
        let url = format!("{}/v1/chat/completions", server.url());
        let out = setting.folder.join("stress-run");
        let client = client_tool(setting, self, &url, &out)?;
        let outcome = case::run(&server, client, setting.progress.limit())?;
        let text = if self.tester {
            let path = out.join("run.json");
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?
        } else {
            outcome.output
        };
        let result: Value = serde_json::from_str(&text).context("the client's result")?;
        let paths = if self.tester { &TESTER } else { &BARE };
        let number = |path: &str| result.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let users = f64::from(self.users);
        let values = vec![
            users,
            number(paths.whole),
            outcome.client.cpu_s / users * 1000.0,
            outcome.client.peak_bytes / 1024.0 / 1024.0,
            number(paths.ttft_p99),
            number(paths.ttft_error_p99),
            number(paths.gap_p99),
            outcome.others_percent,
        ];
        let trusted = result.pointer("/levels/0/trusted").and_then(Value::as_bool) != Some(false);
        let name = self.name();
        Ok(Row { name: if trusted { name } else { format!("{name} (not trusted)") }, values })
    }
}

/// Where a client's result holds what.
struct Paths {
    whole: &'static str,
    ttft_p99: &'static str,
    ttft_error_p99: &'static str,
    gap_p99: &'static str,
}

const BARE: Paths = Paths {
    whole: "/whole",
    ttft_p99: "/ttft_ms/p99",
    // The bare client does not know its own error.
    ttft_error_p99: "/none",
    gap_p99: "/gap_ms/p99",
};

const TESTER: Paths = Paths {
    whole: "/levels/0/complete",
    ttft_p99: "/levels/0/ttft_ms/p99",
    ttft_error_p99: "/levels/0/control/ttft_error_ms/p99",
    gap_p99: "/levels/0/gap_ms/p99",
};

fn start_server(setting: &Setting, load: Load) -> Result<Server> {
    if load.simulator {
        let profile = setting.profile("bench-stress", GAP_MS, load.events)?;
        let simulate = Tool::new(&setting.weir).args(["simulate", "--listen", "127.0.0.1:0"]);
        return Server::start(simulate.args(["--profile"]).args([profile]));
    }
    let (gap, events) = (format!("{GAP_MS}ms"), load.events.to_string());
    Server::start(Tool::new(&setting.control).args(["serve", "--gap", &gap, "--events", &events]))
}

fn client_tool(setting: &Setting, load: Load, url: &str, out: &Path) -> Result<Tool> {
    let users = load.users.to_string();
    if !load.tester {
        let bare = Tool::new(&setting.control).args(["load", url, "--users", &users]);
        return Ok(bare.args(["--start", load.start]));
    }
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    let tester = Tool::new(&setting.weir).args(["stress", "streams", url, "--no-progress"]);
    let tester = tester.args(["--ladder", &users, "--start", load.start, "--name", "bench"]);
    Ok(tester.args(["--out"]).args([out]))
}
