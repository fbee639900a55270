//! How a page of a long ladder stays small: what leaves it, step by step.

use super::embed::Detail;
use crate::document::{Block, Document, Table};

/// A step: levels that keep charts of their own, and how much of the run is embedded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) charted: usize,
    pub(super) detail: Detail,
}

/// First the charts of a long ladder's lower levels go; then the longest parts of the embedded run,
/// which stands beside the page in whole; then the charts of all levels but the headline's; then that
/// run, the tables that repeat charts, and rows of the tables in the sections. The page says what it
/// lacks.
pub(super) const STEPS: [Step; 7] = [
    Step { charted: usize::MAX, detail: Detail::All },
    Step { charted: 12, detail: Detail::All },
    Step { charted: 8, detail: Detail::All },
    Step { charted: 8, detail: Detail::Short },
    Step { charted: 4, detail: Detail::Short },
    Step { charted: 1, detail: Detail::Short },
    Step { charted: 0, detail: Detail::Nothing },
];

/// Rows that a table in a section keeps in the last step; the table at the head keeps all.
const MOST_ROWS: usize = 24;

/// Takes from the document what the step leaves out.
pub(super) fn shorten(document: &mut Document, step: Step) {
    let last = step.charted == 0;
    for block in document.sections.iter_mut().flat_map(|section| &mut section.blocks) {
        match block {
            Block::PerLevel(levels) => {
                let mut after = levels.len();
                levels.retain(|level| {
                    after -= 1;
                    !last && (level.chosen || after < step.charted.saturating_sub(1))
                });
            }
            Block::Chart(chart) if last => chart.table = None,
            Block::Table(table) if last => thin(table),
            _ => {}
        }
    }
    if last {
        for chart in &mut document.level_charts {
            chart.table = None;
        }
    }
}

/// Keeps every so-many-th row, the last among them, and says so.
fn thin(table: &mut Table) {
    let all = table.rows.len();
    let step = all.div_ceil(MOST_ROWS).max(1);
    if step == 1 {
        return;
    }
    let mut after = all;
    table.rows.retain(|_| {
        after -= 1;
        after.is_multiple_of(step)
    });
    table.notes.push(format!("{} of {all} rows; run.json has all", table.rows.len()));
}
