//! One chart a number, one line a run.

use results::compare::Rung;
use results::slo::{Latency, Quantity, Rate, Share};
use results::summary::Statistic;
use results::units::float;
use results::{RunKind, compare};

use super::view::{Shown, View};
use crate::chart::{Axis, Chart, Lines, Look, Plot, Point, Series, Spread};
use crate::number::{self, Kind};
use crate::text::foreign;

/// A run this many times above the median run would leave the others no room on a linear axis: they
/// would share its lowest quarter.
const OUTLIER: f64 = 4.0;

/// The levels of one stage: a line joins levels that made the same calls.
struct Stage {
    /// Its name, where the runs have stages.
    name: Option<String>,
    /// Counted from 0; `None` where there is but one.
    number: Option<usize>,
    /// Its highest load that has a trusted level in every run.
    common: Option<Rung>,
}

/// The charts beside the ranking, for each stage in turn. A single load is drawn as points.
pub(super) fn charts(view: View<'_>) -> Vec<Chart> {
    let stages = stages(view);
    let of_stage = |stage: &Stage| -> Vec<Chart> {
        view.columns()
            .into_iter()
            .filter(|shown| charted(view.comparison.kind, shown.column))
            .filter_map(|shown| chart(view, shown, stage))
            .collect()
    };
    stages.iter().flat_map(of_stage).collect()
}

fn stages(view: View<'_>) -> Vec<Stage> {
    let rungs = view.comparison.rungs();
    let mut names: Vec<Option<String>> = Vec::new();
    for rung in &rungs {
        if !names.contains(&rung.stage) {
            names.push(rung.stage.clone());
        }
    }
    let in_all =
        |rung: &Rung| view.comparison.runs.iter().all(|run| run.trusted_level(rung).is_some());
    let several = names.len() > 1;
    let stage = |(number, name): (usize, Option<String>)| Stage {
        number: several.then_some(number),
        common: rungs.iter().rfind(|rung| rung.stage == name && in_all(rung)).cloned(),
        name,
    };
    names.into_iter().enumerate().map(stage).collect()
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
        Of(Quantity::Latency(Latency::Probe, statistic)) => Statistic::TAILS.contains(&statistic),
        Of(Quantity::Stretch(Statistic::P95)) => true,
        Of(Quantity::Share(Share::Complete | Share::Ok)) => true,
        Of(Quantity::Rate(Rate::Chunks | Rate::Bytes) | Quantity::Speedup) | Cpu | Memory => true,
        Of(_) | CpuWithUpstream => false,
    }
}

fn chart(view: View<'_>, shown: Shown, stage: &Stage) -> Option<Chart> {
    let name = stage.name.as_deref();
    let series: Vec<Series> =
        view.runs().filter_map(|(run, _)| series(view, run, shown, name)).collect();
    if series.is_empty() {
        return None;
    }
    let legend = series.iter().map(|series| series.meaning.clone()).collect::<Vec<_>>().join(", ");
    Some(Chart {
        id: format!(
            "chart-{}{}",
            shown.column.key().replace('_', "-"),
            stage.number.map_or_else(String::new, |number| format!("-{}", number + 1))
        ),
        title: title(view, shown, stage),
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

/// The best and the worst at the stage's highest load that all share.
fn title(view: View<'_>, shown: Shown, stage: &Stage) -> String {
    let of_stage = stage.name.as_deref().map(|name| format!(" ({})", foreign(name)));
    let name = shown.title();
    let each = || format!("{name} of each run{}.", of_stage.clone().unwrap_or_default());
    let Some(rung) = &stage.common else { return each() };
    let mut values: Vec<(f64, usize)> = view
        .runs()
        .filter_map(|(run, _)| Some((view.figure(run, rung, shown).value?, run)))
        .collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(low), Some(high)) = (values.first(), values.last()) else {
        return each();
    };
    let show = |value: f64| number::show(shown.kind(), Some(value));
    let at = format!("at {}", view.words(rung));
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
