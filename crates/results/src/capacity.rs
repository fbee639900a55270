//! How much load a target carried under the SLO, and the one verdict of a run.

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::judgement::Judgement;
use crate::load::{Judged, Load};
use crate::run::Run;
use crate::slo::Slo;

/// The highest load that met the SLO, as a bracket: it lies at `passed` or above and below `failed`.
///
/// The load of streams is their users, that of tool calls the calls at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// The highest trusted level that met the rule, with every trusted level below it.
    pub passed: Option<u64>,
    /// The lowest level that missed the rule.
    pub failed: Option<u64>,
    /// What ended the bracket: what was missed, or why a level could not be trusted.
    pub limited_by: Option<String>,
}

impl Capacity {
    /// The bracket drawn from levels in any order (a capacity search jumps about).
    ///
    /// Levels of different stages make different calls: each stage has its own bracket, and the
    /// run carries what its weakest stage carries.
    #[must_use]
    pub fn of<L: Judged>(levels: &[L], slos: &[Slo]) -> Self {
        let brackets = stages(levels).into_iter().map(|stage| {
            let own: Vec<&L> = levels.iter().filter(|level| level.stage() == stage).collect();
            Self::of_stage(&own, slos)
        });
        brackets.reduce(Self::and).unwrap_or_default()
    }

    fn of_stage<L: Judged>(levels: &[&L], slos: &[Slo]) -> Self {
        let judged: Vec<(u64, Judgement)> =
            levels.iter().map(|level| (level.load(), Judgement::of(*level, slos))).collect();
        let first_failure =
            judged.iter().filter(|(_, it)| it.is_missed()).min_by_key(|(load, _)| *load);
        let failed = first_failure.map(|(load, _)| *load);
        let passed = judged
            .iter()
            .filter(|(load, it)| *it == Judgement::Met && failed.is_none_or(|least| *load < least))
            .map(|(load, _)| *load)
            .max();
        let untrusted = judged
            .iter()
            .filter(|(load, it)| {
                matches!(it, Judgement::Untrusted(_)) && passed.is_none_or(|held| *load > held)
            })
            .min_by_key(|(load, _)| *load);
        let limited_by = match first_failure.or(untrusted) {
            Some((_, Judgement::Missed(why) | Judgement::Untrusted(why))) => Some(why.clone()),
            _ => None,
        };
        Self { passed, failed, limited_by }
    }

    /// What is carried where two stages must be.
    fn and(self, other: Self) -> Self {
        let weaker = (other.passed, other.failed.is_none()) < (self.passed, self.failed.is_none());
        let (weak, strong) = if weaker { (other, self) } else { (self, other) };
        Self {
            passed: weak.passed,
            failed: weak.failed.into_iter().chain(strong.failed).min(),
            limited_by: weak.limited_by.or(strong.limited_by),
        }
    }
}

/// The stages of levels in the order in which they ran.
pub(crate) fn stages<L: Judged>(levels: &[L]) -> Vec<Option<&str>> {
    let mut stages: Vec<Option<&str>> = Vec::new();
    for level in levels {
        if !stages.contains(&level.stage()) {
            stages.push(level.stage());
        }
    }
    stages
}

/// The word in front of every report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictWord {
    /// No level missed the rule, and the highest of each stage was trusted.
    Met,
    /// A level missed the rule: see [`Judgement::of`].
    NotMet,
    /// The highest level of a stage could not be trusted: the tester or the machine was the limit.
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
        let slos: Vec<Slo> = run.slo.iter().filter_map(|slo| slo.predicate.parse().ok()).collect();
        let judged = run.levels.iter().map(|level| Judgement::of(level, &slos));
        let missed = judged.filter(Judgement::is_missed).count() > 0;
        let any_trusted = run.levels.iter().any(Judged::trusted);
        let stages = stages(&run.levels);
        // The highest level of which something is wanted; among equals that of the first stage,
        // and of the last try.
        let highest = |wanted: &dyn Fn(&K::Level) -> bool| {
            let stage = |index: usize| stages.iter().position(|s| *s == run.levels[index].stage());
            (0..run.levels.len())
                .filter(|&index| wanted(&run.levels[index]))
                .max_by_key(|&index| (run.levels[index].load(), Reverse(stage(index)), index))
        };
        let top_trusted = !stages.is_empty()
            && stages.iter().all(|stage| {
                highest(&|level| level.stage() == *stage)
                    .is_some_and(|index| run.levels[index].trusted())
            });
        // A predicate that was measured nowhere has not passed, and misses at no level.
        let word = if missed || (run.slo.iter().any(|slo| !slo.passed) && any_trusted) {
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
