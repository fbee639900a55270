//! How streams ended, and what went wrong.

use results::level::Outcome;

use super::levels::row;
use super::{no_levels, not_measured, with_notes};
use crate::charts::{self, outcome_name};
use crate::document::{Block, Cell, Column, Row, Section, Table};
use crate::number::Kind;
use crate::overview::Overview;
use crate::text::foreign;

/// Most error groups of a report, over all levels; `run.json` keeps up to 50 of each level.
const MOST_ERRORS: usize = 20;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    Section {
        id: "reliability",
        title: "Reliability",
        question: "How did the streams end, and what went wrong?",
        blocks: blocks(overview),
    }
}

fn blocks(overview: &Overview<'_>) -> Vec<Block> {
    if overview.levels.is_empty() {
        return vec![no_levels()];
    }
    let mut blocks = Vec::new();
    blocks.extend(charts::outcomes(overview).map(Box::new).map(Block::Chart));
    blocks.push(Block::Table(outcomes(overview)));
    if overview.levels.iter().any(|view| !view.level.errors.is_empty()) {
        blocks.push(Block::Table(errors(overview)));
    } else if overview.ended() > 0 {
        blocks.push(Block::Paragraph("No stream failed: there are no errors to group.".into()));
    }
    if overview.levels.iter().all(|view| view.level.correct.is_none()) {
        blocks.push(not_measured(
            "whether the text was right: it does not verify itself",
            "put weir simulate behind the server under test; its text carries a checksum",
        ));
    }
    blocks
}

/// The outcomes that occurred, one column each; `ok` always.
fn outcomes(overview: &Overview<'_>) -> Table {
    let occurred: Vec<Outcome> = Outcome::ALL
        .into_iter()
        .filter(|outcome| *outcome == Outcome::Ok || overview.outcome(*outcome) > 0)
        .collect();
    let mut columns = vec![Column::numbers("users", Kind::Count)];
    columns.extend(occurred.iter().map(|o| Column::numbers(outcome_name(*o), Kind::Count)));
    let interrupted = overview.levels.iter().any(|view| view.level.interrupted > 0);
    if interrupted {
        columns.push(Column::numbers("cut off by us", Kind::Count));
    }
    let refused = overview.levels.iter().any(|view| view.level.refused > 0);
    if refused {
        columns.push(Column::numbers("not sent", Kind::Count));
    }
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells: Vec<Cell> = vec![view.users().into()];
            cells.extend(occurred.iter().map(|outcome| view.outcome(*outcome).into()));
            if interrupted {
                cells.push(view.counted("interrupted", view.level.interrupted).into());
            }
            if refused {
                cells.push(view.counted("refused", view.level.refused).into());
            }
            row(view, cells)
        })
        .collect();
    let absent: Vec<&str> = Outcome::ALL
        .into_iter()
        .filter(|outcome| !occurred.contains(outcome))
        .map(outcome_name)
        .collect();
    let mut table = with_notes(Table {
        id: "outcomes-table".to_owned(),
        caption: "Streams by outcome".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    });
    if !absent.is_empty() {
        table.notes.push(format!("looked for and not seen: {}", absent.join(", ")));
    }
    table
}

fn errors(overview: &Overview<'_>) -> Table {
    let mut groups: Vec<(u64, Row)> = Vec::new();
    for &view in &overview.levels {
        for (index, group) in view.level.errors.iter().enumerate() {
            let cells = vec![
                view.users().into(),
                outcome_name(group.class).into(),
                foreign(&group.detail).into(),
                view.counted(&format!("errors.{index}.count"), group.count).into(),
            ];
            groups.push((group.count, row(view, cells)));
        }
    }
    groups.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let all = groups.len();
    let rows: Vec<Row> = groups.into_iter().take(MOST_ERRORS).map(|(_, row)| row).collect();
    let mut notes = Vec::new();
    if all > rows.len() {
        notes.push(format!(
            "the {MOST_ERRORS} most frequent of {all} groups; run.json has the others"
        ));
    }
    Table {
        id: "errors-table".to_owned(),
        caption: "Failures, grouped".to_owned(),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::words("class"),
            Column::words("what happened"),
            Column::numbers("streams", Kind::Count),
        ],
        rows,
        notes,
    }
}
