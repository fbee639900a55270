//! Tables: one unit a column in the head, raw values in the cells, untrusted rows marked.

use maud::{Markup, html};

use super::blocks::inline;
use crate::document::{Cell, Column, Row, Table};
use crate::number::{self, Scale};

/// A table of at most so many columns is not stretched over the whole width.
const MOST_SLIM: usize = 5;

/// A table with its caption and notes, in a box that scrolls sideways when it must.
pub(super) fn table(table: &Table, caption_shown: bool) -> Markup {
    if table.rows.is_empty() {
        return html! {};
    }
    let scales = table.scales();
    let fractions = fractions(table, &scales);
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(table.caption) {
            table id=(table.id) class=[(table.columns.len() <= MOST_SLIM).then_some("slim")] {
                caption class=[(!caption_shown).then_some("hidden")] { (table.caption) }
                thead {
                    @if table.columns.iter().any(|column| column.group.is_some()) {
                        (group_row(&table.columns))
                    }
                    tr class="heads" {
                        @for (column, scale) in table.columns.iter().zip(&scales) {
                            (head(column, scale.as_ref()))
                        }
                    }
                }
                tbody {
                    @for row in &table.rows { (self::row(row, &scales, &fractions)) }
                }
            }
        }
        @for note in &table.notes { p class="remark" { (note) } }
    }
}

/// The row above the heads: what neighbouring columns share.
fn group_row(columns: &[Column]) -> Markup {
    let mut spans: Vec<(&Column, usize)> = Vec::new();
    for column in columns {
        match spans.last_mut() {
            Some((first, span)) if column.group.is_some() && first.group == column.group => {
                *span += 1;
            }
            _ => spans.push((column, 1)),
        }
    }
    html! {
        tr class="groups" {
            @for (column, span) in spans {
                @match &column.group {
                    Some(group) => th class="group" scope="colgroup" colspan=(span) { span { (inline(group)) } },
                    None => td {},
                }
            }
        }
    }
}

fn head(column: &Column, scale: Option<&Scale>) -> Markup {
    let unit = scale.map(Scale::unit).filter(|unit| !unit.is_empty());
    html! {
        th scope="col" class=(if scale.is_some() { "n" } else { "w" }) {
            span class="title" { (inline(&column.title)) }
            @if let Some(unit) = unit { " " span class="unit" { (unit) } }
        }
    }
}

fn row(row: &Row, scales: &[Option<Scale>], fractions: &[usize]) -> Markup {
    let level = row.level.map(|level| level.to_string());
    html! {
        tr data-level=[level] class=[row.untrusted.then_some("untrusted")] {
            @for (index, cell) in row.cells.iter().enumerate() {
                (self::cell(cell, row, index, scales[index].as_ref(), fractions[index]))
            }
        }
    }
}

fn cell(cell: &Cell, row: &Row, index: usize, scale: Option<&Scale>, fraction: usize) -> Markup {
    let first = index == 0 && row.level.is_some();
    let Cell::Figure(figure) = cell else {
        let Cell::Text(text) = cell else { return html! {} };
        return html! { td class="w" { (inline(text)) } };
    };
    let shown = Table::show(cell, scale);
    let value = figure.value.map(number::raw);
    // Only a number of another level than its row's says so itself.
    let level = figure.level.filter(|level| row.level != Some(*level)).map(|l| l.to_string());
    let class = match fraction - fraction_of(&shown).min(fraction) {
        0 => "n".to_owned(),
        missing => format!("n f{}", missing.min(MOST_FILLED)),
    };
    html! {
        @if first {
            th scope="row" class=(class) data-value=[value] data-metric=(figure.metric) data-level=[level] {
                @if row.untrusted { span class="mark" { "! " } }
                (shown)
            }
        } @else {
            td class=(class) data-value=[value] data-metric=(figure.metric) data-level=[level] { (shown) }
        }
    }
}

/// Places that a class exists for.
const MOST_FILLED: usize = 6;

/// Characters from the decimal point on.
fn fraction_of(shown: &str) -> usize {
    shown.find('.').map_or(0, |at| shown[at..].chars().count())
}

/// The longest fraction of each column: shorter ones get room on the right, so that decimal
/// points stand one below the other.
fn fractions(table: &Table, scales: &[Option<Scale>]) -> Vec<usize> {
    (0..table.columns.len())
        .map(|index| {
            let shown = table.rows.iter().map(|row| &row.cells[index]);
            shown
                .filter(|cell| matches!(cell, Cell::Figure(_)))
                .map(|cell| fraction_of(&Table::show(cell, scales[index].as_ref())))
                .max()
                .unwrap_or(0)
        })
        .collect()
}
