//! Whether the rule was met, predicate by predicate. The rule decides; nobody grades.

use results::SloResult;
use results::units::float;

use super::word_meaning;
use crate::document::{Block, Cell, Column, Row, Section, Table};
use crate::figure::Figure;
use crate::number::Kind;
use crate::overview::Overview;
use crate::slo::unit_kind;
use crate::text::{Inline, Text, foreign, text};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let word = overview.verdict.word;
    let verdict = text![Inline::strong(word.as_str()), format!(": {}.", word_meaning(word))];
    let mut blocks = vec![Block::Paragraph(verdict)];
    if overview.run.slo.is_empty() {
        blocks.push(super::not_measured(
            "readiness: this run has no rule",
            "give one, for example --slo 'ttft.p95 <= 2.5s'",
        ));
    } else {
        blocks.push(Block::Table(predicates(&overview.run.slo, "at users")));
        blocks.push(Block::Table(by_level(overview)));
    }
    Section {
        id: "readiness",
        title: "Readiness by rule",
        question: "Was each predicate of the rule met?",
        blocks,
    }
}

/// Each predicate of a rule with its verdict and where its worst value stood.
pub(crate) fn predicates(slo: &[SloResult], at_load: &str) -> Table {
    let rows = slo
        .iter()
        .enumerate()
        .map(|(index, slo)| {
            let worst = Figure::of_run(&format!("slo.{index}.worst"), unit_kind(slo), slo.worst);
            let users = Figure::of_run(
                &format!("slo.{index}.worst_users"),
                Kind::Count,
                slo.worst_users.map(float),
            );
            Row::of(vec![
                Text(vec![Inline::code(foreign(&slo.predicate))]).into(),
                if slo.passed { "met" } else { "not met" }.into(),
                // A column has one unit, and the predicates have many: as words with their own.
                Cell::Text(worst.into()),
                users.into(),
            ])
        })
        .collect();
    Table {
        id: "slo-table".to_owned(),
        caption: "The rule, over the trusted levels".to_owned(),
        columns: vec![
            Column::words("predicate"),
            Column::words("verdict"),
            Column::words("worst value"),
            Column::numbers(at_load, Kind::Count),
        ],
        rows,
        notes: Vec::new(),
    }
}

fn by_level(overview: &Overview<'_>) -> Table {
    let mut columns = vec![Column::numbers("users", Kind::Count)];
    columns.extend(
        overview
            .slos
            .iter()
            .map(|slo| Column::words(Text(vec![Inline::code(foreign(&slo.to_string()))]))),
    );
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells: Vec<Cell> = vec![view.users().into()];
            cells.extend(overview.slos.iter().map(|slo| {
                Cell::from(match (view.level.trusted, slo.holds(view.level)) {
                    (false, _) => "not trusted",
                    (true, Some(true)) => "met",
                    (true, Some(false)) => "not met",
                    (true, None) => "not measured",
                })
            }));
            super::levels::row(view, cells)
        })
        .collect();
    Table {
        id: "readiness-table".to_owned(),
        caption: "The rule, level by level".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    }
}
