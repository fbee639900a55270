use super::*;

/// Spaces of all widths written as one plain space, so that the expected texts can be read.
fn plain(text: &str) -> String {
    text.replace([THIN_SPACE, UNIT_SPACE], " ")
}

fn check(kind: Kind, value: f64, expected: &str) {
    assert_eq!(plain(&show(kind, Some(value))), expected, "{kind:?} {value}");
}

#[test]
fn three_significant_digits_and_no_more() {
    check(Kind::Quantity, 0.0, "0");
    check(Kind::Quantity, 7.0, "7.00");
    check(Kind::Quantity, 40.25, "40.2");
    check(Kind::Quantity, 123.4, "123");
    check(Kind::Quantity, 9_401.0, "9 400");
    check(Kind::Quantity, 1_234_567.0, "1 230 000");
    check(Kind::Quantity, 0.012_34, "0.0123");
    check(Kind::Quantity, 0.001, "0.00100");
}

#[test]
fn rounding_up_to_the_next_power_of_ten_keeps_three_digits() {
    check(Kind::Quantity, 9.996, "10.0");
    check(Kind::Quantity, 99.96, "100");
    check(Kind::Quantity, 999.6, "1 000");
    check(Kind::Quantity, 0.999_6, "1.00");
}

#[test]
fn a_tiny_number_is_smaller_than_something_and_not_zero() {
    check(Kind::Quantity, 0.000_9, "< 0.001");
    check(Kind::Percent, 0.004, "< 0.01 %");
}

#[test]
fn what_is_no_number_is_a_dash() {
    assert_eq!(show(Kind::Latency, None), NOTHING);
    check(Kind::Latency, f64::NAN, NOTHING);
    check(Kind::Bytes, f64::INFINITY, NOTHING);
    check(Kind::Percent, f64::NEG_INFINITY, NOTHING);
}

#[test]
fn latencies_are_in_ms_below_one_second_and_in_s_above() {
    check(Kind::Latency, 0.045, "0.0450 ms");
    check(Kind::Latency, 140.0, "140 ms");
    check(Kind::Latency, 999.4, "999 ms");
    check(Kind::Latency, 999.6, "1.00 s");
    check(Kind::Latency, 1_000.0, "1.00 s");
    check(Kind::Latency, 41_530.0, "41.5 s");
    check(Kind::Latency, -3.2, "−3.20 ms");
}

#[test]
fn spans_go_from_ms_to_minutes() {
    check(Kind::Span, 0.25, "250 ms");
    check(Kind::Span, 7.0, "7.00 s");
    check(Kind::Span, 119.0, "119 s");
    check(Kind::Span, 120.0, "2.00 min");
    check(Kind::Span, 660.0, "11.0 min");
    check(Kind::Span, 0.0, "0 ms");
}

#[test]
fn shares_never_round_up_to_all_or_down_to_none() {
    check(Kind::Percent, 100.0, "100 %");
    check(Kind::Percent, 99.999_9, "99.99 %");
    check(Kind::Percent, 99.997, "99.99 %");
    check(Kind::Percent, 99.994, "99.99 %");
    check(Kind::Percent, 97.2, "97.20 %");
    check(Kind::Percent, 0.0, "0 %");
    check(Kind::Percent, 0.03, "0.03 %");
    check(Kind::Percent, 100.001, "100.01 %");
    check(Kind::Portion, 99.97, "99.9 %");
    check(Kind::Portion, 100.0, "100 %");
    check(Kind::Portion, 46.691, "46.7 %");
    check(Kind::Portion, 0.0, "0 %");
    check(Kind::Index, 1.0, "1");
    check(Kind::Index, 0.999_99, "0.9999");
    check(Kind::Index, 0.873_21, "0.8732");
}

#[test]
fn counts_show_every_digit() {
    check(Kind::Count, 22_350.0, "22 350");
    check(Kind::Count, 1_234_567.0, "1 234 567");
    check(Kind::Count, 999.0, "999");
    assert_eq!(plain(&count(3_000)), "3 000");
    assert_eq!(plain(&count(u64::MAX)), "18 446 744 073 709 551 615");
}

#[test]
fn bytes_are_binary_multiples() {
    check(Kind::Bytes, 0.0, "0 B");
    check(Kind::Bytes, 1_000.0, "1 000 B");
    check(Kind::Bytes, 1_023.0, "1 023 B");
    check(Kind::Bytes, 1_024.0, "1.00 KiB");
    check(Kind::Bytes, 13.9 * 1_073_741_824.0, "13.9 GiB");
    check(Kind::ByteRate, 65.0 * 1_048_576.0, "65.0 MiB/s");
}

#[test]
fn units_stand_as_people_write_them() {
    check(Kind::Ratio, 1.012, "1.01×");
    check(Kind::Rate, 33_012.0, "33 000/s");
    check(Kind::CpuMicros, 21.53, "21.5 µs");
    check(Kind::MillisPerUser, 0.0213, "0.0213 ms/user");
    check(Kind::Cores, 0.982, "0.982 cores");
    check(Kind::Money, 0.033_3, "0.0333");
}

#[test]
fn a_column_has_the_unit_of_its_largest_number() {
    let scale = Scale::of(Kind::Latency, [850.0, 1_120.0, 9_401.0]);
    assert_eq!(scale.unit(), "s");
    assert_eq!([scale.bare(850.0), scale.bare(9_401.0)], ["0.850", "9.40"]);
    let small = Scale::of(Kind::Latency, [3.0, 999.0]);
    assert_eq!((small.unit(), small.bare(3.0)), ("ms", "3.00".to_owned()));
    let mostly_small = Scale::of(Kind::Latency, [2.0, 5.0, 8.0, 1_040.0]);
    assert_eq!(
        (mostly_small.unit(), plain(&mostly_small.bare(1_040.0))),
        ("ms", "1 040".to_owned())
    );
    assert_eq!(Scale::of(Kind::Bytes, []).unit(), "B");
    assert_eq!(Scale::of(Kind::Bytes, [f64::NAN, 2_048.0]).unit(), "KiB");
}

#[test]
fn raw_text_reads_back_as_the_same_number() {
    for value in [1112.319, 0.1 + 0.2, 1e-9, 3e21, 0.0] {
        assert_eq!(raw(value).parse::<f64>(), Ok(value));
    }
    assert_eq!(raw(f64::NAN), "");
}

#[test]
fn coordinates_are_short() {
    assert_eq!(coordinate(12.0), "12");
    assert_eq!(coordinate(12.345), "12.3");
    assert_eq!(coordinate(-0.001), "0");
    assert_eq!(coordinate(100.0), "100");
}

#[test]
fn limits_do_not_look_measured() {
    assert_eq!(
        [0.95, 0.1, 0.995].map(|share| plain(&limit_percent(share))),
        ["95 %", "10 %", "99.5 %"]
    );
}

#[test]
fn ticks_have_no_superfluous_digits() {
    let shown = [0.0, 0.1 + 0.2, 2.5, 10.0, 2_000.0, -5.0].map(|value| plain(&tick(value)));
    assert_eq!(shown, ["0", "0.3", "2.5", "10", "2 000", "−5"]);
}
