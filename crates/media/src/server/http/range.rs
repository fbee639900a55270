//! Which part of a file a `Range` header asks for (RFC 9110, section 14).

use std::ops::Range;

/// What a client is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything: no range, or one that is not understood, or several.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// The range begins behind the end: 416.
    Nothing,
}

/// What `header` asks for of a file with `length` bytes.
pub(crate) fn wanted(header: Option<&str>, length: u64) -> Wanted {
    let Some((first, last)) = header.and_then(bounds) else { return Wanted::Whole };
    match (first, last) {
        (Some(first), last) => {
            let end = last.map_or(length, |last| last.saturating_add(1).min(length));
            match (last.is_some_and(|last| last < first), first < length) {
                (true, _) => Wanted::Whole,
                (false, true) => Wanted::Part(first..end),
                (false, false) => Wanted::Nothing,
            }
        }
        (None, Some(0)) => Wanted::Nothing,
        (None, Some(_)) if length == 0 => Wanted::Nothing,
        (None, Some(suffix)) => Wanted::Part(length.saturating_sub(suffix)..length),
        (None, None) => Wanted::Whole,
    }
}

/// The two numbers of `bytes=FIRST-LAST`, each of which may be missing.
fn bounds(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, range) = header.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| -> Option<Option<u64>> {
        match text.trim() {
            "" => Some(None),
            digits if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse().ok().map(Some),
            _ => None,
        }
    };
    unit.trim().eq_ignore_ascii_case("bytes").then_some((number(first)?, number(last)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        for (header, expected) in [
            ("bytes=0-9", Wanted::Part(0..10)),
            ("bytes=90-", Wanted::Part(90..100)),
            ("bytes=90-200", Wanted::Part(90..100)),
            ("bytes=99-99", Wanted::Part(99..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("Bytes = 5-6", Wanted::Part(5..7)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 100), expected, "{header}");
        }
        assert_eq!(wanted(None, 100), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Nothing);
        assert_eq!(wanted(Some("bytes=-5"), 0), Wanted::Nothing);
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_and_never_leaves_the_file(header in ".*", length in 0_u64..1000) {
            if let Wanted::Part(part) = wanted(Some(&header), length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }

        #[test]
        fn every_pair_of_numbers_is_safe(first: u64, last: u64, length: u64) {
            if let Wanted::Part(part) = wanted(Some(&format!("bytes={first}-{last}")), length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
