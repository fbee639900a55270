//! The same calls one after the other and at once.

use results::units::float;

use super::row;
use crate::document::{Block, Cell, Column, Section, Table};
use crate::figure::Figure;
use crate::glossary::Term;
use crate::number::Kind;
use crate::sections::{no_levels, not_measured, with_notes};
use crate::text::text;
use crate::tools::overview::{LevelView, Overview};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let mut blocks = Vec::new();
    if overview.levels.is_empty() {
        blocks.push(no_levels());
    } else if overview.levels.iter().any(|view| view.level.sequential.is_some()) {
        blocks.push(Block::Table(table(overview)));
        blocks.push(Block::Paragraph(text![
            "Speed-up is wall time over wall time, on ",
            Figure::of_run("machine.cores", Kind::Count, Some(float(overview.run.machine.cores))),
            " cores. Where fewer calls were made one after the other than at once, each stands for \
             its share; where a call failed, none is claimed, because a failed call may be a fast \
             one."
        ]));
    } else {
        blocks.push(not_measured(
            "what calling at once gains: no calls were made one after the other",
            "add --sequential 32",
        ));
    }
    Section {
        id: "sequential",
        title: "One after the other against at once",
        question: "What did calling at once gain?",
        blocks,
    }
}

fn table(overview: &Overview<'_>) -> Table {
    let columns = vec![
        Column::words("load"),
        Column::grouped(Term::Sequential, "calls", Kind::Count),
        Column::grouped(Term::Sequential, "took", Kind::Span),
        Column::grouped(Term::Sequential, "per call", Kind::Span),
        Column::grouped(Term::CallsAtOnce, "calls", Kind::Count),
        Column::grouped(Term::CallsAtOnce, "took", Kind::Span),
        Column::grouped(Term::CallsAtOnce, "per call", Kind::Span),
        Column::numbers(Term::Speedup, Kind::Ratio),
    ];
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let (level, sequential) = (view.level, view.level.sequential);
            let cells: Vec<Cell> = vec![
                view.short().into(),
                view.measured("sequential.calls", Kind::Count, sequential.map(|s| float(s.calls)))
                    .into(),
                view.measured(
                    "sequential.duration_s",
                    Kind::Span,
                    sequential.map(|s| s.duration_s),
                )
                .into(),
                each(view, "sequential_each_s", sequential.map(|s| (s.duration_s, s.calls))),
                view.counted("calls", level.calls).into(),
                view.measured("duration_s", Kind::Span, Some(level.duration_s)).into(),
                each(view, "at_once_each_s", Some((level.duration_s, level.calls))),
                view.speedup().into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "sequential-table".to_owned(),
        caption: "Wall time of the same calls".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}

/// Wall time for each call.
fn each(view: LevelView<'_>, name: &str, of: Option<(f64, u64)>) -> Cell {
    let each = of.filter(|(_, calls)| *calls > 0).map(|(span, calls)| span / float(calls));
    view.derived(name, Kind::Span, each).into()
}
