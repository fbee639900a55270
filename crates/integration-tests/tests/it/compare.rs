//! `weir compare`: runs that were really measured, and what a script learns from it.

use std::fs;
use std::path::Path;

use integration_tests::{Server, run_in, weir_in};
use results::Run;

/// Measures a small run into `base/`, and gives it back as it stands in the file.
///
/// Whether a busy machine lets its levels be trusted is not what these tests are about: they are
/// marked as trusted, and nothing else is changed.
fn measured_in(folder: &Path) -> Run {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let url = format!("{}/v1/chat/completions", simulator.url);
    let arguments =
        ["stress", "streams", &url, "--ladder", "25,50", "--out", "base", "--name", "base"];
    weir_in(folder, arguments).unwrap();
    let mut run = run_in(&folder.join("base")).unwrap();
    for level in &mut run.levels {
        level.trusted = true;
    }
    run.capacity.passed = Some(50);
    write(folder, "base", &run);
    run
}

fn write(folder: &Path, name: &str, run: &Run) {
    fs::create_dir_all(folder.join(name)).unwrap();
    fs::write(folder.join(name).join("run.json"), run.to_json()).unwrap();
}

/// Exit code, stdout and stderr.
fn compare(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let all = ["compare"].iter().chain(arguments);
    let output = weir_in(folder, all).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The base with every TTFT twice as long.
fn slower(base: &Run) -> Run {
    let mut slower = base.clone();
    slower.name = "slower".to_owned();
    for level in &mut slower.levels {
        let ttft = level.ttft_ms.as_mut().unwrap();
        (ttft.p95, ttft.max) = (ttft.p95 * 2.0, ttft.max * 2.0);
    }
    slower
}

#[test]
fn a_slower_run_ends_with_1_and_is_named_and_the_other_way_round_with_0() {
    let folder = tempfile::tempdir().unwrap();
    let base = measured_in(folder.path());
    write(folder.path(), "new", &slower(&base));
    let rule = ["--fail-if", "ttft.p95 > +10%"];
    let (code, out, err) = compare(folder.path(), &[&["base", "new/run.json"], &rule[..]].concat());
    assert_eq!(code, Some(1), "{err}");
    assert!(out.starts_with("REGRESSED"), "{out}");
    assert!(out.contains("* B slower: ttft.p95 > +10% holds"), "{out}");
    let (code, out, err) = compare(folder.path(), &[&["new", "base"], &rule[..]].concat());
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("NOT REGRESSED"), "{out}");
}

#[test]
fn every_format_is_written_to_stdout_or_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let base = measured_in(folder.path());
    write(folder.path(), "new", &slower(&base));
    for (format, begins) in [
        ("terminal", "COMPARED"),
        ("markdown", "# 2 runs side by side"),
        ("html", "<!DOCTYPE html>"),
        ("json", "{\n  \"format\": \"weir.comparison/1\""),
        ("csv", "run_id,"),
    ] {
        let (code, out, err) = compare(folder.path(), &["base", "new", "--format", format]);
        assert_eq!(code, Some(0), "{format}: {err}");
        assert!(out.starts_with(begins), "{format}: {out}");
        let arguments = ["base", "new", "--format", format, "-o", "out"];
        let (code, printed, err) = compare(folder.path(), &arguments);
        assert_eq!((code, printed.as_str()), (Some(0), ""), "{format}: {err}");
        assert_eq!(fs::read_to_string(folder.path().join("out")).unwrap(), out, "{format}");
    }
}

#[test]
fn different_workloads_are_refused_with_what_differs_unless_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = measured_in(folder.path());
    other.workload.min_chunks += 1;
    write(folder.path(), "other", &other);
    let (code, out, err) = compare(folder.path(), &["base", "other"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(err.contains("workload.min_chunks") && err.contains("--allow-different-workloads"));
    let allowed = ["base", "other", "--allow-different-workloads"];
    let (code, out, err) = compare(folder.path(), &allowed);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("! The workloads differ"), "{out}");
}

#[test]
fn what_cannot_be_compared_is_said_before_anything_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    measured_in(folder.path());
    for (arguments, code, said) in [
        (&["base"][..], 2, "2 values required"),
        (&["base", "missing"], 3, "missing"),
        (&["base", "base", "--fail-if", "ttft.p95 > 10ms"], 2, "change in percent"),
        (&["base", "base", "--fail-if", "speed > +10%"], 2, "\"speed\" is not measured"),
        (&["base", "base", "--fail-if", "call.p95 > +10%"], 2, "a run of streams"),
    ] {
        let (ended, out, err) = compare(folder.path(), arguments);
        assert_eq!((ended, out.as_str()), (Some(code), ""), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
}
