//! `Range` and `If-Range`: which part of a file a request asks for (RFC 9110, sections 13.1.5
//! and 14).

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// The part of a file that is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// From the first position to before the last one.
    Slice(u64, u64),
    /// Nothing: the range begins behind the file's end.
    Unsatisfiable,
}

impl Part {
    /// Reads a request's headers for a file of this length. What is not understood is ignored,
    /// as the standard asks; so are several ranges at once, which get the whole file.
    pub(crate) fn of(headers: &HeaderMap, etag: &str, length: u64) -> Self {
        let Some(range) = headers.get(RANGE).and_then(|range| range.to_str().ok()) else {
            return Self::Whole;
        };
        // A date cannot match: files here have none.
        if headers.get(IF_RANGE).is_some_and(|known| known.as_bytes() != etag.as_bytes()) {
            return Self::Whole;
        }
        Self::parse(range, length).unwrap_or(Self::Whole)
    }

    fn parse(range: &str, length: u64) -> Option<Self> {
        let (unit, set) = range.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = set.trim().split_once('-')?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().unwrap_or(u64::MAX))
        };
        let (start, end) = match (first, last) {
            ("", suffix) => (length.saturating_sub(number(suffix)?), length),
            (first, "") => (number(first)?, length),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                (first, last.saturating_add(1).min(length))
            }
        };
        Some(if start < end { Self::Slice(start, end) } else { Self::Unsatisfiable })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn check(range: &str, expected: Part) {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_str(range).unwrap())]);
        assert_eq!(Part::of(&headers, "\"a\"", 1000), expected, "{range}");
    }

    #[test]
    fn the_three_forms_of_a_range_are_read() {
        check("bytes=0-0", Part::Slice(0, 1));
        check("bytes=500-999", Part::Slice(500, 1000));
        check("bytes=500-9999", Part::Slice(500, 1000));
        check("bytes=999-", Part::Slice(999, 1000));
        check("Bytes=-1", Part::Slice(999, 1000));
        check("bytes=-2000", Part::Slice(0, 1000));
    }

    #[test]
    fn a_range_behind_the_end_cannot_be_satisfied() {
        check("bytes=1000-", Part::Unsatisfiable);
        check("bytes=1000-1001", Part::Unsatisfiable);
        check("bytes=99999999999999999999-", Part::Unsatisfiable);
        check("bytes=-0", Part::Unsatisfiable);
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_ignored() {
        for range in ["bytes=", "bytes=-", "bytes=5-4", "bytes=a-", "bytes=+1-", "lines=0-1"] {
            check(range, Part::Whole);
        }
        check("bytes=0-1,5-6", Part::Whole);
    }

    #[test]
    fn if_range_asks_for_the_rest_of_the_same_file_only() {
        let check = |known: &'static str, expected: Part| {
            let headers = HeaderMap::from_iter([
                (RANGE, HeaderValue::from_static("bytes=10-")),
                (IF_RANGE, HeaderValue::from_static(known)),
            ]);
            assert_eq!(Part::of(&headers, "\"a\"", 1000), expected, "{known}");
        };
        check("\"a\"", Part::Slice(10, 1000));
        check("\"b\"", Part::Whole);
        check("W/\"a\"", Part::Whole);
        check("Sat, 01 Nov 2025 00:00:00 GMT", Part::Whole);
    }

    proptest! {
        #[test]
        fn a_slice_is_never_empty_and_never_beyond_the_end(
            range in "bytes=[0-9]{0,4}-[0-9]{0,4}", length in 0u64..2000,
        ) {
            if let Some(Part::Slice(start, end)) = Part::parse(&range, length) {
                prop_assert!(start < end && end <= length);
            }
        }
    }
}
