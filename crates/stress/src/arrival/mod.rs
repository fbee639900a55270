//! When streams begin: users of a closed loop by [`Start`], requests of an open loop by
//! [`Arrival`]. All times are offsets from the level's begin, fixed before it runs.

mod schedule;
mod trace;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::notation::{NotationError, duration, duration_text, positive};

pub use schedule::Schedule;
pub use trace::{MAX_TRACE_ARRIVALS, Trace, TraceError};

/// Closed loop: how the users of a level start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Start {
    /// All at once.
    #[default]
    Burst,
    /// Evenly over a time.
    Spread(Duration),
    /// So many users a second.
    Rate(f64),
}

impl Start {
    /// When the user of this index begins, of `users` in all, after the level's begin.
    #[must_use]
    pub fn offset(self, index: u64, users: u64) -> Duration {
        match self {
            Self::Burst => Duration::ZERO,
            Self::Spread(over) => over.mul_f64(results::units::share(index, users).unwrap_or(0.0)),
            Self::Rate(rate) => Duration::try_from_secs_f64(results::units::float(index) / rate)
                .unwrap_or(Duration::MAX),
        }
    }
}

impl FromStr for Start {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let error = |reason: &str| NotationError::new("start", text, reason);
        match text.trim().split_once('=') {
            None if text.trim() == "burst" => Ok(Self::Burst),
            Some(("spread", over)) => duration(over).map(Self::Spread),
            Some(("rate", rate)) => {
                let rate = per_second(rate).ok_or_else(|| {
                    error("a rate is users a second, such as rate=50/s, at most a million")
                })?;
                Ok(Self::Rate(rate))
            }
            _ => Err(error("write burst, spread=10s or rate=50/s")),
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burst => formatter.write_str("burst"),
            Self::Spread(over) => write!(formatter, "spread={}", duration_text(*over)),
            Self::Rate(rate) => write!(formatter, "rate={rate}/s"),
        }
    }
}

/// How requests arrive: as users who wait for their answers (closed loop), or at times of their
/// own, whatever the target does (open loop).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Arrival {
    /// Closed loop: the ladder's users, started by [`Start`].
    #[default]
    Burst,
    /// Open loop: independent arrivals, so many a second on average.
    Poisson {
        /// Mean arrivals a second.
        rate: f64,
    },
    /// Open loop: times between arrivals are gamma distributed; bursty above cv 1.
    Gamma {
        /// Mean arrivals a second.
        rate: f64,
        /// Coefficient of variation of the times between arrivals; 1 is Poisson.
        cv: f64,
    },
    /// Open loop: the arrivals that a file lists.
    Trace {
        /// The file.
        file: PathBuf,
    },
}

/// Largest coefficient of variation of gamma arrivals; the burstiest published trace has 13.
pub const MAX_CV: f64 = 100.0;

impl FromStr for Arrival {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let error = |reason: &str| NotationError::new("arrival", text, reason);
        let rate = |rate: &str| {
            per_second(rate).ok_or_else(|| {
                error("the rate is requests a second, such as poisson=50/s, at most a million")
            })
        };
        match text.trim().split_once('=') {
            None if text.trim() == "burst" => Ok(Self::Burst),
            Some(("poisson", value)) => Ok(Self::Poisson { rate: rate(value)? }),
            Some(("gamma", value)) => {
                let (first, cv) = value.split_once(",cv=").ok_or_else(|| {
                    error("gamma needs a rate and a variation, such as gamma=50/s,cv=2")
                })?;
                let cv = positive(cv)
                    .filter(|cv| (0.01..=MAX_CV).contains(cv))
                    .ok_or_else(|| error("cv is a number from 0.01 to 100; 1 is Poisson"))?;
                Ok(Self::Gamma { rate: rate(first)?, cv })
            }
            Some(("trace", file)) if !file.is_empty() => Ok(Self::Trace { file: file.into() }),
            _ => Err(error("write burst, poisson=50/s, gamma=50/s,cv=2 or trace=FILE")),
        }
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burst => formatter.write_str("burst"),
            Self::Poisson { rate } => write!(formatter, "poisson={rate}/s"),
            Self::Gamma { rate, cv } => write!(formatter, "gamma={rate}/s,cv={cv}"),
            Self::Trace { file } => write!(formatter, "trace={}", file.display()),
        }
    }
}

/// `50/s` or `50`.
fn per_second(text: &str) -> Option<f64> {
    positive(text.trim().strip_suffix("/s").unwrap_or(text))
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Arrival {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
