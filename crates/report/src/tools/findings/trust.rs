//! What the numbers may be used for: the tester, the machine, an early end.

use results::units::{float, ratio_base};

use super::finding;
use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::findings::ControlError;
use crate::number::Kind;
use crate::text::{Text, foreign, text};
use crate::tools::overview::{LevelView, Overview};

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
    crate::findings::control_error(&ControlError {
        path: "tester.control.call_error_ms",
        errors: overview.run.tester.control.call_error_ms,
        begins: "On calls whose length it knew the tester measured times that were off by ",
        part_of: "time",
        median: overview.headline().and_then(|view| Some(view.level.call_ms?.p50)),
        levels: overview
            .levels
            .iter()
            .filter_map(|view| {
                let errors = view.level.control?.call_error_ms?;
                Some((view.words(), view.index, errors))
            })
            .collect(),
        level_path: "control.call_error_ms",
    })
}
