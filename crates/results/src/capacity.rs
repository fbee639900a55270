//! How much load a target carried under the SLO, and the one verdict of a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::load::{Judged, Load};
use crate::run::Run;
use crate::slo::Slo;

/// The highest load that met the SLO, as a bracket: it lies at `passed` or above and below `failed`.
///
/// The load of streams is their users, that of tool calls the calls at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// The highest trusted level that met every predicate, with every trusted level below it.
    pub passed: Option<u64>,
    /// The lowest trusted level that missed a predicate.
    pub failed: Option<u64>,
    /// What ended the bracket: the predicate missed, or why a level could not be trusted.
    pub limited_by: Option<String>,
}

impl Capacity {
    /// The bracket drawn from levels in any order (a capacity search jumps about).
    ///
    /// Untrusted levels say nothing about the target: they never pass and never fail.
    #[must_use]
    pub fn of<L: Judged>(levels: &[L], slos: &[Slo]) -> Self {
        let missed = |level: &L| slos.iter().find(|slo| slo.holds(level) != Some(true));
        let first_failure = levels
            .iter()
            .filter(|level| level.trusted())
            .filter_map(|level| missed(level).map(|slo| (level, slo)))
            .min_by_key(|(level, _)| level.load());
        let failed = first_failure.map(|(level, _)| level.load());
        let passed = levels
            .iter()
            .filter(|level| level.trusted() && failed.is_none_or(|failed| level.load() < failed))
            .map(Judged::load)
            .max();
        let untrusted = levels
            .iter()
            .filter(|level| !level.trusted() && passed.is_none_or(|passed| level.load() > passed))
            .min_by_key(|level| level.load());
        let limited_by = match (first_failure, untrusted) {
            (Some((level, slo)), _) => Some(format!("{slo} missed at {}", level.load_words())),
            (None, Some(level)) => Some(format!(
                "{} not trusted: {}",
                level.load_words(),
                level.trust_notes().first().map_or("no reason recorded", String::as_str)
            )),
            (None, None) => None,
        };
        Self { passed, failed, limited_by }
    }
}

/// The word in front of every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictWord {
    /// Every trusted level met every predicate, and at least one was trusted.
    Met,
    /// A trusted level missed a predicate.
    NotMet,
    /// No level could be trusted, or the highest could not: the tester or the machine was the limit.
    NotTrusted,
}

impl VerdictWord {
    /// `MET`, `NOT MET` or `NOT TRUSTED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "MET",
            Self::NotMet => "NOT MET",
            Self::NotTrusted => "NOT TRUSTED",
        }
    }
}

/// A run's verdict: the word, and the rule that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The word.
    pub word: VerdictWord,
    /// The predicates, joined: the rule.
    pub rule: String,
    /// Index in `run.levels` of the level that the headline numbers come from: the capacity's
    /// level where there is one, else the highest trusted, else the highest.
    pub level: Option<usize>,
}

impl Verdict {
    /// Draws the verdict from a run.
    #[must_use]
    pub fn of<K: Load>(run: &Run<K>) -> Self {
        let highest = |wanted: &dyn Fn(&K::Level) -> bool| {
            (0..run.levels.len())
                .filter(|&index| wanted(&run.levels[index]))
                .max_by_key(|&index| run.levels[index].load())
        };
        let top_trusted = highest(&|_| true).is_some_and(|index| run.levels[index].trusted());
        let any_trusted = run.levels.iter().any(Judged::trusted);
        let word = if run.slo.iter().any(|slo| !slo.passed) && any_trusted {
            VerdictWord::NotMet
        } else if top_trusted {
            VerdictWord::Met
        } else {
            VerdictWord::NotTrusted
        };
        let level = highest(&|level| level.trusted() && Some(level.load()) == run.capacity.passed)
            .or_else(|| highest(&|level| level.trusted()))
            .or_else(|| highest(&|_| true));
        let rule = run.slo.iter().map(|slo| slo.predicate.as_str()).collect::<Vec<_>>().join(", ");
        Self { word, rule, level }
    }
}

#[cfg(test)]
pub(crate) mod tests;
