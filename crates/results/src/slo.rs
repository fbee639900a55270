//! Service level objectives: predicates over a level, and their verdicts.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::level::Level;
use crate::summary::Statistic;

/// The rule that decides when the user states none: nearly every answer whole.
pub const DEFAULT_RULE: &str = "complete >= 99.5%";

/// One predicate, such as `ttft.p95 <= 2.5s` or `complete >= 99.5%`.
#[derive(Debug, Clone, PartialEq)]
pub struct Slo {
    /// The left side.
    pub quantity: Quantity,
    /// The comparison.
    pub comparison: Comparison,
    /// The right side, in the quantity's unit ([`Quantity::unit`]).
    pub limit: f64,
    text: String,
}

/// What a predicate is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A latency, in milliseconds.
    Latency(Latency, Statistic),
    /// Total over ideal, a ratio.
    Stretch(Statistic),
    /// A share of the ended streams, in percent.
    Share(Share),
    /// Stalls in the level, a count.
    Stalls,
}

/// A latency that a predicate can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the level's field of the same name")]
pub enum Latency {
    Connect,
    Ttfb,
    Ttft,
    Gap,
    Total,
}

/// A share that a predicate can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the level's field of the same name")]
pub enum Share {
    Success,
    Complete,
    Correct,
}

/// How the two sides compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Comparison {
    AtMost,
    Below,
    AtLeast,
    Above,
}

/// Why a text is no predicate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no SLO: {reason}; write for example 'ttft.p95 <= 2.5s' or 'complete >= 99.5%'"
)]
pub struct SloError {
    text: String,
    reason: String,
}

/// A predicate's verdict over all trusted levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SloResult {
    /// The predicate as written.
    pub predicate: String,
    /// Whether every trusted level met it.
    pub passed: bool,
    /// The value furthest to the wrong side, in `unit`; null when no level could be measured.
    pub worst: Option<f64>,
    /// Users of the level where the worst value stood.
    pub worst_users: Option<u64>,
    /// Unit of `worst`: `ms`, `ratio`, `%` or `count`.
    pub unit: String,
}

impl Latency {
    const ALL: [(&'static str, Self); 5] = [
        ("connect", Self::Connect),
        ("ttfb", Self::Ttfb),
        ("ttft", Self::Ttft),
        ("gap", Self::Gap),
        ("total", Self::Total),
    ];
}

impl Quantity {
    /// The unit in which the quantity and its limit are given.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Latency(..) => "ms",
            Self::Stretch(_) => "ratio",
            Self::Share(_) => "%",
            Self::Stalls => "count",
        }
    }

    /// The level's value in [`Quantity::unit`], or `None` where it was not measured.
    #[must_use]
    pub fn of(self, level: &Level) -> Option<f64> {
        match self {
            Self::Latency(latency, statistic) => {
                let summary = match latency {
                    Latency::Connect => level.connect_ms,
                    Latency::Ttfb => level.ttfb_ms,
                    Latency::Ttft => level.ttft_ms,
                    Latency::Gap => level.gap_ms,
                    Latency::Total => level.total_ms,
                };
                summary.map(|summary| summary.get(statistic))
            }
            Self::Stretch(statistic) => level.stretch.map(|summary| summary.get(statistic)),
            Self::Share(share) => match share {
                Share::Success => level.success_share(),
                Share::Complete => level.complete_share(),
                Share::Correct => level.correct_share(),
            }
            .map(|share| share * 100.0),
            Self::Stalls => Some(crate::units::float(level.stalls)),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (name, statistic) = match text.split_once('.') {
            Some((name, statistic)) => (name, Some(statistic)),
            None => (text, None),
        };
        let share = match name {
            "success" => Some(Share::Success),
            "complete" => Some(Share::Complete),
            "correct" => Some(Share::Correct),
            _ => None,
        };
        if let Some(statistic) = statistic
            && (share.is_some() || name == "stalls")
        {
            return Err(format!("{name} is one number and has no .{statistic}"));
        }
        if let Some(share) = share {
            return Ok(Self::Share(share));
        }
        if name == "stalls" {
            return Ok(Self::Stalls);
        }
        let latency = Latency::ALL.into_iter().find(|(known, _)| *known == name);
        if latency.is_none() && name != "stretch" {
            return Err(format!(
                "{name:?} is not measured; known are ttft, ttfb, connect, gap, total, stretch, success, complete, correct and stalls"
            ));
        }
        let statistic = statistic
            .ok_or_else(|| format!("{name} needs a statistic, such as {name}.p95"))
            .and_then(|text| {
                Statistic::from_name(text).ok_or_else(|| {
                    format!("{text:?} is not one of mean, p50, p90, p95, p99 and max")
                })
            })?;
        Ok(latency
            .map_or(Self::Stretch(statistic), |(_, latency)| Self::Latency(latency, statistic)))
    }

    fn parse_limit(self, text: &str) -> Result<f64, String> {
        let finite = |number: &str| {
            number
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite() && *value >= 0.0)
                .ok_or_else(|| format!("{number:?} is not a number of zero or more"))
        };
        match self {
            Self::Latency(..) => parse_duration_ms(text)
                .ok_or_else(|| format!("{text:?} is not a duration such as 250ms, 2.5s or 1m30s")),
            Self::Stretch(_) | Self::Stalls => finite(text),
            Self::Share(_) => {
                let value = finite(text.trim_end_matches('%'))?;
                if value > 100.0 { Err(format!("{text} is more than all")) } else { Ok(value) }
            }
        }
    }
}

/// Milliseconds of a duration written as `250ms`, `2.5s`, `1m30s`, `2h`.
#[must_use]
pub fn parse_duration_ms(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total_ms = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number_length =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|&length| length > 0)?;
        let value: f64 = rest[..number_length].parse().ok()?;
        rest = &rest[number_length..];
        let unit_length = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit_ms = match &rest[..unit_length] {
            "us" | "µs" => 0.001,
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total_ms += value * unit_ms;
        rest = rest[unit_length..].trim_start();
    }
    total_ms.is_finite().then_some(total_ms)
}

impl Slo {
    /// Whether a level meets the predicate; `None` where the quantity was not measured.
    #[must_use]
    pub fn holds(&self, level: &Level) -> Option<bool> {
        self.quantity.of(level).map(|value| self.holds_for(value))
    }

    /// Judges the predicate over the trusted levels among `levels`.
    /// A predicate whose quantity was measured nowhere has not passed.
    #[must_use]
    pub fn judge(&self, levels: &[Level]) -> SloResult {
        let measured: Vec<(u64, Option<f64>)> = levels
            .iter()
            .filter(|level| level.trusted)
            .map(|level| (level.users, self.quantity.of(level)))
            .collect();
        let worse = |left: f64, right: f64| match self.comparison {
            Comparison::AtMost | Comparison::Below => left.total_cmp(&right),
            Comparison::AtLeast | Comparison::Above => right.total_cmp(&left),
        };
        let worst = measured
            .iter()
            .filter_map(|&(users, value)| value.map(|value| (users, value)))
            .max_by(|left, right| worse(left.1, right.1));
        SloResult {
            predicate: self.text.clone(),
            passed: !measured.is_empty()
                && measured
                    .iter()
                    .all(|(_, value)| value.is_some_and(|value| self.holds_for(value))),
            worst: worst.map(|(_, value)| value),
            worst_users: worst.map(|(users, _)| users),
            unit: self.quantity.unit().to_owned(),
        }
    }

    fn holds_for(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtMost => value <= self.limit,
            Comparison::Below => value < self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Above => value > self.limit,
        }
    }
}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let error = |reason: String| SloError { text: text.to_owned(), reason };
        let (position, sign, comparison) = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Below),
            (">", Comparison::Above),
        ]
        .into_iter()
        .find_map(|(sign, comparison)| text.find(sign).map(|at| (at, sign, comparison)))
        .ok_or_else(|| error("it has none of <=, <, >=, >".to_owned()))?;
        let quantity = Quantity::parse(text[..position].trim()).map_err(error)?;
        let limit = quantity.parse_limit(text[position + sign.len()..].trim()).map_err(error)?;
        Ok(Self { quantity, comparison, limit, text: text.trim().to_owned() })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Default for Slo {
    fn default() -> Self {
        DEFAULT_RULE.parse().expect("the default rule is a predicate, as a test shows")
    }
}

#[cfg(test)]
mod tests;
