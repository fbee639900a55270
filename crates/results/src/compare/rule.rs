//! What must not become worse, such as `ttft.p95 > +10%`: a change against the baseline that fails
//! the comparison.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Column, ComparedRun, Rung};
use crate::slo::Comparison as Sign;
use crate::units::float;

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The capacity of a run.
    Capacity,
    /// A number of its levels.
    Level(Column),
}

/// A change against the baseline that fails the comparison, such as `ttft.p95 > +10%` or
/// `capacity < -5%`.
#[derive(Debug, Clone, PartialEq)]
pub struct FailIf {
    subject: Subject,
    sign: Sign,
    percent: f64,
    text: String,
}

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no rule: {reason}; write for example 'ttft.p95 > +10%' or 'capacity < -5%'")]
pub struct FailIfError {
    text: String,
    reason: String,
}

/// A rule's verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleResult {
    /// The rule as written.
    pub rule: String,
    /// Unit of the values below: `ms`, `%`, `count`, …
    pub unit: String,
    /// Whether no run changed that far, and every run could be compared.
    pub passed: bool,
    /// Every run's furthest change to the wrong side, in their order, without the baseline.
    pub changes: Vec<Change>,
}

/// How far a run is from the baseline, where it is furthest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Index in `runs`.
    pub run: usize,
    /// The load where it stands; null for the capacity, and where nothing could be compared.
    pub load: Option<u64>,
    /// The stage of that load, where the runs have several.
    pub stage: Option<String>,
    /// The baseline's value; null where nothing could be compared.
    pub baseline: Option<f64>,
    /// The run's value.
    pub value: Option<f64>,
    /// The change in percent of the baseline; null where nothing could be compared, and where the
    /// baseline is zero and the run's value is not.
    pub percent: Option<f64>,
    /// Whether the change is what the rule forbids, or could not be known.
    pub failed: bool,
}

impl FailIf {
    /// What the rule is about.
    pub(super) fn column(&self) -> RuleColumn {
        RuleColumn(self.subject)
    }

    /// Judges the rule for every run against the first, at the loads where both are trusted.
    pub(super) fn judge(&self, runs: &[ComparedRun]) -> RuleResult {
        let changes: Vec<Change> = runs
            .split_first()
            .map(|(baseline, others)| {
                let others = others.iter().zip(1usize..);
                others.map(|(run, index)| self.change(baseline, run, index)).collect()
            })
            .unwrap_or_default();
        let unit = match self.subject {
            Subject::Capacity => "count",
            Subject::Level(column) => column.unit(),
        };
        RuleResult {
            rule: self.text.clone(),
            unit: unit.to_owned(),
            passed: changes.iter().all(|change| !change.failed),
            changes,
        }
    }

    /// The change that is furthest to the wrong side.
    fn change(&self, baseline: &ComparedRun, run: &ComparedRun, index: usize) -> Change {
        let pairs: Vec<(Option<Rung>, f64, f64)> = match self.subject {
            Subject::Capacity => {
                let of = |run: &ComparedRun| run.capacity.passed.map(float);
                of(baseline)
                    .map(|before| (None, before, of(run).unwrap_or(0.0)))
                    .into_iter()
                    .collect()
            }
            Subject::Level(column) => baseline
                .levels
                .iter()
                .filter(|level| level.trusted)
                .filter_map(|level| {
                    let after = run.trusted_level(&level.rung())?.value(column)?;
                    Some((Some(level.rung()), level.value(column)?, after))
                })
                .collect(),
        };
        let furthest = pairs
            .into_iter()
            .map(|(rung, before, after)| (rung, before, after, percent(before, after)))
            .max_by(|a, b| self.worse(a.3, b.3));
        match furthest {
            Some((rung, before, after, percent)) => Change {
                run: index,
                load: rung.as_ref().map(|rung| rung.load),
                stage: rung.and_then(|rung| rung.stage),
                baseline: Some(before),
                value: Some(after),
                percent: Some(percent).filter(|percent| percent.is_finite()),
                failed: self.sign.holds(percent, self.percent),
            },
            // What was not measured has not passed.
            None => Change {
                run: index,
                load: None,
                stage: None,
                baseline: None,
                value: None,
                percent: None,
                failed: true,
            },
        }
    }

    fn worse(&self, a: f64, b: f64) -> std::cmp::Ordering {
        match self.sign {
            Sign::Above | Sign::AtLeast => a.total_cmp(&b),
            Sign::Below | Sign::AtMost => b.total_cmp(&a),
        }
    }
}

/// What a rule is about, as far as others need to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuleColumn(Subject);

impl RuleColumn {
    /// Whether a run of this kind has such a number at all.
    pub(super) fn measured_in(self, kind: crate::load::RunKind) -> bool {
        match self.0 {
            Subject::Capacity => true,
            Subject::Level(column) => column.measured_in(kind),
        }
    }
}

/// The change in percent of the value before; from nothing to something it is without bound.
fn percent(before: f64, after: f64) -> f64 {
    if before == after {
        0.0
    } else if before == 0.0 {
        f64::INFINITY.copysign(after)
    } else {
        (after - before) / before.abs() * 100.0
    }
}

impl FromStr for FailIf {
    type Err = FailIfError;

    fn from_str(text: &str) -> Result<Self, FailIfError> {
        let error = |reason: String| FailIfError { text: text.to_owned(), reason };
        let (position, sign_text, sign) =
            Sign::find(text).ok_or_else(|| error("it has none of <=, <, >=, >".to_owned()))?;
        let subject = match text[..position].trim() {
            "capacity" => Subject::Capacity,
            name => Subject::Level(Column::parse(name).map_err(error)?),
        };
        let limit = text[position + sign_text.len()..].trim();
        let percent = limit
            .strip_suffix('%')
            .and_then(|number| number.trim_end().parse::<f64>().ok())
            .filter(|percent| percent.is_finite())
            .ok_or_else(|| error(format!("{limit:?} is not a change in percent such as +10%")))?;
        let of_no_change = sign.holds(0.0, percent);
        if of_no_change {
            return Err(error("it would fail for a run that did not change at all".to_owned()));
        }
        Ok(Self { subject, sign, percent, text: text.trim().to_owned() })
    }
}

impl fmt::Display for FailIf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
