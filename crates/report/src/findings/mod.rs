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

use crate::document::{Finding, Weight};
use crate::overview::Overview;
use crate::text::Text;

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

#[cfg(test)]
mod tests;
