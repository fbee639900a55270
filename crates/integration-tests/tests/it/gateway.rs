//! `weir serve` between the tester and the simulator, as processes.

mod faults;
mod operation;
mod soak;
mod unread;

use std::time::Duration;

use integration_tests::{Server, run_in, weir_in};
use results::Level;
use tokio::time::Instant;

/// What a busy machine may need for anything here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A level of this many users against a server, with these further arguments.
fn level(server: &Server, path: &str, users: u64, more: &[&str]) -> Level {
    let folder = tempfile::tempdir().unwrap();
    let (url, users) = (format!("{}{path}", server.url), users.to_string());
    let mut arguments = vec!["stress", "streams", &url, "--ladder", &users, "--out", "out"];
    arguments.extend(["--model", "any", "--no-progress"]);
    arguments.extend(more);
    let output = weir_in(folder.path(), arguments).unwrap();
    let run = run_in(&folder.path().join("out"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    run.levels[0].clone()
}

/// Waits until a condition holds.
pub(super) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} never happened");
        std::thread::yield_now();
    }
}

/// A number in the simulator's own account of what it served.
fn stat(simulator: &Server, name: &str) -> u64 {
    let (_, body) = simulator.get("/weir/stats").unwrap();
    let stats: serde_json::Value = serde_json::from_str(&body).unwrap();
    stats[name].as_u64().unwrap_or_else(|| panic!("no {name} in {body}"))
}
