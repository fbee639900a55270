//! How the tester's options and scenario files are written; durations and sizes as everywhere
//! ([`runtime::notation`]).

use std::time::Duration;

use runtime::notation::WrittenSize;
pub use runtime::notation::{MAX_DURATION, NotationError, duration, duration_text, size as bytes};
use serde::{Deserialize, Deserializer, de};

/// For `#[serde(deserialize_with)]`: an optional duration in text. Zero is one.
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
    WrittenSize::deserialize(deserializer).map(|written| Some(written.0))
}

/// Reads a number above zero and at most a million, such as a rate; `None` otherwise.
pub(crate) fn positive(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|value| *value > 0.0 && *value <= 1e6)
}
