//! The verdict's sentence, the six numbers, and the summary for those who read no further.

use results::VerdictWord;
use results::level::Outcome;
use results::summary::Statistic;
use results::units::float;

use super::{no_levels, word_meaning};
use crate::document::{Block, Fact, Headline, KeyNumber, Section};
use crate::figure::{Figure, Metric};
use crate::glossary::Term;
use crate::number::{self, Kind, NOTHING};
use crate::overview::{LevelView, Overview};
use crate::text::{Inline, Text, foreign, text};

/// The one sentence that answers the question.
pub(super) fn headline(overview: &Overview<'_>) -> Headline {
    let run = overview.run;
    let capacity = &run.capacity;
    let mut sentence = match (overview.headline(), overview.verdict.word, capacity.passed) {
        (None, _, _) => "Nothing was measured: no level ran to an end.".into(),
        (Some(view), VerdictWord::Met, Some(_)) => carried(view, "Carries "),
        (Some(view), VerdictWord::NotMet, Some(_)) => {
            let mut sentence = carried(view, "Carries ");
            sentence.push(" No more: ");
            sentence.extend(limited_by(overview));
            sentence
        }
        (Some(view), VerdictWord::NotTrusted, Some(_)) => {
            let mut sentence = carried(view, "Carries at least ");
            sentence.push(" No more is claimed: ");
            sentence.extend(limited_by(overview));
            sentence
        }
        (Some(_), _, None) => {
            let mut sentence: Text = "No capacity is claimed: ".into();
            sentence.extend(limited_by(overview));
            sentence
        }
    };
    if run.interrupted && !run.levels.is_empty() {
        sentence.push(" The run was ended early.");
    }
    let rule = if overview.verdict.rule.is_empty() {
        "no rule was set".into()
    } else {
        Text(vec![Inline::code(foreign(&overview.verdict.rule))])
    };
    let word = overview.verdict.word;
    Headline { word: word.as_str(), tone: word.into(), sentence, rule }
}

/// What was carried at a level, in the words of a user.
fn carried(view: LevelView<'_>, begins: &str) -> Text {
    let mut sentence = text![
        begins,
        Inline::strong(format!("{} users", view.users().show())),
        ": ",
        view.complete(),
        " of the answers whole"
    ];
    let ttft = shown_tail(view, Metric::Ttft);
    if let Some((figure, statistic)) = ttft {
        sentence.extend(text![", first word after ", figure, format!(" ({})", statistic.name())]);
    }
    if let Some((figure, statistic)) = shown_tail(view, Metric::Stretch) {
        sentence.extend(text![
            ", whole answers in ",
            figure,
            format!(" their ideal time ({})", statistic.name())
        ]);
    } else if let Some((figure, statistic)) = shown_tail(view, Metric::Total) {
        sentence.extend(text![", whole answers in ", figure, format!(" ({})", statistic.name())]);
    }
    sentence.push(".");
    sentence
}

/// The 95th percentile, or the maximum where there are too few samples for it.
fn shown_tail(view: LevelView<'_>, metric: Metric) -> Option<(Figure, Statistic)> {
    [Statistic::P95, Statistic::Max]
        .into_iter()
        .map(|statistic| (view.summary(metric, statistic), statistic))
        .find(|(figure, _)| figure.value.is_some())
}

fn limited_by(overview: &Overview<'_>) -> Text {
    match &overview.run.capacity.limited_by {
        Some(reason) => text![format!("{}.", foreign(reason))],
        None => "no level was trusted.".into(),
    }
}

/// The six numbers.
pub(super) fn key_numbers(overview: &Overview<'_>) -> Vec<KeyNumber> {
    let view = overview.headline();
    let at = view.map_or_else(String::new, |view| {
        let doubt = if view.level.trusted { "" } else { " (not trusted)" };
        format!("at {} users{doubt}", view.users().show())
    });
    let figure = |figure: fn(LevelView<'_>) -> Figure| view.map(figure);
    let number = |label: Text, meaning: &str, direction, value: Option<Figure>| {
        let samples = value.as_ref().and_then(|value| value.samples);
        let basis = match (samples, view) {
            (Some(samples), _) => format!("{at}, n = {}", number::count(samples)),
            (None, Some(_)) => at.clone(),
            (None, None) => "not measured".to_owned(),
        };
        let missing = value.as_ref().is_none_or(|value| value.value.is_none());
        let basis = if missing && view.is_some() { format!("not measured {at}") } else { basis };
        KeyNumber {
            label,
            value: value.map_or_else(|| NOTHING.into(), Text::from),
            meaning: meaning.into(),
            direction,
            basis,
        }
    };
    vec![
        capacity(overview),
        number(
            text![Term::Ttft, " p95"],
            "19 of 20 users had their first word by then",
            "lower is better",
            figure(|view| view.summary(Metric::Ttft, Statistic::P95)),
        ),
        number(
            text![Term::Stretch, " p95"],
            "time of a whole answer over its ideal time",
            "lower is better",
            figure(|view| view.summary(Metric::Stretch, Statistic::P95)),
        ),
        number(
            Term::Complete.into(),
            "answers that arrived whole, of those that ended",
            "higher is better",
            figure(|view| view.complete()),
        ),
        number(
            "CPU per event".into(),
            "processor time of the target for each event",
            "lower is better",
            figure(|view| view.target_cpu_per_event()),
        ),
        number(
            "memory per stream".into(),
            "what one more open stream takes on the target",
            "lower is better",
            figure(|view| view.target_memory_per_stream()),
        ),
    ]
}

fn capacity(overview: &Overview<'_>) -> KeyNumber {
    let capacity = &overview.run.capacity;
    let figure =
        |path: &str, users: Option<u64>| Figure::of_run(path, Kind::Count, users.map(float));
    KeyNumber {
        label: Term::Capacity.into(),
        value: text![figure("capacity.passed", capacity.passed),],
        meaning: text![
            "users at once; not held:\u{a0}",
            figure("capacity.failed", capacity.failed)
        ],
        direction: "higher is better",
        basis: "under the rule".to_owned(),
    }
}

/// The executive summary.
pub(super) fn section(overview: &Overview<'_>) -> Section {
    let run = overview.run;
    let mut facts = vec![
        Fact::new(
            "Verdict",
            text![format!(
                "{}: {}",
                overview.verdict.word.as_str(),
                word_meaning(overview.verdict.word)
            )],
        ),
        Fact::new(
            "Highest level that held",
            Figure::of_run("capacity.passed", Kind::Count, run.capacity.passed.map(float)),
        ),
        Fact::new(
            "Lowest level that did not",
            Figure::of_run("capacity.failed", Kind::Count, run.capacity.failed.map(float)),
        ),
        Fact::new(
            "Highest level that was tried",
            Figure::derived(
                "highest_users",
                Kind::Count,
                run.levels.iter().map(|level| level.users).max().map(float),
            ),
        ),
    ];
    let ended = overview.ended();
    facts.push(Fact::new(
        "Streams that ended",
        Figure::derived("ended", Kind::Count, Some(float(ended))),
    ));
    if ended > 0 {
        let not_ok = ended - overview.outcome(Outcome::Ok);
        facts.push(Fact::new(
            "Of these not whole",
            Figure::derived("not_ok", Kind::Count, Some(float(not_ok))),
        ));
    }
    let interrupted: u64 = run.levels.iter().map(|level| level.interrupted).sum();
    if interrupted > 0 {
        facts.push(Fact::new(
            "Cut off by the early end",
            Figure::derived("interrupted", Kind::Count, Some(float(interrupted))),
        ));
    }
    facts.push(Fact::new(
        "Duration",
        Figure::of_run("duration_s", Kind::Span, Some(run.duration_s)),
    ));
    let mut blocks = vec![Block::Facts(facts)];
    if overview.levels.is_empty() {
        blocks.push(no_levels());
    }
    Section {
        id: "summary",
        title: "Executive summary",
        question: "What was asked, and what came out?",
        blocks,
    }
}
