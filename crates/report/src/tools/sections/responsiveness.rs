//! Whether the server still answers a trivial call while it carries the load.

use results::summary::Statistic;
use results::units::float;

use super::row;
use crate::document::{Block, Cell, Column, Section, Table};
use crate::number::{Kind, NOTHING};
use crate::sections::{no_levels, not_measured, with_notes};
use crate::tools::overview::{LevelView, Metric, Overview};
use crate::tools::probe::{self, Compared};

/// The statistics shown.
const STATISTICS: [Statistic; 4] = [Statistic::P50, Statistic::P95, Statistic::P99, Statistic::Max];

/// The trivial call without load and beside it.
const METRICS: [(&str, &str, Metric); 2] = [
    ("idle", "probe_idle_ms.count", Metric::ProbeIdle),
    ("under load", "probe_ms.count", Metric::Probe),
];

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let probed = |view: &LevelView<'_>| view.level.probe_ms.is_some();
    let mut blocks = Vec::new();
    if overview.levels.is_empty() {
        blocks.push(no_levels());
    } else if overview.levels.iter().any(probed) {
        blocks.push(Block::Table(table(overview)));
        blocks.push(Block::Paragraph(probe::rule().into()));
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
    for (name, _, _) in METRICS {
        columns.extend(STATISTICS.map(|s| Column::grouped(name, s.name(), Kind::Latency)));
        columns.push(Column::grouped(name, "samples", Kind::Count));
    }
    columns.push(Column::numbers("failed", Kind::Count));
    columns.push(Column::numbers("load to idle", Kind::Ratio));
    columns.push(Column::words("compared by"));
    columns.push(Column::words("unresponsive"));
    let rows = overview.levels.iter().map(|&view| row(view, cells(view))).collect();
    with_notes(Table {
        id: "probe-table".to_owned(),
        caption: "A trivial call, idle and under load".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}

fn cells(view: LevelView<'_>) -> Vec<Cell> {
    let mut cells: Vec<Cell> = vec![view.short().into()];
    for (_, count, metric) in METRICS {
        cells.extend(STATISTICS.map(|s| view.summary(metric, s).into()));
        let samples = metric.of(view.level).map(|summary| float(summary.count));
        cells.push(view.measured(count, Kind::Count, samples).into());
    }
    let compared = Compared::of(view);
    let ratio = compared.as_ref().and_then(Compared::ratio);
    cells.push(view.counted("probes_failed", view.level.probes_failed).into());
    cells.push(view.derived("probe_to_idle", Kind::Ratio, ratio).into());
    cells.push(compared.map_or(NOTHING, |compared| compared.statistic.name()).into());
    cells.push(
        match compared {
            _ if !view.level.trusted => "not trusted",
            None => NOTHING,
            Some(compared) if compared.unresponsive() => "yes",
            Some(_) => "no",
        }
        .into(),
    );
    cells
}
