//! How durations and sizes are written in a configuration: `250ms`, `1m30s`; `64KiB`, `32MB`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Longest duration that can be written: thirty days. More is a slip of the pen.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A duration as it is written in a configuration, above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenDuration(pub Duration);

impl<'de> Deserialize<'de> for WrittenDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration(&text).map(Self).map_err(de::Error::custom)
    }
}

/// A size in bytes as it is written in a configuration: a number, or a text with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenSize(pub usize);

impl<'de> Deserialize<'de> for WrittenSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = WrittenSize;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a size such as 65536, \"64KiB\" or \"32MB\"")
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<WrittenSize, E> {
                usize::try_from(bytes).map(WrittenSize).map_err(|_| E::custom("a size below zero"))
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<WrittenSize, E> {
                usize::try_from(bytes).map(WrittenSize).map_err(|_| E::custom("a size too large"))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<WrittenSize, E> {
                size(text).map(WrittenSize).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let refuse = |reason| format!("{text:?} is no duration: {reason}");
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| {
        refuse("write a number with a unit, such as \"250ms\", \"2.5s\", \"1m30s\"")
    })?;
    let duration = Duration::try_from(parsed).map_err(|_| refuse("it is below zero"))?;
    match duration {
        Duration::ZERO => Err(refuse("it is zero; leave the key out for the default")),
        duration if duration > MAX_DURATION => Err(refuse("it is longer than thirty days")),
        duration => Ok(duration),
    }
}

fn size(text: &str) -> Result<usize, String> {
    let refuse = |reason| format!("{text:?} is no size: {reason}");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: usize = number
        .parse()
        .map_err(|_| refuse("write a whole number with a unit, such as \"64KiB\" or \"32MB\""))?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(refuse("the unit is none of B, KB, MB, GB, KiB, MiB and GiB")),
    };
    number.checked_mul(factor).ok_or_else(|| refuse("it does not fit into memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2.5s"), Ok(Duration::from_millis(2500)));
        assert_eq!(duration("720h"), Ok(MAX_DURATION));
        for wrong in ["", "5", "abc", "-1s", "0s", "721h"] {
            assert!(duration(wrong).unwrap_err().contains("is no duration"), "{wrong}");
        }
    }

    #[test]
    fn sizes_tell_powers_of_a_thousand_from_powers_of_1024() {
        assert_eq!(size("1KB"), Ok(1000));
        assert_eq!(size("1 KiB"), Ok(1024));
        assert_eq!(size("512"), Ok(512));
        for wrong in ["", "KB", "1.5KB", "1XB", "99999999999999GB", "-1"] {
            assert!(size(wrong).unwrap_err().contains("is no size"), "{wrong}");
        }
    }
}
