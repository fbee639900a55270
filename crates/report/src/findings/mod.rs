//! Sentences drawn from the data by rule, each with the numbers that made it.
//!
//! A rule is a function from the overview to a sentence or nothing; every limit in it is a named
//! constant. Rules state what was measured and what follows from it, and never praise.

mod growth;
mod outcomes;
mod resources;
mod trust;
mod waiting;

pub use resources::{CORE_FULL, MACHINE_FULL};

use results::summary::Statistic;
use results::units::float;
use results::{SloResult, Summary};

use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::number::Kind;
use crate::overview::Overview;
use crate::text::{Text, foreign, text};

/// From this share of the median on, the tester's own error is worth a warning.
const CONTROL_ERROR_SHARE: f64 = 0.05;

/// All findings, the weightiest first; equal weights in the order of the rules.
#[must_use]
pub fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let rules: [fn(&Overview<'_>) -> Vec<Finding>; 5] = [
        trust::findings,
        outcomes::findings,
        growth::findings,
        resources::findings,
        waiting::findings,
    ];
    let mut all: Vec<Finding> = rules.iter().flat_map(|rule| rule(overview)).collect();
    all.sort_by_key(|finding| finding.weight);
    all
}

fn finding(rule: &'static str, weight: Weight, text: Text) -> Finding {
    Finding { rule, weight, text }
}

/// The predicates that were missed, each with its worst value and the load where it stood.
pub(crate) fn slo_missed(results: &[SloResult], noun: &str) -> Vec<Finding> {
    let missed = results.iter().enumerate().filter(|(_, slo)| !slo.passed);
    missed
        .map(|(index, slo)| {
            let mut sentence: Text = text!["The rule ", foreign(&slo.predicate)];
            match (slo.worst, slo.worst_users) {
                (Some(worst), Some(load)) => {
                    let metric = format!("slo.{index}.worst");
                    sentence.push(" was missed: the worst value was ");
                    sentence.push(Figure::of_run(&metric, crate::slo::unit_kind(slo), Some(worst)));
                    sentence.push(", at ");
                    let metric = format!("slo.{index}.worst_users");
                    sentence.push(Figure::of_run(&metric, Kind::Count, Some(float(load))));
                    sentence.push(format!(" {noun}."));
                }
                _ => sentence.push(" was measured at no trusted level, and so is not met."),
            }
            finding("slo_missed", Weight::Problem, sentence)
        })
        .collect()
}

/// What the tester measured wrong where it knew the truth.
pub(crate) struct ControlError {
    /// Where the errors stand in `run.json`.
    pub(crate) path: &'static str,
    /// The errors.
    pub(crate) errors: Option<Summary>,
    /// What was measured wrong, up to the number.
    pub(crate) begins: &'static str,
    /// What it is part of.
    pub(crate) part_of: &'static str,
    /// The median of what the level's users or callers measured.
    pub(crate) median: Option<f64>,
    /// The levels' own errors: the level in words and by its index, and its errors. All levels
    /// together may hide that one of them was measured worse.
    pub(crate) levels: Vec<(String, usize, Summary)>,
    /// Where a level's errors stand in it.
    pub(crate) level_path: &'static str,
}

/// The level that was measured worst, with its error, by the most telling statistic that all levels
/// have enough control samples for; `None` where none is above all of them together.
fn worst_level(control: &ControlError, error: &Figure) -> Option<Text> {
    let statistic = Statistic::tail_of(control.levels.iter().map(|(_, _, errors)| *errors))?;
    let (words, index, errors) = control
        .levels
        .iter()
        .max_by(|a, b| a.2.get(statistic).total_cmp(&b.2.get(statistic)))
        .filter(|(_, _, errors)| Some(errors.get(statistic)) > error.value)?;
    let path = control.level_path;
    let worst = Figure::of_summary(path, Kind::Latency, Some(*errors), statistic).at_level(*index);
    Some(text!["; most at ", words.clone(), ", by ", worst, format!(" ({})", statistic.name())])
}

/// The tester's own error, and whether it is large beside what was measured.
pub(crate) fn control_error(control: &ControlError) -> Option<Finding> {
    let errors = control.errors?;
    let statistic = if errors.supports(Statistic::P99) { Statistic::P99 } else { Statistic::Max };
    let error = Figure::of_summary(control.path, Kind::Latency, Some(errors), statistic);
    let count = format!("{}.count", control.path);
    let samples = Figure::of_run(&count, Kind::Count, Some(float(errors.count)));
    let median = control.median?;
    let large = error.value.is_some_and(|error| error.abs() >= median * CONTROL_ERROR_SHARE);
    let mut sentence: Text =
        text![control.begins, error.clone(), format!(" ({}, n = ", statistic.name()), samples, ")"];
    if control.levels.len() > 1 {
        sentence.extend(worst_level(control, &error).unwrap_or_default());
    }
    if large {
        sentence.push(": differences smaller than that mean nothing.");
    } else {
        sentence.push(format!(", which is part of every {} here.", control.part_of));
    }
    let weight = if large { Weight::Problem } else { Weight::Note };
    Some(finding("control_error", weight, sentence))
}

#[cfg(test)]
mod tests;
