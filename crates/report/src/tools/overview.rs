//! A run of tool calls as its report looks at it.

use results::level::{MIN_CPU_S_TO_DIVIDE, ProcessUsage, Role};
use results::slo::Slo;
use results::summary::Statistic;
use results::tools::Overlap;
use results::units::float;
use results::{CallOutcome, CallOutcomes, Judged, Summary, ToolsLevel, ToolsRun, Verdict};

use crate::figure::Figure;
use crate::number::Kind;
use crate::text::foreign;

/// A run of tool calls, and the levels that matter to its reading.
#[derive(Debug, Clone)]
pub(super) struct Overview<'r> {
    pub(super) run: &'r ToolsRun,
    /// Its verdict, drawn once.
    pub(super) verdict: Verdict,
    /// All levels in the order in which they ran.
    pub(super) levels: Vec<LevelView<'r>>,
    /// The trusted levels by ascending load.
    pub(super) trusted: Vec<LevelView<'r>>,
    /// The predicates of the rule, as far as they can be read.
    pub(super) slos: Vec<Slo>,
}

impl<'r> Overview<'r> {
    pub(super) fn of(run: &'r ToolsRun) -> Self {
        let levels: Vec<LevelView<'r>> = run
            .levels
            .iter()
            .enumerate()
            .map(|(index, level)| LevelView { index, level })
            .collect();
        let mut trusted: Vec<LevelView<'r>> =
            levels.iter().copied().filter(|view| view.level.trusted).collect();
        trusted.sort_by_key(|view| view.level.load());
        let slos = run.slo.iter().filter_map(|slo| slo.predicate.parse().ok()).collect();
        Self { run, verdict: run.verdict(), levels, trusted, slos }
    }

    /// The level that the headline numbers come from; `None` when no level ran.
    pub(super) fn headline(&self) -> Option<LevelView<'r>> {
        self.verdict.level.and_then(|index| self.levels.get(index).copied())
    }

    /// The stages in the order in which they ran; one without a name where the run has but one.
    pub(super) fn stages(&self) -> Vec<Option<&'r str>> {
        let mut stages: Vec<Option<&str>> = Vec::new();
        for view in &self.levels {
            if !stages.contains(&view.level.stage.as_deref()) {
                stages.push(view.level.stage.as_deref());
            }
        }
        stages
    }

    /// The levels of one stage: only they are a ladder.
    pub(super) fn of_stage(&self, stage: Option<&str>) -> Vec<LevelView<'r>> {
        let of = |view: &LevelView<'_>| view.level.stage.as_deref() == stage;
        self.levels.iter().copied().filter(of).collect()
    }

    /// The level of each stage that is looked at closely, in their order: of the headline's stage the
    /// headline's, of every other the highest trusted one, or its last.
    pub(super) fn shown(&self) -> Vec<LevelView<'r>> {
        let headline = self.headline();
        let of = |stage: Option<&str>| {
            let levels = self.of_stage(stage);
            let trusted = levels.iter().filter(|view| view.level.trusted);
            headline
                .filter(|view| view.level.stage.as_deref() == stage)
                .or(trusted.max_by_key(|view| view.level.load()).copied())
                .or(levels.last().copied())
        };
        self.stages().into_iter().filter_map(of).collect()
    }

    /// All ended calls of all levels by outcome.
    pub(super) fn outcomes(&self) -> CallOutcomes {
        let mut all = CallOutcomes::default();
        for view in &self.levels {
            all.merge(&view.level.outcomes);
        }
        all
    }

    /// The process that answers the target, where it is on this machine.
    pub(super) fn upstream(&self) -> Option<&'r str> {
        let first = self.run.levels.first()?;
        first.processes(Role::Upstream).next().map(|process| process.process.as_str())
    }

    /// Whether the files of this run were looked at.
    pub(super) fn verified(&self) -> bool {
        self.run.workload.verification.is_some()
    }

    /// Whether the run mixes several tools.
    pub(super) fn mixed(&self) -> bool {
        self.levels.iter().any(|view| view.mixed())
    }
}

/// A distribution that a level of calls holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Call,
    Connect,
    Ttfb,
    Probe,
    ProbeIdle,
    Session,
}

impl Metric {
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Call => "call_ms",
            Self::Connect => "connect_ms",
            Self::Ttfb => "ttfb_ms",
            Self::Probe => "probe_ms",
            Self::ProbeIdle => "probe_idle_ms",
            Self::Session => "session_ms",
        }
    }

    pub(super) fn of(self, level: &ToolsLevel) -> Option<Summary> {
        match self {
            Self::Call => level.call_ms,
            Self::Connect => level.connect_ms,
            Self::Ttfb => level.ttfb_ms,
            Self::Probe => level.probe_ms,
            Self::ProbeIdle => level.probe_idle_ms,
            Self::Session => level.session_ms,
        }
    }
}

/// One level, and its place in `run.json`.
#[derive(Debug, Clone, Copy)]
pub(super) struct LevelView<'r> {
    pub(super) index: usize,
    pub(super) level: &'r ToolsLevel,
}

impl LevelView<'_> {
    /// The load in words: `4 agents x 8 calls`.
    pub(super) fn words(self) -> String {
        foreign(&self.level.load_words())
    }

    /// The load as an axis shows it: `4x8`, with its stage where the run has several.
    pub(super) fn short(self) -> String {
        let shape = self.level.shape();
        let stage = self.level.stage.as_deref().map(foreign);
        stage.map_or(shape.to_string(), |stage| format!("{shape} {stage}"))
    }

    /// Calls at once that were asked for.
    pub(super) fn load(self) -> Figure {
        self.derived("calls_at_once", Kind::Count, Some(float(self.level.load())))
    }

    /// A count of the level that stands in `run.json` under this name.
    pub(super) fn counted(self, path: &str, value: u64) -> Figure {
        self.measured(path, Kind::Count, Some(float(value)))
    }

    /// A number of the level that stands in `run.json` under this name.
    pub(super) fn measured(self, path: &str, kind: Kind, value: Option<f64>) -> Figure {
        Figure::of_run(path, kind, value).at_level(self.index)
    }

    /// A number computed from the level.
    pub(super) fn derived(self, name: &str, kind: Kind, value: Option<f64>) -> Figure {
        Figure::derived(name, kind, value).at_level(self.index)
    }

    /// One statistic of one of the level's distributions; a dash with too few samples.
    pub(super) fn summary(self, metric: Metric, statistic: Statistic) -> Figure {
        Figure::of_summary(metric.field(), Kind::Latency, metric.of(self.level), statistic)
            .at_level(self.index)
    }

    /// The 95th percentile, or the maximum where there are too few samples for it.
    pub(super) fn tail(self, metric: Metric) -> (Figure, Statistic) {
        let p95 = self.summary(metric, Statistic::P95);
        if p95.value.is_some() {
            (p95, Statistic::P95)
        } else {
            (self.summary(metric, Statistic::Max), Statistic::Max)
        }
    }

    /// Calls with this outcome.
    pub(super) fn outcome(self, outcome: CallOutcome) -> Figure {
        let count = self.level.outcomes.get(outcome);
        self.counted(&format!("outcomes.{}", outcome.name()), count)
    }

    /// Share of ended calls that ended ok, in percent.
    pub(super) fn ok(self) -> Figure {
        self.share("ok_percent", self.level.ok_share())
    }

    /// Share of ended calls that the server answered with a success, in percent.
    pub(super) fn success(self) -> Figure {
        self.share("success_percent", self.level.success_share())
    }

    /// Share of ended calls whose file was proved right, in percent.
    pub(super) fn correct(self) -> Figure {
        self.share("correct_percent", self.level.correct_share())
    }

    /// Calls that ended per second.
    pub(super) fn calls_per_s(self) -> Figure {
        self.derived("calls_per_s", Kind::Rate, self.level.calls_per_s())
    }

    /// Bytes per second; a dash when no call left any.
    pub(super) fn bytes_per_s(self) -> Figure {
        let rate = (self.level.bytes_total > 0).then_some(self.level.bytes_per_s);
        self.measured("bytes_per_s", Kind::ByteRate, rate)
    }

    /// What calling at once gained.
    pub(super) fn speedup(self) -> Figure {
        self.measured("speedup", Kind::Ratio, self.level.speedup)
    }

    /// Whether the level mixes several tools.
    pub(super) fn mixed(self) -> bool {
        self.level.tools.len() > 1
    }

    /// How far the calls overlapped; `None` where single calls were left out of `run.json`.
    pub(super) fn overlap(self) -> Option<Overlap> {
        if self.level.files_left_out > 0 { None } else { Overlap::of(&self.level.files) }
    }

    /// The level's rate as a share of the bare transfer's, in percent.
    pub(super) fn of_floor(self) -> Figure {
        let share = self
            .level
            .floor
            .filter(|floor| floor.bytes_per_s > 0.0 && self.level.bytes_total > 0)
            .map(|floor| self.level.bytes_per_s / floor.bytes_per_s * 100.0);
        self.derived("of_floor_percent", Kind::Portion, share)
    }

    /// CPU time of the target for each call that ended, in milliseconds.
    pub(super) fn target_cpu_per_call(self) -> Figure {
        self.per_call("target_cpu_ms_per_call", self.level.target_cpu_s())
    }

    /// CPU time of the tester for each call that ended, in milliseconds.
    pub(super) fn tester_cpu_per_call(self) -> Figure {
        self.per_call("tester_cpu_ms_per_call", Some(self.level.tester_usage.cpu_s))
    }

    /// The same with reading the files back and hashing them.
    pub(super) fn tester_cpu_with_hashing(self) -> Figure {
        let hashing = self.level.verify_cpu_s;
        let both = hashing.map(|cpu_s| cpu_s + self.level.tester_usage.cpu_s);
        self.per_call("tester_cpu_ms_per_call_with_hashing", both)
    }

    /// Cores that the target kept busy, on average over the level.
    pub(super) fn target_cores(self) -> Figure {
        let cores = self
            .level
            .target_cpu_s()
            .filter(|_| self.level.duration_s > 0.0)
            .map(|cpu_s| cpu_s / self.level.duration_s);
        self.derived("target_cores", Kind::Cores, cores)
    }

    /// Highest resident memory of the target's processes, summed, in bytes.
    pub(super) fn target_memory(self) -> Figure {
        let bytes = self.over_target(|process| process.peak_rss_bytes).map(float);
        self.derived("target_peak_rss_bytes", Kind::Bytes, bytes)
    }

    /// Most open file descriptors of the target's processes, summed.
    pub(super) fn target_fds(self) -> Figure {
        let open = self.over_target(|process| process.peak_fds).map(float);
        self.derived("target_peak_fds", Kind::Count, open)
    }

    fn over_target(self, value: impl Fn(&ProcessUsage) -> u64) -> Option<u64> {
        let mut processes = self.level.processes(Role::Target).peekable();
        processes.peek()?;
        Some(processes.map(value).sum())
    }

    fn per_call(self, name: &str, cpu_s: Option<f64>) -> Figure {
        let ended = self.level.outcomes.total();
        let millis = cpu_s
            .filter(|cpu_s| ended > 0 && *cpu_s >= MIN_CPU_S_TO_DIVIDE)
            .map(|cpu_s| cpu_s * 1_000.0 / float(ended));
        self.derived(name, Kind::CpuMillis, millis)
    }

    fn share(self, name: &str, share: Option<f64>) -> Figure {
        let percent = share.map(|share| share * 100.0);
        let samples = percent.map(|_| self.level.outcomes.total());
        Figure { samples, ..self.derived(name, Kind::Percent, percent) }
    }
}
