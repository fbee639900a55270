//! How durations and sizes are written, on a command line and in a file: `250ms`, `2.5s`, `1m30s`;
//! `1KB` (a thousand bytes), `1KiB` (1024).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Longest duration that can be written: thirty days. More is a slip of the pen.
pub const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Largest size that can be written: 8 PiB, up to which a JSON number holds every one exactly.
pub const MAX_SIZE: u64 = 1 << 53;

/// A text that is not written the way its option or key wants it. The message names both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {kind}: {reason}")]
pub struct NotationError {
    kind: &'static str,
    text: String,
    reason: String,
}

impl NotationError {
    /// `text` is no `kind` (`size`, `duration`), because of `reason`, which also says what is.
    #[must_use]
    pub fn new(kind: &'static str, text: &str, reason: impl Into<String>) -> Self {
        Self { kind, text: text.to_owned(), reason: reason.into() }
    }
}

/// Reads a duration, exact to the nanosecond, at most [`MAX_DURATION`]. Zero is one.
///
/// # Errors
/// When the text has no unit or an unknown one, or the duration is negative or too long.
pub fn duration(text: &str) -> Result<Duration, NotationError> {
    let refuse = |reason: &str| NotationError::new("duration", text, reason);
    let parsed: jiff::SignedDuration = text
        .trim()
        .parse()
        .map_err(|_| refuse("write a number with a unit, such as 250ms, 2.5s or 1m30s"))?;
    let duration = Duration::try_from(parsed).map_err(|_| refuse("it is below zero"))?;
    if duration > MAX_DURATION {
        return Err(refuse("it is longer than thirty days"));
    }
    Ok(duration)
}

/// Reads a size in bytes: a whole number alone, or with `B`, `KB`, `MB`, `GB` (powers of 1,000) or
/// `KiB`, `MiB`, `GiB` (powers of 1,024).
///
/// # Errors
/// When the number or the unit is none of these, or the size is above [`MAX_SIZE`].
pub fn size(text: &str) -> Result<u64, NotationError> {
    let refuse = |reason: &str| NotationError::new("size", text, reason);
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| refuse("write a whole number with a unit, such as 64KiB or 32MB"))?;
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(refuse("the unit is none of B, KB, MB, GB, KiB, MiB and GiB")),
    };
    let bytes = number.checked_mul(factor).filter(|bytes| *bytes <= MAX_SIZE);
    bytes.ok_or_else(|| refuse("it is more than 8 PiB"))
}

/// A duration as it is written, exactly: `1m30s`, `2.5s`, `250ms`.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    const SECOND: u128 = 1_000_000_000;
    let nanos = duration.as_nanos();
    let (minutes, rest) = (nanos / (60 * SECOND), nanos % (60 * SECOND));
    match (minutes, rest) {
        (0, rest) if rest < SECOND => format!("{}ms", decimal(rest, 6)),
        (0, rest) => format!("{}s", decimal(rest, 9)),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, rest) => format!("{minutes}m{}s", decimal(rest, 9)),
    }
}

/// A count of units of which `digits` decimal places make a whole one.
fn decimal(count: u128, digits: usize) -> String {
    let padded = format!("{count:0>width$}", width = digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// A duration in a configuration file, above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenDuration(pub Duration);

impl<'de> Deserialize<'de> for WrittenDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let above_zero = duration(&text).and_then(|read| match read {
            Duration::ZERO => {
                let reason = "it is zero; leave the key out for the default";
                Err(NotationError::new("duration", &text, reason))
            }
            read => Ok(Self(read)),
        });
        above_zero.map_err(de::Error::custom)
    }
}

/// A size in a configuration file, in bytes: a number, or a text with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenSize(pub u64);

impl<'de> Deserialize<'de> for WrittenSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = WrittenSize;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a size such as 65536, \"64KiB\" or \"32MB\"")
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<WrittenSize, E> {
                let bytes = u64::try_from(bytes).map_err(|_| E::custom("a size below zero"))?;
                self.visit_u64(bytes)
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<WrittenSize, E> {
                self.visit_str(&bytes.to_string())
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<WrittenSize, E> {
                size(text).map(WrittenSize).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests;
