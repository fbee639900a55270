//! A comparison as its report looks at it: which numbers it shows, and what they are called.

use results::RunKind;
use results::compare::{Column, ComparedRun, Comparison, Rung};
use results::slo::{Latency, Quantity, Rate, Share};
use results::summary::Statistic;

use crate::figure::Figure;
use crate::number::{self, Kind};
use crate::text::foreign;

/// A comparison with what its report asks of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'c> {
    pub(super) comparison: &'c Comparison,
}

/// A number that the report shows for each run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub(super) column: Column,
    /// As a heading, without its statistic.
    pub(super) name: &'static str,
    /// The statistic of a distribution.
    pub(super) statistic: &'static str,
}

fn latency(latency: Latency, statistic: Statistic) -> Column {
    Column::Quantity(Quantity::Latency(latency, statistic))
}

fn shown(column: Column, name: &'static str, statistic: &'static str) -> Shown {
    Shown { column, name, statistic }
}

impl Shown {
    pub(super) fn kind(self) -> Kind {
        crate::slo::kind_of_unit(self.column.unit())
    }

    /// Name and statistic.
    pub(super) fn title(self) -> String {
        if self.statistic.is_empty() {
            self.name.to_owned()
        } else {
            format!("{} {}", self.name, self.statistic)
        }
    }
}

impl<'c> View<'c> {
    /// The numbers of the ranking and of every load, in their order.
    pub(super) fn columns(self) -> Vec<Shown> {
        use Statistic::{Mean, P50, P95, P99};
        let mut columns = match self.comparison.kind {
            RunKind::Streams => vec![
                shown(Column::Quantity(Quantity::Share(Share::Complete)), "complete", ""),
                shown(latency(Latency::Ttft, P50), "TTFT", "p50"),
                shown(latency(Latency::Ttft, P95), "TTFT", "p95"),
                shown(latency(Latency::Ttft, P99), "TTFT", "p99"),
                shown(latency(Latency::Gap, P99), "gap", "p99"),
                shown(latency(Latency::Total, Mean), "total", "mean"),
                shown(latency(Latency::Total, P95), "total", "p95"),
                shown(Column::Quantity(Quantity::Stretch(P95)), "stretch", "p95"),
                shown(Column::Quantity(Quantity::Rate(Rate::Chunks)), "events", ""),
                shown(Column::Cpu, "CPU/event", ""),
                shown(Column::CpuWithUpstream, "CPU/event", "with upstream"),
                shown(Column::Memory, "memory each", ""),
            ],
            RunKind::Tools => vec![
                shown(Column::Quantity(Quantity::Share(Share::Ok)), "ok", ""),
                shown(latency(Latency::Call, P50), "call", "p50"),
                shown(latency(Latency::Call, P95), "call", "p95"),
                shown(latency(Latency::Call, P99), "call", "p99"),
                shown(latency(Latency::Probe, self.probe()), "probe", self.probe().name()),
                shown(Column::Quantity(Quantity::Speedup), "speed-up", ""),
                shown(Column::Quantity(Quantity::Rate(Rate::Calls)), "calls", ""),
                shown(Column::Quantity(Quantity::Rate(Rate::Bytes)), "throughput", ""),
                shown(Column::Cpu, "CPU/call", ""),
                shown(Column::CpuWithUpstream, "CPU/call", "with upstream"),
                shown(Column::Memory, "memory each", ""),
            ],
        };
        // A number that no run has would be a column of dashes.
        columns.retain(|shown| self.measured(shown.column));
        columns
    }

    /// The most telling statistic of the trivial call that every level has enough samples for, of
    /// those in which it was made.
    fn probe(self) -> Statistic {
        let of = |statistic| latency(Latency::Probe, statistic);
        let levels = || self.comparison.runs.iter().flat_map(|run| &run.levels);
        let probed = || levels().filter(|level| level.value(of(Statistic::Max)).is_some());
        let all_have =
            |statistic: &Statistic| probed().all(|level| level.value(of(*statistic)).is_some());
        Statistic::TAILS.into_iter().find(all_have).unwrap_or(Statistic::P99)
    }

    fn measured(self, column: Column) -> bool {
        // Without an upstream it is the target's own CPU once more.
        if column == Column::CpuWithUpstream && !self.has_upstream() {
            return false;
        }
        let levels = self.comparison.runs.iter().flat_map(|run| &run.levels);
        levels.into_iter().any(|level| level.value(column).is_some())
    }

    /// The load of a rung in words, with its stage where runs have several.
    pub(super) fn words(self, rung: &Rung) -> String {
        let load = format!("{} {}", number::count(rung.load), self.noun());
        let stage = rung.stage.as_deref().map(foreign);
        stage.map_or(load.clone(), |stage| format!("{load} ({stage})"))
    }

    /// Whether anything answers a target that was watched as well.
    pub(super) fn has_upstream(self) -> bool {
        self.comparison.runs.iter().any(|run| run.upstream.is_some())
    }

    /// What loads are counted in.
    pub(super) fn noun(self) -> &'static str {
        match self.comparison.kind {
            RunKind::Streams => "users",
            RunKind::Tools => "calls at once",
        }
    }

    /// The letter of a run: A is the baseline.
    pub(super) fn letter(run: usize) -> String {
        let letter = u8::try_from(run).ok().and_then(|run| b'A'.checked_add(run));
        letter
            .filter(u8::is_ascii_uppercase)
            .map_or_else(|| format!("#{}", run + 1), |letter| char::from(letter).to_string())
    }

    /// Letter and name of a run.
    pub(super) fn label(self, run: usize) -> String {
        let name = self.comparison.runs.get(run).map_or("", |run| run.name.as_str());
        format!("{} {}", Self::letter(run), foreign(name))
    }

    /// A run's number on a rung, with its place in the data.
    pub(super) fn figure(self, run: usize, rung: &Rung, shown: Shown) -> Figure {
        let of_run = &self.comparison.runs[run];
        let at = of_run.levels.iter().position(|level| level.rung() == *rung);
        let value = at.and_then(|at| of_run.levels[at].value(shown.column));
        let place = at.map_or_else(|| "–".to_owned(), |at| at.to_string());
        let path = format!("runs.{run}.levels.{place}.values.{}", shown.column.key());
        Figure::of_run(&path, shown.kind(), value)
    }

    /// The run that ranks first, where one does so alone.
    pub(super) fn best(self) -> Option<usize> {
        let ranking = &self.comparison.ranking;
        let first = ranking.first()?;
        let shared = ranking.get(1).is_some_and(|second| second.rank == first.rank);
        let ranks = !shared && first.rank.is_some();
        (ranks && self.comparison.runs[first.run].capacity.passed.is_some()).then_some(first.run)
    }

    /// All runs with their places.
    pub(super) fn runs(self) -> impl Iterator<Item = (usize, &'c ComparedRun)> {
        self.comparison.runs.iter().enumerate()
    }
}
