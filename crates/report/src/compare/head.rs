//! The answer in one sentence, the numbers that made it, and one row a run.

use std::collections::BTreeSet;

use results::run::Machine;
use results::units::{float, ratio_base};

use super::view::{Shown, View};
use crate::document::{Cell, Column, Headline, KeyNumber, Row, Table, Tone};
use crate::figure::Figure;
use crate::number::{self, Kind, NOTHING};
use crate::sections::with_notes;
use crate::text::{Inline, Text, foreign, text};

pub(super) fn title(view: View<'_>) -> String {
    format!("{} runs side by side", view.comparison.runs.len())
}

/// What is compared, and when, where and by what it was measured.
pub(super) fn subtitle(view: View<'_>) -> Text {
    let names: Vec<String> = view.runs().map(|(run, _)| view.label(run)).collect();
    let what = format!("{}; {} is the baseline. ", names.join(" · "), View::letter(0));
    format!("{what}Measured {}, {}, by {}.", when(view), place(view), versions(view)).into()
}

/// The day of the runs, or the first and the last.
fn when(view: View<'_>) -> String {
    let days: BTreeSet<String> =
        view.runs().map(|(_, run)| run.started_at.strftime("%Y-%m-%d").to_string()).collect();
    match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!("from {first} to {last} (UTC)"),
        (Some(day), _) => {
            let times: BTreeSet<String> =
                view.runs().map(|(_, run)| run.started_at.strftime("%H:%M").to_string()).collect();
            match (times.first(), times.last()) {
                (Some(first), Some(last)) if first != last => {
                    format!("on {day} from {first} to {last} UTC")
                }
                (Some(time), _) => format!("on {day} at {time} UTC"),
                _ => format!("on {day}"),
            }
        }
        _ => "at an unknown time".to_owned(),
    }
}

/// The machine of the runs, or how many there are.
fn place(view: View<'_>) -> String {
    let machine = |machine: &Machine| {
        let memory = number::show(Kind::Bytes, Some(float(machine.memory_bytes)));
        format!(
            "on {}, {} processors, {memory}, {}, kernel {}",
            foreign(&machine.cpu),
            number::count(machine.cores),
            foreign(&machine.os),
            foreign(&machine.kernel)
        )
    };
    let machines: BTreeSet<String> = view.runs().map(|(_, run)| machine(&run.machine)).collect();
    match machines.len() {
        1 => machines.into_iter().collect(),
        several => format!("on {several} different machines (see the runs)"),
    }
}

fn versions(view: View<'_>) -> String {
    let versions: BTreeSet<String> =
        view.runs().map(|(_, run)| format!("Weir {}", foreign(&run.weir_version))).collect();
    versions.into_iter().collect::<Vec<_>>().join(" and ")
}

pub(super) fn headline(view: View<'_>) -> Headline {
    let comparison = view.comparison;
    let mut changes = comparison.rules.iter().flat_map(|rule| &rule.changes);
    let (word, tone) = if changes.any(|change| change.failed && change.baseline.is_some()) {
        ("REGRESSED", Tone::Bad)
    } else if !comparison.passed() {
        // A rule that could not be judged has not passed, but nothing is known to be worse.
        ("NOT JUDGED", Tone::Doubt)
    } else if !comparison.trusted() {
        ("NOT TRUSTED", Tone::Doubt)
    } else if comparison.rules.is_empty() {
        ("COMPARED", Tone::Good)
    } else {
        ("NOT REGRESSED", Tone::Good)
    };
    let mut rule = Text::default();
    if let Some(held) = comparison.rule.as_deref().filter(|held| !held.is_empty()) {
        rule.extend(text!["a load is carried with ", Inline::code(foreign(held)), "; "]);
    }
    if comparison.rules.is_empty() {
        rule.push("nothing was said to fail the comparison (--fail-if)");
    } else {
        let rules: Vec<String> = comparison.rules.iter().map(|rule| foreign(&rule.rule)).collect();
        rule.extend(text!["the comparison fails if ", Inline::code(rules.join(", "))]);
    }
    Headline { word, tone, sentence: sentence(view), rule }
}

/// Who carries most, and what it carries.
fn sentence(view: View<'_>) -> Text {
    let comparison = view.comparison;
    let Some(best) = view.best() else {
        let carried = comparison.ranking.first().map(|place| &comparison.runs[place.run]);
        return match carried.filter(|run| run.capacity.passed.is_some()) {
            Some(_) => "No run is better than all others by capacity, pace and CPU.".into(),
            None => "No run has a trusted level that met its rule.".into(),
        };
    };
    let run = &comparison.runs[best];
    let mut sentence = text![
        Inline::strong(view.label(best)),
        " ranks first: it carries ",
        capacity(best, "passed", run.capacity.passed),
        format!(" {} under the rule", view.noun())
    ];
    if run.capacity.failed.is_none() {
        sentence.push(", its highest level");
    }
    sentence.extend(decided_by(view, best));
    sentence.push(".");
    sentence
}

/// What puts the best before the next, where they carry the same.
fn decided_by(view: View<'_>, best: usize) -> Text {
    let comparison = view.comparison;
    let run = &comparison.runs[best];
    let next = comparison.ranking.get(1).map(|place| (place.run, &comparison.runs[place.run]));
    let Some((next, other)) =
        next.filter(|(_, other)| other.capacity.passed == run.capacity.passed)
    else {
        return Text::default();
    };
    let standing = |run: usize, field: &str, kind, value| {
        Figure::of_run(&format!("runs.{run}.standing.{field}"), kind, value)
    };
    let (field, name, kind, of) = if run.standing.pace == other.standing.pace {
        (
            "cpu_us",
            "CPU time".to_owned(),
            Kind::CpuMicros,
            [run.standing.cpu_us, other.standing.cpu_us],
        )
    } else {
        let kind = if pace(view).starts_with("stretch") { Kind::Ratio } else { Kind::Latency };
        ("pace", pace(view), kind, [run.standing.pace, other.standing.pace])
    };
    text![
        format!(", as {} does, and its {name} is ", view.label(next)),
        standing(best, field, kind, of[0]),
        " against ",
        standing(next, field, kind, of[1])
    ]
}

fn capacity(run: usize, side: &str, load: Option<u64>) -> Figure {
    Figure::of_run(&format!("runs.{run}.capacity.{side}"), Kind::Count, load.map(float))
}

/// The numbers of the best run and the baseline.
pub(super) fn key_numbers(view: View<'_>) -> Vec<KeyNumber> {
    let comparison = view.comparison;
    let best = comparison.ranking.first().map_or(0, |place| place.run);
    let mut numbers = vec![KeyNumber {
        label: "best capacity".into(),
        value: capacity(best, "passed", comparison.runs[best].capacity.passed).into(),
        meaning: text![format!("{}, of {}", view.noun(), view.label(best))],
        direction: "higher is better",
        basis: "under the rule".to_owned(),
    }];
    if best != 0 {
        numbers.push(KeyNumber {
            label: "of the baseline".into(),
            value: capacity(0, "passed", comparison.baseline().capacity.passed).into(),
            meaning: text![format!("{}, of {}", view.noun(), view.label(0))],
            direction: "higher is better",
            basis: "under the rule".to_owned(),
        });
    }
    let Some(rung) = comparison.common() else { return numbers };
    let tail = |shown: &&Shown| shown.statistic == "p95" || shown.column.unit() == "us";
    for shown in view.columns().iter().filter(tail).take(6 - numbers.len()) {
        let figure = view.figure(best, &rung, *shown);
        let base = view.figure(0, &rung, *shown);
        numbers.push(KeyNumber {
            label: shown.title().into(),
            meaning: if best == 0 {
                text![format!("of {}", view.label(best))]
            } else {
                text![format!("of {}; baseline\u{a0}", view.label(best)), base]
            },
            value: if figure.value.is_some() { figure.into() } else { NOTHING.into() },
            direction: if shown.column.lower_is_better() {
                "lower is better"
            } else {
                "higher is better"
            },
            basis: format!("at {}", view.words(&rung)),
        });
    }
    numbers
}

/// One row a run, the best first.
pub(super) fn ranking(view: View<'_>) -> Table {
    let comparison = view.comparison;
    let common = comparison.common();
    let shown = if common.is_some() { view.columns() } else { Vec::new() };
    let mut columns = vec![
        Column::words("run"),
        Column::numbers("rank", Kind::Count),
        Column::grouped(view.noun(), "held", Kind::Count),
        Column::grouped(view.noun(), "not held", Kind::Count),
    ];
    columns.extend(shown.iter().map(|shown| column(*shown)));
    columns.push(Column::words("verdict"));
    let rows = comparison
        .ranking
        .iter()
        .enumerate()
        .map(|(place, ranked)| {
            let run = &comparison.runs[ranked.run];
            let rank = format!("ranking.{place}.rank");
            let mut cells: Vec<Cell> = vec![
                view.label(ranked.run).into(),
                Figure::of_run(&rank, Kind::Count, ranked.rank.map(float)).into(),
                capacity(ranked.run, "passed", run.capacity.passed).into(),
                capacity(ranked.run, "failed", run.capacity.failed).into(),
            ];
            if let Some(rung) = &common {
                cells.extend(shown.iter().map(|s| view.figure(ranked.run, rung, *s).into()));
            }
            cells.push(foreign(&run.verdict).into());
            Row { cells, level: None, untrusted: !run.trusted() }
        })
        .collect();
    let note = match &common {
        Some(rung) => format!(
            "ranked by {} held under the rule, then by {} and CPU{}; all numbers beside at {}",
            view.noun(),
            pace(view),
            if view.has_upstream() { " with upstream" } else { "" },
            view.words(rung)
        ),
        None => format!(
            "ranked by {} held under the rule; no load has a trusted level in every run",
            view.noun()
        ),
    };
    let mut notes = vec![note];
    if comparison.ranking.iter().any(|place| place.rank.is_none()) {
        notes.push(
            "without a rank: a level that is not trusted leaves open how much the run carries"
                .to_owned(),
        );
    }
    with_notes(Table {
        id: "ranking-table".to_owned(),
        caption: "Ranking".to_owned(),
        columns,
        rows,
        notes,
    })
}

/// What the pace of the ranking is.
fn pace(view: View<'_>) -> String {
    let of = view.comparison.baseline().standing.pace_of.as_deref();
    of.map_or_else(|| "no pace".to_owned(), |name| name.replace('_', " "))
}

/// The column of a number, grouped with its other statistics.
pub(super) fn column(shown: Shown) -> Column {
    if shown.statistic.is_empty() {
        Column::numbers(shown.name, shown.kind())
    } else {
        Column::grouped(shown.name, shown.statistic, shown.kind())
    }
}

/// A count of things as a number of the report.
pub(super) fn counted(name: &str, count: usize) -> Figure {
    Figure::derived(name, Kind::Count, Some(ratio_base(count)))
}
