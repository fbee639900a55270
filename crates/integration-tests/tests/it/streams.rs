//! The main job: a ladder against the embedded gateway, and against a simulator by itself.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use integration_tests::{Server, run_in, weir_binary, weir_in};
use results::Role;

/// First event after 1,100 ms, then 39 gaps of 140 ms (the `quick` profile).
const QUICK_TOTAL_MS: f64 = 1100.0 + 39.0 * 140.0;

#[test]
fn the_embedded_gateway_is_stressed_and_the_simulator_behind_it_testifies() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["stress", "streams", "--ladder", "20,60", "--out", "out"];
    let output = weir_in(folder.path(), arguments).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let run = run_in(&folder.path().join("out")).unwrap_or_else(|e| panic!("{e}: {stderr}"));

    assert!(run.target.embedded && run.target.local);
    assert_eq!(run.levels.iter().map(|level| level.users).collect::<Vec<_>>(), [20, 60]);
    for level in &run.levels {
        assert_eq!(level.outcomes.ok, level.users, "{:?}", level.errors);
        assert_eq!((level.correct, level.peak_open), (Some(level.users), level.users));
        assert_eq!(level.chunks, level.users * 40);
        let ttft = level.ttft_ms.unwrap();
        assert!(ttft.p50 >= 1100.0 && ttft.p50 < 1400.0, "{ttft:?}");
        let total = level.total_ms.unwrap();
        assert!(total.p50 >= QUICK_TOTAL_MS && total.p50 < QUICK_TOTAL_MS + 600.0, "{total:?}");
        let gap = level.gap_ms.unwrap();
        assert_eq!(gap.count, level.users * 39);
        assert!((gap.mean - 140.0).abs() < 5.0, "{gap:?}");
        assert!(level.stretch.unwrap().p50 < 1.1, "{:?}", level.stretch);
        let usage = level.target_usage.as_ref().expect("both run on this machine");
        let who: Vec<_> = usage.iter().map(|used| (used.process.as_str(), used.role)).collect();
        assert_eq!(who, [("weir serve", Role::Target), ("weir simulate", Role::Upstream)]);
        assert!(usage.iter().all(|used| used.cpu_s > 0.0), "{usage:?}");
        // A client's connection each at the gateway, few of HTTP/2 behind it.
        assert!(usage[0].peak_fds > 20 && usage[0].peak_fds > usage[1].peak_fds, "{usage:?}");
        let witness = level.simulator.expect("the simulator tells what it served");
        assert_eq!(
            (witness.started, witness.peak_active, witness.cancelled),
            (level.users, level.users, 0)
        );
        assert_eq!(witness.lateness_ms.count, level.users * 40);
        assert!(level.control.is_some_and(|control| control.ttft_error_ms.is_some()));
    }
    for file in ["run.json", "report.txt", "report.md", "report.html"] {
        assert!(folder.path().join("out").join(file).exists(), "{file}");
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
    if run.levels.iter().all(|level| level.trusted) {
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(run.capacity.passed, Some(60));
        assert!(stdout.contains("MET"), "{stdout}");
    }
    let html = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(html.contains("weir serve before weir simulate, started by this run"));
}

#[test]
fn without_the_gateway_the_simulator_itself_is_stressed() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["stress", "streams", "--direct", "--profile", "instant", "--ladder", "20"];
    weir_in(folder.path(), arguments.iter().chain(&["--out", "out"])).unwrap();
    let run = run_in(&folder.path().join("out")).unwrap();
    assert_eq!(run.target.process.as_deref(), Some("weir simulate"));
    let usage = run.levels[0].target_usage.as_ref().unwrap();
    assert_eq!((usage.len(), usage[0].role), (1, Role::Target));
    assert_eq!(run.levels[0].outcomes.ok, 20, "{:?}", run.levels[0].errors);
}

/// The process that runs this subcommand of weir, among the children of another.
fn child_of(parent: u32, subcommand: &str) -> Option<u32> {
    let family = runtime::process::family(parent);
    family.iter().map(|process| process.pid).find(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.split(|byte| *byte == 0).nth(1) == Some(subcommand.as_bytes())
    })
}

#[test]
fn a_run_whose_server_dies_ends_and_says_so() {
    for subcommand in ["serve", "simulate"] {
        let folder = tempfile::tempdir().unwrap();
        // Ten users who ask again and again would need hours.
        let child = Command::new(weir_binary())
            .args(["stress", "streams", "--ladder", "10", "--requests-per-user", "100000"])
            .args(["--profile", "instant", "--out", "out"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let began = std::time::SystemTime::now();
        // Neither starting nor the one answer of the warm-up is such work: the level is under way.
        let busy = |pid: &u32| {
            runtime::process::usage(*pid).is_some_and(|used| used.cpu > Duration::from_secs(1))
        };
        let victim = loop {
            assert!(began.elapsed().unwrap() < Duration::from_secs(30), "no level began");
            if let Some(pid) = child_of(child.id(), subcommand).filter(busy) {
                break pid;
            }
            std::thread::yield_now();
        };
        let killed = Command::new("kill").args(["-KILL", &victim.to_string()]).status().unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{stderr}");
        let said = format!(
            "error: weir {subcommand} (process {victim}) ended in the middle of the run: signal: 9"
        );
        assert!(stderr.contains(&said), "{stderr}");
        let run = run_in(&folder.path().join("out")).unwrap();
        assert!(run.interrupted);
        let notes = &run.levels[0].trust_notes;
        let note = format!("weir {subcommand} ended during this level");
        assert!(notes.contains(&note), "{notes:?}");
    }
}

#[test]
fn an_interrupted_run_still_writes_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    // Ten users who ask again and again would need hours.
    let child = Command::new(weir_binary())
        .args(["stress", "streams", "--ladder", "10", "--requests-per-user", "100000"])
        .args(["--profile", "instant", "--out", "out"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "no runtime here: the run needs time to be under way"
    )]
    std::thread::sleep(Duration::from_secs(4));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let run = run_in(&folder.path().join("out")).unwrap();
    assert!(run.interrupted);
    let level = &run.levels[0];
    assert!(level.outcomes.ok > 0, "{level:?}");
    assert_eq!(level.outcomes.total() + level.interrupted, level.started, "{level:?}");
    assert!(folder.path().join("out/report.html").exists());
}

#[test]
fn a_simulator_drains_on_sigterm_and_exits_0() {
    let mut simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let terminated =
        Command::new("kill").args(["-TERM", &simulator.pid().to_string()]).status().unwrap();
    assert!(terminated.success());
    let deadline = std::time::SystemTime::now() + Duration::from_secs(10);
    let status = loop {
        if let Some(status) = simulator.exited().unwrap() {
            break status;
        }
        assert!(std::time::SystemTime::now() < deadline, "still running");
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_open_loop_counts_from_the_schedule() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/v1/chat/completions", simulator.url);
    let arguments = [
        "stress",
        "streams",
        &url,
        "--arrival",
        "poisson=100/s",
        "--duration",
        "2s",
        "--out",
        "out",
    ];
    let output = weir_in(folder.path(), arguments).unwrap();
    let run = run_in(&folder.path().join("out"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let level = &run.levels[0];
    assert!((120..=290).contains(&level.started), "Poisson around 200: {}", level.started);
    assert_eq!(level.outcomes.ok, level.started, "{:?}", level.errors);
}

#[test]
fn anthropic_and_responses_are_found_by_their_path() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    for (path, api) in [("/v1/messages", "anthropic"), ("/v1/responses", "openai-responses")] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("{}{path}", simulator.url);
        let arguments = ["stress", "streams", &url, "--ladder", "30", "--out", "out"];
        weir_in(folder.path(), arguments).unwrap();
        let run = run_in(&folder.path().join("out")).unwrap();
        assert_eq!(run.target.api, api);
        assert_eq!(run.levels[0].correct, Some(30), "{:?}", run.levels[0].errors);
        assert_eq!(
            run.target.server.as_deref().map(|s| s.starts_with("weir-simulator")),
            Some(true)
        );
    }
}
