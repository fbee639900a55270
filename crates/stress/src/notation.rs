//! How durations and sizes are written: `250ms`, `2.5s`, `1m30s`; `1KB`, `1KiB`.

use std::time::Duration;

use results::slo::parse_duration_ms;
use serde::{Deserialize, Deserializer, de};

/// Longest duration that can be written: ten years. More is a slip of the pen.
pub const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A text that is not written the way its option wants it. The message names both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}: {reason}")]
pub struct NotationError {
    kind: &'static str,
    text: String,
    reason: String,
}

impl NotationError {
    /// `text` is no `kind` (`ladder`, `duration`), because of `reason`, which also says what is.
    #[must_use]
    pub fn new(kind: &'static str, text: &str, reason: impl Into<String>) -> Self {
        Self { kind, text: text.to_owned(), reason: reason.into() }
    }
}

/// Reads a duration, exact to the nanosecond, at most [`MAX_DURATION`].
///
/// # Errors
/// When the text has no unit, an unknown unit, or is longer than [`MAX_DURATION`].
pub fn duration(text: &str) -> Result<Duration, NotationError> {
    let error = |reason: &str| NotationError::new("duration", text, reason);
    let millis = parse_duration_ms(text)
        .ok_or_else(|| error("write a number with a unit, such as 250ms, 2.5s or 1m30s"))?;
    Duration::try_from_secs_f64(millis / 1000.0)
        .ok()
        .filter(|duration| *duration <= MAX_DURATION)
        .ok_or_else(|| error("it is longer than ten years"))
}

/// A duration as it is written, in its largest exact units: `1m30s`, `2.5s`, `250ms`.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let whole_minutes = duration.as_secs() / 60;
    let seconds = duration - Duration::from_secs(whole_minutes * 60);
    match (whole_minutes, seconds.as_secs_f64()) {
        (0, seconds) if seconds < 1.0 => format!("{}ms", seconds * 1000.0),
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) if seconds > 0.0 => format!("{minutes}m{seconds}s"),
        (minutes, _) => format!("{minutes}m"),
    }
}

/// Reads a size in bytes: a plain number, or one with `B`, `KB`, `MB`, `GB` (powers of 1,000) or
/// `KiB`, `MiB`, `GiB` (powers of 1,024).
///
/// # Errors
/// When the number or the unit is not one of these, or the size is over 2^53 bytes.
pub fn bytes(text: &str) -> Result<u64, NotationError> {
    let error = |reason: &str| NotationError::new("size", text, reason);
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let number: u64 = trimmed[..digits]
        .parse()
        .map_err(|_| error("write a whole number with a unit, such as 1KB or 1KiB"))?;
    let factor: u64 = match trimmed[digits..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(error("the unit is none of B, KB, MB, GB, KiB, MiB and GiB")),
    };
    number
        .checked_mul(factor)
        .filter(|bytes| *bytes <= 1 << 53)
        .ok_or_else(|| error("it is more than 8 PiB"))
}

/// For `#[serde(deserialize_with)]`: an optional duration in text.
pub(crate) fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    duration(&text).map(Some).map_err(de::Error::custom)
}

/// For `#[serde(deserialize_with)]`: an optional size, as text or as a number of bytes.
pub(crate) fn optional_bytes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u64),
        Text(String),
    }
    match Written::deserialize(deserializer)? {
        Written::Number(number) => Ok(Some(number)),
        Written::Text(text) => bytes(&text).map(Some).map_err(de::Error::custom),
    }
}

/// Reads a number above zero and at most a million, such as a rate; `None` otherwise.
pub(crate) fn positive(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|value| *value > 0.0 && *value <= 1e6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(duration("1m30s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("2.5s").unwrap(), Duration::from_millis(2500));
        for wrong in ["", "5", "abc", "5 parsecs", "-1s", "20000d"] {
            let message = duration(wrong).unwrap_err().to_string();
            assert!(message.starts_with(&format!("{wrong:?} is no duration: ")), "{message}");
        }
    }

    #[test]
    fn sizes_tell_powers_of_a_thousand_from_powers_of_1024() {
        assert_eq!(bytes("1KB").unwrap(), 1000);
        assert_eq!(bytes("1 KiB").unwrap(), 1024);
        assert_eq!(bytes("512").unwrap(), 512);
        for wrong in ["", "KB", "1.5KB", "1XB", "99999999999999GB", "-1"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_survives_being_written(millis in 0u64..100_000_000) {
            let written = duration_text(Duration::from_millis(millis));
            prop_assert_eq!(duration(&written).unwrap().as_millis(), u128::from(millis), "{}", written);
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".*") {
            let _ = (duration(&text), bytes(&text));
        }
    }
}
