//! What to watch in production, with limits from this run.

use super::{lower_remedy, not_measured};
use crate::document::{Block, Cell, Column, Row, Section, Table};
use crate::overview::Overview;
use crate::threshold::{SLACK, thresholds};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let thresholds = thresholds(overview);
    let blocks = if thresholds.is_empty() {
        vec![not_measured(
            "thresholds: no trusted level met the rule, so that there is nothing to derive them \
             from",
            lower_remedy(overview),
        )]
    } else {
        let rows = thresholds
            .into_iter()
            .map(|threshold| {
                Row::of(vec![
                    threshold.watched.name().into(),
                    // Each row has a unit of its own: as words with their unit.
                    Cell::Text(threshold.warning.into()),
                    Cell::Text(threshold.critical.into()),
                    threshold.origin.into(),
                ])
            })
            .collect();
        let growth = crate::number::limit_percent(SLACK - 1.0);
        vec![
            Block::Table(Table {
                id: "thresholds-table".to_owned(),
                caption: "Thresholds derived from this run".to_owned(),
                columns: vec![
                    Column::words("watch"),
                    Column::words("warning above"),
                    Column::words("critical above"),
                    Column::words("from"),
                ],
                rows,
                notes: vec![format!(
                    "measured values are raised by {growth}: at the measured value itself an \
                     alert would be raised in every second quiet hour"
                )],
            }),
            Block::Paragraph(
                "The same thresholds for TTFT, open streams and failures stand as Prometheus \
                 alert rules in alerts.yml beside this report. They hold for this machine and \
                 this load."
                    .into(),
            ),
        ]
    };
    Section {
        id: "monitoring",
        title: "Monitoring thresholds",
        question: "What should raise an alert in production?",
        blocks,
    }
}
