use super::*;
use crate::charts;
use crate::document::Block;
use crate::overview::Overview;
use crate::samples;
use crate::subject::Subject;

fn all_charts(run: &results::Run) -> Vec<Chart> {
    let overview = Overview::of(run);
    let of_run = [
        charts::ttft(&overview),
        charts::stretch_or_total(&overview),
        charts::outcomes(&overview),
        charts::events(&overview),
        charts::cpu(&overview),
        charts::memory(&overview),
    ];
    let of_levels = charts::level_charts(&overview).into_iter().flat_map(|level| level.charts);
    of_run.into_iter().flatten().chain(of_levels).collect()
}

/// The charts of a document of either kind.
fn charts_of(run: &results::AnyRun) -> Vec<Chart> {
    let document = run.document();
    let blocks = document.sections.into_iter().flat_map(|section| section.blocks);
    let in_sections = blocks.flat_map(|block| match block {
        Block::Chart(chart) => vec![*chart],
        Block::PerLevel(levels) => levels.into_iter().flat_map(|level| level.charts).collect(),
        _ => Vec::new(),
    });
    document.level_charts.into_iter().chain(in_sections).collect()
}

#[test]
fn no_coordinate_is_missing_or_outside_of_reason() {
    for (name, run) in samples::any() {
        for chart in charts_of(&run) {
            let svg = chart.svg(Place::File);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}: {}", chart.id);
            let without_style = svg.split("</style>").last().unwrap();
            for number in
                without_style.split(['"', ' ', 'L', 'M']).filter_map(|n| n.parse::<f64>().ok())
            {
                assert!(number < 1e9, "{name}: {} has {number}", chart.id);
            }
        }
    }
}

#[test]
fn a_single_level_is_drawn_as_points() {
    let run = samples::run_with_ttft(&[(100, 1_100.0)]);
    let svg = charts::ttft(&Overview::of(&run)).unwrap().svg(Place::Page);
    assert_eq!(
        (svg.matches("class=\"dot\"").count(), svg.matches("class=\"line\"").count()),
        (3, 0)
    );
}

#[test]
fn levels_that_are_not_trusted_are_hatched() {
    let run = samples::untrusted();
    let svg = charts::ttft(&Overview::of(&run)).unwrap().svg(Place::Page);
    assert!(svg.contains("url(#chart-ttft-hatch)") && svg.contains("not trusted"));
    let trusted = samples::quick();
    let svg = charts::ttft(&Overview::of(&trusted)).unwrap().svg(Place::Page);
    assert!(!svg.contains("not trusted"));
}

#[test]
fn a_single_failure_among_thousands_can_be_seen() {
    let mut run = samples::quick();
    let level = &mut run.levels[3];
    level.outcomes.ok -= 1;
    level.outcomes.timeout += 1;
    let svg = charts::outcomes(&Overview::of(&run)).unwrap().svg(Place::Page);
    assert!(svg.contains("class=\"outcome timeout\""));
    assert!(svg.contains("1 not ok"));
}

#[test]
fn drawings_are_as_before() {
    let run = samples::quick();
    for chart in all_charts(&run).into_iter().filter(|chart| !chart.id.ends_with(['0', '1', '2'])) {
        insta::assert_snapshot!(chart.id.clone(), chart.svg(Place::Page));
    }
}

#[test]
fn every_call_is_a_bar_and_what_went_wrong_has_a_mark() {
    let run = crate::tools::samples::corrupt().into();
    let chart = charts_of(&run).into_iter().find(|chart| chart.id == "chart-calls-0").unwrap();
    let svg = chart.svg(Place::Page);
    assert_eq!(svg.matches("data-metric=\"files.").count(), 32);
    assert_eq!(svg.matches("class=\"outcome wrong_bytes\"").count(), 2, "the bar and the legend");
    assert_eq!(svg.matches(">!</text>").count(), 1);
    insta::assert_snapshot!("chart-calls", svg);
}
