use proptest::prelude::*;

use super::*;
use crate::level::TesterUsage;
use crate::load::{Judged, RunKind};
use crate::slo::Slo;
use crate::{AnyRun, Capacity, Run};

/// A call of the first agent that left a file of ten bytes.
pub(crate) fn call(number: u64, start_ms: f64, end_ms: f64) -> Call {
    Call {
        agent: 1,
        call: number,
        tool: "download_video".to_owned(),
        name: Some(format!("a1-c{number}.mp4")),
        bytes: Some(10),
        md5: Some("0123456789abcdef0123456789abcdef".to_owned()),
        sha256: Some("00".repeat(32)),
        start_ms,
        end_ms,
        outcome: Some(CallOutcome::Ok),
    }
}

/// A trusted level of these calls, one agent's.
pub(crate) fn level(calls: Vec<Call>) -> ToolsLevel {
    let tally = Tally::of(&calls);
    let duration_s = calls.iter().map(|call| call.end_ms).fold(0.0, f64::max) / 1_000.0;
    ToolsLevel {
        stage: None,
        agents: 1,
        calls_per_agent: tally.calls,
        calls: tally.calls,
        succeeded: tally.succeeded,
        correct: Some(tally.outcomes.ok),
        outcomes: tally.outcomes,
        cancelled: tally.cancelled,
        errors: Vec::new(),
        peak_open: tally.peak_open,
        upstream_peak_open: None,
        upstream_transfers: None,
        duration_s,
        session_ms: None,
        connect_ms: None,
        ttfb_ms: None,
        call_ms: tally.call_ms,
        bytes_total: tally.bytes_total,
        bytes_per_s: if duration_s > 0.0 {
            crate::units::float(tally.bytes_total) / duration_s
        } else {
            0.0
        },
        distinct_digests: tally.distinct_digests,
        files: calls,
        files_left_out: 0,
        tools: tally.tools,
        probe_ms: None,
        probe_idle_ms: None,
        probes_failed: 0,
        probes: Vec::new(),
        sequential: None,
        speedup: None,
        floor: None,
        verify_s: None,
        verify_cpu_s: None,
        target_usage: None,
        tester_usage: TesterUsage {
            cpu_s: 0.0,
            busiest_worker: 0.0,
            peak_rss_bytes: 0,
            lag_ms: None,
        },
        control: None,
        machine_other_cpu_s: None,
        machine_busy: None,
        trusted: true,
        trust_notes: Vec::new(),
    }
}

fn with(outcome: Option<CallOutcome>, call: Call) -> Call {
    Call { outcome, ..call }
}

/// Two calls side by side, one after them, and one of each way to fail.
fn mixed() -> Vec<Call> {
    let mut other = call(4, 20.0, 40.0);
    other.tool = "prepare_reference_image".to_owned();
    other.sha256 = Some("11".repeat(32));
    vec![
        call(1, 0.0, 10.0),
        call(2, 5.0, 15.0),
        call(3, 15.0, 20.0),
        other,
        with(Some(CallOutcome::WrongBytes), call(5, 20.0, 30.0)),
        with(Some(CallOutcome::MissingFile), call(6, 20.0, 21.0)),
        with(Some(CallOutcome::Timeout), call(7, 20.0, 50.0)),
        with(None, call(8, 20.0, 50.0)),
    ]
}

#[test]
fn a_tally_counts_every_call_once() {
    let tally = Tally::of(&mixed());
    assert_eq!((tally.calls, tally.outcomes.total(), tally.cancelled), (8, 7, 1));
    assert_eq!((tally.succeeded, tally.outcomes.ok, tally.outcomes.not_ok()), (6, 4, 3));
    assert_eq!((tally.bytes_total, tally.distinct_digests), (40, 2));
    assert_eq!(tally.peak_open, 5);
    let call_ms = tally.call_ms.unwrap();
    assert_eq!((call_ms.count, call_ms.mean), (4, 11.25));
    let by_tool: Vec<(&str, u64, u64)> =
        tally.tools.iter().map(|row| (row.tool.as_str(), row.calls, row.outcomes.ok)).collect();
    assert_eq!(by_tool, [("download_video", 7, 3), ("prepare_reference_image", 1, 1)]);
}

#[test]
fn calls_that_touch_do_not_overlap() {
    assert_eq!(peak_overlap(&[call(1, 0.0, 10.0), call(2, 10.0, 20.0)]), 1);
    assert_eq!(peak_overlap(&[call(1, 0.0, 10.0), call(2, 9.0, 20.0)]), 2);
    assert_eq!(peak_overlap(&[]), 0);
}

#[test]
fn the_mean_overlap_of_two_calls_half_side_by_side_is_four_thirds() {
    let overlap = Overlap::of(&[call(1, 0.0, 10.0), call(2, 5.0, 15.0)]).unwrap();
    assert_eq!((overlap.peak, overlap.mean), (2, 20.0 / 15.0));
    assert_eq!(Overlap::of(&[]), None);
}

#[test]
fn failures_are_kept_before_successes() {
    let (kept, left_out) = keep(mixed(), 5);
    let numbers: Vec<u64> = kept.iter().map(|call| call.call).collect();
    assert_eq!((numbers.as_slice(), left_out), ([1, 5, 6, 7, 8].as_slice(), 3));
    assert_eq!(keep(mixed(), 8), (mixed(), 0));
}

#[test]
fn speedup_is_sequential_wall_over_concurrent_wall() {
    let level = level((1..=4).map(|number| call(number, 0.0, 100.0)).collect());
    assert_eq!(level.speedup_over(Sequential { calls: 4, duration_s: 0.4 }), Some(4.0));
    assert_eq!(level.speedup_over(Sequential { calls: 2, duration_s: 0.2 }), Some(4.0));
    assert_eq!(level.speedup_over(Sequential { calls: 0, duration_s: 0.0 }), None);
}

#[test]
fn a_failed_call_leaves_no_speedup_to_claim() {
    let failed = with(Some(CallOutcome::ToolError), call(2, 0.0, 1.0));
    let level = level(vec![call(1, 0.0, 100.0), failed]);
    assert_eq!(level.speedup_over(Sequential { calls: 2, duration_s: 0.2 }), None);
}

#[test]
fn the_default_rule_forgives_no_wrong_file() {
    let rule = Slo::default_for(RunKind::Tools);
    let mut calls: Vec<Call> = (1..=512).map(|number| call(number, 0.0, 10.0)).collect();
    assert_eq!(rule.holds(&level(calls.clone())), Some(true));
    calls[77].outcome = Some(CallOutcome::WrongBytes);
    let level = level(calls);
    assert_eq!(rule.holds(&level), Some(false));
    assert_eq!(level.success_share(), Some(1.0));
}

#[test]
fn the_bracket_of_tool_calls_counts_calls_at_once() {
    let good = level(vec![call(1, 0.0, 10.0), call(2, 0.0, 10.0)]);
    let mut bad = level((1..=4).map(|number| call(number, 0.0, 10.0)).collect());
    bad.outcomes.ok = 3;
    bad.outcomes.timeout = 1;
    let capacity = Capacity::of(&[good, bad], &[Slo::default_for(RunKind::Tools)]);
    assert_eq!((capacity.passed, capacity.failed), (Some(2), Some(4)));
    assert_eq!(capacity.limited_by.as_deref(), Some("ok >= 100% missed at 1 agent x 4 calls"));
}

/// So many calls at once in a stage, of which so many failed.
fn of_stage(stage: &str, calls: u64, failed: u64) -> ToolsLevel {
    let call = |number| {
        let outcome = if number <= failed { CallOutcome::ToolError } else { CallOutcome::Ok };
        with(Some(outcome), call(number, 0.0, 10.0))
    };
    ToolsLevel { stage: Some(stage.to_owned()), ..level((1..=calls).map(call).collect()) }
}

#[test]
fn a_run_carries_what_its_weakest_stage_carries() {
    let rule = [Slo::default_for(RunKind::Tools)];
    let check = |levels: &[ToolsLevel], passed, failed, limited_by: Option<&str>| {
        let capacity = Capacity::of(levels, &rule);
        assert_eq!((capacity.passed, capacity.failed), (passed, failed));
        assert_eq!(capacity.limited_by.as_deref(), limited_by);
    };
    let (easy, hard) =
        (|calls| of_stage("easy", calls, 0), |calls, bad| of_stage("hard", calls, bad));
    check(&[easy(4), easy(8), hard(4, 0), hard(8, 0)], Some(8), None, None);
    let missed = "ok >= 100% missed at 1 agent x 8 calls (hard)";
    check(&[easy(4), easy(8), hard(4, 0), hard(8, 1)], Some(4), Some(8), Some(missed));
    check(&[easy(4), easy(8), hard(8, 1)], None, Some(8), Some(missed));
}

#[test]
fn one_stage_s_highest_level_that_is_not_trusted_leaves_the_run_untrusted() {
    let untrusted = ToolsLevel { trusted: false, ..of_stage("second", 4, 0) };
    let word = |levels| run_of(levels).verdict().word;
    assert_eq!(word(vec![of_stage("first", 8, 0), untrusted]), crate::VerdictWord::NotTrusted);
    let both = vec![of_stage("first", 4, 0), of_stage("second", 4, 0)];
    assert_eq!(run_of(both.clone()).verdict().level, Some(0), "the headline is the first stage's");
    assert_eq!(word(both), crate::VerdictWord::Met);
}

#[test]
fn shapes_parse_or_do_not() {
    for (text, expected) in [
        ("4x8", Some((4, 8))),
        (" 16 x 32 ", Some((16, 32))),
        ("0x8", None),
        ("4x", None),
        ("4", None),
        ("4x1000001", None),
    ] {
        let shape = text.parse::<Shape>().ok();
        assert_eq!(shape.map(|shape| (shape.agents, shape.calls_per_agent)), expected, "{text:?}");
    }
    assert_eq!("4x8".parse::<Shape>().unwrap().to_string(), "4x8");
}

/// A run of these stages, each with four calls at once.
pub(crate) fn run_of_stages(name: &str, stages: &[&str]) -> ToolsRun {
    let levels = stages.iter().map(|stage| of_stage(stage, 4, 0)).collect();
    ToolsRun { name: name.to_owned(), interrupted: false, ..run_of(levels) }
}

/// Three calls side by side that took so long.
pub(crate) fn run_of_call(name: &str, took_ms: f64) -> ToolsRun {
    let calls = (1..=3).map(|number| call(number, 0.0, took_ms)).collect();
    ToolsRun { name: name.to_owned(), interrupted: false, ..run_of(vec![level(calls)]) }
}

pub(crate) fn run() -> ToolsRun {
    run_of(vec![level(mixed())])
}

fn run_of(levels: Vec<ToolsLevel>) -> ToolsRun {
    let slos = [Slo::default_for(RunKind::Tools)];
    ToolsRun {
        format: crate::run::FORMAT.to_owned(),
        id: "20260206T144000Z-5eed".to_owned(),
        name: "mixed".to_owned(),
        weir_version: "0.1.0".to_owned(),
        kind: RunKind::Tools,
        started_at: "2026-02-06T14:40:00Z".parse().unwrap(),
        duration_s: 0.05,
        command_line: ["weir", "stress", "tools"].map(str::to_owned).to_vec(),
        target: crate::Target {
            url: "http://127.0.0.1:43211/mcp".to_owned(),
            api: "mcp".to_owned(),
            embedded: true,
            server: None,
            process: None,
            local: true,
            http_version: "HTTP/1.1".to_owned(),
        },
        machine: crate::Machine {
            cpu: "a processor".to_owned(),
            cores: 2,
            memory_bytes: 1,
            os: "an os".to_owned(),
            kernel: "a kernel".to_owned(),
            fd_limit: 20_000,
        },
        workload: ToolsWorkload {
            scenario: "downloads".to_owned(),
            ladder: vec![Shape { agents: 1, calls_per_agent: 8 }],
            tools: vec![ToolShare {
                stage: None,
                tool: "download_video".to_owned(),
                weight: 1.0,
                arguments: r#"{"video_id":"v","filename":"a{agent}-c{call}.mp4"}"#.to_owned(),
                same_as: None,
            }],
            prepare: Vec::new(),
            start: "burst".to_owned(),
            transport: Transport::Http,
            protocol: "2025-11-25".to_owned(),
            sessions: true,
            timeout_ms: 60_000.0,
            probe: Some(ProbeKind::Ping),
            probe_every_ms: 50.0,
            sequential_calls: 0,
            verification: Some(Verification {
                read_back: ReadBack::Directory,
                expected: Expected::Upstream,
                bytes: Some(10),
                sha256: None,
            }),
            seed: 1,
            profile: None,
        },
        tester: crate::Tester { control: ToolsControl::default(), workers: 2, batch_ms: 0.0 },
        slo: slos.iter().map(|slo| slo.judge(&levels)).collect(),
        capacity: Capacity::of(&levels, &slos),
        levels,
        interrupted: true,
    }
}

#[test]
fn a_run_of_tools_is_read_back_as_it_was_written() {
    let run = run();
    let text = run.to_json();
    assert_eq!(ToolsRun::from_json(&text).unwrap(), run);
    let any = AnyRun::from_json(&text).unwrap();
    assert_eq!((any.kind(), any.to_json()), (RunKind::Tools, text));
}

#[test]
fn a_run_of_the_other_kind_is_refused_by_name() {
    let error = Run::<crate::Streams>::from_json(&run().to_json()).unwrap_err().to_string();
    assert_eq!(error, "a run of tools, where one of streams is needed");
}

#[test]
fn run_json_of_tools_reads_as_before() {
    insta::assert_snapshot!(run().to_json());
}

fn any_calls() -> impl Strategy<Value = Vec<Call>> {
    let outcome = prop::option::weighted(0.9, prop::sample::select(CallOutcome::ALL.to_vec()));
    prop::collection::vec((0u32..1_000, 0u32..1_000, outcome), 0..60).prop_map(|calls| {
        calls
            .into_iter()
            .zip(1..)
            .map(|((start, took, outcome), number)| {
                let start_ms = f64::from(start);
                with(outcome, call(number, start_ms, start_ms + f64::from(took)))
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn every_call_is_in_one_outcome_or_cancelled(calls in any_calls()) {
        let tally = Tally::of(&calls);
        prop_assert_eq!(tally.outcomes.total() + tally.cancelled, tally.calls);
        prop_assert_eq!(tally.tools.iter().map(|row| row.calls).sum::<u64>(), tally.calls);
        prop_assert!(tally.outcomes.ok <= tally.succeeded && tally.succeeded <= tally.outcomes.total());
    }

    #[test]
    fn the_peak_is_what_counting_at_every_start_finds(calls in any_calls()) {
        let open_at = |moment: f64| {
            calls.iter().filter(|call| call.start_ms <= moment && moment < call.end_ms).count()
        };
        let peak = calls.iter().map(|call| open_at(call.start_ms)).max().unwrap_or(0);
        prop_assert_eq!(peak_overlap(&calls), u64::try_from(peak).unwrap());
    }

    #[test]
    fn what_is_kept_is_bounded_and_loses_no_failure_for_a_success(
        calls in any_calls(),
        most in 0usize..60,
    ) {
        let not_ok = |calls: &[Call]| {
            calls.iter().filter(|call| call.outcome != Some(CallOutcome::Ok)).count()
        };
        let (kept, left_out) = keep(calls.clone(), most);
        prop_assert!(kept.len() <= most);
        prop_assert_eq!(kept.len() + usize::try_from(left_out).unwrap(), calls.len());
        prop_assert_eq!(not_ok(&kept), not_ok(&calls).min(most));
        prop_assert!(kept.windows(2).all(|pair| pair[0].start_ms <= pair[1].start_ms));
    }
}

#[test]
fn a_level_knows_none_of_the_quantities_of_streams() {
    let level = level(mixed());
    let quantity = |text: &str| text.parse::<Slo>().unwrap().quantity;
    assert_eq!(level.value(quantity("complete >= 1%")), None);
    assert_eq!(level.value(quantity("ttft.p95 <= 1s")), None);
    assert_eq!(level.value(quantity("call.max <= 1s")), Some(20.0));
}
