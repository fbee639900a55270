//! Agents that call tools: the media server before the simulator, and what is refused beforehand.

mod liar;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use integration_tests::{Server, weir_binary, weir_in};
use results::tools::{Expected, Transport};
use results::{CallOutcomes, Role, ToolsRun};

use self::liar::Liar;

/// Small enough to be quick, and no round number.
const VIDEO_BYTES: u64 = 300_007;

#[test]
fn the_embedded_media_server_s_files_are_proved_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let size = VIDEO_BYTES.to_string();
    let arguments = ["stress", "tools", "--ladder", "2x4", "--video-bytes", &size, "--out", "out"];
    let output = weir_in(folder.path(), arguments).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let text = fs::read_to_string(folder.path().join("out/run.json"))
        .unwrap_or_else(|error| panic!("{error}: {stderr}"));
    let run = ToolsRun::from_json(&text).unwrap();

    assert!(run.target.embedded && run.target.local);
    assert_eq!(run.workload.transport, Transport::Http);
    assert_eq!(run.workload.verification.as_ref().unwrap().expected, Expected::Upstream);
    let stages: Vec<_> = run.levels.iter().map(|level| level.stage.as_deref()).collect();
    assert_eq!(stages, [Some("downloads"), Some("mixed")]);
    let level = &run.levels[0];
    assert_eq!((level.outcomes.ok, level.correct), (8, Some(8)), "{:?}", level.errors);
    assert_eq!((level.bytes_total, level.distinct_digests), (8 * VIDEO_BYTES, 1));
    assert_eq!(level.upstream_transfers, Some(8));
    assert!(level.upstream_peak_open.unwrap() >= 1 && level.peak_open <= 8);
    assert!(level.speedup.is_some() && level.probe_idle_ms.is_some());
    assert_eq!(level.floor.unwrap().bytes_total, 8 * VIDEO_BYTES);
    let usage = level.target_usage.as_ref().expect("both run on this machine");
    let who: Vec<_> = usage.iter().map(|used| (used.process.as_str(), used.role)).collect();
    assert_eq!(who, [("weir mcp", Role::Target), ("weir simulate", Role::Upstream)]);
    let mixed = &run.levels[1];
    assert_eq!((mixed.outcomes.ok, mixed.correct), (8, Some(8)), "{:?}", mixed.errors);
    let tools: Vec<_> = mixed.tools.iter().map(|tool| (tool.tool.as_str(), tool.calls)).collect();
    assert_eq!(
        tools,
        [("download_image", 2), ("download_video", 4), ("prepare_reference_image", 2)]
    );
    assert_eq!((mixed.distinct_digests, mixed.upstream_transfers), (3, Some(4)));
    assert!(mixed.sequential.is_some() && mixed.speedup.is_some());
    assert_eq!(run.workload.prepare.len(), 4);
    for file in ["run.json", "report.txt", "report.md", "report.html"] {
        assert!(folder.path().join("out").join(file).exists(), "{file}");
    }
    assert!(!folder.path().join("out/media").exists(), "the files of the load stay behind");
}

/// The run that was written into `out`.
fn run_in(folder: &Path) -> ToolsRun {
    let text = fs::read_to_string(folder.join("out/run.json")).unwrap();
    ToolsRun::from_json(&text).unwrap()
}

#[test]
fn a_server_that_lies_about_its_files_misses_the_rule_and_is_quoted_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    let liar = Liar::start(&files);
    let arguments = ["stress", "tools", &liar.url(), "--tool", "save", "--agents", "2"];
    let calls = ["--args", r#"{"filename": "{agent}_{call}.bin"}"#, "--calls", "4"];
    let judged = ["--verify-dir", "files", "--expect-sha256", liar::HONEST_SHA256, "--out", "out"];
    let all = arguments.iter().chain(&calls).chain(&judged);
    let output = weir_in(folder.path(), all).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));

    let run = run_in(folder.path());
    let expected =
        CallOutcomes { ok: 6, wrong_bytes: 1, missing_file: 1, ..CallOutcomes::default() };
    assert_eq!(run.levels[0].outcomes, expected, "{:?}", run.levels[0].errors);
    assert_eq!(run.target.server.as_deref(), Some("liar/1"));
    let report = fs::read_to_string(folder.path().join("out/report.txt")).unwrap();
    let report = report.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        format!("left a file that is not the expected one: agent 1 call 3, {}", liar::CORRUPT),
        "answered success but left no file: agent 2 call 1".to_owned(),
    ] {
        assert!(report.contains(&said), "{said} is not in {report}");
    }
}

#[test]
fn a_target_of_one_s_own_has_a_floor_where_the_bytes_have_a_url() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    fs::create_dir(folder.path().join("files")).unwrap();
    let liar = Liar::start(&folder.path().join("files"));
    let floor = format!("{}/v1/models", simulator.url);
    let (_, body) = simulator.get("/v1/models").unwrap();
    let arguments = ["stress", "tools", &liar.url(), "--tool", "save", "--agents", "1"];
    let rest = ["--calls", "3", "--args", r#"{"filename": "{call}.bin"}"#, "--out", "out"];
    weir_in(folder.path(), arguments.iter().chain(&rest).chain(&["--floor-url", &floor])).unwrap();
    let measured = run_in(folder.path()).levels[0].floor.unwrap();
    let bytes = 3 * u64::try_from(body.len()).unwrap();
    assert_eq!((measured.transfers, measured.bytes_total), (3, bytes));
    let left = fs::read_dir(folder.path().join("out")).unwrap().flatten();
    let names: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with('.')), "{names:?}");
}

#[test]
fn agents_that_share_a_process_are_carried_by_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("media")).unwrap();
    let weir = weir_binary();
    let weir = weir.to_str().unwrap();
    let arguments = ["stress", "tools", "--shared", "--tool", "list_local_videos", "--agents", "3"];
    let rest = ["--calls", "2", "--out", "out", "--", weir, "mcp", "--media", "media"];
    let output = weir_in(folder.path(), arguments.iter().chain(&rest)).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let run = run_in(folder.path());
    assert_eq!(run.workload.transport, Transport::StdioShared);
    let level = &run.levels[0];
    assert_eq!((level.outcomes.ok, level.calls), (6, 6), "{:?}", level.errors);
    let processes = level.target_usage.as_ref().unwrap();
    assert_eq!(processes.len(), 1, "{processes:?}");
    assert!(run.target.server.unwrap().starts_with("weir/"));
}

#[test]
fn a_search_doubles_its_agents_until_its_end_or_a_level_that_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["stress", "tools", "--tool", "list_local_videos", "--find-capacity", "1..4"];
    let rest = ["--calls", "2", "--out", "out"];
    weir_in(folder.path(), arguments.iter().chain(&rest)).unwrap();
    let run = run_in(folder.path());
    let agents: Vec<u64> = run.levels.iter().map(|level| level.agents).collect();
    assert!([1, 2, 4].starts_with(&agents) && !agents.is_empty(), "{agents:?}");
    assert!(run.levels.iter().all(|level| level.calls_per_agent == 2));
    let last = run.levels.last().unwrap();
    assert!(last.agents == 4 || !last.trusted, "{last:?}");
    let held = run.levels.iter().filter(|level| level.trusted).map(|level| level.calls).max();
    assert_eq!((run.capacity.passed, run.capacity.failed), (held, None));
}

#[test]
fn an_interrupted_run_of_calls_still_writes_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    // Two places that call again and again would need hours.
    let child = Command::new(weir_binary())
        .args(["stress", "tools", "--agents", "1", "--calls", "2", "--repeat", "100000"])
        .args(["--sequential", "0", "--video-bytes", "131077", "--out", "out"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A file of the first level tells that a call of it has ended.
    let videos = folder.path().join("out/media/videos");
    let began = SystemTime::now();
    let is_of_level =
        |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("video_1_");
    let under_way =
        || fs::read_dir(&videos).is_ok_and(|entries| entries.flatten().any(is_of_level));
    while !under_way() {
        assert!(began.elapsed().unwrap() < Duration::from_secs(30), "no level began");
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let run = run_in(folder.path());
    assert!(run.interrupted && run.levels.len() == 1);
    let level = &run.levels[0];
    assert_eq!(level.outcomes.total() + level.cancelled, level.calls, "{:?}", level.outcomes);
    assert!(
        level.cancelled <= 2 && level.calls < 200_000,
        "{} of {}",
        level.cancelled,
        level.calls
    );
    for file in ["report.txt", "report.md", "report.html"] {
        assert!(folder.path().join("out").join(file).exists(), "{file}");
    }
    assert!(!folder.path().join("out/media").exists(), "the files of the load stay behind");
}

#[test]
fn runs_of_calls_are_compared_and_another_mix_is_refused_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["stress", "tools", "--ladder", "1x2", "--sequential", "0"];
    let rest = ["--video-bytes", "131077", "--out", "out"];
    weir_in(folder.path(), arguments.iter().chain(&rest)).unwrap();
    let mut run = run_in(folder.path());
    for level in &mut run.levels {
        level.trusted = true;
    }
    let write = |name: &str, run: &ToolsRun| {
        fs::write(folder.path().join(name), run.to_json()).unwrap();
    };
    write("base.json", &run);
    for call in run.levels.iter_mut().filter_map(|level| level.call_ms.as_mut()) {
        call.max *= 2.0;
    }
    write("slower.json", &run);
    run.workload.tools[1].weight += 1.0;
    write("other.json", &run);
    let compare = |with: &str| {
        let arguments = ["compare", "base.json", with, "--fail-if", "call.max > +10%"];
        weir_in(folder.path(), arguments).unwrap()
    };
    let same = compare("base.json");
    assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stderr));
    assert!(String::from_utf8_lossy(&same.stdout).contains("calls at once"));
    assert_eq!(compare("slower.json").status.code(), Some(1));
    let other = compare("other.json");
    assert_eq!(other.status.code(), Some(2));
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(said.contains("workload.tools[1].weight is 2.0 / 3.0"), "{said}");
}

fn check(arguments: &[&str], code: i32, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["stress", "tools"].iter().chain(arguments);
    let output = weir_in(folder.path(), arguments).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(words), "{stderr}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something stays behind");
}

#[test]
fn what_cannot_work_is_told_with_its_exit_code_and_leaves_nothing() {
    check(&["http://127.0.0.1:9/mcp"], 2, "say what to call");
    check(&["http://127.0.0.1:9/mcp", "--tool", "t"], 4, "cannot be reached");
    check(&["--tool", "no_such_tool"], 2, "the server has no tool \"no_such_tool\"; it has ");
    check(&["--tool", "download_video"], 2, "\"video_id\" is required");
    check(&["--tool", "t", "--args", "{"], 2, "--args is no JSON");
    check(&["--tool", "t", "--args", r#"{"a":"{name}"}"#], 2, "{name} in the arguments of t is no");
    check(&["--tool", "t", "--", "/no/such/server"], 3, "cannot be started");
    check(&["--tool", "t", "--", "false"], 4, "does not answer as an MCP server");
    check(&["--probe-every", "1ms"], 2, "--probe-every is at least 5ms");
}
