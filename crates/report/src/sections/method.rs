//! How it was measured, how wrong the tester itself was, and what the words mean.

use results::Summary;
use results::summary::Statistic;
use results::units::float;

use super::not_measured;
use crate::document::{Block, Column, Fact, Row, Section, Table};
use crate::figure::Figure;
use crate::glossary::Term;
use crate::number::Kind;
use crate::overview::Overview;
use crate::text::{Text, foreign, text};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let run = overview.run;
    let control = &run.tester.control;
    let mut blocks = vec![Block::List(method(overview))];
    let errors = [
        ("TTFT", "tester.control.ttft_error_ms", control.ttft_error_ms),
        ("gap", "tester.control.gap_error_ms", control.gap_error_ms),
    ];
    if errors.iter().any(|(_, _, summary)| summary.is_some()) {
        blocks.push(Block::Table(tester_error(&errors)));
    } else {
        blocks.push(not_measured(
            "the tester's own error: no control stream ran to an end",
            "let at least one level finish",
        ));
    }
    blocks.push(Block::Facts(vec![
        Fact::new("Run", foreign(&run.id)),
        Fact::new("Name", foreign(&run.name)),
        Fact::new("Began", run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        Fact::new("Weir", foreign(&run.weir_version)),
        Fact::new("Format", foreign(&run.format)),
        Fact::new(
            "Tester",
            text![
                Figure::of_run("tester.workers", Kind::Count, Some(float(run.tester.workers))),
                " worker threads; a wake-up may be batched for at most ",
                Figure::of_run("tester.batch_ms", Kind::Latency, Some(run.tester.batch_ms))
            ],
        ),
        Fact::new("Made from", "run.json alone; every number can be read back from it"),
    ]));
    blocks.push(Block::Glossary(&Term::STREAMS));
    Section {
        id: "method",
        title: "Method and words",
        question: "How was it measured, and how wrong is the tester?",
        blocks,
    }
}

fn method(overview: &Overview<'_>) -> Vec<Text> {
    let starts = if overview.run.workload.arrival.is_some() {
        "A request starts at its scheduled time, whether or not the tester came round to it: \
         waiting in the tester counts."
    } else {
        "A request starts before connecting, or before the first byte is written on a reused \
         connection: TTFT and total contain connecting."
    };
    vec![
        starts.into(),
        "What became of a stream is decided by the grammar of its dialect, not by its status: an \
         answer that ends cleanly without its terminal event is truncated."
            .into(),
        "Every gap is recorded in microseconds, in histograms with an error of at most 0.1 %; \
         percentiles are taken from merged histograms and never averaged."
            .into(),
        "Failed streams are counted by outcome; total and stretch are those of complete streams \
         only."
            .into(),
        "Trends and the verdict use trusted levels only.".into(),
    ]
}

/// What the tester measured on streams of known truth, beside that truth.
fn tester_error(errors: &[(&str, &str, Option<Summary>)]) -> Table {
    let statistics = [Statistic::P50, Statistic::P95, Statistic::P99, Statistic::Max];
    let rows = errors
        .iter()
        .map(|(name, path, summary)| {
            let mut cells = vec![(*name).into()];
            cells.extend(
                statistics.map(|s| Figure::of_summary(path, Kind::Latency, *summary, s).into()),
            );
            let count = summary.map(|summary| float(summary.count));
            cells.push(Figure::of_run(&format!("{path}.count"), Kind::Count, count).into());
            Row::of(cells)
        })
        .collect();
    let mut columns = vec![Column::words("quantity")];
    columns.extend(statistics.map(|s| Column::grouped("measured − true", s.name(), Kind::Latency)));
    columns.push(Column::numbers("samples", Kind::Count));
    Table {
        id: "control-table".to_owned(),
        caption: "The tester's own error, on control streams of known truth".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    }
}
