//! One row a level: the overview at the head of a report, and everything in its section.

use results::level::Outcome;
use results::summary::Statistic;
use results::units::float;

use super::{no_levels, with_notes};
use crate::charts;
use crate::document::{Block, Cell, Column, Row, Section, Table};
use crate::figure::Metric;
use crate::glossary::Term;
use crate::number::Kind;
use crate::overview::{LevelView, Overview};
use crate::text::Text;

/// The table at the head: what fits 80 columns.
pub(super) fn overview_table(overview: &Overview<'_>) -> Table {
    let stretch = overview.levels.iter().any(|view| view.level.stretch.is_some());
    let mut columns = vec![
        Column::numbers(Term::User, Kind::Count),
        Column::numbers(Term::Complete, Kind::Percent),
        Column::grouped(Term::Ttft, "p50", Kind::Latency),
        Column::grouped(Term::Ttft, "p95", Kind::Latency),
        Column::grouped(Term::Ttft, "p99", Kind::Latency),
        Column::grouped(Term::Gap, "p99", Kind::Latency),
        Column::grouped(Term::Total, "mean", Kind::Latency),
        Column::grouped(Term::Total, "p95", Kind::Latency),
    ];
    columns[0].title = "users".into();
    if stretch {
        columns.push(Column::grouped(Term::Stretch, "p95", Kind::Ratio));
    }
    columns.extend([
        Column::grouped(Term::Target, "CPU/event", Kind::CpuMicros),
        Column::grouped(Term::Target, "memory", Kind::Bytes),
    ]);
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells: Vec<Cell> = vec![view.users().into(), view.complete().into()];
            cells.extend(
                [
                    (Metric::Ttft, Statistic::P50),
                    (Metric::Ttft, Statistic::P95),
                    (Metric::Ttft, Statistic::P99),
                    (Metric::Gap, Statistic::P99),
                    (Metric::Total, Statistic::Mean),
                    (Metric::Total, Statistic::P95),
                ]
                .map(|(metric, statistic)| view.summary(metric, statistic).into()),
            );
            if stretch {
                cells.push(view.summary(Metric::Stretch, Statistic::P95).into());
            }
            cells.push(view.target_cpu_per_event().into());
            cells.push(view.target_memory().into());
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "levels-table".to_owned(),
        caption: "Levels".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}

/// A row about a level.
pub(super) fn row(view: LevelView<'_>, cells: Vec<Cell>) -> Row {
    Row { cells, level: Some(view.index), untrusted: !view.level.trusted }
}

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let blocks = if overview.levels.is_empty() {
        vec![no_levels()]
    } else {
        vec![
            Block::Table(answers(overview)),
            Block::Table(change(overview)),
            Block::PerLevel(charts::level_charts(overview)),
        ]
    };
    Section {
        id: "levels",
        title: "Results by level",
        question: "What became of the streams of each level?",
        blocks,
    }
}

/// The columns of the original report, and the counts that it lacked.
fn answers(overview: &Overview<'_>) -> Table {
    let columns = vec![
        Column::numbers("users", Kind::Count),
        Column::numbers("started", Kind::Count),
        Column::numbers(Term::Success, Kind::Percent),
        Column::numbers(Term::Complete, Kind::Percent),
        Column::numbers(Term::Correct, Kind::Percent),
        Column::numbers("not ok", Kind::Count),
        Column::numbers("most open", Kind::Count),
        Column::numbers("events each", Kind::Quantity),
        Column::numbers("took", Kind::Span),
        Column::words(Term::Trusted),
    ];
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let level = view.level;
            let cells = vec![
                view.users().into(),
                view.counted("started", level.started).into(),
                view.success().into(),
                view.complete().into(),
                view.correct().into(),
                view.derived("not_ok", Kind::Count, Some(float(view.not_ok()))).into(),
                view.counted("peak_open", level.peak_open).into(),
                view.summary(Metric::ChunksPerStream, Statistic::Mean).into(),
                view.measured("duration_s", Kind::Span, Some(level.duration_s)).into(),
                if level.trusted { "yes" } else { "no" }.into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "answers-table".to_owned(),
        caption: "Streams of each level".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}

/// Differences to the first level that can be compared with.
fn change(overview: &Overview<'_>) -> Table {
    let first = overview.base();
    let ratio = |view: LevelView<'_>, metric: Metric, statistic| {
        let at = |view: LevelView<'_>| metric.of(view.level)?.supported(statistic);
        let ratio =
            first.and_then(at).filter(|first| *first > 0.0).zip(at(view)).map(|(f, v)| v / f);
        let name = format!("to_first.{}.{}", metric.field(), statistic.name());
        Cell::from(view.derived(&name, Kind::Ratio, ratio))
    };
    let columns = vec![
        Column::numbers("users", Kind::Count),
        Column::grouped(Term::Ttft, "p50", Kind::Ratio),
        Column::grouped(Term::Ttft, "p95", Kind::Ratio),
        Column::grouped(Term::Gap, "p99", Kind::Ratio),
        Column::grouped(Term::Total, "mean", Kind::Ratio),
        Column::grouped(Term::Total, "p95", Kind::Ratio),
        Column::words("failures"),
    ];
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let cells = vec![
                view.users().into(),
                ratio(view, Metric::Ttft, Statistic::P50),
                ratio(view, Metric::Ttft, Statistic::P95),
                ratio(view, Metric::Gap, Statistic::P99),
                ratio(view, Metric::Total, Statistic::Mean),
                ratio(view, Metric::Total, Statistic::P95),
                Cell::Text(failures(view)),
            ];
            row(view, cells)
        })
        .collect();
    let against = first.map_or_else(
        || "no trusted level to compare with".to_owned(),
        |first| format!("against the lowest trusted level, {} users", first.users().show()),
    );
    with_notes(Table {
        id: "change-table".to_owned(),
        caption: format!("Change, {against}"),
        columns,
        rows,
        notes: Vec::new(),
    })
}

/// The classes of failure of a level with their counts.
fn failures(view: LevelView<'_>) -> Text {
    let mut failed = Text::default();
    for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Ok) {
        if view.level.outcomes.get(outcome) > 0 {
            if !failed.0.is_empty() {
                failed.push(", ");
            }
            failed.push(view.outcome(outcome));
            failed.push(format!(" {}", charts::outcome_name(outcome)));
        }
    }
    if failed.0.is_empty() { "none".into() } else { failed }
}
