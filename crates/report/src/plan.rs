//! How many users to plan for, and how many replicas carry more: always levels that were
//! measured, never a number between or beyond them.

use results::summary::Statistic;
use results::units::{float, share};

use crate::figure::{Figure, Metric};
use crate::number::Kind;
use crate::overview::{LevelView, Overview};

/// The optimal level's TTFT p95 is at most this many times that of the lowest trusted level.
pub const OPTIMAL_GROWTH: f64 = 1.25;

/// At the burst level at least this share of the streams was complete, in percent: late is
/// allowed, lost is not.
pub const BURST_COMPLETE_PERCENT: f64 = 99.5;

/// Multiples of the optimal level that replicas are worked out for when the user names no number.
pub const DEFAULT_MULTIPLES: [u64; 4] = [1, 2, 5, 10];

/// The levels to plan with.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'r> {
    /// Where nobody waits noticeably longer than alone.
    pub optimal: Option<LevelView<'r>>,
    /// The capacity: the most that met the rule.
    pub maximum: Option<LevelView<'r>>,
    /// The most that lost nothing, met the rule or not.
    pub burst: Option<LevelView<'r>>,
}

impl<'r> Plan<'r> {
    /// Draws the plan from the trusted levels.
    #[must_use]
    pub fn of(overview: &Overview<'r>) -> Self {
        let passed = overview.run.capacity.passed;
        let maximum =
            overview.trusted.iter().rev().copied().find(|view| Some(view.level.users) == passed);
        let ttft = |view: LevelView<'_>| {
            Metric::Ttft.of(view.level).and_then(|ttft| ttft.supported(Statistic::P95))
        };
        let limit = overview.base().and_then(ttft).map(|base| base * OPTIMAL_GROWTH);
        let optimal = overview.trusted.iter().rev().copied().find(|view| {
            passed.is_some_and(|passed| view.level.users <= passed)
                && limit.zip(ttft(*view)).is_some_and(|(limit, ttft)| ttft <= limit)
        });
        let burst = overview.trusted.iter().rev().copied().find(|view| {
            share(view.level.complete, view.level.outcomes.total())
                .is_some_and(|share| share * 100.0 >= BURST_COMPLETE_PERCENT)
        });
        Self { optimal, maximum, burst }
    }

    /// The level that replicas are counted with: the optimal one, else the maximum.
    #[must_use]
    pub fn per_replica(&self) -> Option<LevelView<'r>> {
        self.optimal.or(self.maximum).filter(|view| view.level.users > 0)
    }
}

/// Replicas that so many users need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replicas {
    /// Users to carry.
    pub users: u64,
    /// Replicas when each carries what was measured for one.
    pub needed: u64,
    /// One more, so that one may fail.
    pub with_spare: u64,
}

impl Replicas {
    /// Replicas for `users` when each carries `each` (at least one).
    #[must_use]
    pub fn of(users: u64, each: u64) -> Self {
        let needed = users.div_ceil(each.max(1)).max(1);
        Self { users, needed, with_spare: needed + 1 }
    }

    /// One of its counts as a number of the report.
    #[must_use]
    pub fn figure(name: &str, value: u64) -> Figure {
        Figure::derived(&format!("replicas.{name}"), Kind::Count, Some(float(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_optimal_level_is_the_last_before_ttft_grows_by_a_quarter() {
        let run = samples::run_with_ttft(&[(100, 1000.0), (500, 1250.0), (1000, 1251.0)]);
        let overview = Overview::of(&run);
        let plan = Plan::of(&overview);
        assert_eq!(plan.optimal.map(|view| view.level.users), Some(500));
        assert_eq!(plan.maximum.map(|view| view.level.users), Some(1000));
        assert_eq!(plan.burst.map(|view| view.level.users), Some(1000));
    }

    #[test]
    fn nothing_is_planned_from_untrusted_levels() {
        let run = samples::untrusted();
        let overview = Overview::of(&run);
        let plan = Plan::of(&overview);
        let untrusted = run.levels.iter().filter(|level| !level.trusted).map(|level| level.users);
        for view in [plan.optimal, plan.maximum, plan.burst].into_iter().flatten() {
            assert!(untrusted.clone().all(|users| users != view.level.users));
        }
    }

    #[test]
    fn replicas_round_up_and_have_one_spare() {
        let needed = |users| Replicas::of(users, 2000).needed;
        assert_eq!([0, 1, 2000, 2001, 6000].map(needed), [1, 1, 1, 2, 3]);
        assert_eq!(Replicas::of(6000, 2000).with_spare, 4);
        assert_eq!(Replicas::of(5, 0).needed, 5);
    }
}
