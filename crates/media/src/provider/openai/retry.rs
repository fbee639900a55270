//! When a call is made again: only where it is safe, only before an answer has begun, and after a
//! pause that grows.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

/// Tries of one call: the SDKs' two repetitions.
pub(super) const TRIES: u32 = 3;

/// Pause before the first repetition; it doubles with each one (the SDKs' own).
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause that a provider may ask for: a person waits (the SDKs' bound).
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Whether doing a call twice does what doing it once does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safety {
    /// It reads, or what it removes stays removed.
    Repeatable,
    /// It makes something that costs: only a refusal before anything was done may be repeated.
    Once,
}

/// Whether an answer with this status is worth another try.
pub(super) fn is_worth_another(safety: Safety, status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get("x-should-retry").map(|value| value.as_bytes()) {
        Some(b"true") => return true,
        Some(b"false") => return false,
        _ => {}
    }
    match safety {
        // Too many requests and "not now" are said before any work is done.
        Safety::Once => {
            matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        }
        Safety::Repeatable => {
            matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
            ) || status.is_server_error()
        }
    }
}

/// How long to wait before the repetition `number`, counted from 0: what the provider asks for
/// (`retry-after-ms`, then `retry-after` in seconds), or a pause that doubles.
pub(super) fn pause(number: u32, headers: Option<&HeaderMap>) -> Duration {
    let number_in = |name: &str| -> Option<f64> {
        headers?.get(name)?.to_str().ok()?.trim().parse().ok().filter(|it: &f64| *it >= 0.0)
    };
    let asked = number_in("retry-after-ms")
        .map(|millis| millis / 1000.0)
        .or_else(|| number_in("retry-after"))
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    asked.unwrap_or_else(|| FIRST_PAUSE.saturating_mul(1 << number.min(6))).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn what_costs_is_repeated_only_when_nothing_was_done() {
        let none = HeaderMap::new();
        for (status, once, repeatable) in [
            (408, false, true),
            (409, false, true),
            (429, true, true),
            (500, false, true),
            (502, false, true),
            (503, true, true),
            (400, false, false),
            (404, false, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_worth_another(Safety::Once, status, &none), once, "{status}");
            assert_eq!(is_worth_another(Safety::Repeatable, status, &none), repeatable, "{status}");
        }
    }

    #[test]
    fn the_provider_may_say_itself_whether_to_come_again() {
        let (yes, no) = (headers("x-should-retry", "true"), headers("x-should-retry", "false"));
        assert!(is_worth_another(Safety::Once, StatusCode::INTERNAL_SERVER_ERROR, &yes));
        assert!(!is_worth_another(Safety::Repeatable, StatusCode::TOO_MANY_REQUESTS, &no));
    }

    #[test]
    fn pauses_double_and_obey_the_provider_within_a_bound() {
        assert_eq!(pause(0, None), Duration::from_millis(500));
        assert_eq!(pause(2, None), Duration::from_secs(2));
        assert_eq!(pause(0, Some(&headers("retry-after", "1.5"))), Duration::from_millis(1500));
        assert_eq!(pause(0, Some(&headers("retry-after-ms", "20"))), Duration::from_millis(20));
        assert_eq!(pause(0, Some(&headers("retry-after", "9999"))), LONGEST_PAUSE);
        assert_eq!(pause(0, Some(&headers("retry-after", "-1"))), FIRST_PAUSE);
        assert_eq!(pause(40, None), Duration::from_secs(32));
    }
}
