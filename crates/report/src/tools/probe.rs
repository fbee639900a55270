//! How the trivial calls of a level are read: by which statistic, and from when on a server counts
//! as unresponsive. The sentence, the numbers at the head and the section all ask here.

use results::Summary;
use results::summary::Statistic;

use super::overview::{LevelView, Metric, Overview};
use crate::number::{self, Kind};

/// A trivial call that takes so many times as long under load as idle …
const SLOW_RATIO: f64 = 5.0;
/// … and at least so many milliseconds, is worth a warning: people notice from about 100 ms on
/// (Miller, "Response time in man-computer conversational transactions", 1968), and a chain of
/// calls adds up before.
const SLOW_MS: f64 = 50.0;

/// The trivial call of a level, idle and under load, by one statistic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compared {
    /// The most telling one that both samples are enough for.
    pub(super) statistic: Statistic,
    loaded: Summary,
    idle: Summary,
}

impl Compared {
    /// `None` where either was not measured.
    pub(super) fn of(view: LevelView<'_>) -> Option<Self> {
        let (loaded, idle) = (view.level.probe_ms?, view.level.probe_idle_ms?);
        let statistic = Statistic::tail_of([loaded, idle])?;
        Some(Self { statistic, loaded, idle })
    }

    /// How many times as long it takes under load.
    pub(super) fn ratio(&self) -> Option<f64> {
        let idle = self.idle.get(self.statistic);
        (idle > 0.0).then(|| self.loaded.get(self.statistic) / idle)
    }

    /// Whether the server hardly answers; see [`rule`].
    pub(super) fn unresponsive(&self) -> bool {
        let (loaded, idle) = (self.loaded.get(self.statistic), self.idle.get(self.statistic));
        loaded >= SLOW_MS && loaded >= idle * SLOW_RATIO
    }
}

/// The rule in words.
pub(super) fn rule() -> String {
    format!(
        "A trusted level counts as unresponsive when a trivial call takes at least {} under load \
         and {} times as long as on the idle server. Both are compared by the p99 where there are \
         100 samples of each, else by the p95 where there are 20, else by the maximum.",
        number::show(Kind::Latency, Some(SLOW_MS)),
        number::tick(SLOW_RATIO)
    )
}

/// The most telling statistic of the trivial call under load that all these levels have enough
/// samples for, so that one column holds them; p99 where none was made.
pub(super) fn common_statistic(overview: &Overview<'_>) -> Statistic {
    let probed = overview.levels.iter().filter_map(|view| Metric::Probe.of(view.level));
    Statistic::tail_of(probed).unwrap_or(Statistic::P99)
}

/// The most telling statistic of the trivial call under load at one level.
pub(super) fn statistic(view: LevelView<'_>) -> Option<Statistic> {
    Statistic::tail_of(Metric::Probe.of(view.level))
}
