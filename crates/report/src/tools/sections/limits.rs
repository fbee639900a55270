//! What this run cannot say, how it was measured, and how wrong the tester itself was.

use results::summary::Statistic;
use results::units::float;

use crate::document::{Block, Column, Fact, Row, Section, Table};
use crate::figure::Figure;
use crate::glossary::Term;
use crate::number::Kind;
use crate::sections::not_measured;
use crate::text::{Text, foreign, text};
use crate::tools::overview::Overview;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    Section {
        id: "limits",
        title: "Limits of this test",
        question: "What does this run not say?",
        blocks: vec![Block::List(limits(overview))],
    }
}

fn limits(overview: &Overview<'_>) -> Vec<Text> {
    let run = overview.run;
    let mut limits: Vec<Text> = Vec::new();
    if run.target.local || run.target.embedded {
        limits.push(
            "One machine: server, tester and upstream share its processors and its disk, and no \
             network is between them."
                .into(),
        );
    } else {
        limits.push(
            "Remote server: times contain the network; its CPU and memory are not measured.".into(),
        );
    }
    if let Some(profile) = &run.workload.profile {
        limits.push(text![
            format!("Simulated upstream (profile {}): no provider's limits, ", foreign(profile)),
            "outages or changing speed."
        ]);
    }
    limits.push(
        "Files are read back after the calls: what a reader would have seen in the middle of a \
         call is not known."
            .into(),
    );
    if run.capacity.passed.is_some() && run.capacity.failed.is_none() {
        limits.push("No trusted level missed the rule: the limit itself was not found.".into());
    }
    if run.interrupted {
        limits.push("Ended early: levels that are missing were not measured.".into());
    }
    limits.push(
        "One run: how much the numbers differ from run to run is not measured. To measure it, run \
         the same command line again and lay the two side by side with weir compare."
            .into(),
    );
    limits
}

pub(super) fn method(overview: &Overview<'_>) -> Section {
    let run = overview.run;
    let mut blocks = vec![Block::List(how())];
    match run.tester.control.call_error_ms {
        Some(_) => blocks.push(Block::Table(tester_error(overview))),
        None => blocks.push(not_measured(
            "the tester's own error: no control call ran to an end",
            "let at least one level finish",
        )),
    }
    blocks.push(Block::Facts(vec![
        Fact::new("Run", foreign(&run.id)),
        Fact::new("Name", foreign(&run.name)),
        Fact::new("Began", run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        Fact::new("Duration", Figure::of_run("duration_s", Kind::Span, Some(run.duration_s))),
        Fact::new("Weir", foreign(&run.weir_version)),
        Fact::new("Format", foreign(&run.format)),
        Fact::new("Made from", "run.json alone; every number can be read back from it"),
    ]));
    blocks.push(Block::Glossary(&Term::TOOLS));
    Section {
        id: "method",
        title: "Method and words",
        question: "How was it measured, and how wrong is the tester?",
        blocks,
    }
}

fn how() -> Vec<Text> {
    vec![
        "A call lasts from its first byte written to its answer's last byte read. Opening the \
         session comes before and is shown by itself."
            .into(),
        "What became of a call is decided by its answer and by its file: a success without a file \
         is a missing file, and one with other bytes is wrong bytes."
            .into(),
        "Files are read back from where they landed and hashed after the last call, so that \
         hashing takes nothing from the calls."
            .into(),
        "Times and throughput are those of calls that ended ok; all others are counted by outcome."
            .into(),
        "The verdict, the claims and the trends use trusted levels only.".into(),
    ]
}

/// What the tester measured on calls of known length, beside the truth.
fn tester_error(overview: &Overview<'_>) -> Table {
    let path = "tester.control.call_error_ms";
    let error = overview.run.tester.control.call_error_ms;
    let statistics = [Statistic::P50, Statistic::P95, Statistic::P99, Statistic::Max];
    let mut columns = vec![Column::words("quantity")];
    columns.extend(statistics.map(|s| Column::grouped("measured − true", s.name(), Kind::Latency)));
    columns.push(Column::numbers("samples", Kind::Count));
    let mut cells = vec!["call".into()];
    cells.extend(statistics.map(|s| Figure::of_summary(path, Kind::Latency, error, s).into()));
    let count = error.map(|summary| float(summary.count));
    cells.push(Figure::of_run(&format!("{path}.count"), Kind::Count, count).into());
    Table {
        id: "control-table".to_owned(),
        caption: "The tester's own error, on control calls of known length".to_owned(),
        columns,
        rows: vec![Row::of(cells)],
        notes: Vec::new(),
    }
}
