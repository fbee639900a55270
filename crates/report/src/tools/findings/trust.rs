//! What the numbers may be used for: the tester, the machine, an early end.

use results::summary::Statistic;
use results::units::{float, ratio_base};

use super::finding;
use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::number::Kind;
use crate::text::{Text, foreign, text};
use crate::tools::overview::{LevelView, Overview};

/// From this share of the median call on, the tester's own error is worth a warning.
const CONTROL_ERROR_SHARE: f64 = 0.05;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(interrupted(overview));
    all.extend(overview.levels.iter().filter(|view| !view.level.trusted).map(|v| untrusted(*v)));
    all.extend(control_error(overview));
    let trusted = overview.levels.iter().filter(|view| view.level.trusted);
    all.extend(trusted.flat_map(|view| notes(*view)));
    all
}

fn interrupted(overview: &Overview<'_>) -> Option<Finding> {
    overview.run.interrupted.then(|| {
        let cancelled: u64 = overview.levels.iter().map(|view| view.level.cancelled).sum();
        let planned = ratio_base(overview.run.workload.ladder.len());
        let ran = ratio_base(overview.levels.len());
        let mut sentence: Text = text![
            "The run was ended early: ",
            Figure::derived("levels", Kind::Count, Some(ran)),
            " of ",
            Figure::derived("ladder_levels", Kind::Count, Some(planned)),
            " levels have results"
        ];
        if cancelled > 0 {
            sentence.push(", ");
            sentence.push(Figure::derived("cancelled", Kind::Count, Some(float(cancelled))));
            sentence.push(" open calls were cancelled and are counted in no outcome");
        }
        sentence.push(".");
        finding("interrupted", Weight::Limit, sentence)
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
            format!("The level of {} is not trusted: {reasons}. ", view.words()),
            "Its numbers are shown but decide nothing."
        ],
    )
}

fn notes(view: LevelView<'_>) -> Vec<Finding> {
    let at = |note: &String| {
        let sentence = format!("At {}, to keep in mind: {}.", view.words(), foreign(note));
        finding("trust_note", Weight::Note, sentence.into())
    };
    view.level.trust_notes.iter().map(at).collect()
}

fn control_error(overview: &Overview<'_>) -> Option<Finding> {
    let control = overview.run.tester.control.call_error_ms?;
    let statistic = if control.supports(Statistic::P99) { Statistic::P99 } else { Statistic::Max };
    let path = "tester.control.call_error_ms";
    let error = Figure::of_summary(path, Kind::Latency, Some(control), statistic);
    let samples = Figure::of_run(&format!("{path}.count"), Kind::Count, Some(float(control.count)));
    let call = overview.headline().and_then(|view| view.level.call_ms)?;
    let large = error.value.is_some_and(|error| error.abs() >= call.p50 * CONTROL_ERROR_SHARE);
    let mut sentence: Text = text![
        "On calls whose length it knew the tester measured times that were off by ",
        error,
        format!(" ({}, n = ", statistic.name()),
        samples,
        ")"
    ];
    sentence.push(if large {
        ": differences smaller than that mean nothing."
    } else {
        ", which is part of every time here."
    });
    let weight = if large { Weight::Problem } else { Weight::Note };
    Some(finding("control_error", weight, sentence))
}
