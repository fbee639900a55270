//! Whether agents that ask for the same are served alike.

use std::collections::BTreeMap;

use results::CallOutcome;
use results::tools::Carriage;
use results::units::ratio_base;

use super::finding;
use crate::document::{Finding, Weight};
use crate::number::Kind;
use crate::text::text;
use crate::tools::overview::{LevelView, Overview};

/// An agent whose calls take so many times as long as another's on average, …
const UNFAIR_RATIO: f64 = 2.0;
/// … by so many milliseconds at least, is served worse: less is not noticed by anybody …
const UNFAIR_MS: f64 = 50.0;
/// … and of fewer calls the mean may be chance.
const FEWEST_CALLS: usize = 4;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    overview.trusted.iter().filter_map(|view| unfair(*view)).collect()
}

fn unfair(view: LevelView<'_>) -> Option<Finding> {
    // Agents of a mix may have called different tools, and of calls that are carried one after
    // the other one agent's are the last: that is said by itself.
    if view.mixed() || view.level.carriage() == Carriage::Serial {
        return None;
    }
    let means = means(view);
    let (best, best_ms) = means.iter().min_by(|a, b| a.1.total_cmp(&b.1)).copied()?;
    let (worst, worst_ms) = means.iter().max_by(|a, b| a.1.total_cmp(&b.1)).copied()?;
    let ratio = (best_ms > 0.0).then(|| worst_ms / best_ms)?;
    let mean =
        |agent: u64, ms| view.derived(&format!("agent.{agent}.mean_ms"), Kind::Latency, Some(ms));
    (ratio >= UNFAIR_RATIO && worst_ms - best_ms >= UNFAIR_MS).then(|| {
        finding(
            "unfair",
            Weight::Problem,
            text![
                format!(
                    "At {} agents are not served alike: a call of agent {best} took ",
                    view.words()
                ),
                mean(best, best_ms),
                format!(" on average, one of agent {worst} "),
                mean(worst, worst_ms),
                ", ",
                view.derived("agents_ratio", Kind::Ratio, Some(ratio)),
                " as long."
            ],
        )
    })
}

/// The mean time of each agent's calls that ended ok, in milliseconds, of agents with enough of them.
fn means(view: LevelView<'_>) -> Vec<(u64, f64)> {
    let mut agents: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for call in view.level.files.iter().filter(|call| call.outcome == Some(CallOutcome::Ok)) {
        agents.entry(call.agent).or_default().push(call.took_ms());
    }
    agents.retain(|_, took| took.len() >= FEWEST_CALLS);
    let mean = |took: Vec<f64>| took.iter().sum::<f64>() / ratio_base(took.len());
    agents.into_iter().map(|(agent, took)| (agent, mean(took))).collect()
}
