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
    check("call.p95 <= 800ms", "ms", 800.0);
    check("probe.max < 50ms", "ms", 50.0);
    check("probe_idle.p99 < 5ms", "ms", 5.0);
    check("speedup >= 4", "ratio", 4.0);
    check("bytes_per_s >= 50MB", "bytes/s", 50_000_000.0);
    check("bytes_per_s >= 1.5 MiB/s", "bytes/s", 1_572_864.0);
    check("calls_per_s > 10", "1/s", 10.0);
    check(DEFAULT_TOOLS_RULE, "%", 100.0);
}

#[test]
fn a_predicate_about_the_other_kind_of_load_is_refused() {
    assert!(Slo::parse_for(RunKind::Tools, "call.p95 <= 1s").is_ok());
    assert!(Slo::parse_for(RunKind::Streams, "success >= 99%").is_ok());
    let refused = |kind, text| Slo::parse_for(kind, text).unwrap_err().to_string();
    let error = refused(RunKind::Tools, "ttft.p95 <= 1s");
    assert!(error.contains("a run of tools measures ttfb, connect, call, probe"), "{error}");
    let error = refused(RunKind::Streams, "speedup >= 2");
    assert!(error.contains("a run of streams measures ttft"), "{error}");
}

#[test]
fn every_quantity_reads_as_it_is_written() {
    for kind in [RunKind::Streams, RunKind::Tools] {
        for name in quantity::names(kind).replace(" and ", ", ").split(", ") {
            let quantity = Quantity::parse(name)
                .or_else(|_| Quantity::parse(&format!("{name}.p99")))
                .unwrap_or_else(|error| panic!("{error}"));
            assert!(quantity.measured_in(kind), "{name}");
            assert_eq!(Quantity::parse(&quantity.name()), Ok(quantity));
        }
    }
}

#[test]
fn sizes_parse_or_do_not() {
    for (text, expected) in [
        ("512", Some(512.0)),
        ("1KB", Some(1_000.0)),
        ("1KiB", Some(1_024.0)),
        ("2.5 MB/s", Some(2_500_000.0)),
        ("", None),
        ("MB", None),
        ("5 parsecs", None),
    ] {
        assert_eq!(parse_bytes(text), expected, "{text:?}");
    }
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
    check_refused("speedup.p95 >= 2", "has no .p95");
    check_refused("bytes_per_s >= fast", "size");
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
