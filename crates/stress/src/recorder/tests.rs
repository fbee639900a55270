use std::borrow::Cow;

use super::*;

fn recorder() -> Recorder {
    Recorder::new(Arc::new(Gauges::new(1)), 0, Duration::from_secs(1), None)
}

fn report(outcome: Outcome, detail: &'static str) -> StreamReport {
    let now = Instant::now();
    StreamReport {
        outcome,
        detail: Cow::Borrowed(detail),
        started_at: now,
        ended_at: now,
        ttfb: Some(Duration::from_millis(5)),
        ttft: Some(Duration::from_millis(1100)),
        streaming: Some(Duration::from_millis(5460)),
        total: Some(Duration::from_millis(6560)),
        ideal: Some(Duration::from_millis(6560)),
        status: Some(200),
        chunks: 40,
        bytes: 7_360,
        chars: 308,
        correct: Some(outcome == Outcome::Ok),
    }
}

fn end_one(recorder: &Recorder, report: &StreamReport) {
    recorder.started(report.started_at);
    recorder.ended(report);
}

#[test]
fn distributions_over_streams_are_of_complete_ones_alone() {
    let recorder = recorder();
    end_one(&recorder, &report(Outcome::Ok, ""));
    end_one(&recorder, &StreamReport { chunks: 3, ..report(Outcome::Truncated, "cut") });
    let tally = recorder.finish();
    let chunks = tally.chunks_per_stream.summary().unwrap();
    assert_eq!((chunks.count, chunks.mean, chunks.max), (1, 40.0, 40.0));
    assert_eq!(tally.bytes_per_stream.summary().unwrap().mean, 7_360.0);
    assert_eq!((tally.started, tally.succeeded, tally.outcomes.total()), (2, 1, 2));
    assert_eq!(tally.ttft.count(), 2);
}

#[test]
fn wrong_text_is_complete_but_not_correct() {
    let recorder = recorder();
    end_one(&recorder, &report(Outcome::WrongText, "checksum"));
    end_one(&recorder, &report(Outcome::Short, "3 chunks"));
    let tally = recorder.finish();
    assert_eq!((tally.succeeded, tally.complete, tally.correct, tally.verifiable), (2, 1, 0, 2));
}

#[test]
fn stretch_is_total_over_the_announced_ideal_or_the_given_course() {
    let announced = recorder();
    let late = Duration::from_millis(13_120);
    end_one(&announced, &StreamReport { total: Some(late), ..report(Outcome::Ok, "") });
    let stretch = announced.finish().stretch.summary_of_ratios().unwrap();
    assert!((stretch.p50 - 2.0).abs() < 0.002 && (stretch.mean - 2.0).abs() < 1e-9, "{stretch:?}");

    let ideal = Some(Ideal { first_ms: 1100.0, gap_ms: 140.0 });
    let given = Recorder::new(Arc::new(Gauges::new(1)), 0, Duration::from_secs(1), ideal);
    end_one(&given, &StreamReport { ideal: None, ..report(Outcome::Ok, "") });
    let stretch = given.finish().stretch.summary_of_ratios().unwrap();
    assert!((stretch.mean - 1.0).abs() < 1e-9, "{stretch:?}");

    let unknown = recorder();
    end_one(&unknown, &StreamReport { ideal: None, ..report(Outcome::Ok, "") });
    assert_eq!(unknown.finish().stretch.summary_of_ratios(), None);
}

#[test]
fn a_refusal_takes_as_long_as_reading_it_and_other_failures_are_none() {
    let recorder = recorder();
    let refused = |status| {
        let answer = report(Outcome::HttpError, "HTTP 503");
        let ended_at = answer.started_at + Duration::from_millis(7);
        StreamReport { status: Some(status), ended_at, ..answer }
    };
    end_one(&recorder, &refused(503));
    // A page instead of a stream: nobody refused.
    end_one(&recorder, &refused(200));
    end_one(&recorder, &report(Outcome::Truncated, "cut"));
    let mut tally = Tally::default();
    tally.merge(&recorder.finish());
    let refusals = tally.refusal.summary_ms().unwrap();
    assert_eq!(refusals.count, 1);
    assert!((refusals.max - 7.0).abs() < 0.01, "{refusals:?}");
}

#[test]
fn a_gap_above_the_limit_is_a_stall_and_one_at_the_limit_is_not() {
    let recorder = recorder();
    recorder.chunk(None);
    recorder.chunk(Some(Duration::from_millis(1000)));
    recorder.chunk(Some(Duration::from_millis(1001)));
    let tally = recorder.finish();
    assert_eq!((tally.chunks, tally.gap.count(), tally.stalls), (3, 2, 1));
}

#[test]
fn streams_open_at_the_end_were_interrupted() {
    let gauges = Arc::new(Gauges::new(1));
    let recorder = Recorder::new(Arc::clone(&gauges), 0, Duration::from_secs(1), None);
    recorder.started(Instant::now());
    end_one(&recorder, &report(Outcome::Ok, ""));
    assert_eq!((gauges.open.now(), gauges.open.peak()), (1, 2));
    let tally = recorder.finish();
    assert_eq!((tally.started, tally.interrupted, tally.outcomes.total()), (2, 1, 1));
    assert_eq!(gauges.open.now(), 0);
}

#[test]
fn error_groups_are_capped_and_lose_no_count() {
    let recorder = recorder();
    for number in 0..200 {
        let detail = Cow::Owned(format!("reason {number}"));
        end_one(&recorder, &StreamReport { detail, ..report(Outcome::HttpError, "") });
    }
    for _ in 0..3 {
        end_one(&recorder, &report(Outcome::Timeout, "no chunk within 30s (idle)"));
    }
    let errors = recorder.finish().errors();
    assert!(errors.len() <= MAX_ERROR_GROUPS, "{}", errors.len());
    assert_eq!(errors.iter().map(|group| group.count).sum::<u64>(), 203);
    assert_eq!((errors[0].detail.as_str(), errors[0].class), (OTHER_DETAILS, Outcome::HttpError));
    assert!(errors.iter().any(|group| group.class == Outcome::Timeout && group.count == 3));
}

#[test]
fn merging_two_workers_is_the_same_as_recording_in_one() {
    let (left, right, both) = (recorder(), recorder(), recorder());
    for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
        let report = report(outcome, "why");
        end_one(if index % 2 == 0 { &left } else { &right }, &report);
        end_one(&both, &report);
    }
    let (mut merged, both) = (left.finish(), both.finish());
    merged.merge(&right.finish());
    assert_eq!((merged.outcomes, merged.succeeded), (both.outcomes, both.succeeded));
    assert_eq!(merged.errors(), both.errors());
    assert_eq!(merged.ttft.summary_ms(), both.ttft.summary_ms());
    assert_eq!((merged.correct, merged.verifiable), (1, 10));
}

#[test]
fn fairness_is_one_for_equals_and_one_over_n_for_a_monopoly() {
    let mut equal = Fairness::default();
    (0..4).for_each(|_| equal.add(7.1));
    assert!((equal.index().unwrap() - 1.0).abs() < 1e-12);
    let mut monopoly = Fairness::default();
    [1.0, 0.0, 0.0, 0.0].into_iter().for_each(|share| monopoly.add(share));
    assert!((monopoly.index().unwrap() - 0.25).abs() < 1e-12);
    assert_eq!(Fairness::default().index(), None);
}
