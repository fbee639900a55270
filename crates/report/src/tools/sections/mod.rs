//! The sections of a report of tool calls in their order: those of the original report, each with
//! data, or saying what is not measured and how to measure it.

mod conclusion;
mod detail;
mod examples;
mod gain;
mod head;
mod limits;
mod resources;
mod responsiveness;
mod setup;
mod shows;
mod statistics;

use results::ToolsRun;

use super::charts;
use super::findings::findings;
use super::overview::{LevelView, Overview};
use crate::document::{Cell, Document, Row, Section};
use crate::sections::subtitle;
use crate::text::foreign;

/// The report of a run of tool calls, before it has a format.
pub(super) fn document(run: &ToolsRun) -> Document {
    let overview = Overview::of(run);
    let overview = &overview;
    let sections: [fn(&Overview<'_>) -> Section; 11] = [
        setup::section,
        statistics::section,
        detail::section,
        shows::observations,
        shows::section,
        examples::section,
        gain::section,
        responsiveness::section,
        resources::section,
        conclusion::section,
        limits::section,
    ];
    let mut sections: Vec<Section> = sections.iter().map(|section| section(overview)).collect();
    sections.push(limits::method(overview));
    Document {
        title: foreign(&run.name),
        subtitle: subtitle(run, overview.upstream()),
        headline: head::headline(overview),
        key_numbers: head::key_numbers(overview),
        levels_title: "Levels",
        charts_levels: true,
        levels: head::levels(overview),
        level_charts: charts::courses(overview),
        findings: findings(overview),
        sections,
    }
}

/// A row about a level.
fn row(view: LevelView<'_>, cells: Vec<Cell>) -> Row {
    Row { cells, level: Some(view.index), untrusted: !view.level.trusted }
}

/// How to get what a run of one shape cannot show.
const LADDER: &str = "climb a ladder, for example --ladder 1x1,4x8,4x32,16x32";
