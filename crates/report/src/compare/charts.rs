//! One chart a number, one line a run.

use results::slo::{Latency, Quantity, Rate, Share};
use results::summary::Statistic;
use results::units::float;
use results::{RunKind, compare};

use super::view::{Shown, View};
use crate::chart::{Axis, Chart, Lines, Look, Plot, Point, Series, Spread};
use crate::number::{self, Kind};

/// A run this many times above the median run would leave the others no room on a linear axis: they
/// would share its lowest quarter.
const OUTLIER: f64 = 4.0;

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
    use compare::Column::{Cpu, CpuWithUpstream, Memory, Quantity as Of};
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
        Of(_) | CpuWithUpstream => false,
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
            spread: spread(&series),
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
    let (name, look) = (View::letter(run), Look::Run(run));
    (!points.is_empty()).then(|| Series { name, meaning: view.label(run), look, points })
}

/// Logarithmic where one run is so far above the others that these would lie on each other.
fn spread(series: &[Series]) -> Spread {
    let values = |series: &Series| -> Vec<f64> {
        series.points.iter().filter_map(|point| point.figure.value).collect()
    };
    let all_above_zero = series.iter().flat_map(values).all(|value| value > 0.0);
    let largest = |series: &Series| values(series).into_iter().fold(0.0, f64::max);
    let mut largest: Vec<f64> = series.iter().map(largest).collect();
    largest.sort_by(f64::total_cmp);
    // Of an even number the upper one: of two runs none is an outlier.
    let (median, highest) = (largest.get(largest.len() / 2), largest.last());
    match (median, highest) {
        (Some(median), Some(highest)) if all_above_zero && *highest > OUTLIER * median => {
            Spread::Logarithmic
        }
        _ => Spread::Linear,
    }
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
