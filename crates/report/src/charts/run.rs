//! The charts of a whole run, over its number of users.

use results::level::Outcome;
use results::slo::Latency;
use results::summary::Statistic;
use results::units::float;

use super::{figures_at, hatched, outcome_name, series_through};
use crate::chart::{
    Axis, Chart, Guide, GuideCourse, Hue, Lines, Plot, Segment, Series, Spread, Stack, StackRow,
    Strength,
};
use crate::document::{Column, Row, Table};
use crate::figure::{Figure, Metric};
use crate::number::{self, Kind};
use crate::overview::{LevelView, Overview};

/// The percentiles that every latency chart shows, with their strength.
const PERCENTILES: [(Statistic, Strength); 3] = [
    (Statistic::P50, Strength::Faint),
    (Statistic::P95, Strength::Full),
    (Statistic::P99, Strength::Deep),
];

/// TTFT against users, with the ideal and the limit.
#[must_use]
pub fn ttft(overview: &Overview<'_>) -> Option<Chart> {
    let mut guides = Vec::new();
    if let Some(ideal) = overview.run.workload.ideal {
        guides.push(flat("ideal", Kind::Latency, ideal.first_ms));
    }
    if let Some((statistic, limit)) = overview.latency_limit(Latency::Ttft) {
        guides.push(flat(&format!("SLO {}", statistic.name()), Kind::Latency, limit));
    }
    percentiles(overview, Metric::Ttft, "ttft", "TTFT", Hue::Blue, guides)
}

/// Stretch against users, or the total where the ideal is not known.
#[must_use]
pub fn stretch_or_total(overview: &Overview<'_>) -> Option<Chart> {
    if overview.levels.iter().any(|view| view.level.stretch.is_some()) {
        let mut guides =
            vec![Guide { label: "on time".to_owned(), course: GuideCourse::Level(1.0) }];
        if let Some(limit) = overview.stretch_limit() {
            guides.push(flat("SLO", Kind::Ratio, limit));
        }
        percentiles(overview, Metric::Stretch, "stretch", "stretch", Hue::Purple, guides)
    } else {
        let limit = overview.latency_limit(Latency::Total);
        let guides = limit
            .map(|(statistic, limit)| {
                flat(&format!("SLO {}", statistic.name()), Kind::Latency, limit)
            })
            .into_iter()
            .collect();
        percentiles(overview, Metric::Total, "total", "total", Hue::Purple, guides)
    }
}

/// How the streams of each level ended.
#[must_use]
pub fn outcomes(overview: &Overview<'_>) -> Option<Chart> {
    if overview.ended() == 0 {
        return None;
    }
    let rows = overview
        .levels
        .iter()
        .map(|view| StackRow {
            label: view.users().show(),
            load: format!("{} users", view.users().show()),
            level: view.index,
            untrusted: !view.level.trusted,
            segments: Outcome::ALL
                .into_iter()
                .map(|outcome| Segment {
                    name: outcome_name(outcome).to_owned(),
                    class: outcome.name(),
                    figure: view.outcome(outcome),
                })
                .collect(),
        })
        .collect();
    let ended = overview.ended();
    let ok = overview.outcome(Outcome::Ok);
    let title = if ok == ended {
        format!("All {} streams ended ok.", number::count(ended))
    } else {
        format!("{} of {} streams did not end ok.", number::count(ended - ok), number::count(ended))
    };
    let columns = Outcome::ALL
        .into_iter()
        .map(|outcome| Column::numbers(outcome_name(outcome), Kind::Count))
        .collect();
    let table = by_level(overview, "outcomes", columns, |view| {
        Outcome::ALL.into_iter().map(|outcome| view.outcome(outcome)).collect()
    });
    Some(Chart {
        id: "chart-outcomes".to_owned(),
        title,
        description: "One bar a level: the share of its ended streams by outcome.".to_owned(),
        plot: Plot::Stack(Stack { rows, labels: "users", of: "streams" }),
        table: Some(table),
    })
}

/// Events per second against users, with the line of perfect scaling.
#[must_use]
pub fn events(overview: &Overview<'_>) -> Option<Chart> {
    let rate = |view: LevelView<'_>| {
        view.measured("chunks_per_s", Kind::Rate, Some(view.level.chunks_per_s))
    };
    let series = vec![series(overview, "events", Hue::Green, Strength::Full, rate)?];
    let mut guides = Vec::new();
    if let Some(base) = overview.base().filter(|base| base.level.users > 0) {
        guides.push(Guide {
            label: "perfect scaling".to_owned(),
            course: GuideCourse::PerUser(base.level.chunks_per_s / float(base.level.users)),
        });
    }
    let best = overview
        .trusted
        .iter()
        .copied()
        .max_by(|a, b| a.level.chunks_per_s.total_cmp(&b.level.chunks_per_s))?;
    let title =
        format!("The most events arrived at {} users: {}.", best.users().show(), rate(best).show());
    lines(overview, "chart-events", title, Kind::Rate, "events", series, guides)
}

/// Cores that target and tester kept busy.
#[must_use]
pub fn cpu(overview: &Overview<'_>) -> Option<Chart> {
    let series = vec![
        series(overview, "target", Hue::Vermilion, Strength::Full, |view| view.target_cores())?,
        series(overview, "tester", Hue::Orange, Strength::Faint, |view| view.tester_cores())?,
    ];
    let top = overview.top().or_else(|| overview.headline())?;
    let title = format!(
        "At {} users the target kept {} busy, the tester {}.",
        top.users().show(),
        top.target_cores().show(),
        top.tester_cores().show()
    );
    lines(overview, "chart-cpu", title, Kind::Cores, "busy on average", series, Vec::new())
}

/// Peak resident memory of target and tester.
#[must_use]
pub fn memory(overview: &Overview<'_>) -> Option<Chart> {
    let tester = |view: LevelView<'_>| {
        let bytes = view.level.tester_usage.peak_rss_bytes;
        view.measured("tester_usage.peak_rss_bytes", Kind::Bytes, Some(float(bytes)))
    };
    let series = vec![
        series(overview, "target", Hue::Vermilion, Strength::Full, |view| view.target_memory())?,
        series(overview, "tester", Hue::Orange, Strength::Faint, tester)?,
    ];
    let top = overview.top().or_else(|| overview.headline())?;
    let title = format!(
        "At {} users the target held {} of memory, the tester {}.",
        top.users().show(),
        top.target_memory().show(),
        tester(top).show()
    );
    lines(overview, "chart-memory", title, Kind::Bytes, "peak resident memory", series, Vec::new())
}

fn percentiles(
    overview: &Overview<'_>,
    metric: Metric,
    id: &str,
    name: &str,
    hue: Hue,
    guides: Vec<Guide>,
) -> Option<Chart> {
    let series: Vec<Series> = PERCENTILES
        .into_iter()
        .filter_map(|(statistic, strength)| {
            series(overview, statistic.name(), hue, strength, |view| {
                view.summary(metric, statistic)
            })
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    let p95 = |view: LevelView<'_>| view.summary(metric, Statistic::P95).show();
    let title = match (overview.base_and_top(), overview.headline()) {
        (Some((base, top)), _) => format!(
            "{name} p95 is {} at {} users and {} at {}.",
            p95(base),
            base.users().show(),
            p95(top),
            top.users().show()
        ),
        (None, Some(view)) => {
            let doubt = if view.level.trusted { "" } else { " (not trusted)" };
            format!("{name} p95 is {} at {} users{doubt}.", p95(view), view.users().show())
        }
        (None, None) => return None,
    };
    lines(overview, &format!("chart-{id}"), title, metric.kind(), name, series, guides)
}

/// A series over all levels by ascending users; `None` when no level has a value.
fn series(
    overview: &Overview<'_>,
    name: &str,
    hue: Hue,
    strength: Strength,
    figure: impl Fn(LevelView<'_>) -> Figure,
) -> Option<Series> {
    let points = overview.levels.iter().map(|&view| (view.level.users, figure(view)));
    series_through(name, hue, strength, points)
}

fn lines(
    overview: &Overview<'_>,
    id: &str,
    title: String,
    kind: Kind,
    axis: &str,
    series: Vec<Series>,
    guides: Vec<Guide>,
) -> Option<Chart> {
    let columns =
        series.iter().map(|series| Column::grouped(axis, series.name.as_str(), kind)).collect();
    let table = by_level(overview, id.trim_start_matches("chart-"), columns, |view| {
        figures_at(&series, view.index, kind)
    });
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let dashed: Vec<&str> = guides.iter().map(|guide| guide.label.as_str()).collect();
    let mut description = format!("{axis} over the number of users: {}.", names.join(", "));
    if !dashed.is_empty() {
        description.push_str(&format!(" Dashed: {}.", dashed.join(", ")));
    }
    Some(Chart {
        id: id.to_owned(),
        title,
        description,
        plot: Plot::Lines(Lines {
            x: Axis { title: "users at once".to_owned(), kind: Kind::Count },
            noun: "users",
            y: Axis { title: axis.to_owned(), kind },
            spread: Spread::Linear,
            series,
            guides,
            hatched: hatched(overview),
        }),
        table: Some(table),
    })
}

fn flat(name: &str, kind: Kind, value: f64) -> Guide {
    Guide {
        label: format!("{name} {}", number::show(kind, Some(value))),
        course: GuideCourse::Level(value),
    }
}

/// The numbers of a chart, one row a level.
fn by_level(
    overview: &Overview<'_>,
    id: &str,
    columns: Vec<Column>,
    figures: impl Fn(LevelView<'_>) -> Vec<Figure>,
) -> Table {
    let mut all = vec![Column::numbers("users", Kind::Count)];
    all.extend(columns);
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let mut cells = vec![view.users().into()];
            cells.extend(figures(view).into_iter().map(Into::into));
            Row { cells, level: Some(view.index), untrusted: !view.level.trusted }
        })
        .collect();
    Table {
        id: format!("values-{id}"),
        caption: "The numbers of the chart".to_owned(),
        columns: all,
        rows,
        notes: Vec::new(),
    }
}
