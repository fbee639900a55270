//! What the numbers may be used for: the tester, the machine, an early end.

use super::{ControlError, finding};
use crate::document::{Finding, Weight};
use crate::figure::{Figure, Metric};
use crate::number::Kind;
use crate::overview::{LevelView, Overview};
use crate::text::{foreign, text};

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(interrupted(overview));
    all.extend(
        overview.levels.iter().filter(|view| !view.level.trusted).map(|view| untrusted(*view)),
    );
    all.extend(concurrency_not_reached(overview));
    all.extend(overview.levels.iter().filter_map(|view| refused(*view)));
    all.extend(control_error(overview));
    all.extend(
        overview.levels.iter().filter(|view| view.level.trusted).flat_map(|view| notes(*view)),
    );
    all
}

fn interrupted(overview: &Overview<'_>) -> Option<Finding> {
    overview.run.interrupted.then(|| {
        let planned = results::units::ratio_base(overview.run.workload.ladder.len());
        let ran = results::units::ratio_base(overview.levels.len());
        finding(
            "interrupted",
            Weight::Limit,
            text![
                "The run was ended early: ",
                Figure::derived("levels", Kind::Count, Some(ran)),
                " of ",
                Figure::derived("ladder_levels", Kind::Count, Some(planned)),
                " levels have results."
            ],
        )
    })
}

fn untrusted(view: LevelView<'_>) -> Finding {
    let reasons: Vec<String> = view.level.trust_notes.iter().map(|note| foreign(note)).collect();
    let reasons =
        if reasons.is_empty() { "no reason recorded".to_owned() } else { reasons.join("; ") };
    finding(
        "untrusted_level",
        Weight::Limit,
        text![
            "The level of ",
            view.users(),
            " users is not trusted: ",
            reasons,
            ". Its numbers are shown but decide nothing."
        ],
    )
}

fn notes(view: LevelView<'_>) -> Vec<Finding> {
    let at = |note: &String| {
        finding(
            "trust_note",
            Weight::Note,
            text!["At ", view.users(), " users, to keep in mind: ", foreign(note), "."],
        )
    };
    view.level.trust_notes.iter().map(at).collect()
}

fn concurrency_not_reached(overview: &Overview<'_>) -> Vec<Finding> {
    if overview.run.workload.arrival.is_some() || overview.run.workload.start != "burst" {
        return Vec::new();
    }
    let fewer = |view: &&LevelView<'_>| view.level.peak_open < view.level.users;
    overview
        .trusted
        .iter()
        .filter(fewer)
        .map(|view| {
            finding(
                "concurrency_not_reached",
                Weight::Problem,
                text![
                    "Of ",
                    view.users(),
                    " users that started at once, at most ",
                    view.counted("peak_open", view.level.peak_open),
                    " streams were open at one moment: the others had failed or ended before."
                ],
            )
        })
        .collect()
}

/// Open loop: arrivals that the tester itself held back.
fn refused(view: LevelView<'_>) -> Option<Finding> {
    (view.level.refused > 0).then(|| {
        finding(
            "arrivals_not_sent",
            Weight::Problem,
            text![
                view.counted("refused", view.level.refused),
                " arrivals were not sent because ",
                view.users(),
                " streams, as many as allowed, were open: the target was spared that load."
            ],
        )
    })
}

fn control_error(overview: &Overview<'_>) -> Option<Finding> {
    super::control_error(&ControlError {
        path: "tester.control.ttft_error_ms",
        errors: overview.run.tester.control.ttft_error_ms,
        begins: "On streams whose truth it knew the tester measured a TTFT that was off by ",
        part_of: "latency",
        median: overview.headline().and_then(|view| Some(Metric::Ttft.of(view.level)?.p50)),
        levels: overview
            .levels
            .iter()
            .filter_map(|view| {
                let errors = view.level.control?.ttft_error_ms?;
                Some((format!("{} users", view.users().show()), view.index, errors))
            })
            .collect(),
        level_path: "control.ttft_error_ms",
    })
}
