//! The numbers of each level, one below the other.

use results::summary::Statistic;
use results::units::float;

use super::row;
use crate::document::{Block, Cell, Column, Fact, Section, Table};
use crate::glossary::Term;
use crate::number::Kind;
use crate::sections::{no_levels, with_notes};
use crate::text::{Text, text};
use crate::tools::charts;
use crate::tools::overview::{LevelView, Metric, Overview};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let shown = overview.shown();
    let mut blocks: Vec<Block> =
        shown.iter().map(|view| Block::Facts(facts(overview, *view))).collect();
    if blocks.is_empty() {
        blocks.push(no_levels());
    } else {
        blocks.push(Block::Table(counts(overview)));
        blocks.push(Block::Table(times(overview)));
        blocks.extend(charts::outcomes(overview).map(Box::new).map(Block::Chart));
    }
    Section {
        id: "statistics",
        title: "Summary statistics",
        question: "How many calls, how many right, how much, how fast?",
        blocks,
    }
}

/// The rows of the original report, of one level.
fn facts(overview: &Overview<'_>, view: LevelView<'_>) -> Vec<Fact> {
    let level = view.level;
    let count = |name: &str, value: u64| view.counted(name, value);
    let mut facts = vec![
        Fact::new("Level", view.words()),
        Fact::new("Calls", count("calls", level.calls)),
        Fact::new("Ended ok", text![view.ok(), " (", count("outcomes.ok", level.outcomes.ok), ")"]),
        Fact::new(
            "Bytes of right files",
            text![
                view.measured("bytes_total", Kind::Bytes, Some(float(level.bytes_total))),
                " in ",
                view.measured("duration_s", Kind::Span, Some(level.duration_s)),
                ": ",
                view.bytes_per_s()
            ],
        ),
    ];
    if overview.verified() {
        facts.push(Fact::new("File sizes", sizes(view)));
        facts.push(Fact::new("SHA-256 digests", digests(view)));
    }
    facts.push(Fact::new("Calls at once, counted", overlap(view)));
    if level.cancelled > 0 {
        facts.push(Fact::new("Cancelled by us", count("cancelled", level.cancelled)));
    }
    facts
}

/// How many different sizes there are among the files that were read back.
fn sizes(view: LevelView<'_>) -> Text {
    let mut sizes: Vec<u64> = view.level.files.iter().filter_map(|call| call.bytes).collect();
    let files = sizes.len();
    sizes.sort_unstable();
    sizes.dedup();
    let figure = |name: &str, value: u64| view.derived(name, Kind::Count, Some(float(value)));
    match sizes.as_slice() {
        [] => "no file was read back".into(),
        [only] => text![
            "all ",
            figure("files", u64::try_from(files).unwrap_or(u64::MAX)),
            " have ",
            figure("file_bytes", *only),
            " bytes"
        ],
        [first, .., last] => text![
            figure("file_sizes", u64::try_from(sizes.len()).unwrap_or(u64::MAX)),
            " different, from ",
            figure("smallest_file_bytes", *first),
            " to ",
            figure("largest_file_bytes", *last),
            " bytes"
        ],
    }
}

fn digests(view: LevelView<'_>) -> Text {
    let digests = view.level.distinct_digests;
    let mut sentence = match digests {
        0 => return "no file was read back".into(),
        1 => "the same for all; ".into(),
        _ => text![view.counted("distinct_digests", digests), " different; "],
    };
    match view.level.correct {
        Some(correct) => {
            sentence.push(view.counted("correct", correct));
            sentence.push(" files proved right");
        }
        None => sentence.push("which of them is right is not known"),
    }
    sentence
}

fn overlap(view: LevelView<'_>) -> Text {
    let mut sentence =
        text!["at most ", view.counted("peak_open", view.level.peak_open), " by the tester"];
    if let Some(upstream) = view.level.upstream_peak_open {
        sentence.push(", ");
        sentence.push(view.counted("upstream_peak_open", upstream));
        sentence.push(" by the upstream");
    }
    if let Some(overlap) = view.overlap() {
        sentence.push("; ");
        sentence.push(view.derived("mean_open", Kind::Quantity, Some(overlap.mean)));
        sentence.push(" on average");
    }
    sentence
}

fn counts(overview: &Overview<'_>) -> Table {
    let columns = vec![
        Column::words("load"),
        Column::numbers("calls", Kind::Count),
        Column::numbers(Term::Ok, Kind::Percent),
        Column::numbers(Term::Success, Kind::Percent),
        Column::numbers(Term::Correct, Kind::Percent),
        Column::numbers("not ok", Kind::Count),
        Column::numbers("cancelled", Kind::Count),
        Column::numbers("calls per second", Kind::Rate),
        Column::numbers("digests", Kind::Count),
        Column::words(Term::Trusted),
    ];
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let level = view.level;
            let not_ok = float(level.outcomes.not_ok());
            let cells: Vec<Cell> = vec![
                view.short().into(),
                view.counted("calls", level.calls).into(),
                view.ok().into(),
                view.success().into(),
                view.correct().into(),
                view.derived("not_ok", Kind::Count, Some(not_ok)).into(),
                view.counted("cancelled", level.cancelled).into(),
                view.calls_per_s().into(),
                view.counted("distinct_digests", level.distinct_digests).into(),
                if level.trusted { "yes" } else { "no" }.into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "counts-table".to_owned(),
        caption: "Calls of each level".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}

fn times(overview: &Overview<'_>) -> Table {
    let statistics = Statistic::ALL;
    let mut columns = vec![Column::words("load")];
    columns.extend(statistics.map(|s| Column::grouped(Term::Call, s.name(), Kind::Latency)));
    columns.push(Column::numbers("samples", Kind::Count));
    let sessions = overview.levels.iter().filter_map(|view| Metric::Session.of(view.level));
    let tail = Statistic::tail_of(sessions).unwrap_or(Statistic::P95);
    columns.push(Column::grouped("session", tail.name(), Kind::Latency));
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells: Vec<Cell> = vec![view.short().into()];
            cells.extend(statistics.map(|s| view.summary(Metric::Call, s).into()));
            let samples = view.level.call_ms.map(|summary| float(summary.count));
            cells.push(view.measured("call_ms.count", Kind::Count, samples).into());
            cells.push(view.summary(Metric::Session, tail).into());
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "times-table".to_owned(),
        caption: "Times of calls that ended ok".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}
