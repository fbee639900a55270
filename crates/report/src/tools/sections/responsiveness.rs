//! Whether the server still answers a trivial call while it carries the load.

use results::summary::Statistic;

use super::row;
use crate::document::{Block, Cell, Column, Section, Table};
use crate::number::{self, Kind};
use crate::sections::{no_levels, not_measured, with_notes};
use crate::tools::findings::{PROBE_SLOW_MS, PROBE_SLOW_RATIO};
use crate::tools::overview::{LevelView, Metric, Overview};

/// The statistics shown.
const STATISTICS: [Statistic; 3] = [Statistic::P50, Statistic::P99, Statistic::Max];

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let probed = |view: &LevelView<'_>| view.level.probe_ms.is_some();
    let mut blocks = Vec::new();
    if overview.levels.is_empty() {
        blocks.push(no_levels());
    } else if overview.levels.iter().any(probed) {
        blocks.push(Block::Table(table(overview)));
        blocks.push(Block::Paragraph(
            format!(
                "It counts as unresponsive when its p99 is at least {} and {} times that of the \
                 idle server.",
                number::show(Kind::Latency, Some(PROBE_SLOW_MS)),
                number::tick(PROBE_SLOW_RATIO)
            )
            .into(),
        ));
    } else {
        blocks.push(not_measured(
            "responsiveness: no trivial call was made beside the load",
            "add --probe-every 50ms",
        ));
    }
    Section {
        id: "responsiveness",
        title: "Responsiveness",
        question: "Does the server still answer while it carries calls?",
        blocks,
    }
}

fn table(overview: &Overview<'_>) -> Table {
    let mut columns = vec![Column::words("load")];
    columns.extend(STATISTICS.map(|s| Column::grouped("idle", s.name(), Kind::Latency)));
    columns.extend(STATISTICS.map(|s| Column::grouped("under load", s.name(), Kind::Latency)));
    columns.push(Column::numbers("p99 to idle", Kind::Ratio));
    columns.push(Column::numbers("failed", Kind::Count));
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells: Vec<Cell> = vec![view.short().into()];
            cells.extend(STATISTICS.map(|s| view.summary(Metric::ProbeIdle, s).into()));
            cells.extend(STATISTICS.map(|s| view.summary(Metric::Probe, s).into()));
            let at = |metric: Metric| metric.of(view.level)?.supported(Statistic::P99);
            let ratio = at(Metric::Probe)
                .zip(at(Metric::ProbeIdle).filter(|idle| *idle > 0.0))
                .map(|(loaded, idle)| loaded / idle);
            cells.push(view.derived("probe_to_idle", Kind::Ratio, ratio).into());
            cells.push(view.counted("probes_failed", view.level.probes_failed).into());
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "probe-table".to_owned(),
        caption: "A trivial call, idle and under load".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}
