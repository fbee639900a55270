//! Conversions between units, each of which says how it rounds.

use std::time::Duration;

/// Whole microseconds of a duration, rounded down; saturates after 584,000 years.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds of a duration, exact to the microsecond.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    millis_from_micros(micros(duration))
}

/// Milliseconds from microseconds; exact up to 2^53 µs (285 years).
#[must_use]
pub fn millis_from_micros(micros: u64) -> f64 {
    float(micros) / 1000.0
}

/// A count as a float, to divide by or to show; exact up to 2^53, nearest above.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "documented: nearest float above 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// A collection's length as a divisor; exact up to 2^53.
#[must_use]
pub fn ratio_base(length: usize) -> f64 {
    float(u64::try_from(length).unwrap_or(u64::MAX))
}

/// `part / whole`, or `None` when the whole is zero: a share of nothing is not a number.
#[must_use]
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}
