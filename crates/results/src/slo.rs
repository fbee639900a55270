//! Service level objectives: predicates over a level, and their verdicts.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::load::{Judged, RunKind};

mod notation;
mod quantity;

pub use notation::{parse_bytes, parse_duration_ms};
pub use quantity::{Latency, Quantity, Rate, Share};

/// The rule that decides about streams when the user states none: nearly every answer whole.
pub const DEFAULT_RULE: &str = "complete >= 99.5%";

/// The rule that decides about tool calls when the user states none: every call answered, and
/// every file right. A file that is wrong in one byte is a wrong file, however many others are
/// right.
pub const DEFAULT_TOOLS_RULE: &str = "ok >= 100%";

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
    /// Users, or calls at once, of the level where the worst value stood.
    pub worst_users: Option<u64>,
    /// Unit of `worst`: `ms`, `ratio`, `%`, `count`, `bytes/s` or `1/s`.
    pub unit: String,
}

impl Slo {
    /// Whether a level meets the predicate; `None` where the quantity was not measured.
    #[must_use]
    pub fn holds(&self, level: &impl Judged) -> Option<bool> {
        level.value(self.quantity).map(|value| self.comparison.holds(value, self.limit))
    }

    /// The rule that decides about a kind of load when the user states none.
    #[must_use]
    pub fn default_for(kind: RunKind) -> Self {
        match kind {
            RunKind::Streams => DEFAULT_RULE,
            RunKind::Tools => DEFAULT_TOOLS_RULE,
        }
        .parse()
        .expect("the default rules are predicates, as a test shows")
    }

    /// Parses a predicate about something that this kind of load measures.
    ///
    /// # Errors
    /// When the text is no predicate, or is about a quantity of the other kind, which no level
    /// could ever meet.
    pub fn parse_for(kind: RunKind, text: &str) -> Result<Self, SloError> {
        let slo: Self = text.parse()?;
        if slo.quantity.measured_in(kind) {
            return Ok(slo);
        }
        let known = quantity::names(kind);
        let reason = format!("a run of {} measures {known}", kind.name());
        Err(SloError { text: text.to_owned(), reason })
    }

    /// Judges the predicate over the trusted levels among `levels`.
    /// A predicate whose quantity was measured nowhere has not passed.
    #[must_use]
    pub fn judge(&self, levels: &[impl Judged]) -> SloResult {
        let measured: Vec<(u64, Option<f64>)> = levels
            .iter()
            .filter(|level| level.trusted())
            .map(|level| (level.load(), level.value(self.quantity)))
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
                && measured.iter().all(|(_, value)| {
                    value.is_some_and(|value| self.comparison.holds(value, self.limit))
                }),
            worst: worst.map(|(_, value)| value),
            worst_users: worst.map(|(users, _)| users),
            unit: self.quantity.unit().to_owned(),
        }
    }
}

impl Comparison {
    /// Whether a value stands on the right side of a limit.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::AtMost => value <= limit,
            Self::Below => value < limit,
            Self::AtLeast => value >= limit,
            Self::Above => value > limit,
        }
    }

    /// The first comparison in a text: where it stands, its sign, and itself.
    pub(crate) fn find(text: &str) -> Option<(usize, &'static str, Self)> {
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Below), (">", Self::Above)]
            .into_iter()
            .find_map(|(sign, comparison)| text.find(sign).map(|at| (at, sign, comparison)))
    }
}

impl FromStr for Slo {
    type Err = SloError;

    fn from_str(text: &str) -> Result<Self, SloError> {
        let error = |reason: String| SloError { text: text.to_owned(), reason };
        let (position, sign, comparison) = Comparison::find(text)
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
        Self::default_for(RunKind::Streams)
    }
}

#[cfg(test)]
mod tests;
