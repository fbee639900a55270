use proptest::prelude::*;

use super::*;

fn refused(text: &str, reason: &str) {
    let expected = format!("{text:?} is no duration: {reason}");
    assert_eq!(duration(text).unwrap_err().to_string(), expected);
}

#[test]
fn durations_are_numbers_with_units() {
    for (text, millis) in
        [("250ms", 250), ("1m30s", 90_000), ("2.5s", 2500), ("0s", 0), (" 1h ", 3_600_000)]
    {
        assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    for wrong in ["", "5", "abc", "5 parsecs"] {
        refused(wrong, "write a number with a unit, such as 250ms, 2.5s or 1m30s");
    }
    refused("-1s", "it is below zero");
}

#[test]
fn durations_end_at_thirty_days() {
    assert_eq!(duration("720h"), Ok(MAX_DURATION));
    refused("720h1ns", "it is longer than thirty days");
}

#[test]
fn sizes_tell_powers_of_a_thousand_from_powers_of_1024() {
    for (text, bytes) in [("1KB", 1000), ("1 KiB", 1024), ("512", 512), ("0", 0)] {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for wrong in ["", "KB", "1.5KB", "-1"] {
        let message = size(wrong).unwrap_err().to_string();
        let reason = "write a whole number with a unit, such as 64KiB or 32MB";
        assert_eq!(message, format!("{wrong:?} is no size: {reason}"));
    }
    let message = size("1XB").unwrap_err().to_string();
    let reason = "the unit is none of B, KB, MB, GB, KiB, MiB and GiB";
    assert_eq!(message, format!("\"1XB\" is no size: {reason}"));
}

#[test]
fn sizes_end_at_eight_pebibytes() {
    assert_eq!(size("9007199254740992"), Ok(MAX_SIZE));
    for too_large in ["9007199254740993", "99999999999999GB"] {
        let message = size(too_large).unwrap_err().to_string();
        assert!(message.ends_with("it is more than 8 PiB"), "{message}");
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct File {
    time: Option<WrittenDuration>,
    size: Option<WrittenSize>,
}

fn check_file(text: &str, expected: Result<File, &str>) {
    let read = toml::from_str::<File>(text).map_err(|error| error.message().to_owned());
    assert_eq!(read, expected.map_err(str::to_owned), "{text}");
}

#[test]
fn a_file_says_durations_as_texts_and_sizes_as_texts_or_numbers() {
    let time = Some(WrittenDuration(Duration::from_secs(90)));
    check_file("time = \"1m30s\"", Ok(File { time, size: None }));
    for text in ["size = 1024", "size = \"1KiB\""] {
        check_file(text, Ok(File { time: None, size: Some(WrittenSize(1024)) }));
    }
    let zero = "\"0s\" is no duration: it is zero; leave the key out for the default";
    check_file("time = \"0s\"", Err(zero));
    check_file("size = -1", Err("a size below zero"));
}

#[test]
fn a_duration_is_written_in_its_largest_exact_units() {
    for (nanos, expected) in [
        (0, "0ms"),
        (7_000_000, "7ms"),
        (1_500, "0.0015ms"),
        (2_500_000_000, "2.5s"),
        (60_000_000_000, "1m"),
        (90_000_000_000, "1m30s"),
    ] {
        assert_eq!(duration_text(Duration::from_nanos(nanos)), expected);
    }
}

proptest! {
    #[test]
    fn a_duration_survives_being_written(nanos in 0u64..2_592_000_000_000_000) {
        let duration_before = Duration::from_nanos(nanos);
        let written = duration_text(duration_before);
        prop_assert_eq!(duration(&written), Ok(duration_before), "{}", written);
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in ".*") {
        let _ = (duration(&text), size(&text));
    }
}
