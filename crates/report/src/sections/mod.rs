//! The sections of a report in their order, each drawn from the run or saying what is not
//! measured and how to measure it.

mod bottleneck;
mod capacity;
pub(crate) mod configuration;
mod consistency;
mod cost;
mod latency;
mod levels;
mod limits;
mod method;
mod monitoring;
pub(crate) mod readiness;
mod reliability;
mod scalability;
mod summary;
mod throughput;

use results::{Load, Run, VerdictWord};

use crate::charts;
use crate::document::{Block, Cell, Document, Section, Table};
use crate::findings::findings;
use crate::number::NOTHING;
use crate::overview::Overview;
use crate::text::{Text, foreign, text};

pub use limits::SHORT_RUN_S;

/// The report of a run, before it has a format.
#[must_use]
pub fn document(run: &Run) -> Document {
    let overview = Overview::of(run);
    let overview = &overview;
    let sections: [fn(&Overview<'_>) -> Section; 16] = [
        summary::section,
        configuration::section,
        levels::section,
        scalability::section,
        reliability::section,
        consistency::section,
        latency::section,
        throughput::section,
        bottleneck::section,
        readiness::section,
        capacity::section,
        monitoring::section,
        cost::section,
        limits::comparison,
        limits::section,
        method::section,
    ];
    Document {
        title: foreign(&run.name),
        subtitle: subtitle(run, overview.upstream()),
        headline: summary::headline(overview),
        key_numbers: summary::key_numbers(overview),
        levels_title: "Levels",
        charts_levels: true,
        levels: levels::overview_table(overview),
        level_charts: [charts::ttft(overview), charts::stretch_or_total(overview)]
            .into_iter()
            .flatten()
            .collect(),
        findings: findings(overview),
        sections: sections.iter().map(|section| section(overview)).collect(),
    }
}

/// What was stressed and when; `upstream` is the process that answers the target, where the run
/// knows it.
pub(crate) fn subtitle<K: Load>(run: &Run<K>, upstream: Option<&str>) -> Text {
    let server = match (&run.target.server, run.target.embedded) {
        _ if let (Some(process), Some(upstream)) = (&run.target.process, upstream) => {
            let by = if run.target.embedded { ", started by this run" } else { "" };
            format!("{} before {}{by}", foreign(process), foreign(upstream))
        }
        (Some(server), true) => format!("{}, started by this run", foreign(server)),
        (Some(server), false) => foreign(server),
        (None, true) => "started by this run".to_owned(),
        (None, false) => "server without a name".to_owned(),
    };
    text![
        foreign(&run.target.url),
        " · ",
        server,
        " · ",
        run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string()
    ]
}

/// A block that says what is missing.
pub(crate) fn not_measured(what: impl Into<Text>, remedy: impl Into<Text>) -> Block {
    Block::NotMeasured { what: what.into(), remedy: remedy.into() }
}

/// What every section says that needs levels when there are none.
pub(crate) fn no_levels() -> Block {
    not_measured("no level ran to an end", "run the command again and let its first level finish")
}

/// How to get a run that something can be claimed from.
pub(crate) const QUIET: &str =
    "run again with the machine otherwise idle, or with the tester on another machine";

/// How to get a level that meets the rule, where there is none.
fn lower_remedy(overview: &Overview<'_>) -> &'static str {
    if overview.trusted.is_empty() && !overview.levels.is_empty() {
        QUIET
    } else {
        "begin the ladder lower, for example --ladder 1,10,100"
    }
}

/// How to get two levels to compare, where there are none.
fn ladder_remedy(overview: &Overview<'_>) -> &'static str {
    if overview.trusted.len() < 2 && overview.levels.len() > 1 {
        QUIET
    } else {
        "climb a ladder, for example --ladder 100,500,1000"
    }
}

/// Adds to a table what its dashes and marks mean, where it has any.
pub(crate) fn with_notes(mut table: Table) -> Table {
    let too_few = |cell: &Cell| match cell {
        Cell::Figure(figure) => figure.value.is_none() && figure.samples.is_some_and(|n| n > 0),
        Cell::Text(_) => false,
    };
    let missing = |cell: &Cell| match cell {
        Cell::Figure(figure) => figure.value.is_none() && figure.samples.is_none_or(|n| n == 0),
        Cell::Text(_) => false,
    };
    let any = |test: &dyn Fn(&Cell) -> bool| table.rows.iter().flat_map(|row| &row.cells).any(test);
    let mut notes = Vec::new();
    match (any(&too_few), any(&missing)) {
        (true, true) => notes.push(format!(
            "{NOTHING} not measured, or too few samples (p95 needs 20, p99 needs 100)"
        )),
        (true, false) => {
            notes.push(format!("{NOTHING} too few samples (p95 needs 20, p99 needs 100)"));
        }
        (false, true) => notes.push(format!("{NOTHING} not measured")),
        (false, false) => {}
    }
    if table.rows.iter().any(|row| row.untrusted) {
        notes.push(
            "! not trusted: shown, but never used for the verdict, the capacity or a trend"
                .to_owned(),
        );
    }
    table.notes.extend(notes);
    table
}

/// What the verdict's word means.
pub(crate) fn word_meaning(word: VerdictWord) -> &'static str {
    match word {
        VerdictWord::Met => "every trusted level met every predicate",
        VerdictWord::NotMet => "a level missed the rule",
        VerdictWord::NotTrusted => "the tester or the machine was the limit",
    }
}
