use proptest::prelude::*;

use super::*;
use crate::level::{Level, Outcomes, TesterUsage};
use crate::run::{Control, Machine, Target, Tester, Workload};

/// A trusted level in which every stream was whole.
pub(crate) fn level(users: u64) -> Level {
    Level {
        users,
        started: users,
        refused: 0,
        succeeded: users,
        complete: users,
        correct: Some(users),
        outcomes: Outcomes { ok: users, ..Outcomes::default() },
        errors: Vec::new(),
        interrupted: 0,
        peak_open: users,
        duration_s: 7.0,
        start_spread_s: 0.0,
        connect_ms: None,
        ttfb_ms: None,
        ttft_ms: None,
        gap_ms: None,
        total_ms: None,
        stretch: None,
        refusal_ms: None,
        stalls: 0,
        chunks_per_stream: None,
        bytes_per_stream: None,
        chars_per_stream: None,
        fairness: None,
        chunks: users * 40,
        bytes: users * 8000,
        chunks_per_s: 0.0,
        bytes_per_s: 0.0,
        gap_buckets: Vec::new(),
        ttft_buckets: Vec::new(),
        timeline: Vec::new(),
        target_usage: None,
        simulator: None,
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

/// A run of these levels under this rule, of a workload that never changes.
pub(crate) fn run(name: &str, levels: Vec<Level>, slos: &[Slo]) -> Run {
    Run {
        format: crate::run::FORMAT.to_owned(),
        id: format!("20260206T144000Z-{name}"),
        name: name.to_owned(),
        weir_version: "0.1.0".to_owned(),
        kind: crate::RunKind::Streams,
        started_at: "2026-02-06T14:40:00Z".parse().unwrap(),
        duration_s: levels.iter().map(|level| level.duration_s).sum(),
        command_line: ["weir", "stress", "streams"].map(str::to_owned).to_vec(),
        target: Target {
            url: "http://127.0.0.1:8000/v1/chat/completions".to_owned(),
            api: "openai-chat".to_owned(),
            embedded: false,
            server: None,
            process: None,
            local: true,
            http_version: "HTTP/1.1".to_owned(),
        },
        machine: Machine {
            cpu: "a processor".to_owned(),
            cores: 2,
            memory_bytes: 1,
            os: "an os".to_owned(),
            kernel: "a kernel".to_owned(),
            fd_limit: 20_000,
        },
        workload: Workload {
            scenario: "quick".to_owned(),
            ladder: levels.iter().map(|level| level.users).collect(),
            start: "burst".to_owned(),
            arrival: None,
            duration_s: None,
            requests_per_user: 1,
            think_ms: 0.0,
            model: None,
            max_tokens: None,
            prompt: "default".to_owned(),
            min_chunks: 10,
            min_bytes: 1_000,
            timeout_first_ms: 30_000.0,
            timeout_idle_ms: 30_000.0,
            timeout_total_ms: None,
            stall_ms: 1_000.0,
            seed: 42,
            profile: None,
            ideal: None,
            server_cost_per_month: None,
            plan_users: None,
        },
        tester: Tester { control: Control::default(), workers: 2, batch_ms: 0.0 },
        slo: slos.iter().map(|slo| slo.judge(&levels)).collect(),
        capacity: Capacity::of(&levels, slos),
        levels,
        interrupted: false,
    }
}

fn failing(users: u64) -> Level {
    Level { complete: users / 2, ..level(users) }
}

fn untrusted(users: u64) -> Level {
    Level { trusted: false, trust_notes: vec!["lag".to_owned()], ..level(users) }
}

fn check(levels: &[Level], passed: Option<u64>, failed: Option<u64>, limited_by: Option<&str>) {
    let capacity = Capacity::of(levels, &[Slo::default()]);
    assert_eq!((capacity.passed, capacity.failed), (passed, failed));
    assert_eq!(capacity.limited_by.as_deref(), limited_by);
}

#[test]
fn all_levels_passed_leaves_the_bracket_open() {
    check(&[level(100), level(500)], Some(500), None, None);
}

#[test]
fn a_pass_above_a_failure_does_not_count() {
    check(
        &[level(100), failing(500), level(1000)],
        Some(100),
        Some(500),
        Some("complete >= 99.5% missed at 500 users"),
    );
}

#[test]
fn an_untrusted_level_neither_passes_nor_fails() {
    check(&[level(100), untrusted(500)], Some(100), None, Some("500 users not trusted: lag"));
    check(&[untrusted(500)], None, None, Some("500 users not trusted: lag"));
}

#[test]
fn no_levels_claim_nothing() {
    check(&[], None, None, None);
}

proptest! {
    #[test]
    fn the_bracket_is_true_for_a_server_with_a_limit(
        limit in 0u64..1000,
        ladder in prop::collection::vec(1u64..1000, 1..20),
    ) {
        let levels: Vec<Level> = ladder
            .iter()
            .map(|&users| if users <= limit { level(users) } else { failing(users) })
            .collect();
        let capacity = Capacity::of(&levels, &[Slo::default()]);
        prop_assert_eq!(capacity.passed, ladder.iter().copied().filter(|&u| u <= limit).max());
        prop_assert_eq!(capacity.failed, ladder.iter().copied().filter(|&u| u > limit).min());
    }
}
