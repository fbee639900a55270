//! The simulator beside the bare server, both driven by the bare client.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::table::{Bar, Row};
use super::{Benchmark, Setting, case};
use crate::server::Server;
use crate::shell::Tool;

/// Ten events a second and stream, long enough for connecting not to show in the cost of an event.
const GAP_MS: u32 = 100;
const EVENTS: u32 = 300;
/// The load over HTTP/2, at the usual pace of a model.
const HTTP2_GAP_MS: u32 = 140;
const HTTP2_EVENTS: u32 = 200;
/// Users start over this time, so that the measurement is of streaming and not of a burst.
const START: &str = "spread=2s";

const COLUMNS: [&str; 8] = [
    "streams",
    "whole",
    "cpu µs/event",
    "late p99 ms",
    "gap error %",
    "KiB/stream",
    "client µs/ev",
    "others cpu %",
];
const WHOLE: usize = 1;
const CPU: usize = 2;
const LATE: usize = 3;
const GAP: usize = 4;
const MEMORY: usize = 5;

/// A server and a protocol.
struct Load {
    name: String,
    server: Tool,
    gap_ms: u32,
    users: u32,
    /// Connections of HTTP/2; none for HTTP/1.1.
    http2: Option<&'static str>,
}

/// The simulator's benchmark.
pub(super) const BENCHMARK: Benchmark = Benchmark {
    name: "simulator",
    columns: &COLUMNS,
    cases: [3, 3],
    usual: Duration::from_secs(35),
    limit: Duration::from_secs(120),
    repetition,
};

fn repetition(setting: &Setting, rows: &mut Vec<Row>) -> Result<Vec<Bar>> {
    let (users, many) = (setting.streams(3_000), setting.streams(10_000));
    let load = |name: &str, server: Tool| Load {
        name: name.to_owned(),
        server,
        gap_ms: GAP_MS,
        users,
        http2: None,
    };
    let bare = load("bare server, HTTP/1.1", bare_server(setting));
    let control = measure(setting, bare, rows);
    let server = simulator(setting, "bench-http1", GAP_MS, EVENTS)?;
    let http1 = measure(setting, load("weir simulate, HTTP/1.1", server), rows);
    let load = Load {
        name: "weir simulate, HTTP/2, 2 connections".to_owned(),
        server: simulator(setting, "bench-http2", HTTP2_GAP_MS, HTTP2_EVENTS)?,
        gap_ms: HTTP2_GAP_MS,
        users: many,
        http2: Some("2"),
    };
    let http2 = measure(setting, load, rows);
    let bar = |what, at_most, column: usize| Bar {
        what,
        at_most,
        measured: http1[column],
        control: Some(control[column]),
    };
    Ok(vec![
        bar("HTTP/1.1: lateness p99, ms", 5.0, LATE),
        bar("HTTP/1.1: mean gap error, %", 0.2, GAP),
        bar("HTTP/1.1: CPU per event, µs", 16.0, CPU),
        bar("HTTP/1.1: memory per stream, KiB", 20.0, MEMORY),
        bar("HTTP/1.1: streams that are not whole", 0.0, WHOLE).missing(users),
        Bar {
            what: "HTTP/2: CPU per event, µs",
            at_most: 10.0,
            measured: http2[CPU],
            control: None,
        },
        Bar {
            what: "HTTP/2: streams that are not whole",
            at_most: 0.0,
            measured: f64::from(many) - http2[WHOLE],
            control: None,
        },
    ])
}

impl Bar {
    /// Counts what is missing to `all` instead of what is there.
    fn missing(self, all: u32) -> Self {
        let all = f64::from(all);
        Self { measured: all - self.measured, control: self.control.map(|it| all - it), ..self }
    }
}

fn bare_server(setting: &Setting) -> Tool {
    let (gap, events) = (format!("{GAP_MS}ms"), EVENTS.to_string());
    Tool::new(&setting.control).args(["serve", "--gap", &gap, "--events", &events])
}

fn simulator(setting: &Setting, profile: &str, gap_ms: u32, events: u32) -> Result<Tool> {
    let profile = setting.profile(profile, gap_ms, events)?;
    let simulate = Tool::new(&setting.weir).args(["simulate", "--listen", "127.0.0.1:0"]);
    Ok(simulate.args(["--profile"]).args([profile]))
}

/// Runs one case, adds its row and returns its numbers.
fn measure(setting: &Setting, load: Load, rows: &mut Vec<Row>) -> Vec<f64> {
    let name = load.name.clone();
    let row = setting.row(&name, || load.row(setting));
    rows.push(row.clone());
    row.values
}

impl Load {
    fn row(self, setting: &Setting) -> Result<Row> {
        let server = Server::start(self.server)?;
        let url = format!("{}/v1/chat/completions", server.url());
        let mut client = Tool::new(&setting.control).args([
            "load",
            &url,
            "--start",
            START,
            "--users",
            &self.users.to_string(),
        ]);
        if let Some(connections) = self.http2 {
            client = client.args(["--http2", connections]);
        }
        let outcome = case::run(&server, client, setting.progress.limit())?;
        let client: Value =
            serde_json::from_str(&outcome.output).context("the bare client's output")?;
        let stats = case::get_json(server.url(), "/weir/stats")?;
        let number = |value: &Value, path: &str| {
            value.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN)
        };
        let chunks = number(&client, "/chunks");
        let (gap_ms, users) = (f64::from(self.gap_ms), f64::from(self.users));
        let values = vec![
            users,
            number(&client, "/whole"),
            outcome.server.cpu_s * 1e6 / chunks,
            number(&stats, "/lateness_ms/p99"),
            (number(&client, "/gap_ms/mean") - gap_ms).abs() / gap_ms * 100.0,
            (outcome.server.peak_bytes - outcome.server.idle_bytes) / 1024.0 / users,
            outcome.client.cpu_s * 1e6 / chunks,
            outcome.others_percent,
        ];
        Ok(Row { name: self.name, values })
    }
}
