//! How a simulated model behaves in time and length.

mod built_in;
mod distribution;
mod quantity;
mod table;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use distribution::Distribution;
pub(crate) use quantity::{Amount, Delay, whole};

use crate::delay;
use crate::stats::Stats;

/// A simulated model's delays and lengths, read from TOML:
///
/// ```toml
/// ttft = { distribution = "lognormal", median = "1.1s", sigma = 0.35 }
/// gap = "140ms"
/// events = { distribution = "uniform", min = 100, max = 300 }
/// chars_per_event = 7.69
/// tick = "15.6ms"                                          # optional
/// load = { free_streams = 100, growth_per_stream = 0.001 } # optional
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What it stands for, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    /// Where the numbers come from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) source: String,
    /// When the source said so; models change within weeks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) date: String,
    /// Request to first content event.
    pub(crate) ttft: Distribution<Delay>,
    /// Content event to content event.
    pub(crate) gap: Distribution<Delay>,
    /// Content events of an answer; at least one.
    pub(crate) events: Distribution<Amount>,
    /// Characters of a content event; the mean is kept exactly, fractions are carried over.
    #[serde(default = "default_chars_per_event")]
    pub(crate) chars_per_event: Distribution<Amount>,
    /// Every delay is rounded up to a multiple of this, as a system with a coarse timer does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tick: Option<Delay>,
    /// How delays grow with the number of active streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) load: Option<Load>,
}

/// Delays are multiplied by `1 + growth_per_stream × (active streams - free_streams)`, from the
/// first stream beyond the free ones on: a server that slows down when it is busy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    pub(crate) free_streams: u32,
    pub(crate) growth_per_stream: Amount,
}

impl Load {
    /// The factor for delays while so many streams are active.
    pub(crate) fn factor(&self, active: u64) -> f64 {
        let beyond = active.saturating_sub(u64::from(self.free_streams));
        let beyond = u32::try_from(beyond).unwrap_or(u32::MAX);
        1.0 + self.growth_per_stream.0 * f64::from(beyond)
    }
}

/// The seed report's mean: 1,550 characters in 201.5 events.
fn default_chars_per_event() -> Distribution<Amount> {
    Distribution::Constant(Amount(7.69))
}

/// Why a profile is refused.
#[derive(Debug, thiserror::Error)]
#[error("the profile {name} is not valid: {message}")]
pub struct ProfileError {
    /// The profile's name or its file.
    pub name: String,
    /// What is wrong, with the line and a caret.
    pub message: String,
}

impl Profile {
    /// Reads a profile from TOML; `name` is its name or file, for the error.
    ///
    /// # Errors
    /// Names the line, what was found and what is known.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ProfileError> {
        toml::from_str(text).map_err(|error: toml::de::Error| ProfileError {
            name: name.to_owned(),
            message: error.to_string().trim_end().to_owned(),
        })
    }

    /// The profile as TOML; [`Self::from_toml`] reads it back as it was.
    ///
    /// # Panics
    /// Never: every part of a profile has a form in TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("strings, numbers and tables have a form in TOML")
    }

    /// The built-in profile of this name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        built_in::all().remove(name)
    }

    /// Names of the built-in profiles, sorted.
    #[must_use]
    pub fn built_in_names() -> Vec<String> {
        built_in::all().into_keys().collect()
    }

    /// All built-in profiles by name.
    #[must_use]
    pub fn all_built_in() -> std::collections::BTreeMap<String, Self> {
        built_in::all()
    }

    /// Time to the first event and between two events, where all answers have the same: both
    /// constant and independent of load. What a tester draws as the ideal.
    #[must_use]
    pub fn constant_course(&self) -> Option<(std::time::Duration, std::time::Duration)> {
        match (&self.ttft, &self.gap, &self.load) {
            (Distribution::Constant(ttft), Distribution::Constant(gap), None) => {
                Some((self.ticked(ttft.0), self.ticked(gap.0)))
            }
            _ => None,
        }
    }

    /// How long the longest answer takes, where the profile bounds it: a constant course, and lengths
    /// that have an end.
    #[must_use]
    pub fn longest_answer(&self) -> Option<std::time::Duration> {
        let (first, gap) = self.constant_course()?;
        let most = match &self.events {
            Distribution::Constant(events) | Distribution::Uniform { max: events, .. } => events.0,
            Distribution::Empirical { values } => {
                values.iter().map(|events| events.0).fold(0.0, f64::max)
            }
            _ => return None,
        };
        Some(first + gap * whole(most).saturating_sub(1))
    }

    /// What it stands for, with source and date where it has them.
    #[must_use]
    pub fn about(&self) -> String {
        let mut about = self.description.clone();
        for (label, value) in [("source", &self.source), ("date", &self.date)] {
            if !value.is_empty() {
                about.push_str(&format!(" ({label}: {value})"));
            }
        }
        about
    }

    /// The factor for delays while so many requests are active: 1 unless the profile says that
    /// load matters.
    pub(crate) fn load_factor(&self, stats: &Stats) -> f64 {
        self.load.map_or(1.0, |load| load.factor(stats.active()))
    }

    /// A delay as the simulated system's timer keeps it: rounded up to its tick.
    pub(crate) fn ticked(&self, delay: std::time::Duration) -> std::time::Duration {
        let Some(Delay(tick)) = self.tick.filter(|tick| !tick.0.is_zero()) else { return delay };
        let ticks = delay.as_nanos().div_ceil(tick.as_nanos());
        let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
        tick.checked_mul(ticks).map_or(delay::LONGEST, |rounded| rounded)
    }
}
