//! How long to wait between two tries.

use std::time::Duration;

use http::{HeaderMap, header};
use ring::rand::{SecureRandom, SystemRandom};

/// The pauses of one download.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The next pause: twice the one before, up to the longest, and up to a quarter of it less, so
    /// that many that failed together do not come again together. If the upstream has asked for
    /// more it gets it; `None` when that is longer than the longest.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let own = self.next;
        self.next = (own * 2).min(self.longest);
        let own = own - spread(own / 4);
        match asked {
            Some(asked) if asked > self.longest => None,
            asked => Some(asked.map_or(own, |asked| asked.max(own))),
        }
    }
}

/// A random part of a duration.
fn spread(most: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness there is no spread, and nothing else is lost.
    let _ = SystemRandom::new().fill(&mut byte);
    most * u32::from(byte[0]) / 255
}

/// How long an answer asks us to wait: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap, now: jiff::Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest_and_spread_by_a_quarter() {
        for _ in 0..50 {
            let mut pauses = Pauses::new(FIRST, LONGEST);
            for full in [200, 400, 800, 1000, 1000] {
                let full = Duration::from_millis(full);
                let pause = pauses.next(None).unwrap();
                assert!(pause <= full && pause >= full * 3 / 4, "{pause:?} of {full:?}");
            }
        }
    }

    #[test]
    fn what_the_upstream_asks_for_is_given_up_to_the_longest() {
        let mut pauses = Pauses::new(FIRST, LONGEST);
        assert_eq!(pauses.next(Some(LONGEST)), Some(LONGEST));
        assert_eq!(pauses.next(Some(LONGEST + Duration::from_nanos(1))), None);
        assert!(pauses.next(Some(Duration::ZERO)).unwrap() >= Duration::from_millis(600));
    }

    fn check(value: &str, expected: Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        // Sun, 06 Nov 1994 08:49:37 GMT
        let now = jiff::Timestamp::from_second(784_111_777).unwrap();
        assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn a_wait_is_written_in_seconds_or_as_a_date() {
        check("7", Some(7));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
        assert_eq!(retry_after(&HeaderMap::new(), jiff::Timestamp::UNIX_EPOCH), None);
    }
}
