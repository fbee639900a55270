//! A run as the reports look at it: its levels with their place in the file, the one that the
//! headline numbers come from, and the trusted ones in order of load.

use results::level::{Level, MIN_CPU_S_TO_DIVIDE, Outcome, ProcessUsage, Role};
use results::slo::{Latency, Quantity, Slo};
use results::summary::Statistic;
use results::units::{float, share};
use results::{Run, Verdict};

use crate::figure::{Figure, Metric};
use crate::number::Kind;

/// A run, and the levels that matter to its reading.
#[derive(Debug, Clone)]
pub struct Overview<'r> {
    /// The run itself.
    pub run: &'r Run,
    /// Its verdict, drawn once.
    pub verdict: Verdict,
    /// All levels in the order in which they ran.
    pub levels: Vec<LevelView<'r>>,
    /// The trusted levels by ascending number of users.
    pub trusted: Vec<LevelView<'r>>,
    /// The predicates of the rule, as far as they can be read.
    pub slos: Vec<Slo>,
}

impl<'r> Overview<'r> {
    /// Looks at a run.
    #[must_use]
    pub fn of(run: &'r Run) -> Self {
        let levels: Vec<LevelView<'r>> = run
            .levels
            .iter()
            .enumerate()
            .map(|(index, level)| LevelView { index, level })
            .collect();
        let mut trusted: Vec<LevelView<'r>> =
            levels.iter().copied().filter(|view| view.level.trusted).collect();
        trusted.sort_by_key(|view| view.level.users);
        let slos = run.slo.iter().filter_map(|slo| slo.predicate.parse().ok()).collect();
        Self { run, verdict: run.verdict(), levels, trusted, slos }
    }

    /// The level that the headline numbers come from; `None` when no level ran.
    #[must_use]
    pub fn headline(&self) -> Option<LevelView<'r>> {
        self.verdict.level.and_then(|index| self.levels.get(index).copied())
    }

    /// The lowest trusted level: what the others are compared with.
    #[must_use]
    pub fn base(&self) -> Option<LevelView<'r>> {
        self.trusted.first().copied()
    }

    /// The highest trusted level.
    #[must_use]
    pub fn top(&self) -> Option<LevelView<'r>> {
        self.trusted.last().copied()
    }

    /// The highest trusted level where it is not also the lowest: a comparison needs two.
    #[must_use]
    pub fn base_and_top(&self) -> Option<(LevelView<'r>, LevelView<'r>)> {
        let (base, top) = (self.base()?, self.top()?);
        (base.level.users < top.level.users).then_some((base, top))
    }

    /// The limit that the rule sets for a latency, in milliseconds, with the statistic it is about.
    #[must_use]
    pub fn latency_limit(&self, wanted: Latency) -> Option<(Statistic, f64)> {
        self.slos.iter().find_map(|slo| match slo.quantity {
            Quantity::Latency(latency, statistic) if latency == wanted => {
                Some((statistic, slo.limit))
            }
            _ => None,
        })
    }

    /// The limit that the rule sets for the stretch.
    #[must_use]
    pub fn stretch_limit(&self) -> Option<f64> {
        self.slos.iter().find_map(|slo| match slo.quantity {
            Quantity::Stretch(_) => Some(slo.limit),
            _ => None,
        })
    }

    /// The process that answers the target, where the run knows it.
    #[must_use]
    pub fn upstream(&self) -> Option<&'r str> {
        let first = self.run.levels.first()?;
        first.processes(Role::Upstream).next().map(|process| process.process.as_str())
    }

    /// Streams that ended in all levels together.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.levels.iter().map(|view| view.level.outcomes.total()).sum()
    }

    /// Streams of all levels together that had this outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.levels.iter().map(|view| view.level.outcomes.get(outcome)).sum()
    }
}

/// One level, and its place in `run.json`.
#[derive(Debug, Clone, Copy)]
pub struct LevelView<'r> {
    /// Index in `levels`.
    pub index: usize,
    /// What was measured.
    pub level: &'r Level,
}

impl LevelView<'_> {
    /// The number of users.
    #[must_use]
    pub fn users(self) -> Figure {
        self.counted("users", self.level.users)
    }

    /// A count of the level that stands in `run.json` under this name.
    #[must_use]
    pub fn counted(self, path: &str, value: u64) -> Figure {
        self.measured(path, Kind::Count, Some(float(value)))
    }

    /// A number of the level that stands in `run.json` under this name.
    #[must_use]
    pub fn measured(self, path: &str, kind: Kind, value: Option<f64>) -> Figure {
        Figure::of_run(path, kind, value).at_level(self.index)
    }

    /// A number computed from the level.
    #[must_use]
    pub fn derived(self, name: &str, kind: Kind, value: Option<f64>) -> Figure {
        Figure::derived(name, kind, value).at_level(self.index)
    }

    /// One statistic of one of the level's distributions; a dash with too few samples.
    #[must_use]
    pub fn summary(self, metric: Metric, statistic: Statistic) -> Figure {
        Figure::of_summary(metric.field(), metric.kind(), metric.of(self.level), statistic)
            .at_level(self.index)
    }

    /// Streams with this outcome.
    #[must_use]
    pub fn outcome(self, outcome: Outcome) -> Figure {
        self.counted(&format!("outcomes.{}", outcome.name()), self.level.outcomes.get(outcome))
    }

    /// Share of ended streams that succeeded, in percent.
    #[must_use]
    pub fn success(self) -> Figure {
        self.share_of_ended("success_percent", Some(self.level.succeeded))
    }

    /// Share of ended streams that were complete, in percent.
    #[must_use]
    pub fn complete(self) -> Figure {
        self.share_of_ended("complete_percent", Some(self.level.complete))
    }

    /// Share of ended streams whose text was proved right, in percent.
    #[must_use]
    pub fn correct(self) -> Figure {
        self.share_of_ended("correct_percent", self.level.correct)
    }

    /// Streams that ended other than [`Outcome::Ok`].
    #[must_use]
    pub fn not_ok(self) -> u64 {
        self.level.outcomes.total() - self.level.outcomes.ok
    }

    /// CPU seconds of all the target's processes.
    #[must_use]
    pub fn target_cpu_s(self) -> Option<f64> {
        self.over_target(|process| process.cpu_s)
    }

    /// Cores that the target kept busy, on average over the level.
    #[must_use]
    pub fn target_cores(self) -> Figure {
        let cores = self.target_cpu_s().and_then(|cpu_s| self.per_second(cpu_s));
        self.derived("target_cores", Kind::Cores, cores)
    }

    /// CPU time of the target for each event that reached the tester, in microseconds.
    #[must_use]
    pub fn target_cpu_per_event(self) -> Figure {
        let micros = self.target_cpu_s().and_then(|cpu_s| {
            (self.level.chunks > 0 && cpu_s >= MIN_CPU_S_TO_DIVIDE)
                .then(|| cpu_s * 1_000_000.0 / float(self.level.chunks))
        });
        self.derived("target_cpu_us_per_chunk", Kind::CpuMicros, micros)
    }

    /// Highest resident memory of the target's processes, summed, in bytes.
    #[must_use]
    pub fn target_memory(self) -> Figure {
        let bytes = self.over_target(|process| float(process.peak_rss_bytes));
        self.derived("target_peak_rss_bytes", Kind::Bytes, bytes)
    }

    /// Memory that the target took beyond its idle state, for each stream open at the peak.
    #[must_use]
    pub fn target_memory_per_stream(self) -> Figure {
        let grown = self.over_target(|process| {
            float(process.peak_rss_bytes.saturating_sub(process.idle_rss_bytes))
        });
        let bytes = grown
            .filter(|_| self.level.peak_open > 0)
            .map(|bytes| bytes / float(self.level.peak_open));
        self.derived("target_memory_per_stream_bytes", Kind::Bytes, bytes)
    }

    /// Cores that the tester kept busy, on average over the level.
    #[must_use]
    pub fn tester_cores(self) -> Figure {
        let cores = self.per_second(self.level.tester_usage.cpu_s);
        self.derived("tester_cores", Kind::Cores, cores)
    }

    fn share_of_ended(self, name: &str, part: Option<u64>) -> Figure {
        let ended = self.level.outcomes.total();
        let percent = part.and_then(|part| {
            // All of them is 100 exactly, whatever the rounding of a quotient would be.
            if part == ended && ended > 0 {
                Some(100.0)
            } else {
                share(part, ended).map(|s| s * 100.0)
            }
        });
        Figure { samples: percent.map(|_| ended), ..self.derived(name, Kind::Percent, percent) }
    }

    fn over_target(self, value: impl Fn(&ProcessUsage) -> f64) -> Option<f64> {
        let mut processes = self.level.processes(Role::Target).peekable();
        processes.peek()?;
        Some(processes.map(value).sum())
    }

    fn per_second(self, value: f64) -> Option<f64> {
        (self.level.duration_s > 0.0).then(|| value / self.level.duration_s)
    }
}
