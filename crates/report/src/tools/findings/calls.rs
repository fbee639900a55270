//! Whether every call was answered, and every file right.

use results::tools::Expected;
use results::units::float;
use results::{Call, CallOutcome};

use super::finding;
use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::findings::slo_missed;
use crate::number::{self, Kind};
use crate::text::{Text, foreign, text};
use crate::tools::outcome_name;
use crate::tools::overview::{LevelView, Overview};

/// Bad files and lost calls that are named one by one at a level; the table has all of them.
const MOST_NAMED: usize = 3;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(slo_missed(&overview.run.slo, "calls at once"));
    all.extend(outcomes(overview));
    for view in &overview.levels {
        all.extend(named(*view, CallOutcome::WrongBytes));
        all.extend(named(*view, CallOutcome::MissingFile));
        all.extend(lost(*view));
    }
    all.extend(commonest_error(overview));
    all.extend(files(overview));
    all
}

fn outcomes(overview: &Overview<'_>) -> Option<Finding> {
    let counts = overview.outcomes();
    if counts.total() == 0 {
        return None;
    }
    let all = Figure::derived("ended", Kind::Count, Some(float(counts.total())));
    if counts.not_ok() == 0 {
        let right = if overview.verified() && proved(overview) {
            " calls of all levels ended ok, and every file was the expected one."
        } else {
            " calls of all levels ended ok."
        };
        return Some(finding("outcomes", Weight::Note, text!["All ", all, right]));
    }
    let mut sentence: Text = text![
        Figure::derived("not_ok", Kind::Count, Some(float(counts.not_ok()))),
        " of ",
        all,
        " calls did not end ok: "
    ];
    let failed = CallOutcome::ALL.into_iter().filter(|outcome| *outcome != CallOutcome::Ok);
    for (place, outcome) in failed.filter(|outcome| counts.get(*outcome) > 0).enumerate() {
        if place > 0 {
            sentence.push(", ");
        }
        let name = format!("outcomes.{}", outcome.name());
        sentence.push(Figure::derived(&name, Kind::Count, Some(float(counts.get(outcome)))));
        sentence.push(format!(" {}", outcome_name(outcome)));
    }
    sentence.push(".");
    Some(finding("outcomes", Weight::Problem, sentence))
}

/// Whether the files of all ended calls were compared with what was expected, and matched.
fn proved(overview: &Overview<'_>) -> bool {
    overview.levels.iter().all(|view| view.level.correct == Some(view.level.outcomes.total()))
}

/// The files that an answer called a success and that were wrong or missing, by name.
fn named(view: LevelView<'_>, outcome: CallOutcome) -> Option<Finding> {
    let count = view.level.outcomes.get(outcome);
    if count == 0 {
        return None;
    }
    let (rule, said) = match outcome {
        CallOutcome::MissingFile => ("missing_file", " answered success but left no file"),
        _ => ("wrong_bytes", " answered success but left a file that is not the expected one"),
    };
    let mut sentence: Text =
        text![format!("At {} ", view.words()), view.outcome(outcome), calls(count), said];
    name_some(&mut sentence, view, &[outcome]);
    Some(finding(rule, Weight::Problem, sentence))
}

/// Calls that never got an answer.
fn lost(view: LevelView<'_>) -> Option<Finding> {
    let without_answer = [CallOutcome::Timeout, CallOutcome::TransportError];
    let count: u64 = without_answer.into_iter().map(|o| view.level.outcomes.get(o)).sum();
    if count == 0 {
        return None;
    }
    let share = float(count) / float(view.level.outcomes.total()) * 100.0;
    let mut sentence: Text = text![
        format!("At {} ", view.words()),
        view.derived("without_answer", Kind::Count, Some(float(count))),
        calls(count),
        " (",
        view.derived("without_answer_percent", Kind::Percent, Some(share)),
        ") got no answer at all"
    ];
    name_some(&mut sentence, view, &without_answer);
    Some(finding("no_answer", Weight::Problem, sentence))
}

fn calls(count: u64) -> &'static str {
    if count == 1 { " call" } else { " calls" }
}

/// Names the first few calls of these outcomes, and says how many more there are.
fn name_some(sentence: &mut Text, view: LevelView<'_>, outcomes: &[CallOutcome]) {
    let of_these = |call: &&Call| call.outcome.is_some_and(|outcome| outcomes.contains(&outcome));
    let all: Vec<&Call> = view.level.files.iter().filter(of_these).collect();
    for (place, call) in all.iter().take(MOST_NAMED).enumerate() {
        sentence.push(if place == 0 { ": " } else { "; " });
        sentence.push(name(call));
    }
    let more = all.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        sentence.push(format!("; and {} more", number::count(more)));
    }
    sentence.push(".");
}

/// One call so that it can be found again: who, which, and what its file turned out to be.
fn name(call: &Call) -> String {
    let mut words = format!("agent {} call {}", call.agent, call.call);
    if let Some(name) = &call.name {
        words.push_str(&format!(", {}", foreign(name)));
    }
    if let (Some(bytes), Some(digest)) = (call.bytes, &call.sha256) {
        let digest: String = foreign(digest).chars().take(12).collect();
        words.push_str(&format!(" ({} bytes, SHA-256 {digest}…)", number::count(bytes)));
    }
    words
}

fn commonest_error(overview: &Overview<'_>) -> Option<Finding> {
    let groups = overview
        .levels
        .iter()
        .flat_map(|view| view.level.errors.iter().enumerate().map(move |(i, g)| (*view, i, g)));
    let (view, index, group) = groups.max_by_key(|(_, _, group)| group.count)?;
    Some(finding(
        "commonest_error",
        Weight::Problem,
        text![
            "The most frequent failure was “",
            foreign(&group.detail),
            "”: ",
            view.counted(&format!("errors.{index}.count"), group.count),
            calls(group.count),
            format!(" at {}.", view.words())
        ],
    ))
}

/// How much is known about the files.
fn files(overview: &Overview<'_>) -> Option<Finding> {
    if overview.outcomes().total() == 0 {
        return None;
    }
    let Some(verification) = &overview.run.workload.verification else {
        return Some(finding(
            "files_not_checked",
            Weight::Limit,
            "No file was looked at: ok means here that the server said so. To check size and \
             digests, name where the files land: --verify-dir DIR or --verify-url TEMPLATE."
                .into(),
        ));
    };
    (verification.expected == Expected::Nothing).then(|| {
        finding(
            "digests_unknown",
            Weight::Limit,
            "The files were read back and compared with each other, but what they should be is not \
             known: all of them may be wrong alike. To know, give --expect-sha256 or --expect-bytes."
                .into(),
        )
    })
}
