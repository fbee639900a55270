//! Sentences drawn from the data by rule, each with the numbers that made it.

mod calls;
mod concurrency;
mod fairness;
mod resources;
mod trust;

use super::overview::Overview;
use crate::document::{Finding, Weight};
use crate::text::Text;

/// All findings, the weightiest first; equal weights in the order of the rules.
pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let rules: [fn(&Overview<'_>) -> Vec<Finding>; 5] = [
        trust::findings,
        calls::findings,
        concurrency::findings,
        fairness::findings,
        resources::findings,
    ];
    let mut all: Vec<Finding> = rules.iter().flat_map(|rule| rule(overview)).collect();
    all.sort_by_key(|finding| finding.weight);
    all
}

fn finding(rule: &'static str, weight: Weight, text: Text) -> Finding {
    Finding { rule, weight, text }
}
