//! Delays, written as durations are everywhere, and never longer than an hour.

use std::time::Duration;

use runtime::notation::{NotationError, duration};
use serde::{Deserialize, Deserializer, de};

/// Longest delay that a profile, a fault or a setting may ask for.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Reads a delay of at most [`LONGEST`]: `250ms`, `2.5s`, `1m30s`.
///
/// # Errors
/// A message that says what is expected.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let delay = duration(text).map_err(|error| error.to_string())?;
    if delay > LONGEST {
        let error = NotationError::new("delay", text, "it is longer than the longest one, 1h");
        return Err(error.to_string());
    }
    Ok(delay)
}

/// For `#[serde(deserialize_with)]`: an optional delay in text.
pub(crate) fn optional<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parse(&String::deserialize(from)?).map(Some).map_err(de::Error::custom)
}

/// A delay from seconds, rounded to the nanosecond, kept within zero and [`LONGEST`].
pub(crate) fn from_seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.clamp(0.0, LONGEST.as_secs_f64())).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_an_hour_at_most() {
        assert_eq!(parse("1h"), Ok(LONGEST));
        let message = "\"60m1ns\" is no delay: it is longer than the longest one, 1h";
        assert_eq!(parse("60m1ns"), Err(message.to_owned()));
        assert!(parse("soon").unwrap_err().starts_with("\"soon\" is no duration"));
        let seconds = [(-1.0, Duration::ZERO), (f64::NAN, Duration::ZERO), (1e300, LONGEST)];
        for (seconds, kept) in seconds {
            assert_eq!(from_seconds(seconds), kept, "{seconds}");
        }
    }
}
