use results::level::{Lateness, Witness};
use results::{Control, ErrorGroup, Outcomes, ProcessUsage, Role, TesterUsage};

use super::*;

fn summary(count: u64, p50: f64, p99: f64) -> Summary {
    Summary { count, mean: p50, p50, p90: p50, p95: p99, p99, max: p99 }
}

/// A level of 1,000 users that no rule has anything against.
fn sound() -> Level {
    Level {
        users: 1000,
        started: 1000,
        refused: 0,
        succeeded: 1000,
        complete: 1000,
        correct: Some(1000),
        outcomes: Outcomes { ok: 1000, ..Outcomes::default() },
        errors: Vec::new(),
        interrupted: 0,
        peak_open: 1000,
        duration_s: 10.0,
        start_spread_s: 0.05,
        connect_ms: None,
        ttfb_ms: None,
        ttft_ms: Some(summary(1000, 1100.0, 1150.0)),
        gap_ms: Some(summary(39_000, 140.0, 150.0)),
        total_ms: Some(summary(1000, 6560.0, 6600.0)),
        stretch: None,
        refusal_ms: None,
        stalls: 0,
        chunks_per_stream: None,
        bytes_per_stream: None,
        chars_per_stream: None,
        fairness: None,
        chunks: 40_000,
        bytes: 7_000_000,
        chunks_per_s: 4000.0,
        bytes_per_s: 700_000.0,
        gap_buckets: Vec::new(),
        ttft_buckets: Vec::new(),
        timeline: Vec::new(),
        target_usage: None,
        simulator: None,
        tester_usage: TesterUsage {
            cpu_s: 2.0,
            busiest_worker: 0.1,
            peak_rss_bytes: 1 << 24,
            lag_ms: Some(summary(2000, 1.0, 3.0)),
        },
        control: Some(Control {
            ttft_error_ms: Some(summary(100, 1.0, 5.0)),
            gap_error_ms: Some(summary(1000, 0.5, 2.0)),
        }),
        machine_other_cpu_s: Some(0.1),
        machine_busy: Some(0.5),
        trusted: true,
        trust_notes: Vec::new(),
    }
}

const FACTS: Facts = Facts { cores: 2, local: true, at_once: true, stopped: false };

#[track_caller]
fn check_with(level: &Level, facts: &Facts, note: Option<&str>) {
    let (trusted, notes) = judge(level, facts);
    match note {
        None => assert!(trusted && notes.is_empty(), "{notes:?}"),
        Some(note) => {
            assert!(!trusted, "{notes:?}");
            assert!(notes[0].contains(note), "{notes:?} should begin with {note:?}");
        }
    }
}

#[track_caller]
fn check(level: &Level, note: Option<&str>) {
    check_with(level, &FACTS, note);
}

#[test]
fn a_sound_level_is_trusted_without_a_note() {
    check(&sound(), None);
}

#[test]
fn lag_may_be_a_twentieth_of_what_is_measured() {
    let with_lag = |p99| Level {
        tester_usage: TesterUsage { lag_ms: Some(summary(2000, 1.0, p99)), ..sound().tester_usage },
        ..sound()
    };
    check(&with_lag(55.0), None);
    check(&with_lag(55.1), Some("timers were late by 55.1 ms (p99), more than 55 ms"));
    let fast = |p99| Level { ttft_ms: Some(summary(1000, 3.0, 9.0)), ..with_lag(p99) };
    check(&fast(20.0), None);
    check(&fast(20.1), Some("more than 20 ms"));
}

#[test]
fn control_errors_are_judged_by_their_sharpest_supported_statistic() {
    let with_control = |ttft: Summary, gap: Summary| Level {
        control: Some(Control { ttft_error_ms: Some(ttft), gap_error_ms: Some(gap) }),
        ..sound()
    };
    let fine = summary(100, 1.0, 2.0);
    check(&with_control(summary(100, 1.0, 55.0), summary(100, 1.0, 20.0)), None);
    check(&with_control(summary(100, 1.0, 55.1), fine), Some("TTFT 55.1 ms wrong (p99"));
    check(&with_control(fine, summary(100, 1.0, 20.1)), Some("gaps 20.1 ms wrong (p99"));
    check(&with_control(summary(99, 1.0, 60.0), fine), Some("(p95"));
    check(&with_control(summary(3, 1.0, 60.0), fine), Some("(max"));
}

#[test]
fn a_level_without_a_control_stream_says_so_and_stays_trusted() {
    let (trusted, notes) = judge(&Level { control: None, ..sound() }, &FACTS);
    assert!(trusted && notes[0].contains("error is not known"), "{notes:?}");
}

#[test]
fn a_busy_worker_is_a_reason_in_levels_that_last() {
    let busy = |share, duration_s| Level {
        duration_s,
        machine_other_cpu_s: None,
        machine_busy: None,
        tester_usage: TesterUsage { busiest_worker: share, ..sound().tester_usage },
        ..sound()
    };
    check(&busy(0.95, 10.0), None);
    check(&busy(0.951, 10.0), Some("computed 95 % of the time"));
    check(&busy(1.0, 0.99), None);
}

#[test]
fn a_full_machine_is_the_limit_of_the_machine_and_not_of_the_target() {
    let full = |busy| Level { machine_busy: Some(busy), ..sound() };
    check(&full(0.95), None);
    check(&full(0.96), Some("machine that target and tester share was the limit"));
    let target = ProcessUsage {
        process: "server".to_owned(),
        role: Role::Target,
        pid: 1,
        cpu_s: 17.0,
        cpu_us_per_chunk: None,
        peak_rss_bytes: 0,
        idle_rss_bytes: 0,
        peak_fds: 0,
    };
    let seen = Level { target_usage: Some(vec![target]), ..full(0.96) };
    check(&seen, Some("(target 85 %, tester 10 %): the machine was the limit, not the target"));
    let remote = Facts { local: false, ..FACTS };
    check_with(&full(0.96), &remote, Some("tester's machine were 96 % busy"));
}

#[test]
fn others_may_use_a_fifth_of_the_machine() {
    let remote = Facts { local: false, ..FACTS };
    let others = |cpu_s| Level { machine_other_cpu_s: Some(cpu_s), ..sound() };
    check_with(&others(4.0), &remote, None);
    check_with(&others(4.3), &remote, Some("other programs used 21 %"));
    // Where others fill the machine, they are the reason to name.
    let full = Level { machine_busy: Some(0.99), ..others(9.0) };
    let (_, notes) = judge(&full, &remote);
    assert!(notes.len() == 1 && notes[0].contains("other programs used 45 %"), "{notes:?}");
    // On this machine and not to be seen, the target itself is among the others.
    check(&others(9.0), None);
}

#[test]
fn users_that_should_overlap_must_have_been_held_at_once() {
    let held = |peak_open| Level { peak_open, ..sound() };
    check(&held(990), None);
    check(&held(989), Some("only 989 of 1000 users were open at once"));
    check_with(&held(10), &Facts { at_once: false, ..FACTS }, None);
    // Streams that failed early could not be held.
    let outcomes = Outcomes { ok: 500, connect_error: 500, ..Outcomes::default() };
    check(&Level { outcomes, ..held(495) }, None);
}

#[test]
fn answers_shorter_than_the_start_are_a_note_and_no_reason() {
    let level = Level { peak_open: 60, total_ms: Some(summary(1000, 50.0, 60.0)), ..sound() };
    let (trusted, notes) = judge(&level, &FACTS);
    assert!(trusted && notes[0].contains("60 were open at once at most"), "{notes:?}");
}

#[test]
fn limits_refusals_and_interruptions_are_reasons() {
    let group = |detail: &str| ErrorGroup {
        class: Outcome::ConnectError,
        detail: detail.to_owned(),
        count: 3,
    };
    let failed = |detail: &str| Level { errors: vec![group(detail)], ..sound() };
    check(&failed("out of file descriptors; raise `ulimit -n`"), Some("3 connections failed here"));
    check(&failed("out of local ports"), Some("several addresses"));
    check(&failed("connection refused"), None);
    check(&Level { refused: 1, ..sound() }, Some("1 arrivals were not sent"));
    let stopped = Facts { stopped: true, ..FACTS };
    check_with(&Level { interrupted: 7, ..sound() }, &stopped, Some("7 streams were cut off"));
}

#[test]
fn a_late_simulator_is_told_and_leaves_the_level_trusted() {
    let late = |p99| {
        let lateness_ms = Lateness { count: 9, p50: Some(0.1), p99, max: p99 };
        let witness =
            Witness { started: 9, finished: 9, cancelled: 0, peak_active: 9, lateness_ms };
        late_simulator(&Level { simulator: Some(witness), ..sound() })
    };
    assert_eq!((late(None), late(Some(ERROR_FLOOR_MS))), (None, None));
    assert!(late(Some(ERROR_FLOOR_MS + 1.0)).unwrap().contains("21 ms late"));
}
