//! What follows, by rule: the predicates decide and nobody praises.

use results::Judgement;

use crate::document::{Block, Cell, Column, Section, Table};
use crate::sections::readiness::predicates;
use crate::sections::{not_measured, word_meaning};
use crate::text::{Inline, Text, foreign, text};
use crate::tools::overview::Overview;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let word = overview.verdict.word;
    let mut blocks = vec![Block::Paragraph(text![
        Inline::strong(word.as_str()),
        format!(": {}.", word_meaning(word))
    ])];
    if overview.run.slo.is_empty() {
        blocks.push(not_measured(
            "a conclusion: this run has no rule",
            "give one, for example --slo 'ok >= 100%'",
        ));
    } else {
        blocks.push(Block::Table(predicates(&overview.run.slo, "calls at once")));
        if !overview.levels.is_empty() {
            blocks.push(Block::Table(by_level(overview)));
        }
    }
    Section {
        id: "conclusion",
        title: "Conclusion by rule",
        question: "Was each predicate of the rule met?",
        blocks,
    }
}

fn by_level(overview: &Overview<'_>) -> Table {
    let mut columns = vec![Column::words("load")];
    columns.extend(
        overview
            .slos
            .iter()
            .map(|slo| Column::words(Text(vec![Inline::code(foreign(&slo.to_string()))]))),
    );
    columns.push(Column::words("in all"));
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells: Vec<Cell> = vec![view.short().into()];
            cells.extend(overview.slos.iter().map(|slo| {
                Cell::from(match (view.level.trusted, slo.holds(view.level)) {
                    (false, _) => "not trusted",
                    (true, Some(true)) => "met",
                    (true, Some(false)) => "not met",
                    (true, None) => "not measured",
                })
            }));
            cells.push(Cell::from(match Judgement::of(view.level, &overview.slos) {
                Judgement::Met => "met".to_owned(),
                Judgement::Missed(why) => foreign(&why),
                Judgement::Untrusted(_) => "not trusted".to_owned(),
            }));
            super::row(view, cells)
        })
        .collect();
    Table {
        id: "conclusion-table".to_owned(),
        caption: "The rule, level by level".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    }
}
