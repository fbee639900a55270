//! The charts of single levels: the distribution of gaps, and the level's course over time.

use results::level::{Bucket, Level};
use results::units::float;

use crate::chart::{Axis, Bar, Chart, Histogram, Moment, Plot, Timeline};
use crate::document::LevelCharts;
use crate::number::{self, Kind};
use crate::overview::{LevelView, Overview};

/// Most levels that get charts of their own, so that a page stays small: the level of the
/// headline and those nearest to the end of the ladder. All levels are in the tables.
pub(crate) const MOST_CHARTED_LEVELS: usize = 16;

/// Bars that a drawing has room for, each wide enough to be pointed at.
const MOST_BARS: usize = 48;

/// Share of a bar's width to the next: the results double their buckets every eight steps.
const BUCKET_RATIO: f64 = 1.090_507_732_665_257_7;

/// The charts of the levels, the headline's chosen at first.
#[must_use]
pub fn level_charts(overview: &Overview<'_>) -> Vec<LevelCharts> {
    let chosen = overview.headline().map(|view| view.index);
    let skipped = overview.levels.len().saturating_sub(MOST_CHARTED_LEVELS);
    overview
        .levels
        .iter()
        .filter(|view| view.index >= skipped || Some(view.index) == chosen)
        .map(|&view| LevelCharts {
            level: view.index,
            label: format!("{} users", view.users().show()),
            chosen: Some(view.index) == chosen,
            charts: [gaps(overview, view), course(view)].into_iter().flatten().collect(),
        })
        .filter(|level| !level.charts.is_empty())
        .collect()
}

fn gaps(overview: &Overview<'_>, view: LevelView<'_>) -> Option<Chart> {
    if view.level.gap_buckets.is_empty() {
        return None;
    }
    let workload = &overview.run.workload;
    let mut marks = Vec::new();
    if let Some(ideal) = workload.ideal {
        marks.push((ideal.gap_ms, mark("ideal", ideal.gap_ms)));
    }
    marks.push((workload.stall_ms, mark("stall limit", workload.stall_ms)));
    let title = format!(
        "At {} users {} of {} gaps were stalls (longer than {}).",
        view.users().show(),
        number::count(view.level.stalls),
        number::count(gap_count(view.level)),
        number::show(Kind::Latency, Some(workload.stall_ms)),
    );
    Some(Chart {
        id: format!("chart-gaps-{}", view.index),
        title,
        description: "Distribution of the gaps between events; both axes are logarithmic."
            .to_owned(),
        plot: Plot::Histogram(Histogram {
            x: Axis { title: "gap between two events".to_owned(), kind: Kind::Latency },
            y: Axis { title: "gaps".to_owned(), kind: Kind::Count },
            bars: joined(&bars(&view.level.gap_buckets)),
            marks,
        }),
        table: None,
    })
}

fn gap_count(level: &Level) -> u64 {
    level.gap_buckets.iter().map(|bucket| bucket.count).sum()
}

fn mark(name: &str, value: f64) -> String {
    format!("{name} {}", number::show(Kind::Latency, Some(value)))
}

/// A bar reaches down to the bucket before it, or by one step where that one is empty.
fn bars(buckets: &[Bucket]) -> Vec<Bar> {
    let mut before: Option<f64> = None;
    buckets
        .iter()
        .map(|bucket| {
            let step = bucket.upper_ms / BUCKET_RATIO;
            let from_ms = before.map_or(step, |before| before.max(step)).min(bucket.upper_ms);
            before = Some(bucket.upper_ms);
            Bar { from_ms, to_ms: bucket.upper_ms, count: float(bucket.count) }
        })
        .collect()
}

/// At most [`MOST_BARS`] bars: neighbours are put together where there are more.
fn joined(bars: &[Bar]) -> Vec<Bar> {
    let together = bars.len().div_ceil(MOST_BARS).max(1);
    bars.chunks(together)
        .filter_map(|group| {
            let (first, last) = (group.first()?, group.last()?);
            let count = group.iter().map(|bar| bar.count).sum();
            Some(Bar { from_ms: first.from_ms, to_ms: last.to_ms, count })
        })
        .collect()
}

fn course(view: LevelView<'_>) -> Option<Chart> {
    if view.level.timeline.len() < 2 {
        return None;
    }
    let moments = view
        .level
        .timeline
        .iter()
        .map(|point| Moment {
            t_s: point.t_s,
            open: float(point.open),
            events_per_s: point.chunks_per_s,
        })
        .collect();
    Some(Chart {
        id: format!("chart-course-{}", view.index),
        title: format!(
            "Of {} users, {} streams were open at the peak; the level took {}.",
            view.users().show(),
            number::count(view.level.peak_open),
            number::show(Kind::Span, Some(view.level.duration_s)),
        ),
        description: "Open streams and events per second over the time of the level.".to_owned(),
        plot: Plot::Timeline(Timeline { moments }),
        table: None,
    })
}
