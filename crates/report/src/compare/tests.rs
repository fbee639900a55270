use results::compare::{Comparison, FailIf, Workloads};
use results::{AnyRun, Run};

use super::findings::change;
use super::view::View;
use crate::chart::{Look, Place, Plot, Spread};
use crate::document::{Block, Cell, Table};
use crate::samples;
use crate::subject::Subject;

/// The sample run of four levels under another name, each TTFT that many times as long.
fn run(name: &str, factor: f64) -> Run {
    let mut run = samples::quick();
    run.name = name.to_owned();
    run.id = format!("20260206T144000Z-{name}");
    for level in &mut run.levels {
        let ttft = level.ttft_ms.as_mut().unwrap();
        ttft.p50 *= factor;
        ttft.p95 *= factor;
        ttft.p99 *= factor;
    }
    run
}

/// Two servers that differ, and one of which only 1000 users could be trusted.
fn streams() -> Vec<AnyRun> {
    let slow = run("slow server", 1.5);
    let mut busy = run("busy machine", 0.9);
    busy.levels[3].trusted = false;
    busy.levels[3].trust_notes = vec!["12 % of the CPU was used by others".to_owned()];
    let slos = ["complete >= 99.5%", "ttft.p95 <= 2.5s"].map(|text| text.parse().unwrap());
    busy.capacity = results::Capacity::of(&busy.levels, &slos);
    vec![run("baseline", 1.0).into(), slow.into(), busy.into()]
}

fn tools() -> Vec<AnyRun> {
    let mut slow = crate::tools::samples::ladder();
    slow.name = "serialising".to_owned();
    slow.id.push_str("-2");
    for level in &mut slow.levels {
        level.speedup = level.speedup.map(|speedup| speedup / 4.0);
        let call = level.call_ms.as_mut().unwrap();
        call.p95 *= 1.25;
    }
    vec![crate::tools::samples::ladder().into(), slow.into()]
}

fn compared(runs: &[AnyRun], rules: &[&str]) -> Comparison {
    let rules: Vec<FailIf> = rules.iter().map(|text| text.parse().unwrap()).collect();
    Comparison::of(runs, &rules, Workloads::MustAgree).unwrap()
}

/// Comparisons under the names of their snapshots.
pub(crate) fn all() -> Vec<(&'static str, Comparison)> {
    let mut other = run("other prompts", 1.1);
    other.workload.prompt = "file prompts.jsonl, 40 prompts".to_owned();
    let mut hostile = samples::hostile();
    hostile.id.push_str("-2");
    let hostile = [samples::hostile().into(), AnyRun::from(hostile)];
    vec![
        ("compare_streams", compared(&streams(), &["ttft.p95 > +10%", "capacity < -5%"])),
        ("compare_tools", compared(&tools(), &["call.p95 > +30%", "speedup < -90%"])),
        (
            "compare_different",
            Comparison::of(&[run("baseline", 1.0).into(), other.into()], &[], Workloads::MayDiffer)
                .unwrap(),
        ),
        ("compare_empty", compared(&[samples::empty().into(), samples::empty().into()], &[])),
        ("compare_hostile", compared(&hostile, &["stretch.p95 > +10%"])),
    ]
}

fn finding(comparison: &Comparison, rule: &str) -> String {
    let findings = comparison.document().findings;
    let finding = findings.iter().find(|finding| finding.rule == rule);
    let finding = finding.unwrap_or_else(|| panic!("no {rule}"));
    finding.text.plain().replace(['\u{202f}', '\u{a0}'], " ")
}

#[test]
fn a_regression_is_the_verdict_and_named_with_its_run() {
    let comparison = compared(&streams(), &["ttft.p95 > +10%"]);
    assert_eq!(comparison.document().headline.word, "REGRESSED");
    let text = finding(&comparison, "regression");
    assert!(text.starts_with("B slow server: ttft.p95 > +10% holds: from "), "{text}");
    assert!(text.contains("+50.0 %, at "), "{text}");
}

#[test]
fn one_load_of_each_stage_is_drawn_as_a_point_for_each_run() {
    let comparison = compared(
        &[crate::tools::samples::staged().into(), crate::tools::samples::staged().into()],
        &[],
    );
    let charts = comparison.document().level_charts;
    for (id, stage) in [("chart-call-p95-1", "(downloads)"), ("chart-call-p95-2", "(mixed)")] {
        let chart = charts.iter().find(|chart| chart.id == id).unwrap();
        assert!(chart.title.contains(stage), "{}", chart.title);
        let Plot::Lines(lines) = &chart.plot else { panic!("{id} has no lines") };
        assert_eq!(
            lines.series.iter().map(|series| series.points.len()).collect::<Vec<_>>(),
            [1, 1]
        );
        assert!(chart.svg(Place::File).contains("<circle"), "{id}");
    }
    let cpu = charts.iter().find(|chart| chart.id == "chart-cpu-1").unwrap();
    assert!(cpu.title.contains("10.0\u{a0}ms"), "as in the report of a run: {}", cpu.title);
}

#[test]
fn what_could_not_be_judged_is_no_success() {
    let comparison = compared(&streams()[..2], &["memory > +10%", "connect.p95 > +10%"]);
    assert_eq!(comparison.document().headline.word, "NOT REGRESSED");
    let mut runs = streams();
    for run in &mut runs {
        let AnyRun::Streams(run) = run else { unreachable!() };
        for level in &mut run.levels {
            level.stretch = None;
        }
    }
    let comparison = compared(&runs[..2], &["stretch.p95 > +10%"]);
    assert_eq!(comparison.document().headline.word, "NOT JUDGED");
    assert!(!comparison.passed());
    assert!(finding(&comparison, "regression").contains("could not be judged"));
}

#[test]
fn the_best_is_named_with_what_it_carries() {
    let sentence = compared(&streams(), &[]).document().headline.sentence.plain();
    let sentence = sentence.replace(['\u{202f}', '\u{a0}'], " ");
    // The first two have the same stretch and CPU, and hold all levels: nobody is better.
    assert_eq!(sentence, "No run is better than all others by capacity, pace and CPU.");
    let mut runs = streams();
    let AnyRun::Streams(base) = &mut runs[0] else { unreachable!() };
    base.capacity.passed = Some(1_000);
    let sentence = compared(&runs, &[]).document().headline.sentence.plain();
    assert!(sentence.starts_with("B slow server ranks first"), "{sentence}");
    let sentence = compared(&tools(), &[]).document().headline.sentence.plain();
    let sentence = sentence.replace(['\u{202f}', '\u{a0}'], " ");
    assert_eq!(
        sentence,
        "A mixed ladder ranks first: it carries 128 calls at once under the rule, as B serialising \
         does, and its call p95 is 11.7 s against 14.7 s."
    );
}

#[test]
fn untrusted_levels_are_shown_marked_and_not_drawn() {
    let comparison = compared(&streams(), &[]);
    let document = comparison.document();
    let blocks = document.sections.iter().flat_map(|section| &section.blocks);
    let loads = blocks
        .filter_map(|block| if let Block::Table(table) = block { Some(table) } else { None })
        .find(|table| table.id == "load-3000-table")
        .unwrap();
    let untrusted: Vec<bool> = loads.rows.iter().map(|row| row.untrusted).collect();
    assert_eq!(untrusted, [false, false, true]);
    let chart = document.level_charts.iter().find(|chart| chart.id == "chart-ttft-p95").unwrap();
    let Plot::Lines(lines) = &chart.plot else { panic!("lines") };
    let points: Vec<usize> = lines.series.iter().map(|series| series.points.len()).collect();
    assert_eq!(points, [4, 4, 3], "one line a run, without the untrusted level");
}

/// The drawing of a chart of runs whose TTFT is this many times the first's.
fn ttft_of(factors: &[f64]) -> (crate::chart::Lines, String) {
    let name = |index: usize| format!("run {index}");
    let runs = factors.iter().enumerate();
    let runs: Vec<AnyRun> = runs.map(|(index, factor)| run(&name(index), *factor).into()).collect();
    let charts = compared(&runs, &[]).document().level_charts;
    let chart = charts.into_iter().find(|chart| chart.id == "chart-ttft-p95").unwrap();
    let svg = chart.svg(Place::Page);
    let Plot::Lines(lines) = chart.plot else { panic!("lines") };
    (lines, svg)
}

#[test]
fn one_run_far_above_the_others_makes_the_axis_logarithmic_and_that_is_said() {
    let (lines, svg) = ttft_of(&[1.0, 1.1, 4.5]);
    assert_eq!(lines.spread, Spread::Logarithmic);
    assert!(svg.contains("TTFT p95 (logarithmic), s"));
    // At four times the median run, and where half of the runs are that high, all can be seen.
    for factors in [&[1.0, 1.1, 4.4][..], &[1.0, 4.5], &[1.0, 1.0, 9.0, 9.0]] {
        let (lines, svg) = ttft_of(factors);
        assert_eq!(lines.spread, Spread::Linear, "{factors:?}");
        assert!(!svg.contains("logarithmic"));
    }
}

#[test]
fn every_run_has_its_own_colour_mark_and_name_at_the_end_of_its_line() {
    let (lines, svg) = ttft_of(&[1.0; 15]);
    let looks: Vec<_> = lines.series.iter().map(|series| series.look).collect();
    assert_eq!(looks, (0..15).map(Look::Run).collect::<Vec<_>>());
    let names = svg.match_indices("class=\"series-name").map(|(at, _)| &svg[at..]);
    let mut heights: Vec<f64> = names
        .map(|text| text.split(" y=\"").nth(1).unwrap().split('"').next().unwrap())
        .map(|height| height.parse().unwrap())
        .collect();
    heights.sort_by(f64::total_cmp);
    assert_eq!(heights.len(), 15);
    assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= 16.0), "{heights:?}");
}

#[test]
fn different_workloads_are_the_first_finding() {
    let (_, comparison) = all().into_iter().find(|(name, _)| *name == "compare_different").unwrap();
    let first = &comparison.document().findings[0];
    assert_eq!(first.rule, "different_workloads");
    assert!(first.text.plain().contains("workload.prompt"));
}

#[test]
fn runs_have_letters_as_long_as_there_are_any() {
    assert_eq!([0, 25, 26].map(View::letter), ["A", "Z", "#27"]);
}

#[test]
fn a_change_of_nothing_is_not_a_number() {
    assert_eq!(change(Some(0.0), Some(1.0)), None);
    assert_eq!(change(Some(10.0), Some(12.5)), Some(25.0));
    assert_eq!(change(Some(10.0), None), None);
}

#[test]
fn every_table_has_as_many_cells_as_columns() {
    for (name, comparison) in all() {
        let document = comparison.document();
        let blocks = document.sections.into_iter().flat_map(|section| section.blocks);
        let tables = blocks.filter_map(|b| if let Block::Table(t) = b { Some(t) } else { None });
        for table in tables.chain([document.levels]) {
            check_cells(name, &table);
        }
    }
}

fn check_cells(name: &str, table: &Table) {
    for row in &table.rows {
        assert_eq!(row.cells.len(), table.columns.len(), "{name}: {}", table.id);
        for (cell, column) in row.cells.iter().zip(&table.columns) {
            let number = matches!(cell, Cell::Figure(_));
            assert_eq!(number, column.kind.is_some(), "{name}: {}", table.id);
        }
    }
}

#[test]
fn csv_has_one_row_a_run_and_load() {
    let (_, comparison) = all().remove(1);
    let text = super::csv::render(&comparison);
    let names = text.lines().next().unwrap().split(',').count();
    assert!(text.lines().all(|line| line.split(',').count() == names), "{text}");
    assert_eq!(text.lines().count(), 1 + 2 * 3);
    insta::assert_snapshot!("tools", text);
}

#[test]
fn comparisons_read_as_before() {
    let options = crate::terminal::Options { colour: false, full: true };
    for (name, comparison) in all() {
        let text = crate::terminal::render(&comparison, options);
        for line in text.lines() {
            let width = console::measure_text_width(line);
            assert!(width <= crate::terminal::WIDTH, "{name}: {width}: {line}");
        }
        insta::assert_snapshot!(name, text);
    }
    let (_, streams) = all().remove(0);
    insta::assert_snapshot!("compare_streams_markdown", crate::markdown::render(&streams));
}
