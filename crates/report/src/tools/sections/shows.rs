//! What was observed, and what that shows: each claim with the evidence counted for it, or against
//! it, or the reason why there is none.

use results::CallOutcome;
use results::tools::{Carriage, Expected};
use results::units::float;

use super::LADDER;
use crate::document::{Block, Column, Row, Section, Table};
use crate::figure::Figure;
use crate::number::{self, Kind};
use crate::sections::no_levels;
use crate::text::{Inline, Text, text};
use crate::tools::overview::{LevelView, Overview};

/// Without a single failure among n calls, the true share of failures is below 3/n with 95 %
/// confidence: the "rule of three" (Hanley and Lippman-Hand, JAMA 249:1743, 1983).
const RULE_OF_THREE: f64 = 3.0;

/// Calls without a failure show that calls do not fail once that share is below so many percent:
/// from 30 calls on.
const MOST_FAILURES_PERCENT: f64 = 10.0;

/// The observations of the original report, each as a count.
pub(super) fn observations(overview: &Overview<'_>) -> Section {
    let shown = overview.shown();
    let mut blocks = Vec::new();
    for view in &shown {
        if shown.len() > 1 {
            blocks.push(Block::Paragraph(text![Inline::strong(view.words())]));
        }
        blocks.push(Block::List(list(overview, *view)));
    }
    blocks.push(if shown.is_empty() {
        no_levels()
    } else {
        Block::Paragraph(
            "When calls ended is not used as evidence: calls that are carried one after the other \
             may end within the same second, too."
                .into(),
        )
    });
    Section {
        id: "observations",
        title: "Observations",
        question: "What was seen, in counts?",
        blocks,
    }
}

fn list(overview: &Overview<'_>, view: LevelView<'_>) -> Vec<Text> {
    let level = view.level;
    let mut list = vec![ended(view), overlap(view)];
    if overview.verified() && level.distinct_digests > 0 {
        let mut sentence = if level.distinct_digests == 1 {
            "All files have the same digest.".into()
        } else {
            let digests = view.counted("distinct_digests", level.distinct_digests);
            text!["The files have ", digests, " different digests."]
        };
        sentence.extend(text![
            " Files with wrong bytes: ",
            view.outcome(CallOutcome::WrongBytes),
            "; missing files: ",
            view.outcome(CallOutcome::MissingFile),
            "."
        ]);
        list.push(sentence);
    }
    if let Some(transfers) = level.upstream_transfers {
        list.push(text![
            "The upstream counted ",
            view.counted("upstream_transfers", transfers),
            " transfers for ",
            view.counted("calls", level.calls),
            " calls."
        ]);
    }
    list
}

/// How the level's calls ended.
fn ended(view: LevelView<'_>) -> Text {
    let outcomes = &view.level.outcomes;
    let all = view.derived("ended", Kind::Count, Some(float(outcomes.total())));
    match outcomes.not_ok() {
        0 if outcomes.total() == 1 => format!("The one call of {} ended ok.", view.words()).into(),
        0 => text!["All ", all, format!(" calls of {} ended ok.", view.words())],
        not_ok => text![
            view.derived("not_ok", Kind::Count, Some(float(not_ok))),
            " of ",
            all,
            format!(" calls of {} did not end ok.", view.words())
        ],
    }
}

fn overlap(view: LevelView<'_>) -> Text {
    let mut sentence = text![
        "Up to ",
        view.counted("peak_open", view.level.peak_open),
        " calls were open at one moment in the tester"
    ];
    if let Some(overlap) = view.overlap() {
        sentence.push(", ");
        sentence.push(view.derived("mean_open", Kind::Quantity, Some(overlap.mean)));
        sentence.push(" on average");
    }
    match view.level.upstream_peak_open {
        Some(upstream) => {
            sentence.push("; behind the target the upstream counted up to ");
            sentence.push(view.counted("upstream_peak_open", upstream));
            sentence.push(".");
        }
        None => sentence.push("; how many reached the upstream at once is not known."),
    }
    sentence
}

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Shown,
    Refuted,
    NotShown,
}

impl Answer {
    fn word(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Refuted => "refuted",
            Self::NotShown => "not shown",
        }
    }
}

/// What this run shows of each claim of the original report.
pub(super) fn section(overview: &Overview<'_>) -> Section {
    let blocks = if overview.levels.is_empty() {
        vec![no_levels()]
    } else {
        vec![Block::Table(claims(overview))]
    };
    Section {
        id: "shows",
        title: "What this shows",
        question: "Which claims does the evidence carry?",
        blocks,
    }
}

fn claims(overview: &Overview<'_>) -> Table {
    let shown = overview.shown();
    let of_level = |claim: &str, view: LevelView<'_>, (answer, evidence): (Answer, Text)| {
        // A level that is not trusted carries no claim, for or against.
        let answer = if view.level.trusted { answer } else { Answer::NotShown };
        let cells = vec![claim.into(), view.short().into(), answer.word().into(), evidence.into()];
        super::row(view, cells)
    };
    let of_all = |claim: &str, (answer, evidence): (Answer, Text)| {
        Row::of(vec![claim.into(), "all".into(), answer.word().into(), evidence.into()])
    };
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(shown.iter().map(|v| of_level("Calls are carried at once", *v, concurrency(*v))));
    let integrity = |view: &LevelView<'_>| integrity(overview, *view);
    rows.extend(shown.iter().map(|v| of_level("Files arrive whole and right", *v, integrity(v))));
    rows.push(of_all("Calls do not fail", reliability(overview)));
    rows.push(of_all("More load is carried as well", scale(overview)));
    let mut notes = Vec::new();
    if shown.iter().any(|view| !view.level.trusted) {
        notes.push("! the level is not trusted, so that nothing is shown by it".to_owned());
    }
    Table {
        id: "claims-table".to_owned(),
        caption: "Claims".to_owned(),
        columns: ["claim", "load", "answer", "evidence"].map(Column::words).to_vec(),
        rows,
        notes,
    }
}

fn concurrency(view: LevelView<'_>) -> (Answer, Text) {
    let level = view.level;
    let mut evidence = Text::default();
    if let Some(upstream) = level.upstream_peak_open {
        evidence.push("the upstream counted up to ");
        evidence.push(view.counted("upstream_peak_open", upstream));
        evidence.push(" at once");
    }
    if level.speedup.is_some() {
        if !evidence.0.is_empty() {
            evidence.push("; ");
        }
        evidence.push(view.speedup());
        evidence.push(" as fast as one after the other");
    }
    if evidence.0.is_empty() {
        let why = "neither the upstream's counters nor sequential calls: the tester's own open \
                   calls may have waited in the target; to know, use --sequential N";
        return (Answer::NotShown, why.into());
    }
    let several = level.shape().load() > 1;
    let answer = match level.carriage() {
        _ if !several => Answer::NotShown,
        Carriage::Serial => Answer::Refuted,
        Carriage::AtOnce => Answer::Shown,
        // The upstream's count of several at once needs no gain beside it.
        Carriage::NoGain if level.upstream_peak_open > Some(1) => Answer::Shown,
        Carriage::NoGain | Carriage::Unknown => Answer::NotShown,
    };
    (answer, evidence)
}

fn integrity(overview: &Overview<'_>, view: LevelView<'_>) -> (Answer, Text) {
    let level = view.level;
    let bad = level.outcomes.wrong_bytes + level.outcomes.missing_file;
    if bad > 0 {
        let evidence = text![
            "files with wrong bytes: ",
            view.outcome(CallOutcome::WrongBytes),
            ", missing files: ",
            view.outcome(CallOutcome::MissingFile)
        ];
        return (Answer::Refuted, evidence);
    }
    let expected = overview.run.workload.verification.as_ref().map(|v| v.expected);
    match (expected, level.correct) {
        (Some(Expected::Upstream | Expected::Given), Some(correct)) if correct > 0 => {
            let evidence = text![
                view.counted("correct", correct),
                " files read back with the expected size and digest"
            ];
            (Answer::Shown, evidence)
        }
        (Some(_), _) => (Answer::NotShown, "what the files should be is not known".into()),
        (None, _) => (Answer::NotShown, "the files were not looked at".into()),
    }
}

/// Over all trusted levels.
fn reliability(overview: &Overview<'_>) -> (Answer, Text) {
    let trusted = || overview.trusted.iter().map(|view| &view.level.outcomes);
    let ended: u64 = trusted().map(results::CallOutcomes::total).sum();
    let not_ok: u64 = trusted().map(results::CallOutcomes::not_ok).sum();
    let figure = |name: &str, value: u64| Figure::derived(name, Kind::Count, Some(float(value)));
    if ended == 0 {
        return (Answer::NotShown, "no call of a trusted level ended".into());
    }
    if not_ok > 0 {
        let evidence =
            text![figure("trusted_not_ok", not_ok), " of ", figure("trusted_ended", ended), " did"];
        return (Answer::Refuted, evidence);
    }
    let bound = (RULE_OF_THREE / float(ended) * 100.0).min(100.0);
    let mut evidence = text![
        "none of ",
        figure("trusted_ended", ended),
        " did; with 95 % confidence fewer than ",
        Figure::derived("failures_below_percent", Kind::Portion, Some(bound)),
        " do"
    ];
    if bound > MOST_FAILURES_PERCENT {
        let limit = number::show(Kind::Portion, Some(MOST_FAILURES_PERCENT));
        evidence.push(format!(", and more than {limit} may: make more calls"));
        return (Answer::NotShown, evidence);
    }
    (Answer::Shown, evidence)
}

fn scale(overview: &Overview<'_>) -> (Answer, Text) {
    let loads = overview.trusted.iter().map(|view| view.level.shape().load());
    let several = loads.clone().max() > loads.min();
    let capacity = &overview.run.capacity;
    let figure = |path: &str, load: u64| Figure::of_run(path, Kind::Count, Some(float(load)));
    match (several, capacity.passed, capacity.failed) {
        (false, _, _) => {
            let why =
                format!("one trusted level has nothing to be compared with; to know, {LADDER}");
            (Answer::NotShown, why.into())
        }
        (true, passed, Some(failed)) => {
            let mut evidence =
                text![figure("capacity.failed", failed), " calls at once missed the rule"];
            if let Some(passed) = passed {
                evidence.push("; held were ");
                evidence.push(figure("capacity.passed", passed));
            }
            (Answer::Refuted, evidence)
        }
        (true, Some(passed), None) => {
            let evidence = text![
                "all up to ",
                figure("capacity.passed", passed),
                " calls at once met the rule; the limit was not reached"
            ];
            (Answer::Shown, evidence)
        }
        (true, None, None) => (Answer::NotShown, "no trusted level met the rule".into()),
    }
}
