//! Who carries most: by capacity under the rule, then by how long an answer or a call takes, then
//! by the CPU time that it costs.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Column, ComparedRun, Rung};
use crate::load::RunKind;
use crate::slo::{Latency, Quantity};
use crate::summary::Statistic;

/// A run's place in the ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Counted from 1; equal runs share it. Null for a run of which a level that is not trusted
    /// leaves open how much it carries: it stands where what it surely carries puts it.
    pub rank: Option<u64>,
    /// Index in `runs`.
    pub run: usize,
}

/// The numbers that a run is ranked by, beside its capacity: those at the common load. A number
/// that not every run has is null for all, so that nobody gains by not measuring it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// What `pace` is: `stretch_p95`, `total_p95` or `call_p95`.
    pub pace_of: Option<String>,
    /// How long an answer or a call takes; less is better.
    pub pace: Option<f64>,
    /// CPU microseconds of the target and of what answers it for each event or call; less is better.
    pub cpu_us: Option<f64>,
}

/// What the pace is taken from, the first that every run measured.
fn paces(kind: RunKind) -> Vec<Column> {
    match kind {
        RunKind::Streams => vec![
            Column::Quantity(Quantity::Stretch(Statistic::P95)),
            Column::Quantity(Quantity::Latency(Latency::Total, Statistic::P95)),
        ],
        RunKind::Tools => {
            vec![Column::Quantity(Quantity::Latency(Latency::Call, Statistic::P95))]
        }
    }
}

/// Gives each run the numbers that it is ranked by.
pub(super) fn stand(runs: &mut [ComparedRun], kind: RunKind, common: Option<&Rung>) {
    let Some(rung) = common else { return };
    let at = |run: &ComparedRun, column| run.trusted_level(rung).and_then(|l| l.value(column));
    let of_all =
        |column: Column| -> Option<Vec<f64>> { runs.iter().map(|run| at(run, column)).collect() };
    let pace = paces(kind).into_iter().find_map(|column| Some((column.key(), of_all(column)?)));
    let cpu = of_all(Column::CpuWithUpstream);
    for (index, run) in runs.iter_mut().enumerate() {
        run.standing = Standing {
            pace_of: pace.as_ref().map(|(name, _)| name.clone()),
            pace: pace.as_ref().map(|(_, values)| values[index]),
            cpu_us: cpu.as_ref().map(|values| values[index]),
        };
    }
}

/// The runs from the best to the worst. The order in which they were given decides no rank: equal
/// runs share theirs, and stand in that order.
pub(super) fn ranking(runs: &[ComparedRun]) -> Vec<Place> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|&a, &b| better(&runs[a], &runs[b]));
    let mut places: Vec<Place> = Vec::with_capacity(runs.len());
    let mut settled: Option<Place> = None;
    let mut position = 1;
    for run in order {
        if !runs[run].is_settled() {
            places.push(Place { rank: None, run });
            continue;
        }
        let shared = settled
            .filter(|before| better(&runs[before.run], &runs[run]) == Ordering::Equal)
            .and_then(|before| before.rank);
        let place = Place { rank: shared.or(Some(position)), run };
        position += 1;
        settled = Some(place);
        places.push(place);
    }
    places
}

/// Less is better ranked.
fn better(a: &ComparedRun, b: &ComparedRun) -> Ordering {
    let less = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        // Either all runs have the number or none has.
        _ => Ordering::Equal,
    };
    b.capacity
        .passed
        .cmp(&a.capacity.passed)
        .then_with(|| less(a.standing.pace, b.standing.pace))
        .then_with(|| less(a.standing.cpu_us, b.standing.cpu_us))
}
