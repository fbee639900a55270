//! The gateway beside nginx and beside nothing at all, between the tester and the simulator.

mod bars;
mod nginx;
mod path;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::table::{Bar, Row};
use super::{Benchmark, Setting, case};
use crate::shell::Tool;
use path::{Servers, Way};

/// Users start together, or over so long; answers are much longer, so that all are open at once.
const BURST: &str = "burst";
const SPREAD: &str = "spread=5s";

/// Events of an answer at most: of the model's 100 to 300, so that a case lasts 10 s. The cost of a
/// connection is a part of the cost of its events, and so a larger one than with whole answers.
const EVENTS: u32 = 60;

/// Users of the comparisons.
const USERS: [u32; 4] = [500, 1_000, 2_000, 3_000];

/// Users of the largest case, over HTTP/2 to the simulator.
const MOST: u32 = 9_000;
const MOST_START: &str = "spread=9s";

/// Open streams that the gateway is limited to in the cases of admission; three times as many come
/// at once.
const CAPS: [u32; 2] = [500, 1_000];

const COLUMNS: [&str; 10] = [
    "users",
    "whole",
    "start ms",
    "ttft p99 ms",
    "+ttft p50 ms",
    "+ttft p99 ms",
    "gap p99 ms",
    "cpu µs/event",
    "KiB/stream",
    "others cpu %",
];

/// Who comes, and which way.
#[derive(Debug, Clone, Copy)]
struct Load {
    way: Way,
    users: u32,
    start: &'static str,
}

/// What a case came to; NaN where it cannot be known.
#[derive(Debug, Clone, Copy)]
struct Measured {
    load: Load,
    whole: f64,
    /// From the first user's start to the last one's.
    start_ms: f64,
    ttft_p50_ms: f64,
    ttft_p99_ms: f64,
    gap_p99_ms: f64,
    /// Of whatever stands between tester and simulator, alone.
    cpu_us_per_event: f64,
    kib_per_stream: f64,
    /// Of complete streams.
    stretch_p95: f64,
    /// Of refused ones.
    refusal_p99_ms: f64,
    refused: f64,
    others_percent: f64,
}

/// The gateway's benchmark.
pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "gateway",
    columns: &COLUMNS,
    cases: [35, 35],
    usual: Duration::from_secs(25),
    limit: Duration::from_secs(180),
    repetition,
};

fn repetition(setting: &Setting, rows: &mut Vec<Row>) -> Result<Vec<Bar>> {
    let mut all = Vec::new();
    for start in [BURST, SPREAD] {
        for users in USERS {
            let users = setting.streams(users);
            let mut case = |way, direct: Option<&Measured>| {
                let measured = measure(setting, Load { way, users, start });
                rows.push(measured.row(direct));
                measured
            };
            let direct = case(Way::Direct, None);
            all.push(direct);
            for way in [
                Way::Nginx,
                Way::Gateway { http2: false, cap: None },
                Way::Gateway { http2: true, cap: None },
            ] {
                all.push(case(way, Some(&direct)));
            }
        }
    }
    let way = Way::Gateway { http2: true, cap: None };
    let most = measure(setting, Load { way, users: setting.streams(MOST), start: MOST_START });
    rows.push(most.row(None));
    let mut capped = Vec::new();
    for cap in CAPS.map(|cap| setting.streams(cap)) {
        let way = Way::Gateway { http2: true, cap: Some(cap) };
        let measured = measure(setting, Load { way, users: 3 * cap, start: BURST });
        rows.push(measured.row(None));
        capped.push(measured);
    }
    let largest = setting.streams(USERS[USERS.len() - 1]);
    let find = |way: Way, start: &str| {
        all.iter()
            .find(|it| it.load.way == way && it.load.users == largest && it.load.start == start)
            .context("every way is measured with every start")
    };
    bars::bars(find, &most, &capped)
}

/// Runs one case; nothing is known of one that fails.
fn measure(setting: &Setting, load: Load) -> Measured {
    let measured = setting.progress.step(&load.name(), || load.measure(setting));
    measured.unwrap_or_else(|| Measured::read(load, &Value::Null, f64::NAN))
}

impl Load {
    fn name(self) -> String {
        let Self { way, users, start } = self;
        match way {
            Way::Gateway { cap: Some(cap), .. } => {
                format!("{}, {users} → cap of {cap}, {start}", way.name())
            }
            _ => format!("{}, {start}", way.name()),
        }
    }

    fn measure(self, setting: &Setting) -> Result<Measured> {
        let servers = Servers::start(setting, self.way)?;
        let out = setting.folder.join("gateway-run");
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        let url = format!("{}/v1/chat/completions", servers.url());
        let (users, events) = (self.users.to_string(), EVENTS.to_string());
        let tester = Tool::new(&setting.weir)
            .args(["stress", "streams", &url, "--no-progress", "--name", "bench"])
            .args(["--ladder", &users, "--start", self.start, "--max-tokens", &events])
            .args(["--out"])
            .args([&out]);
        let outcome = case::run(servers.simulator(), tester, setting.progress.limit())?;
        let path = out.join("run.json");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let run: Value = serde_json::from_str(&text).context("the tester's result")?;
        let level = run.pointer("/levels/0").context("the run has a level")?;
        Ok(Measured::read(self, level, outcome.others_percent))
    }
}

impl Measured {
    fn read(load: Load, level: &Value, not_ours_percent: f64) -> Self {
        let number = |path: &str| level.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
        // The target is the process that the tester connects to; directly, that is the simulator.
        let proxy = match load.way {
            Way::Direct => None,
            Way::Nginx | Way::Gateway { .. } => {
                level.get("target_usage").and_then(Value::as_array).map(Vec::as_slice)
            }
        };
        let is_target = |process: &&Value| process.get("role").is_none_or(|role| role == "target");
        let sum = |field: &str| {
            let targets = proxy.into_iter().flatten().filter(is_target);
            let of_all = targets.map(|it| it.get(field).and_then(Value::as_f64));
            of_all.reduce(|one, other| Some(one? + other?)).flatten().unwrap_or(f64::NAN)
        };
        let streams = number("/peak_open");
        let proxy_percent = sum("cpu_s") / number("/duration_s") * 100.0;
        Self {
            load,
            whole: number("/complete"),
            start_ms: number("/start_spread_s") * 1e3,
            ttft_p50_ms: number("/ttft_ms/p50"),
            ttft_p99_ms: number("/ttft_ms/p99"),
            gap_p99_ms: number("/gap_ms/p99"),
            cpu_us_per_event: sum("cpu_s") * 1e6 / number("/chunks"),
            kib_per_stream: (sum("peak_rss_bytes") - sum("idle_rss_bytes")) / 1024.0 / streams,
            stretch_p95: number("/stretch/p95"),
            refusal_p99_ms: number("/refusal_ms/p99"),
            refused: number("/outcomes/http_error"),
            others_percent: match proxy {
                None => not_ours_percent,
                Some(_) => (not_ours_percent - proxy_percent).max(0.0),
            },
        }
    }

    fn row(&self, direct: Option<&Self>) -> Row {
        let added = |of: fn(&Self) -> f64| direct.map_or(f64::NAN, |it| of(self) - of(it));
        Row {
            name: self.load.name(),
            values: vec![
                f64::from(self.load.users),
                self.whole,
                self.start_ms,
                self.ttft_p99_ms,
                added(|it| it.ttft_p50_ms),
                added(|it| it.ttft_p99_ms),
                self.gap_p99_ms,
                self.cpu_us_per_event,
                self.kib_per_stream,
                self.others_percent,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOAD: Load =
        Load { way: Way::Gateway { http2: true, cap: None }, users: 100, start: BURST };

    fn level() -> Value {
        let process = |role: &str, cpu_s: f64, peak: u64| {
            json!({
                "role": role, "cpu_s": cpu_s, "peak_rss_bytes": peak,
                "idle_rss_bytes": 1024 * 1024,
            })
        };
        let master = process("target", 1.5, 3 * 1024 * 1024);
        let worker = process("target", 0.5, 1024 * 1024);
        let simulator = process("upstream", 9.0, 9 * 1024 * 1024);
        json!({
            "complete": 99, "chunks": 100_000, "peak_open": 100, "duration_s": 10.0,
            "start_spread_s": 0.125,
            "ttft_ms": { "p50": 1102.0, "p99": 1110.0 }, "gap_ms": { "p99": 141.0 },
            "target_usage": [master, worker, simulator],
        })
    }

    #[test]
    fn all_processes_of_a_proxy_count_and_nothing_else() {
        let measured = Measured::read(LOAD, &level(), 25.0);
        let direct = Measured { ttft_p50_ms: 1101.5, ttft_p99_ms: 1105.0, ..measured };
        let row = measured.row(Some(&direct));
        assert_eq!(row.values, [100.0, 99.0, 125.0, 1110.0, 0.5, 5.0, 141.0, 20.0, 20.48, 5.0]);
    }

    #[test]
    fn without_a_proxy_there_is_no_cost_of_one() {
        let measured = Measured::read(Load { way: Way::Direct, ..LOAD }, &level(), 25.0);
        assert!(measured.cpu_us_per_event.is_nan() && measured.kib_per_stream.is_nan());
        assert_eq!(measured.others_percent, 25.0);
        let none = json!({ "chunks": 5 });
        assert!(Measured::read(LOAD, &none, 1.0).cpu_us_per_event.is_nan());
    }
}
