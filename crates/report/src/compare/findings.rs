//! What may not be concluded, what became worse, and who is how far ahead.

use results::compare::{Change, RuleResult};
use results::units::float;

use super::head::counted;
use super::view::View;
use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::number::Kind;
use crate::text::{Text, foreign, text};

pub(super) fn findings(view: View<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(differences(view));
    all.extend(nothing_in_common(view));
    all.extend(view.comparison.notes.iter().map(|note| Finding {
        rule: "note",
        weight: Weight::Limit,
        text: format!("To keep in mind: {}.", foreign(note)).into(),
    }));
    for (index, rule) in view.comparison.rules.iter().enumerate() {
        all.extend(regressions(view, index, rule));
    }
    all.extend(ahead(view));
    all.sort_by_key(|finding| finding.weight);
    all
}

fn differences(view: View<'_>) -> Option<Finding> {
    let differences = &view.comparison.differences;
    (!differences.is_empty()).then(|| {
        let parts: Vec<String> =
            differences.iter().map(|difference| foreign(&difference.part)).collect();
        Finding {
            rule: "different_workloads",
            weight: Weight::Limit,
            text: text![
                "The workloads differ in parts: ",
                counted("differences", differences.len()),
                format!(
                    " ({}). The runs answer different questions, and a difference between \
                     their numbers may come from there.",
                    parts.join(", ")
                )
            ],
        }
    })
}

fn nothing_in_common(view: View<'_>) -> Option<Finding> {
    view.comparison.common_load.is_none().then(|| Finding {
        rule: "no_common_load",
        weight: Weight::Limit,
        text: "No load has a trusted level in every run: only the capacities rank them. Run the \
               same ladder against each."
            .into(),
    })
}

/// The runs that a rule fails for, each with the change that fails it.
fn regressions(view: View<'_>, index: usize, rule: &RuleResult) -> Vec<Finding> {
    let failed = rule.changes.iter().enumerate().filter(|(_, change)| change.failed);
    failed
        .map(|(at, change)| Finding {
            rule: "regression",
            weight: Weight::Problem,
            text: regression(view, &format!("rules.{index}.changes.{at}"), rule, change),
        })
        .collect()
}

fn regression(view: View<'_>, path: &str, rule: &RuleResult, change: &Change) -> Text {
    let mut sentence: Text = text![view.label(change.run), ": "];
    if change.baseline.is_none() {
        sentence.push(format!(
            "{} could not be judged: no trusted level of it and of the baseline has the number.",
            foreign(&rule.rule)
        ));
        return sentence;
    }
    let kind = crate::slo::kind_of_unit(&rule.unit);
    sentence.push(format!("{} holds: from ", foreign(&rule.rule)));
    sentence.push(Figure::of_run(&format!("{path}.baseline"), kind, change.baseline));
    sentence.push(" to ");
    sentence.push(Figure::of_run(&format!("{path}.value"), kind, change.value));
    if change.percent.is_some() {
        sentence.push(", ");
        sentence.push(Figure::of_run(&format!("{path}.percent"), Kind::Change, change.percent));
    }
    if let Some(load) = change.load {
        sentence.push(", at ");
        let load = Figure::of_run(&format!("{path}.load"), Kind::Count, Some(float(load)));
        sentence.push(load);
        sentence.push(format!(" {}", view.noun()));
        if let Some(stage) = &change.stage {
            sentence.push(format!(" ({})", foreign(stage)));
        }
    }
    sentence.push(".");
    sentence
}

/// How far the best is from the baseline in each number, at the common load.
fn ahead(view: View<'_>) -> Option<Finding> {
    let (best, rung) = (view.best()?, view.comparison.common()?);
    if best == 0 {
        return None;
    }
    let mut sentence: Text =
        text![format!("{} against the baseline {}: ", view.label(best), view.label(0))];
    let mut any = false;
    for shown in view.columns() {
        let value = |run| view.figure(run, &rung, shown).value;
        let (new, base) = (value(best), value(0));
        let Some(percent) = change(base, new) else { continue };
        if any {
            sentence.push(", ");
        }
        any = true;
        sentence.push(format!("{} ", shown.title()));
        let name = format!("change.{}", shown.column.key());
        sentence.push(Figure::derived(&name, Kind::Change, Some(percent)));
    }
    sentence.push(format!(", at {}.", view.words(&rung)));
    any.then_some(Finding { rule: "ahead", weight: Weight::Note, text: sentence })
}

/// The change in percent of a value that is not zero.
pub(super) fn change(base: Option<f64>, new: Option<f64>) -> Option<f64> {
    let base = base.filter(|base| *base != 0.0)?;
    Some((new? - base) / base.abs() * 100.0)
}
