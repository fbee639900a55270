//! Whether the answers arrived, whole and right.

use results::level::{ErrorGroup, Outcome};
use results::units::float;

use super::finding;
use crate::charts::outcome_name;
use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::number::Kind;
use crate::overview::{LevelView, Overview};
use crate::text::{Text, foreign, text};

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(super::slo_missed(&overview.run.slo, "users"));
    all.extend(outcomes(overview));
    all.extend(commonest_error(overview));
    all.extend(not_verifiable(overview));
    all
}

fn outcomes(overview: &Overview<'_>) -> Option<Finding> {
    let ended = overview.ended();
    if ended == 0 {
        return None;
    }
    let all = Figure::derived("ended", Kind::Count, Some(float(ended)));
    let failed: Vec<(Outcome, u64)> = Outcome::ALL
        .into_iter()
        .filter(|outcome| *outcome != Outcome::Ok)
        .map(|outcome| (outcome, overview.outcome(outcome)))
        .filter(|(_, count)| *count > 0)
        .collect();
    if failed.is_empty() {
        let sentence = text!["All ", all, " streams of all levels ended whole."];
        return Some(finding("outcomes", Weight::Note, sentence));
    }
    let not_ok: u64 = failed.iter().map(|(_, count)| count).sum();
    let mut sentence: Text = text![
        Figure::derived("not_ok", Kind::Count, Some(float(not_ok))),
        " of ",
        all,
        " streams did not end whole: "
    ];
    for (index, (outcome, count)) in failed.into_iter().enumerate() {
        if index > 0 {
            sentence.push(", ");
        }
        let name = format!("outcomes.{}", outcome.name());
        sentence.push(Figure::derived(&name, Kind::Count, Some(float(count))));
        sentence.push(format!(" {}", outcome_name(outcome)));
    }
    sentence.push(".");
    Some(finding("outcomes", Weight::Problem, sentence))
}

fn commonest_error(overview: &Overview<'_>) -> Option<Finding> {
    let (view, index, group) =
        overview.levels.iter().flat_map(groups).max_by_key(|(_, _, group)| group.count)?;
    Some(finding(
        "commonest_error",
        Weight::Problem,
        text![
            "The most frequent failure was “",
            foreign(&group.detail),
            "”: ",
            view.counted(&format!("errors.{index}.count"), group.count),
            " streams at ",
            view.users(),
            " users."
        ],
    ))
}

/// A level's error groups with their place in the file.
fn groups<'r>(
    view: &LevelView<'r>,
) -> impl Iterator<Item = (LevelView<'r>, usize, &'r ErrorGroup)> {
    let view = *view;
    view.level.errors.iter().enumerate().map(move |(index, group)| (view, index, group))
}

fn not_verifiable(overview: &Overview<'_>) -> Option<Finding> {
    let unknown = overview.ended() > 0 && overview.levels.iter().all(|v| v.level.correct.is_none());
    unknown.then(|| {
        finding(
            "correct_unknown",
            Weight::Note,
            "Whether the text of the answers was right is not known: it does not verify itself. \
             Whole means here that the stream followed its grammar to the end."
                .into(),
        )
    })
}
