use results::tools::Call;
use results::{CallOutcomes, ErrorGroup, TesterUsage, ToolsControl};

use super::*;

const FACTS: Facts = Facts { cores: 2, local: true, at_once: true, stopped: false };

fn summary(value: f64) -> Summary {
    Summary { count: 100, mean: value, p50: value, p90: value, p95: value, p99: value, max: value }
}

fn call(number: u64, start_ms: f64) -> Call {
    Call {
        agent: 1,
        call: number,
        tool: "t".to_owned(),
        name: Some(format!("{number}.bin")),
        bytes: Some(1),
        md5: None,
        sha256: None,
        start_ms,
        end_ms: 2000.0,
        outcome: Some(CallOutcome::Ok),
    }
}

/// A level of 2 x 2 calls of two seconds each, on a machine that is half busy.
fn level() -> ToolsLevel {
    ToolsLevel {
        stage: None,
        agents: 2,
        calls_per_agent: 2,
        calls: 4,
        succeeded: 4,
        correct: None,
        outcomes: CallOutcomes { ok: 4, ..CallOutcomes::default() },
        cancelled: 0,
        errors: Vec::new(),
        peak_open: 4,
        upstream_peak_open: None,
        upstream_transfers: None,
        duration_s: 2.0,
        session_ms: None,
        connect_ms: None,
        ttfb_ms: None,
        call_ms: Some(summary(2000.0)),
        bytes_total: 4,
        bytes_per_s: 2.0,
        distinct_digests: 1,
        files: (1..=4).map(|number| call(number, 0.0)).collect(),
        files_left_out: 0,
        tools: Vec::new(),
        probe_ms: None,
        probe_idle_ms: None,
        probes_failed: 0,
        probes: Vec::new(),
        sequential: None,
        speedup: None,
        floor: None,
        verify_s: None,
        verify_cpu_s: None,
        target_usage: Some(Vec::new()),
        tester_usage: TesterUsage {
            cpu_s: 0.1,
            busiest_worker: 0.1,
            peak_rss_bytes: 0,
            lag_ms: Some(summary(1.0)),
        },
        control: Some(ToolsControl { call_error_ms: Some(summary(1.0)) }),
        machine_other_cpu_s: Some(0.1),
        machine_busy: Some(0.5),
        trusted: true,
        trust_notes: Vec::new(),
    }
}

fn check(level: &ToolsLevel, facts: &Facts, trusted: bool, part: &str) {
    let (found, notes) = judge(level, facts, level.duration_s);
    assert_eq!(found, trusted, "{notes:?}");
    assert!(notes.iter().any(|note| note.contains(part)), "{notes:?}");
}

#[test]
fn a_quiet_level_is_trusted_without_a_note() {
    assert_eq!(judge(&level(), &FACTS, 2.0), (true, Vec::new()));
}

#[test]
fn each_error_of_the_tester_is_measured_against_the_calls() {
    // Five per cent of a median call of two seconds.
    let late = |value| TesterUsage { lag_ms: Some(summary(value)), ..level().tester_usage };
    assert!(judge(&ToolsLevel { tester_usage: late(100.0), ..level() }, &FACTS, 2.0).0);
    check(&ToolsLevel { tester_usage: late(101.0), ..level() }, &FACTS, false, "timers were late");
    let wrong = |value| Some(ToolsControl { call_error_ms: Some(summary(value)) });
    assert!(judge(&ToolsLevel { control: wrong(100.0), ..level() }, &FACTS, 2.0).0);
    check(&ToolsLevel { control: wrong(101.0), ..level() }, &FACTS, false, "101.0 ms wrong (p95");
    check(&ToolsLevel { control: None, ..level() }, &FACTS, true, "not known");
}

#[test]
fn a_machine_that_the_target_fills_is_trusted_and_one_that_the_tester_fills_is_not() {
    let busy = |cpu_s| ToolsLevel {
        machine_busy: Some(1.0),
        tester_usage: TesterUsage { cpu_s, ..level().tester_usage },
        ..level()
    };
    assert_eq!(judge(&busy(0.5), &FACTS, 2.0), (true, Vec::new()));
    check(&busy(0.7), &FACTS, false, "the tester used 17 %");
    let others = ToolsLevel { machine_other_cpu_s: Some(0.9), ..level() };
    check(&others, &FACTS, false, "other programs used 22 %");
    let spinning = TesterUsage { busiest_worker: 0.96, ..level().tester_usage };
    check(&ToolsLevel { tester_usage: spinning, ..level() }, &FACTS, false, "a worker thread");
}

#[test]
fn calls_that_should_overlap_and_do_not_are_the_tester_s_fault() {
    let few = ToolsLevel { peak_open: 2, ..level() };
    check(&few, &FACTS, false, "only 2 of 4 calls were open");
    // Calls that end before the last one starts cannot overlap.
    let late = (1..=4).map(|number| call(number, 1500.0)).collect();
    assert!(judge(&ToolsLevel { files: late, ..few.clone() }, &FACTS, 2.0).0);
    assert!(judge(&few, &Facts { at_once: false, ..FACTS }, 2.0).0);
}

#[test]
fn what_the_reader_must_know_is_said() {
    let stopped = Facts { stopped: true, ..FACTS };
    check(&ToolsLevel { cancelled: 3, ..level() }, &stopped, false, "3 calls were cancelled");
    let errors = vec![ErrorGroup {
        class: CallOutcome::TransportError,
        detail: "out of file descriptors; raise `ulimit -n`".to_owned(),
        count: 2,
    }];
    check(&ToolsLevel { errors, ..level() }, &FACTS, false, "2 calls failed here");
    let same = vec![call(1, 0.0), call(1, 0.0), call(2, 0.0), call(3, 0.0)];
    check(&ToolsLevel { files: same, ..level() }, &FACTS, true, "4 calls left files under 3 names");
}
