//! Agents that call tools: the media server before the simulator, and what is refused beforehand.

use std::fs;

use integration_tests::weir_in;
use results::tools::{Expected, Transport};
use results::{Role, ToolsRun};

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
    check(&["--tool", "t", "--", "/no/such/server"], 3, "cannot be started");
    check(&["--tool", "t", "--", "false"], 4, "does not answer as an MCP server");
    check(&["--probe-every", "1ms"], 2, "--probe-every is at least 5ms");
}
