//! How much came through.

use results::units::float;

use super::levels::row;
use super::{no_levels, with_notes};
use crate::charts;
use crate::document::{Block, Column, Section, Table};
use crate::number::Kind;
use crate::overview::{LevelView, Overview};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let mut blocks = Vec::new();
    if overview.levels.is_empty() {
        blocks.push(no_levels());
    } else {
        blocks.extend(charts::events(overview).map(Box::new).map(Block::Chart));
        blocks.push(Block::Table(table(overview)));
        blocks.push(Block::Paragraph(
            "Rates are means over the whole level, with its start and its end; the course over \
             time stands under Results by level."
                .into(),
        ));
    }
    Section {
        id: "throughput",
        title: "Throughput",
        question: "How much came through, and does it keep up with the users?",
        blocks,
    }
}

fn table(overview: &Overview<'_>) -> Table {
    let base = overview.base();
    let scaling = |view: LevelView<'_>| {
        let base = base.filter(|base| base.level.users > 0 && base.level.chunks_per_s > 0.0)?;
        let perfect = base.level.chunks_per_s / float(base.level.users) * float(view.level.users);
        (perfect > 0.0).then(|| view.level.chunks_per_s / perfect * 100.0)
    };
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let level = view.level;
            let answers =
                (level.duration_s > 0.0).then(|| float(level.complete) / level.duration_s);
            let cells = vec![
                view.users().into(),
                view.counted("peak_open", level.peak_open).into(),
                view.measured("chunks_per_s", Kind::Rate, Some(level.chunks_per_s)).into(),
                view.derived("scaling_percent", Kind::Portion, scaling(view)).into(),
                view.measured("bytes_per_s", Kind::ByteRate, Some(level.bytes_per_s)).into(),
                view.derived("complete_per_s", Kind::Rate, answers).into(),
                view.counted("chunks", level.chunks).into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "throughput-table".to_owned(),
        caption: "What each level carried".to_owned(),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::numbers("most open", Kind::Count),
            Column::numbers("events", Kind::Rate),
            Column::numbers("of perfect", Kind::Portion),
            Column::numbers("body", Kind::ByteRate),
            Column::numbers("answers", Kind::Rate),
            Column::numbers("events in all", Kind::Count),
        ],
        rows,
        notes: Vec::new(),
    })
}
