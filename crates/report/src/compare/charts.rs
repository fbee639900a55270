//! One chart a number, one line a run.

use results::slo::{Latency, Quantity, Rate, Share};
use results::summary::Statistic;
use results::units::float;
use results::{RunKind, compare};

use super::view::{Shown, View};
use crate::chart::{Axis, Chart, Hue, Lines, Plot, Point, Series, Strength};
use crate::number::{self, Kind};

/// Colour and mark of each run: all colours first with full marks, then with others.
const LOOKS: [(Hue, Strength); compare::MAX_RUNS] = [
    (Hue::Blue, Strength::Full),
    (Hue::Orange, Strength::Deep),
    (Hue::Green, Strength::Faint),
    (Hue::Vermilion, Strength::Full),
    (Hue::Purple, Strength::Deep),
    (Hue::Blue, Strength::Faint),
    (Hue::Orange, Strength::Full),
    (Hue::Green, Strength::Deep),
    (Hue::Vermilion, Strength::Faint),
    (Hue::Purple, Strength::Full),
    (Hue::Blue, Strength::Deep),
    (Hue::Orange, Strength::Faint),
    (Hue::Green, Strength::Full),
    (Hue::Vermilion, Strength::Deep),
    (Hue::Purple, Strength::Faint),
];

/// The charts beside the ranking: those numbers that at least two loads have.
pub(super) fn charts(view: View<'_>) -> Vec<Chart> {
    // A line joins levels that made the same calls: those of the stage that the ranking is about.
    let rungs = view.comparison.rungs();
    let stage = match view.comparison.common() {
        Some(common) => common.stage,
        None => rungs.first().and_then(|rung| rung.stage.clone()),
    };
    if rungs.iter().filter(|rung| rung.stage == stage).count() < 2 {
        return Vec::new();
    }
    view.columns()
        .into_iter()
        .filter(|shown| charted(view.comparison.kind, shown.column))
        .filter_map(|shown| chart(view, shown, stage.as_deref()))
        .collect()
}

/// The numbers that get a chart; the others stand in the tables.
fn charted(kind: RunKind, column: compare::Column) -> bool {
    use compare::Column::{Cpu, Memory, Quantity as Of};
    let latency = match kind {
        RunKind::Streams => Latency::Ttft,
        RunKind::Tools => Latency::Call,
    };
    match column {
        Of(Quantity::Latency(of, Statistic::P95)) => of == latency || of == Latency::Total,
        Of(Quantity::Latency(Latency::Probe, Statistic::P99)) => true,
        Of(Quantity::Stretch(Statistic::P95)) => true,
        Of(Quantity::Share(Share::Complete | Share::Ok)) => true,
        Of(Quantity::Rate(Rate::Chunks | Rate::Bytes) | Quantity::Speedup) | Cpu | Memory => true,
        Of(_) => false,
    }
}

fn chart(view: View<'_>, shown: Shown, stage: Option<&str>) -> Option<Chart> {
    let series: Vec<Series> =
        view.runs().filter_map(|(run, _)| series(view, run, shown, stage)).collect();
    if series.is_empty() {
        return None;
    }
    let legend = series.iter().map(|series| series.meaning.clone()).collect::<Vec<_>>().join(", ");
    Some(Chart {
        id: format!("chart-{}", shown.column.key().replace('_', "-")),
        title: title(view, shown),
        description: format!(
            "{} over {}, one line a run: {legend}. Levels that are not trusted are left out.",
            shown.title(),
            view.noun()
        ),
        plot: Plot::Lines(Lines {
            x: Axis { title: at_once(view).to_owned(), kind: Kind::Count },
            noun: view.noun(),
            y: Axis { title: shown.title(), kind: shown.kind() },
            series,
            guides: Vec::new(),
            hatched: Vec::new(),
        }),
        table: None,
    })
}

fn at_once(view: View<'_>) -> &'static str {
    match view.comparison.kind {
        RunKind::Streams => "users at once",
        RunKind::Tools => "calls at once",
    }
}

/// The trusted levels of a run in a stage.
fn series(view: View<'_>, run: usize, shown: Shown, stage: Option<&str>) -> Option<Series> {
    let levels = &view.comparison.runs[run].levels;
    let points: Vec<Point> = levels
        .iter()
        .filter(|level| level.trusted && level.stage.as_deref() == stage)
        .map(|level| Point {
            users: float(level.load),
            figure: view.figure(run, &level.rung(), shown),
        })
        .filter(|point| point.figure.value.is_some())
        .collect();
    let (hue, strength) = LOOKS[run % LOOKS.len()];
    let name = View::letter(run);
    (!points.is_empty()).then(|| Series { name, meaning: view.label(run), hue, strength, points })
}

/// The best and the worst at the highest load that all share.
fn title(view: View<'_>, shown: Shown) -> String {
    let name = shown.title();
    let Some(rung) = view.comparison.common() else { return format!("{name} of each run.") };
    let mut values: Vec<(f64, usize)> = view
        .runs()
        .filter_map(|(run, _)| Some((view.figure(run, &rung, shown).value?, run)))
        .collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(low), Some(high)) = (values.first(), values.last()) else {
        return format!("{name} of each run.");
    };
    let show = |value: f64| number::show(shown.kind(), Some(value));
    let at = format!("at {}", view.words(&rung));
    if show(low.0) == show(high.0) {
        return format!("{name} is {} for all {at}.", show(low.0));
    }
    format!(
        "{name} {at} is from {} ({}) to {} ({}).",
        show(low.0),
        View::letter(low.1),
        show(high.0),
        View::letter(high.1)
    )
}
