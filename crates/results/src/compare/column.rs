//! The numbers that runs are compared by.

use crate::level::{Level, MIN_CPU_S_TO_DIVIDE, ProcessUsage, Role};
use crate::load::{Judged, RunKind};
use crate::slo::{Latency, Quantity, Rate, Share};
use crate::summary::{Statistic, Summary};
use crate::tools::ToolsLevel;
use crate::units::float;

/// A number of a level that runs are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// What an SLO can be about.
    Quantity(Quantity),
    /// CPU time of the target for each event or call, in microseconds.
    Cpu,
    /// The same with the CPU time of what answers the target, where the run watched it: what an
    /// answer costs in all. Otherwise that of the target, which is then all that is known.
    CpuWithUpstream,
    /// Memory of the target beyond its idle state, for each stream or call open at the peak, in
    /// bytes.
    Memory,
}

impl Column {
    /// Everything that is taken from a level of this kind, in the order of a report.
    #[must_use]
    pub fn all(kind: RunKind) -> Vec<Self> {
        let statistics = Statistic::ALL;
        let latency = |latency| {
            statistics.map(|statistic| Self::Quantity(Quantity::Latency(latency, statistic)))
        };
        let mut columns: Vec<Self> = Vec::new();
        match kind {
            RunKind::Streams => {
                let shares = [Share::Success, Share::Complete, Share::Correct];
                columns.extend(shares.map(|share| Self::Quantity(Quantity::Share(share))));
                for each in
                    [Latency::Connect, Latency::Ttfb, Latency::Ttft, Latency::Gap, Latency::Total]
                {
                    columns.extend(latency(each));
                }
                columns.extend(statistics.map(|s| Self::Quantity(Quantity::Stretch(s))));
                columns.extend(
                    [Quantity::Stalls, Quantity::Rate(Rate::Chunks), Quantity::Rate(Rate::Bytes)]
                        .map(Self::Quantity),
                );
            }
            RunKind::Tools => {
                let shares = [Share::Success, Share::Ok, Share::Correct];
                columns.extend(shares.map(|share| Self::Quantity(Quantity::Share(share))));
                for each in [
                    Latency::Session,
                    Latency::Connect,
                    Latency::Ttfb,
                    Latency::Call,
                    Latency::Probe,
                    Latency::ProbeIdle,
                ] {
                    columns.extend(latency(each));
                }
                columns.extend(
                    [Quantity::Speedup, Quantity::Rate(Rate::Calls), Quantity::Rate(Rate::Bytes)]
                        .map(Self::Quantity),
                );
            }
        }
        columns.extend([Self::Cpu, Self::CpuWithUpstream, Self::Memory]);
        columns
    }

    /// The name as it is written in a rule: `ttft.p95`, `cpu`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Quantity(quantity) => quantity.name(),
            Self::Cpu => "cpu".to_owned(),
            Self::CpuWithUpstream => "cpu_with_upstream".to_owned(),
            Self::Memory => "memory".to_owned(),
        }
    }

    /// The name in JSON and CSV: `ttft_p95`.
    #[must_use]
    pub fn key(self) -> String {
        self.name().replace('.', "_")
    }

    /// The unit of its values: `ms`, `ratio`, `%`, `count`, `bytes/s`, `1/s`, `us` or `bytes`.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Quantity(quantity) => quantity.unit(),
            Self::Cpu | Self::CpuWithUpstream => "us",
            Self::Memory => "bytes",
        }
    }

    /// Whether less of it is better.
    #[must_use]
    pub fn lower_is_better(self) -> bool {
        match self {
            Self::Quantity(quantity) => quantity.lower_is_better(),
            Self::Cpu | Self::CpuWithUpstream | Self::Memory => true,
        }
    }

    /// Whether a run of this kind has such a number at all.
    #[must_use]
    pub fn measured_in(self, kind: RunKind) -> bool {
        match self {
            Self::Quantity(quantity) => quantity.measured_in(kind),
            Self::Cpu | Self::CpuWithUpstream | Self::Memory => true,
        }
    }

    /// The column with this name; the error says what is wrong with it.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "cpu_with_upstream" => Ok(Self::CpuWithUpstream),
            "memory" => Ok(Self::Memory),
            name => Quantity::parse(name).map(Self::Quantity).map_err(|reason| {
                format!("{reason}; also capacity, cpu, cpu_with_upstream and memory")
            }),
        }
    }

    /// Its value at a level of streams.
    pub(super) fn of_streams(self, level: &Level) -> Option<f64> {
        match self {
            Self::Quantity(quantity)
                if supported(quantity, |latency| match latency {
                    None => level.stretch,
                    Some(Latency::Connect) => level.connect_ms,
                    Some(Latency::Ttfb) => level.ttfb_ms,
                    Some(Latency::Ttft) => level.ttft_ms,
                    Some(Latency::Gap) => level.gap_ms,
                    Some(Latency::Total) => level.total_ms,
                    Some(_) => None,
                }) =>
            {
                level.value(quantity)
            }
            Self::Quantity(_) => None,
            Self::Cpu => cpu_us(level.processes(Role::Target), level.chunks),
            Self::CpuWithUpstream => {
                cpu_us(with_upstream(level.target_usage.as_deref()), level.chunks)
            }
            Self::Memory => memory(level.processes(Role::Target), level.peak_open),
        }
    }

    /// Its value at a level of tool calls.
    pub(super) fn of_tools(self, level: &ToolsLevel) -> Option<f64> {
        match self {
            Self::Quantity(quantity)
                if supported(quantity, |latency| match latency {
                    Some(Latency::Session) => level.session_ms,
                    Some(Latency::Connect) => level.connect_ms,
                    Some(Latency::Ttfb) => level.ttfb_ms,
                    Some(Latency::Call) => level.call_ms,
                    Some(Latency::Probe) => level.probe_ms,
                    Some(Latency::ProbeIdle) => level.probe_idle_ms,
                    _ => None,
                }) =>
            {
                level.value(quantity)
            }
            Self::Quantity(_) => None,
            Self::Cpu => cpu_us(level.processes(Role::Target), level.outcomes.total()),
            Self::CpuWithUpstream => {
                cpu_us(with_upstream(level.target_usage.as_deref()), level.outcomes.total())
            }
            Self::Memory => memory(level.processes(Role::Target), level.peak_open),
        }
    }
}

/// Whether there are enough samples behind a quantity: a percentile of too few would make one run
/// look better than another by chance.
fn supported(quantity: Quantity, summary: impl Fn(Option<Latency>) -> Option<Summary>) -> bool {
    let enough = |summary: Option<Summary>, statistic| {
        summary.is_some_and(|summary| summary.supports(statistic))
    };
    match quantity {
        Quantity::Latency(latency, statistic) => enough(summary(Some(latency)), statistic),
        Quantity::Stretch(statistic) => enough(summary(None), statistic),
        _ => true,
    }
}

/// Every watched process; none where the target itself was not seen.
fn with_upstream(watched: Option<&[ProcessUsage]>) -> impl Iterator<Item = &ProcessUsage> {
    let seen = |watched: &&[ProcessUsage]| watched.iter().any(|it| it.role == Role::Target);
    watched.filter(seen).into_iter().flatten()
}

fn cpu_us<'p>(target: impl Iterator<Item = &'p ProcessUsage>, of: u64) -> Option<f64> {
    let mut target = target.peekable();
    target.peek()?;
    let cpu_s: f64 = target.map(|process| process.cpu_s).sum();
    (of > 0 && cpu_s >= MIN_CPU_S_TO_DIVIDE).then(|| cpu_s * 1_000_000.0 / float(of))
}

fn memory<'p>(target: impl Iterator<Item = &'p ProcessUsage>, open: u64) -> Option<f64> {
    let mut target = target.peekable();
    target.peek()?;
    let grown = target.map(|p| p.peak_rss_bytes.saturating_sub(p.idle_rss_bytes));
    (open > 0).then(|| float(grown.sum()) / float(open))
}
