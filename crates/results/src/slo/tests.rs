use super::*;
use crate::level::Level;

fn check(text: &str, unit: &str, limit: f64) {
    let slo: Slo = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((slo.quantity.unit(), slo.limit), (unit, limit), "{text}");
    assert_eq!(slo.to_string(), text);
}

fn check_refused(text: &str, reason: &str) {
    let error = text.parse::<Slo>().unwrap_err().to_string();
    assert!(error.contains(reason), "{text}: {error}");
}

#[test]
fn every_kind_of_predicate_parses() {
    check("ttft.p95 <= 2.5s", "ms", 2500.0);
    check("gap.p99<200ms", "ms", 200.0);
    check("total.mean <= 1m30s", "ms", 90_000.0);
    check("stretch.p95 <= 1.05", "ratio", 1.05);
    check("complete >= 99.5%", "%", 99.5);
    check("correct > 99", "%", 99.0);
    check("stalls <= 0", "count", 0.0);
    check(DEFAULT_RULE, "%", 99.5);
}

#[test]
fn nonsense_is_refused_with_its_reason() {
    check_refused("ttft.p95", "none of <=");
    check_refused("ttft <= 2s", "needs a statistic");
    check_refused("ttft.p97 <= 2s", "p97");
    check_refused("latency.p95 <= 2s", "not measured");
    check_refused("ttft.p95 <= 2", "duration");
    check_refused("complete.p95 >= 1%", "has no .p95");
    check_refused("complete >= 101%", "more than all");
    check_refused("stretch.p95 <= NaN", "not a number");
}

#[test]
fn durations_parse_or_do_not() {
    for (text, expected) in [
        ("250ms", Some(250.0)),
        ("2.5s", Some(2500.0)),
        ("1m30s", Some(90_000.0)),
        ("1m 30s", Some(90_000.0)),
        ("2h", Some(7_200_000.0)),
        ("", None),
        ("5", None),
        ("ms", None),
        ("1.2.3s", None),
        ("5 parsecs", None),
    ] {
        assert_eq!(parse_duration_ms(text), expected, "{text:?}");
    }
}

#[test]
fn the_worst_value_is_the_furthest_to_the_wrong_side() {
    let level = |users, complete| Level { users, complete, ..crate::capacity::tests::level(users) };
    let levels = [level(100, 100), level(200, 190), level(300, 297)];
    let result = "complete >= 99%".parse::<Slo>().unwrap().judge(&levels);
    assert_eq!((result.passed, result.worst, result.worst_users), (false, Some(95.0), Some(200)));
}

#[test]
fn what_was_not_measured_has_not_passed() {
    let levels = [crate::capacity::tests::level(100)];
    let result = "stretch.p95 <= 1.1".parse::<Slo>().unwrap().judge(&levels);
    assert_eq!((result.passed, result.worst), (false, None));
}
