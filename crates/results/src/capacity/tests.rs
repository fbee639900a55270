use proptest::prelude::*;

use super::*;
use crate::level::{Level, Outcomes, TesterUsage};

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
