//! All latencies of all levels.

use results::summary::Statistic;

use super::levels::row;
use super::{no_levels, not_measured, with_notes};
use crate::document::{Block, Column, Section, Table};
use crate::figure::Metric;
use crate::glossary::Term;
use crate::number::Kind;
use crate::overview::Overview;

/// The statistics of every latency table.
const STATISTICS: [Statistic; 6] = Statistic::ALL;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let mut blocks = Vec::new();
    if overview.levels.is_empty() {
        blocks.push(no_levels());
    } else {
        let tables = [
            (
                Metric::Ttft,
                Term::Ttft,
                "Time to the first event (the original report calls it TTFB)",
            ),
            (Metric::Connect, Term::Connect, "Connecting, a part of TTFT"),
            (Metric::Ttfb, Term::Ttfb, "Time to the first byte of the response head"),
            (Metric::Gap, Term::Gap, "Gaps between events"),
            (Metric::Total, Term::Total, "Whole answers"),
            (Metric::Stretch, Term::Stretch, "Whole answers against their ideal time"),
        ];
        for (metric, term, caption) in tables {
            if overview.levels.iter().any(|view| metric.of(view.level).is_some()) {
                blocks.push(Block::Table(table(overview, metric, term, caption)));
            } else {
                blocks.push(missing(metric));
            }
        }
    }
    Section {
        id: "latency",
        title: "Latency",
        question: "How long did users wait, for what?",
        blocks,
    }
}

fn missing(metric: Metric) -> Block {
    match metric {
        Metric::Stretch => not_measured(
            "stretch: the ideal time of an answer is not known for this server",
            "put weir simulate behind it: the simulator announces the ideal time of each answer",
        ),
        Metric::Connect => not_measured(
            "connecting: no new connection was opened in this run",
            "run with one request for each user (--requests-per-user 1)",
        ),
        _ => not_measured(
            format!("{}: no stream came that far", metric.field().trim_end_matches("_ms")),
            "see Reliability for what went wrong first",
        ),
    }
}

fn table(overview: &Overview<'_>, metric: Metric, term: Term, caption: &str) -> Table {
    let mut columns = vec![Column::numbers("users", Kind::Count)];
    columns
        .extend(STATISTICS.map(|statistic| Column::grouped(term, statistic.name(), metric.kind())));
    columns.push(Column::numbers("samples", Kind::Count));
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells = vec![view.users().into()];
            cells.extend(STATISTICS.map(|statistic| view.summary(metric, statistic).into()));
            let count = metric.of(view.level).map(|summary| results::units::float(summary.count));
            cells.push(
                view.measured(&format!("{}.count", metric.field()), Kind::Count, count).into(),
            );
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: format!("{}-table", metric.field().replace('_', "-")),
        caption: caption.to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}
