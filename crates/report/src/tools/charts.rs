//! The charts of a run of tool calls.

use std::collections::BTreeMap;

use results::summary::Statistic;
use results::units::float;
use results::{Call, CallOutcome, Judged};

use super::outcome_name;
use super::overview::{LevelView, Metric, Overview};
use crate::chart::{
    AgentCalls, Axis, CallBar, Calls, Chart, Hue, Lines, Plot, ProbeMark, Segment, Series, Spread,
    Stack, StackRow, Strength,
};
use crate::charts::{figures_at, series_through};
use crate::document::{Column, LevelCharts, Row, Table};
use crate::figure::Figure;
use crate::number::{self, Kind};
use crate::text::foreign;

/// Most calls that a drawing shows one by one; a level of 16 agents with 32 calls each fits.
const MOST_BARS: usize = 512;
/// Most probes that a drawing shows: about one for each unit of its width.
const MOST_PROBES: usize = 480;
/// Most levels that get a chart of their own, so that a page stays small: the headline's and those
/// nearest to the end of the ladder.
const MOST_CHARTED_LEVELS: usize = 8;

/// The calls of each level by agent and time, the headline's level chosen at first.
pub(super) fn level_charts(overview: &Overview<'_>) -> Vec<LevelCharts> {
    let chosen = overview.headline().map(|view| view.index);
    let skipped = overview.levels.len().saturating_sub(MOST_CHARTED_LEVELS);
    overview
        .levels
        .iter()
        .filter(|view| view.index >= skipped || Some(view.index) == chosen)
        .filter(|view| !view.level.files.is_empty())
        .map(|&view| LevelCharts {
            level: view.index,
            label: view.short(),
            chosen: Some(view.index) == chosen,
            charts: vec![calls(view)],
        })
        .collect()
}

fn calls(view: LevelView<'_>) -> Chart {
    let level = view.level;
    let mut by_agent: BTreeMap<u64, Vec<(usize, &Call)>> = BTreeMap::new();
    for (index, call) in level.files.iter().enumerate().take(MOST_BARS) {
        by_agent.entry(call.agent).or_default().push((index, call));
    }
    let drawn = level.files.len().min(MOST_BARS);
    let agents =
        by_agent.into_iter().map(|(agent, calls)| agent_calls(view, agent, &calls)).collect();
    let mut title = format!(
        "Of {} calls, up to {} were open at one moment",
        number::count(level.calls),
        number::count(level.peak_open)
    );
    if let Some(upstream) = level.upstream_peak_open {
        title.push_str(&format!("; the upstream counted up to {}", number::count(upstream)));
    }
    title.push('.');
    let mut description = "One bar a call by agent and time, coloured by its outcome.".to_owned();
    if drawn < level.files.len() || level.files_left_out > 0 {
        description.push_str(&format!(
            " The first {} of {} calls.",
            number::count(u64::try_from(drawn).unwrap_or(u64::MAX)),
            number::count(level.calls)
        ));
    }
    Chart {
        id: format!("chart-calls-{}", view.index),
        title,
        description,
        plot: Plot::Calls(Calls {
            agents,
            probes: probes(view),
            idle_ms: level.probe_idle_ms.map(|idle| idle.p50),
            classes: classes(&level.files),
        }),
        table: None,
    }
}

fn agent_calls(view: LevelView<'_>, agent: u64, calls: &[(usize, &Call)]) -> AgentCalls {
    let fine = calls.iter().filter(|(_, call)| call.outcome == Some(CallOutcome::Ok)).count();
    let begin = calls.iter().map(|(_, call)| call.start_ms).fold(f64::INFINITY, f64::min);
    let end = calls.iter().map(|(_, call)| call.end_ms).fold(0.0, f64::max);
    let show = |ms: f64| number::show(Kind::Latency, Some(ms));
    AgentCalls {
        name: format!("agent {agent}"),
        tip: format!(
            "agent {agent}\n{fine} of {} calls ok\nfrom {} to {}",
            calls.len(),
            show(begin),
            show(end)
        ),
        bars: calls.iter().map(|(index, call)| bar(view, *index, call)).collect(),
    }
}

fn bar(view: LevelView<'_>, index: usize, call: &Call) -> CallBar {
    let show = |ms: f64| number::show(Kind::Latency, Some(ms));
    let outcome = call.outcome.map_or("cancelled", outcome_name);
    let mut tip = format!("agent {} call {}: {}", call.agent, call.call, foreign(&call.tool));
    if let Some(name) = &call.name {
        tip.push_str(&format!("\n{}", foreign(name)));
    }
    tip.push_str(&format!("\n{outcome}, {} from {}", show(call.took_ms()), show(call.start_ms)));
    CallBar {
        start_ms: call.start_ms,
        end: view.measured(&format!("files.{index}.end_ms"), Kind::Latency, Some(call.end_ms)),
        class: call.outcome.map_or("cancelled", CallOutcome::name),
        fine: call.outcome == Some(CallOutcome::Ok),
        tip,
    }
}

/// The outcomes that occur, in the order of the legend.
fn classes(calls: &[Call]) -> Vec<(&'static str, &'static str)> {
    let occurs = |outcome| calls.iter().any(|call| call.outcome == outcome);
    let mut classes: Vec<(&'static str, &'static str)> = CallOutcome::ALL
        .into_iter()
        .filter(|outcome| occurs(Some(*outcome)))
        .map(|outcome| (outcome.name(), outcome_name(outcome)))
        .collect();
    if occurs(None) {
        classes.push(("cancelled", "cancelled by us"));
    }
    classes
}

/// At most [`MOST_PROBES`] probes: of each stretch the slowest, or a failed one.
fn probes(view: LevelView<'_>) -> Vec<ProbeMark> {
    let stretch = view.level.probes.len().div_ceil(MOST_PROBES).max(1);
    view.level
        .probes
        .chunks(stretch)
        .filter_map(|probes| {
            let slowness = |took: Option<f64>| took.unwrap_or(f64::INFINITY);
            probes.iter().max_by(|a, b| slowness(a.took_ms).total_cmp(&slowness(b.took_ms)))
        })
        .map(|probe| ProbeMark { at_ms: probe.at_ms, took_ms: probe.took_ms })
        .collect()
}

/// How the calls of each level ended.
pub(super) fn outcomes(overview: &Overview<'_>) -> Option<Chart> {
    let counts = overview.outcomes();
    if counts.total() == 0 {
        return None;
    }
    let rows = overview
        .levels
        .iter()
        .map(|view| StackRow {
            label: view.short(),
            load: view.words(),
            level: view.index,
            untrusted: !view.level.trusted,
            segments: CallOutcome::ALL
                .into_iter()
                .map(|outcome| Segment {
                    name: outcome_name(outcome).to_owned(),
                    class: outcome.name(),
                    figure: view.outcome(outcome),
                })
                .collect(),
        })
        .collect();
    let (ended, not_ok) = (number::count(counts.total()), counts.not_ok());
    let title = if not_ok == 0 {
        format!("All {ended} calls ended ok.")
    } else {
        format!("{} of {ended} calls did not end ok.", number::count(not_ok))
    };
    Some(Chart {
        id: "chart-outcomes".to_owned(),
        title,
        description: "One bar a level: the share of its ended calls by outcome.".to_owned(),
        plot: Plot::Stack(Stack { rows, labels: "calls", of: "calls" }),
        table: None,
    })
}

/// A course over the calls at once for each stage: levels of different stages make different calls,
/// and no line joins them.
pub(super) fn courses(overview: &Overview<'_>) -> Vec<Chart> {
    let stages = overview.stages().into_iter();
    let of = |(number, stage): (usize, Option<&str>)| {
        let of = Stage { levels: overview.of_stage(stage), name: stage, number };
        [call_time(&of), throughput(&of)]
    };
    stages.enumerate().flat_map(of).flatten().collect()
}

/// The levels that one course is drawn through.
struct Stage<'r> {
    levels: Vec<LevelView<'r>>,
    name: Option<&'r str>,
    /// Counted from 0.
    number: usize,
}

impl<'r> Stage<'r> {
    /// The highest trusted level, or the last.
    fn top(&self) -> Option<LevelView<'r>> {
        let trusted = self.levels.iter().filter(|view| view.level.trusted);
        trusted.max_by_key(|view| view.level.load()).or(self.levels.last()).copied()
    }

    /// The id of its chart of this name.
    fn id(&self, name: &str) -> String {
        match self.name {
            None => format!("chart-{name}"),
            Some(_) => format!("chart-{name}-{}", self.number + 1),
        }
    }
}

/// Call time against calls at once.
fn call_time(stage: &Stage<'_>) -> Option<Chart> {
    let strengths = [
        (Statistic::P50, Strength::Faint),
        (Statistic::P95, Strength::Full),
        (Statistic::P99, Strength::Deep),
    ];
    let series = strengths
        .into_iter()
        .filter_map(|(statistic, strength)| {
            series(stage, statistic.name(), Hue::Blue, strength, |view| {
                view.summary(Metric::Call, statistic)
            })
        })
        .collect();
    let last = stage.top()?;
    let (tail, statistic) = last.tail(Metric::Call);
    let title = format!("A call takes {} ({}) at {}.", tail.show(), statistic.name(), last.words());
    lines(stage, "call", title, Kind::Latency, "call", series)
}

/// Bytes per second against calls at once, with the floor.
fn throughput(stage: &Stage<'_>) -> Option<Chart> {
    let mut all = Vec::new();
    all.extend(series(stage, "calls", Hue::Green, Strength::Full, |view| view.bytes_per_s()));
    all.extend(series(stage, "floor", Hue::Orange, Strength::Faint, |view| {
        let rate = view.level.floor.map(|floor| floor.bytes_per_s);
        view.measured("floor.bytes_per_s", Kind::ByteRate, rate)
    }));
    let last = stage.top()?;
    let title = format!("The calls move {} at {}.", last.bytes_per_s().show(), last.words());
    lines(stage, "throughput", title, Kind::ByteRate, "throughput", all)
}

/// A series over all levels by ascending load; `None` when no level has a value.
fn series(
    stage: &Stage<'_>,
    name: &str,
    hue: Hue,
    strength: Strength,
    figure: impl Fn(LevelView<'_>) -> Figure,
) -> Option<Series> {
    let points = stage.levels.iter().map(|&view| (view.level.load(), figure(view)));
    series_through(name, hue, strength, points)
}

/// Lines over the calls at once; a single level has no course, and its numbers stand in the table.
fn lines(
    stage: &Stage<'_>,
    name: &str,
    title: String,
    kind: Kind,
    axis: &str,
    series: Vec<Series>,
) -> Option<Chart> {
    if stage.levels.len() < 2 || series.is_empty() {
        return None;
    }
    let mut columns = vec![Column::words("calls")];
    columns.extend(series.iter().map(|s| Column::grouped(axis, s.name.as_str(), kind)));
    let rows = stage
        .levels
        .iter()
        .map(|view| {
            let mut cells = vec![view.short().into()];
            cells.extend(figures_at(&series, view.index, kind).into_iter().map(Into::into));
            Row { cells, level: Some(view.index), untrusted: !view.level.trusted }
        })
        .collect();
    let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
    let description = format!("{axis} over the calls at once: {}.", names.join(", "));
    let hatched = crate::charts::hatched_around(
        stage.levels.iter().map(|v| (float(v.level.load()), v.level.trusted)).collect(),
    );
    Some(Chart {
        id: stage.id(name),
        title,
        description,
        plot: Plot::Lines(Lines {
            x: Axis { title: "calls at once".to_owned(), kind: Kind::Count },
            noun: "calls at once",
            y: Axis { title: axis.to_owned(), kind },
            spread: Spread::Linear,
            series,
            guides: Vec::new(),
            hatched,
        }),
        table: Some(Table {
            id: stage.id(name).replacen("chart", "values", 1),
            caption: "The numbers of the chart".to_owned(),
            columns,
            rows,
            notes: Vec::new(),
        }),
    })
}
