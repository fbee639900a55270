//! The verdict's sentence, the six numbers, and one row a level.

use results::VerdictWord;
use results::summary::Statistic;
use results::units::float;

use super::row;
use crate::document::{Cell, Column, Headline, KeyNumber, Table};
use crate::figure::Figure;
use crate::glossary::Term;
use crate::number::{self, Kind, NOTHING};
use crate::sections::with_notes;
use crate::text::{Inline, Text, foreign, text};
use crate::tools::overview::{LevelView, Metric, Overview};
use crate::tools::probe;

/// The one sentence that answers the question.
pub(super) fn headline(overview: &Overview<'_>) -> Headline {
    let run = overview.run;
    let word = overview.verdict.word;
    let mut sentence = match (overview.headline(), word, run.capacity.passed) {
        (None, _, _) => "Nothing was measured: no level ran to an end.".into(),
        (Some(view), VerdictWord::Met, Some(_)) => carried(view, "Carries "),
        (Some(view), VerdictWord::NotMet, Some(_)) => {
            let mut sentence = carried(view, "Carries ");
            sentence.push(format!(" No more: {}", limited_by(overview)));
            sentence
        }
        (Some(view), VerdictWord::NotTrusted, Some(_)) => {
            let mut sentence = carried(view, "Carries at least ");
            sentence.push(format!(" No more is claimed: {}", limited_by(overview)));
            sentence
        }
        (Some(_), _, None) => format!("No capacity is claimed: {}", limited_by(overview)).into(),
    };
    if run.interrupted && !run.levels.is_empty() {
        sentence.push(" The run was ended early.");
    }
    let rule = if overview.verdict.rule.is_empty() {
        "no rule was set".into()
    } else {
        Text(vec![Inline::code(foreign(&overview.verdict.rule))])
    };
    Headline { word: word.as_str(), tone: word.into(), sentence, rule }
}

/// What was carried at a level, in the words of somebody who calls tools.
fn carried(view: LevelView<'_>, begins: &str) -> Text {
    let mut sentence = text![
        begins,
        Inline::strong(format!("{} calls at once", view.load().show())),
        format!(" ({}): ", shape(view)),
        view.ok(),
        " ended ok"
    ];
    if view.level.correct.is_some_and(|correct| correct == view.level.outcomes.total()) {
        sentence.push(", every file right byte for byte");
    }
    let (tail, statistic) = view.tail(Metric::Call);
    if tail.value.is_some() {
        sentence.extend(text![", a call in ", tail, format!(" ({})", statistic.name())]);
    }
    if view.level.speedup.is_some() {
        sentence.extend(text![", ", view.speedup(), " as fast as one after the other"]);
    }
    sentence.push(".");
    sentence
}

/// Agents and calls, with the stage where the run has several.
fn shape(view: LevelView<'_>) -> String {
    let shape = view.level.shape().words();
    view.level
        .stage
        .as_deref()
        .map_or(shape.clone(), |stage| format!("{shape}, {}", foreign(stage)))
}

fn limited_by(overview: &Overview<'_>) -> String {
    match &overview.run.capacity.limited_by {
        Some(reason) => format!("{}.", foreign(reason)),
        None => "no level was trusted.".to_owned(),
    }
}

/// The six numbers.
pub(super) fn key_numbers(overview: &Overview<'_>) -> Vec<KeyNumber> {
    let view = overview.headline();
    let at = view.map_or_else(String::new, |view| {
        let doubt = if view.level.trusted { "" } else { " (not trusted)" };
        format!("at {}{doubt}", view.words())
    });
    let number = |label: Text, meaning: &str, direction, value: Option<Figure>| {
        let samples = value.as_ref().and_then(|value| value.samples);
        let missing = value.as_ref().is_none_or(|value| value.value.is_none());
        let basis = match (view, missing, samples) {
            (None, _, _) => "not measured".to_owned(),
            (Some(_), true, _) => format!("not measured {at}"),
            (Some(_), false, Some(samples)) => format!("{at}, n = {}", number::count(samples)),
            (Some(_), false, None) => at.clone(),
        };
        let value = value.map_or_else(|| NOTHING.into(), Text::from);
        KeyNumber { label, value, meaning: meaning.into(), direction, basis }
    };
    let tail = view.and_then(probe::statistic).unwrap_or(Statistic::P99);
    vec![
        capacity(overview),
        number(
            text![Term::Ok],
            "calls answered with success, files right",
            "higher is better",
            view.map(LevelView::ok),
        ),
        number(
            "call p95".into(),
            "19 of 20 calls were answered by then",
            "lower is better",
            view.map(|view| view.summary(Metric::Call, Statistic::P95)),
        ),
        number(
            Term::Speedup.into(),
            "against the same calls one after the other",
            "higher is better",
            view.map(LevelView::speedup),
        ),
        number(
            "throughput".into(),
            "bytes of right files over the level's time",
            "higher is better",
            view.map(LevelView::bytes_per_s),
        ),
        number(
            text![Term::Probe, format!(" {}", tail.name())],
            "a trivial call under load",
            "lower is better",
            view.map(|view| view.summary(Metric::Probe, tail)),
        ),
    ]
}

fn capacity(overview: &Overview<'_>) -> KeyNumber {
    let capacity = &overview.run.capacity;
    let figure = |path: &str, load: Option<u64>| Figure::of_run(path, Kind::Count, load.map(float));
    KeyNumber {
        label: Term::Capacity.into(),
        value: text![figure("capacity.passed", capacity.passed)],
        meaning: text![
            "calls at once; not held:\u{a0}",
            figure("capacity.failed", capacity.failed)
        ],
        direction: "higher is better",
        basis: "under the rule".to_owned(),
    }
}

/// The table at the head: what fits 80 columns.
pub(super) fn levels(overview: &Overview<'_>) -> Table {
    let tail = probe::common_statistic(overview);
    let columns = vec![
        Column::words("load"),
        Column::numbers(Term::Ok, Kind::Percent),
        Column::grouped(Term::Call, "p50", Kind::Latency),
        Column::grouped(Term::Call, "p95", Kind::Latency),
        Column::grouped("most open", "tester", Kind::Count),
        Column::grouped("most open", "upstream", Kind::Count),
        Column::numbers("took", Kind::Span),
        Column::numbers("throughput", Kind::ByteRate),
        Column::numbers(Term::Speedup, Kind::Ratio),
        Column::grouped(Term::Probe, tail.name(), Kind::Latency),
    ];
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let level = view.level;
            let upstream = level.upstream_peak_open.map(float);
            let cells: Vec<Cell> = vec![
                view.short().into(),
                view.ok().into(),
                view.summary(Metric::Call, Statistic::P50).into(),
                view.summary(Metric::Call, Statistic::P95).into(),
                view.counted("peak_open", level.peak_open).into(),
                view.measured("upstream_peak_open", Kind::Count, upstream).into(),
                view.measured("duration_s", Kind::Span, Some(level.duration_s)).into(),
                view.bytes_per_s().into(),
                view.speedup().into(),
                view.summary(Metric::Probe, tail).into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "levels-table".to_owned(),
        caption: "Levels".to_owned(),
        columns,
        rows,
        notes: Vec::new(),
    })
}
