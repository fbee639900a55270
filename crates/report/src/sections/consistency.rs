//! Whether all users got the same, at every level.

use results::summary::Statistic;

use super::levels::row;
use super::{no_levels, not_measured, with_notes};
use crate::document::{Block, Column, Section, Table};
use crate::figure::{Figure, Metric};
use crate::glossary::Term;
use crate::number::Kind;
use crate::overview::Overview;
use crate::text::{Text, text};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let blocks = if overview.levels.is_empty() {
        vec![no_levels()]
    } else {
        let mut blocks = vec![Block::Table(table(overview))];
        let ranges: Vec<Text> = [
            (Metric::ChunksPerStream, "Events of an answer"),
            (Metric::BytesPerStream, "Bytes of an answer"),
            (Metric::CharsPerStream, "Characters of an answer"),
        ]
        .into_iter()
        .filter_map(|(metric, name)| range(overview, metric, name))
        .collect();
        if ranges.is_empty() {
            blocks.push(not_measured(
                "events, bytes and characters of whole answers: no stream was complete",
                "see Reliability for what went wrong first",
            ));
        } else {
            blocks.push(Block::List(ranges));
        }
        blocks
    };
    Section {
        id: "consistency",
        title: "Consistency",
        question: "Did all users get the same, whatever the load?",
        blocks,
    }
}

fn table(overview: &Overview<'_>) -> Table {
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let cells = vec![
                view.users().into(),
                view.summary(Metric::ChunksPerStream, Statistic::Mean).into(),
                view.summary(Metric::ChunksPerStream, Statistic::P50).into(),
                view.summary(Metric::ChunksPerStream, Statistic::Max).into(),
                view.summary(Metric::BytesPerStream, Statistic::Mean).into(),
                view.summary(Metric::CharsPerStream, Statistic::Mean).into(),
                view.measured("fairness", Kind::Index, view.level.fairness).into(),
                view.counted("stalls", view.level.stalls).into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "consistency-table".to_owned(),
        caption: "Whole answers of each level".to_owned(),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::grouped(text![Term::Event, "s each"], "mean", Kind::Quantity),
            Column::grouped(text![Term::Event, "s each"], "p50", Kind::Quantity),
            Column::grouped(text![Term::Event, "s each"], "max", Kind::Quantity),
            Column::numbers("body", Kind::Bytes),
            Column::numbers("characters", Kind::Quantity),
            Column::numbers(Term::Fairness, Kind::Index),
            Column::numbers("stalls", Kind::Count),
        ],
        rows,
        notes: Vec::new(),
    })
}

/// The lowest and highest mean over the trusted levels, and how far they lie apart.
fn range(overview: &Overview<'_>, metric: Metric, name: &str) -> Option<Text> {
    let means: Vec<_> = overview
        .trusted
        .iter()
        .filter_map(|view| Some((*view, metric.of(view.level)?.mean)))
        .collect();
    let lowest = means.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let highest = means.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let apart = (lowest.1 > 0.0).then(|| (highest.1 / lowest.1 - 1.0) * 100.0);
    Some(text![
        format!("{name}, mean of each level: "),
        lowest.0.summary(metric, Statistic::Mean),
        " at ",
        lowest.0.users(),
        " users to ",
        highest.0.summary(metric, Statistic::Mean),
        " at ",
        highest.0.users(),
        ", ",
        Figure::derived(&format!("range.{}", metric.field()), Kind::Portion, apart),
        " apart."
    ])
}
