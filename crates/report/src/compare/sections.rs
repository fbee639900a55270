//! The sections of a comparison: every load, what changed, the rules, the runs, and the method.

use results::RunKind;
use results::compare::Rung;
use results::units::float;

use super::findings::change;
use super::head::column;
use super::view::View;
use crate::document::{Block, Cell, Column, Fact, Row, Section, Table};
use crate::figure::Figure;
use crate::glossary::Term;
use crate::number::{self, Kind};
use crate::sections::{not_measured, with_notes};
use crate::text::{Inline, Text, foreign, text};

pub(super) fn sections(view: View<'_>) -> Vec<Section> {
    vec![loads(view), changes(view), rules(view), workloads(view), runs(view), method(view)]
}

/// One table a load, one row a run.
fn loads(view: View<'_>) -> Section {
    let tables: Vec<Block> =
        view.comparison.rungs().iter().map(|rung| Block::Table(at_rung(view, rung))).collect();
    let blocks = if tables.is_empty() {
        vec![not_measured("any load: no level of any run ended", "let a level of each run finish")]
    } else {
        tables
    };
    Section {
        id: "loads",
        title: "Load by load",
        question: "What did each run measure at the same load?",
        blocks,
    }
}

fn at_rung(view: View<'_>, rung: &Rung) -> Table {
    let shown = view.columns();
    let mut columns = vec![Column::words("run")];
    columns.extend(shown.iter().map(|shown| column(*shown)));
    let rows = view
        .runs()
        .filter_map(|(index, run)| Some((index, run.level(rung)?)))
        .map(|(index, level)| {
            let mut cells: Vec<Cell> = vec![view.label(index).into()];
            cells.extend(shown.iter().map(|shown| view.figure(index, rung, *shown).into()));
            Row { cells, level: None, untrusted: !level.trusted }
        })
        .collect();
    with_notes(Table {
        id: rung_id(view, rung),
        caption: format!("At {}", view.words(rung)),
        columns,
        rows,
        notes: Vec::new(),
    })
}

/// The id of a rung's table: stages by number, because a name may be anything.
fn rung_id(view: View<'_>, rung: &Rung) -> String {
    let mut stages: Vec<Option<String>> =
        view.comparison.rungs().into_iter().map(|rung| rung.stage).collect();
    stages.dedup();
    match stages.iter().position(|stage| *stage == rung.stage) {
        Some(stage) if stages.len() > 1 => format!("load-{}-{}-table", stage + 1, rung.load),
        _ => format!("load-{}-table", rung.load),
    }
}

/// The change of each run against the baseline, at the loads where both are trusted.
fn changes(view: View<'_>) -> Section {
    let shown = view.columns();
    let mut columns = vec![Column::words(format!("run at {}", view.noun()))];
    // A column of changes has one unit, whatever the number changes.
    columns.extend(shown.iter().map(|shown| Column::numbers(shown.title(), Kind::Change)));
    let mut rows = Vec::new();
    for rung in &view.comparison.rungs() {
        if view.comparison.baseline().trusted_level(rung).is_none() {
            continue;
        }
        for (index, run) in view.runs().skip(1) {
            if run.trusted_level(rung).is_none() {
                continue;
            }
            let stage = rung.stage.as_deref().map(|stage| format!(" ({})", foreign(stage)));
            let at = format!(
                "{} at {}{}",
                View::letter(index),
                number::count(rung.load),
                stage.unwrap_or_default()
            );
            let mut cells: Vec<Cell> = vec![at.into()];
            cells.extend(shown.iter().map(|shown| {
                let value = |run| view.figure(run, rung, *shown).value;
                let name = format!("change.{}", shown.column.key());
                Figure::derived(&name, Kind::Change, change(value(0), value(index))).into()
            }));
            rows.push(Row::of(cells));
        }
    }
    let blocks = if rows.is_empty() {
        vec![not_measured(
            "changes: no load has a trusted level in the baseline and in another run",
            "run the same ladder against each, with the machine otherwise idle",
        )]
    } else {
        vec![Block::Table(with_notes(Table {
            id: "changes-table".to_owned(),
            caption: format!("Change against the baseline, {}", View::letter(0)),
            columns,
            rows,
            notes: Vec::new(),
        }))]
    };
    Section {
        id: "changes",
        title: "Changes against the baseline",
        question: "By how much is each run above or below the first?",
        blocks,
    }
}

/// What fails the comparison, and whether it did.
fn rules(view: View<'_>) -> Section {
    let rules = &view.comparison.rules;
    let rows: Vec<Row> = rules
        .iter()
        .enumerate()
        .flat_map(|(index, rule)| {
            let changes = rule.changes.iter().enumerate();
            changes.map(move |(at, change)| (index, rule, at, change))
        })
        .map(|(index, rule, at, change)| {
            let kind = crate::slo::kind_of_unit(&rule.unit);
            let path = |name: &str| format!("rules.{index}.changes.{at}.{name}");
            let value = |name: &str, value| -> Cell {
                // Rules have different units: as words with their own.
                Text::from(Figure::of_run(&path(name), kind, value)).into()
            };
            Row::of(vec![
                Text(vec![Inline::code(foreign(&rule.rule))]).into(),
                view.label(change.run).into(),
                if change.failed { "failed" } else { "passed" }.into(),
                value("baseline", change.baseline),
                value("value", change.value),
                Figure::of_run(&path("percent"), Kind::Change, change.percent).into(),
                Figure::of_run(&path("load"), Kind::Count, change.load.map(float)).into(),
            ])
        })
        .collect();
    let quantity = match view.comparison.kind {
        RunKind::Streams => "ttft.p95",
        RunKind::Tools => "call.p95",
    };
    let blocks = if rows.is_empty() {
        vec![not_measured(
            "regressions: nothing was said to fail the comparison",
            format!("give a rule, for example --fail-if '{quantity} > +10%'"),
        )]
    } else {
        vec![Block::Table(with_notes(Table {
            id: "rules-table".to_owned(),
            caption: "Each run's furthest change to the wrong side".to_owned(),
            columns: vec![
                Column::words("fails if"),
                Column::words("run"),
                Column::words("verdict"),
                Column::words("baseline"),
                Column::words("run's value"),
                Column::numbers("change", Kind::Change),
                Column::numbers("at", Kind::Count),
            ],
            rows,
            notes: Vec::new(),
        }))]
    };
    Section { id: "rules", title: "Regressions", question: "Did anything become worse?", blocks }
}

/// What differs between the workloads.
fn workloads(view: View<'_>) -> Section {
    let differences = &view.comparison.differences;
    let blocks = if differences.is_empty() {
        vec![Block::Paragraph(
            "All runs had the same workload and the same rule; loads, seeds and machines are \
             compared apart."
                .into(),
        )]
    } else {
        let mut columns = vec![Column::words("part")];
        columns.extend(view.runs().map(|(run, _)| Column::words(view.label(run))));
        let rows = differences
            .iter()
            .map(|difference| {
                let mut cells: Vec<Cell> = vec![foreign(&difference.part).into()];
                cells.extend(difference.values.iter().map(|value| foreign(value).into()));
                Row::of(cells)
            })
            .collect();
        vec![Block::Table(Table {
            id: "differences-table".to_owned(),
            caption: "What differs between the workloads".to_owned(),
            columns,
            rows,
            notes: Vec::new(),
        })]
    };
    Section { id: "workloads", title: "Workloads", question: "Did all runs do the same?", blocks }
}

/// Where each run comes from.
fn runs(view: View<'_>) -> Section {
    let blocks = view
        .runs()
        .map(|(index, run)| {
            let machine = &run.machine;
            let limited = run.capacity.limited_by.as_deref();
            let mut facts = vec![
                Fact::new("Run", Text(vec![Inline::strong(view.label(index))])),
                Fact::new("Target", Text(vec![Inline::code(foreign(&run.target.url))])),
                Fact::new(
                    "Server",
                    run.target.server.as_deref().map_or("not known".to_owned(), foreign),
                ),
                Fact::new(
                    "Process",
                    run.target.process.as_deref().map_or("not known".to_owned(), foreign),
                ),
                Fact::new("Began", run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
                Fact::new(
                    "Machine",
                    text![
                        foreign(&machine.cpu),
                        ", ",
                        Figure::of_run(
                            &format!("runs.{index}.machine.cores"),
                            Kind::Count,
                            Some(float(machine.cores))
                        ),
                        format!(
                            " processors, {}, kernel {}",
                            foreign(&machine.os),
                            foreign(&machine.kernel)
                        )
                    ],
                ),
                Fact::new("Weir", foreign(&run.weir_version)),
                Fact::new(
                    "Limited by",
                    limited.map_or("nothing that was reached".to_owned(), foreign),
                ),
                Fact::new("Id", foreign(&run.id)),
            ];
            if let Some(upstream) = &run.upstream {
                let answered = format!("{}, on the same machine", foreign(upstream));
                facts.insert(4, Fact::new("Answered by", answered));
            }
            Block::Facts(facts)
        })
        .collect();
    Section {
        id: "runs",
        title: "The runs",
        question: "What was measured, where and when?",
        blocks,
    }
}

fn method(view: View<'_>) -> Section {
    let list: Vec<Text> = vec![
        format!(
            "Runs rank by the most {} that met the rule; equal ones by pace and then by the \
             CPU time of the target and of what answers it, both at the highest load that every \
             run has a trusted level of. A number that one run lacks ranks nobody, and a run of \
             which a level that is not trusted leaves the most open has no rank.",
            view.noun()
        )
        .into(),
        "Levels are compared at the same load, and only where they are trusted; others are shown \
         and marked."
            .into(),
        "All numbers are those of the runs. What a run did not measure is a dash.".into(),
        "One run each: how much a number differs from run to run is not measured. To know, compare \
         a run with a second one of the same server."
            .into(),
    ];
    let terms: &'static [Term] = match view.comparison.kind {
        results::RunKind::Streams => &Term::STREAMS,
        results::RunKind::Tools => &Term::TOOLS,
    };
    Section {
        id: "method",
        title: "Method and words",
        question: "How are runs ranked, and what do the words mean?",
        blocks: vec![Block::List(list), Block::Glossary(terms)],
    }
}
