//! What a distribution yields: a delay, written as a duration, or a number.

use std::fmt;
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg64;
use runtime::notation::duration_text;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::delay;

/// A kind of value that can be drawn.
pub(crate) trait Quantity: Copy + Serialize + for<'de> Deserialize<'de> {
    /// Largest value that may be drawn or written, in the unit of [`Self::number`].
    const LARGEST: f64;
    /// What is expected, for error messages.
    const EXPECTED: &'static str;

    /// The value as a number: seconds, or a count.
    fn number(self) -> f64;

    /// Draws from a range.
    fn uniform(min: Self, max: Self, generator: &mut Pcg64) -> f64;
}

/// A delay; written `"140ms"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delay(pub(crate) Duration);

impl Quantity for Delay {
    const LARGEST: f64 = 3600.0;
    const EXPECTED: &'static str = "a duration such as \"140ms\", or a table with a `distribution`";

    fn number(self) -> f64 {
        self.0.as_secs_f64()
    }

    fn uniform(min: Self, max: Self, generator: &mut Pcg64) -> f64 {
        generator.random_range(min.number()..=max.number())
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&duration_text(self.0))
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Delay;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a duration such as \"140ms\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Delay, E> {
                delay::parse(text).map(Delay).map_err(E::custom)
            }
        }
        from.deserialize_any(Text)
    }
}

/// A number of events or characters; written `40` or `7.69`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Amount(pub(crate) f64);

impl Quantity for Amount {
    /// 100,000 events of 140 ms are almost four hours; no provider streams longer.
    const LARGEST: f64 = 100_000.0;
    const EXPECTED: &'static str = "a number such as 40, or a table with a `distribution`";

    fn number(self) -> f64 {
        self.0
    }

    /// Whole numbers where both ends are whole, each equally likely.
    fn uniform(min: Self, max: Self, generator: &mut Pcg64) -> f64 {
        if min.0.fract() == 0.0 && max.0.fract() == 0.0 {
            f64::from(generator.random_range(whole(min.0)..=whole(max.0)))
        } else {
            generator.random_range(min.0..=max.0)
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 {
            to.serialize_u32(whole(self.0))
        } else {
            to.serialize_f64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Amount;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number such as 40")
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Amount, E> {
                if (0.0..=Amount::LARGEST).contains(&number) {
                    Ok(Amount(number))
                } else {
                    Err(E::custom(format!("{number} is not between 0 and {}", Amount::LARGEST)))
                }
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                let number = i32::try_from(number)
                    .map_err(|_| E::custom(format!("{number} is out of range")))?;
                self.visit_f64(f64::from(number))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
        from.deserialize_any(Number)
    }
}

/// The nearest whole number, kept within `u32`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range before; a NaN becomes zero"
)]
pub(crate) fn whole(number: f64) -> u32 {
    number.round().clamp(0.0, f64::from(u32::MAX)) as u32
}
