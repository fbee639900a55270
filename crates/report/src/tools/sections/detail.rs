//! The calls of each stage's level that is looked at by agent and by tool, and every call that went wrong.

use std::collections::{BTreeMap, BTreeSet};

use results::summary::Statistic;
use results::units::{float, ratio_base};
use results::{Call, CallOutcome, ErrorGroup, Summary};

use super::row;
use crate::document::{Block, Cell, Column, Row, Section, Table};
use crate::figure::Figure;
use crate::number::{self, Kind, NOTHING};
use crate::sections::{no_levels, with_notes};
use crate::text::{Text, foreign};
use crate::tools::overview::{LevelView, Metric, Overview};
use crate::tools::{charts, outcome_name};

/// A level of so many calls shows each of them; a larger one shows its agents, and each call that
/// went wrong.
const MOST_ROWS: usize = 64;
/// Calls that went wrong shown one by one, over all levels; `run.json` has all that were kept.
const MOST_FAILED: usize = 40;
/// Most error groups of a report, over all levels.
const MOST_ERRORS: usize = 20;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let mut blocks = Vec::new();
    let levels = overview.shown();
    if levels.is_empty() {
        blocks.push(no_levels());
    }
    for (number, &view) in levels.iter().enumerate() {
        // The ids of a page's tables are its own.
        let id = |name: &str| match number {
            0 => name.to_owned(),
            number => format!("{name}-{}", number + 1),
        };
        blocks.push(Block::Table(by_agent(&id("agents-table"), view)));
        if view.level.files.len() <= MOST_ROWS {
            let calls = view.level.files.iter().enumerate().map(|(i, call)| (view, i, call));
            let caption = format!("Every call of {}", view.words());
            let shown = Shown { load: false, tool: view.mixed() };
            blocks.push(Block::Table(calls_table(&id("calls-table"), caption, shown, calls)));
        }
    }
    if overview.mixed() {
        blocks.push(Block::Table(by_tool(overview)));
    }
    if !overview.levels.is_empty() {
        blocks.push(Block::Table(phases(overview)));
    }
    blocks.extend(failed(overview));
    blocks.extend(errors(overview));
    blocks.push(Block::PerLevel(charts::level_charts(overview)));
    Section {
        id: "detail",
        title: "Detailed results",
        question: "What became of each call, and of the file that it left?",
        blocks,
    }
}

/// One row an agent: what it got, and how alike it was.
fn by_agent(id: &str, view: LevelView<'_>) -> Table {
    let mut agents: BTreeMap<u64, Vec<&Call>> = BTreeMap::new();
    for call in &view.level.files {
        agents.entry(call.agent).or_default().push(call);
    }
    let columns = vec![
        Column::words("agent"),
        Column::words("calls"),
        Column::words("files"),
        Column::words("sizes, bytes"),
        Column::words("SHA-256 begins"),
        Column::words("MD5 begins"),
        Column::words("outcome"),
        Column::grouped("since the start", "first", Kind::Latency),
        Column::grouped("since the start", "last end", Kind::Latency),
        Column::grouped("call", "mean", Kind::Latency),
        Column::grouped("call", "max", Kind::Latency),
    ];
    let rows = agents
        .into_iter()
        .map(|(agent, calls)| {
            let at = |name: &str, value: Option<f64>| {
                Cell::from(view.derived(&format!("agent.{agent}.{name}"), Kind::Latency, value))
            };
            let mut took: Vec<f64> = calls.iter().map(|call| call.took_ms()).collect();
            let took = Summary::of(&mut took);
            let start = calls.iter().map(|call| call.start_ms).min_by(f64::total_cmp);
            let end = calls.iter().map(|call| call.end_ms).max_by(f64::total_cmp);
            row(
                view,
                vec![
                    format!("agent {agent}").into(),
                    numbers(&calls).into(),
                    names(&calls).into(),
                    sizes(&calls).into(),
                    digests(&calls, |call| call.sha256.as_deref()).into(),
                    digests(&calls, |call| call.md5.as_deref()).into(),
                    outcomes(&calls).into(),
                    at("first_start_ms", start),
                    at("last_end_ms", end),
                    at("mean_ms", took.map(|took| took.mean)),
                    at("max_ms", took.map(|took| took.max)),
                ],
            )
        })
        .collect();
    let mut notes = Vec::new();
    if view.level.files_left_out > 0 {
        notes.push(format!(
            "{} calls are counted but not kept one by one, and are not in this table",
            number::count(view.level.files_left_out)
        ));
    }
    Table {
        id: id.to_owned(),
        caption: format!("Agents of {}", view.words()),
        columns,
        rows,
        notes,
    }
}

/// `1 to 8`, or the numbers themselves where some are missing.
fn numbers(calls: &[&Call]) -> String {
    let all: BTreeSet<u64> = calls.iter().map(|call| call.call).collect();
    match (all.first(), all.last()) {
        (Some(first), Some(last)) if first == last => first.to_string(),
        (Some(first), Some(last)) if last - first + 1 == u64::try_from(all.len()).unwrap_or(0) => {
            format!("{first} to {last}")
        }
        _ => format!("{} of them", all.len()),
    }
}

/// `video_1.mp4 to video_8.mp4`, in the order of the calls; only how many there are where several
/// tools name them.
fn names(calls: &[&Call]) -> String {
    let mut named: Vec<(u64, &str, &str)> = calls
        .iter()
        .filter_map(|call| Some((call.call, call.tool.as_str(), call.name.as_deref()?)))
        .collect();
    named.sort_unstable();
    let tools: BTreeSet<&str> = named.iter().map(|(_, tool, _)| *tool).collect();
    match named.as_slice() {
        [] => "no file".to_owned(),
        [(_, _, only)] => foreign(only),
        [(_, _, first), .., (_, _, last)] if tools.len() == 1 => {
            format!("{} to {}", foreign(first), foreign(last))
        }
        several => format!("{} of {} tools", several.len(), tools.len()),
    }
}

fn sizes(calls: &[&Call]) -> String {
    let sizes: BTreeSet<u64> = calls.iter().filter_map(|call| call.bytes).collect();
    match (sizes.first(), sizes.last()) {
        (Some(first), Some(last)) if first == last => number::count(*first),
        (Some(first), Some(last)) => {
            format!("{} sizes, {} to {}", sizes.len(), number::count(*first), number::count(*last))
        }
        _ => "no file".to_owned(),
    }
}

fn digests(calls: &[&Call], of: impl Fn(&Call) -> Option<&str>) -> String {
    let digests: BTreeSet<&str> = calls.iter().filter_map(|call| of(call)).collect();
    match (digests.len(), digests.first()) {
        (0, _) | (_, None) => "none".to_owned(),
        (1, Some(only)) => short_digest(only),
        (several, _) => format!("{several} different"),
    }
}

/// The beginning of a digest, enough to tell it from others; `run.json` has all of it.
fn short_digest(digest: &str) -> String {
    foreign(digest).chars().take(12).collect()
}

fn outcomes(calls: &[&Call]) -> String {
    let count =
        |wanted: Option<CallOutcome>| calls.iter().filter(|call| call.outcome == wanted).count();
    let mut parts: Vec<String> = CallOutcome::ALL
        .into_iter()
        .map(|outcome| (count(Some(outcome)), outcome_name(outcome)))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let cancelled = count(None);
    if cancelled > 0 {
        parts.push(format!("{cancelled} cancelled"));
    }
    parts.join(", ")
}

/// What of a call a table names, because its calls differ in it.
#[derive(Clone, Copy)]
struct Shown {
    load: bool,
    tool: bool,
}

/// Single calls with their files.
fn calls_table<'r>(
    id: &str,
    caption: String,
    shown: Shown,
    calls: impl Iterator<Item = (LevelView<'r>, usize, &'r Call)>,
) -> Table {
    let mut columns = vec![
        Column::words("load"),
        Column::words("agent/call"),
        Column::words("file"),
        Column::numbers("bytes", Kind::Count),
        Column::words("SHA-256 begins"),
        Column::words("outcome"),
        Column::numbers("began", Kind::Latency),
        Column::numbers("took", Kind::Latency),
    ];
    if shown.tool {
        columns.insert(2, Column::words("tool"));
    }
    if !shown.load {
        columns.remove(0);
    }
    let rows = calls
        .map(|(view, index, call)| {
            let at = |name: &str, kind, value| {
                Cell::from(view.measured(&format!("files.{index}.{name}"), kind, value))
            };
            let took = format!("files.{index}.took_ms");
            let mut cells = vec![
                view.short().into(),
                format!("{}/{}", call.agent, call.call).into(),
                call.name.as_deref().map_or(NOTHING.to_owned(), foreign).into(),
                at("bytes", Kind::Count, call.bytes.map(float)),
                call.sha256.as_deref().map_or(NOTHING.to_owned(), short_digest).into(),
                call.outcome.map_or("cancelled", outcome_name).into(),
                at("start_ms", Kind::Latency, Some(call.start_ms)),
                view.derived(&took, Kind::Latency, Some(call.took_ms())).into(),
            ];
            if shown.tool {
                cells.insert(2, foreign(&call.tool).into());
            }
            if !shown.load {
                cells.remove(0);
            }
            row(view, cells)
        })
        .collect();
    Table { id: id.to_owned(), caption, columns, rows, notes: Vec::new() }
}

/// The phases of a call, each from the call's start.
fn phases(overview: &Overview<'_>) -> Table {
    let phases = [("connected", Metric::Connect), ("first byte", Metric::Ttfb)];
    let all = phases.into_iter().chain([("answered", Metric::Call)]);
    let statistics = [Statistic::P50, Statistic::P95, Statistic::Max];
    let mut columns = vec![Column::words("load"), Column::numbers("connections", Kind::Count)];
    columns.extend(all.clone().flat_map(|(name, _)| {
        statistics.map(|statistic| Column::grouped(name, statistic.name(), Kind::Latency))
    }));
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let opened = view.level.connect_ms.map_or(0, |connects| connects.count);
            let mut cells: Vec<Cell> = vec![
                view.short().into(),
                view.derived("connections", Kind::Count, Some(float(opened))).into(),
            ];
            let times = all.clone().flat_map(|(_, phase)| statistics.map(|s| (phase, s)));
            cells.extend(times.map(|(phase, s)| Cell::from(view.summary(phase, s))));
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "phases-table".to_owned(),
        caption: "The phases of a call, from its start".to_owned(),
        columns,
        rows,
        notes: vec!["connected: of calls for which a connection had to be opened".to_owned()],
    })
}

fn by_tool(overview: &Overview<'_>) -> Table {
    let rows = overview
        .levels
        .iter()
        .flat_map(|&view| view.level.tools.iter().enumerate().map(move |(i, tool)| (view, i, tool)))
        .map(|(view, index, tool)| {
            let path = |name: &str| format!("tools.{index}.{name}");
            let time = |statistic| {
                let summary = tool.call_ms;
                let figure =
                    Figure::of_summary(&path("call_ms"), Kind::Latency, summary, statistic);
                Cell::from(figure.at_level(view.index))
            };
            let not_ok = float(tool.outcomes.not_ok());
            row(
                view,
                vec![
                    view.short().into(),
                    foreign(&tool.tool).into(),
                    view.counted(&path("calls"), tool.calls).into(),
                    view.derived(&path("not_ok"), Kind::Count, Some(not_ok)).into(),
                    time(Statistic::P50),
                    time(Statistic::P95),
                    time(Statistic::Max),
                    view.measured(&path("bytes_total"), Kind::Bytes, Some(float(tool.bytes_total)))
                        .into(),
                ],
            )
        })
        .collect();
    with_notes(Table {
        id: "by-tool-table".to_owned(),
        caption: "The same by tool".to_owned(),
        columns: vec![
            Column::words("load"),
            Column::words("tool"),
            Column::numbers("calls", Kind::Count),
            Column::numbers("not ok", Kind::Count),
            Column::grouped("call", "p50", Kind::Latency),
            Column::grouped("call", "p95", Kind::Latency),
            Column::grouped("call", "max", Kind::Latency),
            Column::numbers("bytes", Kind::Bytes),
        ],
        rows,
        notes: Vec::new(),
    })
}

/// Every call that went wrong, of all levels, unless a table above has it.
fn failed(overview: &Overview<'_>) -> Option<Block> {
    let levels = overview.shown();
    let shown = |view: LevelView<'_>| {
        levels.iter().any(|shown| shown.index == view.index) && view.level.files.len() <= MOST_ROWS
    };
    let all: Vec<(LevelView<'_>, usize, &Call)> = overview
        .levels
        .iter()
        .filter(|view| !shown(**view))
        .flat_map(|&view| view.level.files.iter().enumerate().map(move |(i, c)| (view, i, c)))
        .filter(|(_, _, call)| call.outcome.is_some_and(|outcome| outcome != CallOutcome::Ok))
        .collect();
    if all.is_empty() {
        return None;
    }
    let more = all.len().saturating_sub(MOST_FAILED);
    let caption = "Calls that did not end ok".to_owned();
    let shown = Shown { load: true, tool: overview.mixed() };
    let mut table = calls_table("failed-table", caption, shown, all.into_iter().take(MOST_FAILED));
    if more > 0 {
        let all = Figure::derived("more", Kind::Count, Some(ratio_base(more))).show();
        table.notes.push(format!("{all} more of them stand in run.json"));
    }
    Some(Block::Table(table))
}

fn errors(overview: &Overview<'_>) -> Option<Block> {
    let mut groups: Vec<(LevelView<'_>, usize, &ErrorGroup<CallOutcome>)> = overview
        .levels
        .iter()
        .flat_map(|&view| view.level.errors.iter().enumerate().map(move |(i, g)| (view, i, g)))
        .collect();
    groups.sort_by_key(|(_, _, group)| std::cmp::Reverse(group.count));
    let rows: Vec<Row> = groups
        .into_iter()
        .take(MOST_ERRORS)
        .map(|(view, index, group)| {
            let detail: Text = foreign(&group.detail).into();
            let cells = vec![
                view.short().into(),
                outcome_name(group.class).into(),
                detail.into(),
                view.counted(&format!("errors.{index}.count"), group.count).into(),
            ];
            row(view, cells)
        })
        .collect();
    (!rows.is_empty()).then(|| {
        Block::Table(Table {
            id: "errors-table".to_owned(),
            caption: "What went wrong, the most frequent first".to_owned(),
            columns: vec![
                Column::words("load"),
                Column::words("outcome"),
                Column::words("detail"),
                Column::numbers("calls", Kind::Count),
            ],
            rows,
            notes: Vec::new(),
        })
    })
}
