//! What the evidence says about the limit: the parts of the added time, CPU, the tester.

use results::units::float;

use super::levels::row;
use super::{ladder_remedy, no_levels, not_measured, with_notes};
use crate::charts;
use crate::delay::{ADDED_MIN_SHARE, Added};
use crate::document::{Block, Column, Row, Section, Table};
use crate::figure::Figure;
use crate::findings::{CORE_FULL, MACHINE_FULL};
use crate::number::{self, Kind};
use crate::overview::Overview;
use crate::text::foreign;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let mut blocks = Vec::new();
    if overview.levels.is_empty() {
        blocks.push(no_levels());
    } else {
        blocks.push(added_time(overview));
        blocks.extend(charts::cpu(overview).map(Box::new).map(Block::Chart));
        blocks.extend(charts::memory(overview).map(Box::new).map(Block::Chart));
        blocks.push(Block::Table(cpu_table(overview)));
        if overview.levels.iter().all(|view| view.level.target_usage.is_none()) {
            blocks.push(not_measured(
                "CPU, memory and open files of the target: its processes were not found on this \
                 machine",
                "run weir on the target's machine against its loopback address",
            ));
        } else {
            blocks.push(Block::Table(processes(overview)));
        }
        if overview.levels.iter().any(|view| view.level.simulator.is_some()) {
            blocks.push(Block::Table(simulator(overview)));
        }
        blocks.push(Block::Paragraph(rule().into()));
    }
    Section {
        id: "bottleneck",
        title: "Bottleneck",
        question: "What was the limit, as far as the evidence goes?",
        blocks,
    }
}

fn rule() -> String {
    format!(
        "The machine counts as full from {} of its CPU time; a process with {} to {} busy cores \
         has used up one thread.",
        number::limit_percent(MACHINE_FULL),
        number::tick(CORE_FULL.0),
        number::tick(CORE_FULL.1),
    )
}

/// Where the time went that answers took longer.
fn added_time(overview: &Overview<'_>) -> Block {
    let Some(added) = Added::of(overview) else {
        return not_measured(
            "where added time goes: that needs two trusted levels of different size with answers",
            ladder_remedy(overview),
        );
    };
    if !added.matters() {
        return Block::Paragraph(
            format!(
                "From {} to {} users an answer takes less than {} longer: there is nothing to \
                 take apart.",
                added.base.users().show(),
                added.top.users().show(),
                number::limit_percent(ADDED_MIN_SHARE),
            )
            .into(),
        );
    }
    let total = added.total_ms();
    let rows = added
        .parts
        .iter()
        .map(|&(part, ms)| {
            let percent = ms / total * 100.0;
            Row::of(vec![
                part.name().into(),
                added.figure(part, ms).into(),
                Figure::derived("added_percent", Kind::Portion, Some(percent)).into(),
            ])
        })
        .collect();
    Block::Table(Table {
        id: "added-table".to_owned(),
        caption: format!(
            "What an answer waits longer for at {} users than at {} (means)",
            added.top.users().show(),
            added.base.users().show()
        ),
        columns: vec![
            Column::words("part of an answer"),
            Column::numbers("added", Kind::Latency),
            Column::numbers("of all added", Kind::Portion),
        ],
        rows,
        notes: Vec::new(),
    })
}

fn cpu_table(overview: &Overview<'_>) -> Table {
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let level = view.level;
            let busy = level.machine_busy.map(|share| share * 100.0);
            let lag = level.tester_usage.lag_ms;
            let busiest = level.tester_usage.busiest_worker * 100.0;
            let cells = vec![
                view.users().into(),
                view.target_cores().into(),
                view.tester_cores().into(),
                view.measured("machine_other_cpu_s", Kind::CpuSeconds, level.machine_other_cpu_s)
                    .into(),
                view.derived("machine_busy_percent", Kind::Portion, busy).into(),
                view.derived("busiest_worker_percent", Kind::Portion, Some(busiest)).into(),
                Figure::of_summary(
                    "tester_usage.lag_ms",
                    Kind::Latency,
                    lag,
                    results::summary::Statistic::P99,
                )
                .at_level(view.index)
                .into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "cpu-table".to_owned(),
        caption: "Who used the machine".to_owned(),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::grouped("busy cores", "target", Kind::Cores),
            Column::grouped("busy cores", "tester", Kind::Cores),
            Column::numbers("others, CPU", Kind::CpuSeconds),
            Column::numbers("machine", Kind::Portion),
            Column::grouped("tester", "busiest", Kind::Portion),
            Column::grouped("tester", "lag p99", Kind::Latency),
        ],
        rows,
        notes: Vec::new(),
    })
}

fn processes(overview: &Overview<'_>) -> Table {
    let mut rows = Vec::new();
    for &view in &overview.levels {
        for (index, process) in view.level.target_usage.iter().flatten().enumerate() {
            let at = |field: &str, kind, value| {
                view.measured(&format!("target_usage.{index}.{field}"), kind, value)
            };
            let cells = vec![
                view.users().into(),
                foreign(&process.process).into(),
                at("cpu_s", Kind::CpuSeconds, Some(process.cpu_s)).into(),
                at("cpu_us_per_chunk", Kind::CpuMicros, process.cpu_us_per_chunk).into(),
                at("idle_rss_bytes", Kind::Bytes, Some(float(process.idle_rss_bytes))).into(),
                at("peak_rss_bytes", Kind::Bytes, Some(float(process.peak_rss_bytes))).into(),
                at("peak_fds", Kind::Count, Some(float(process.peak_fds))).into(),
            ];
            rows.push(row(view, cells));
        }
    }
    with_notes(Table {
        id: "processes-table".to_owned(),
        caption: match overview.upstream() {
            Some(_) => "The target's processes, and those that answer it",
            None => "The target's processes",
        }
        .to_owned(),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::words("process"),
            Column::numbers("CPU", Kind::CpuSeconds),
            Column::numbers("per event", Kind::CpuMicros),
            Column::grouped("memory", "idle", Kind::Bytes),
            Column::grouped("memory", "peak", Kind::Bytes),
            Column::numbers("open files", Kind::Count),
        ],
        rows,
        notes: Vec::new(),
    })
}

/// What stood behind the target counted itself, beside what the tester saw before it.
fn simulator(overview: &Overview<'_>) -> Table {
    let rows = overview
        .levels
        .iter()
        .filter_map(|&view| {
            let witness = view.level.simulator?;
            let count = |field: &str, value: u64| {
                view.measured(&format!("simulator.{field}"), Kind::Count, Some(float(value)))
            };
            let late = |field: &str, value| {
                view.measured(&format!("simulator.lateness_ms.{field}"), Kind::Latency, value)
            };
            let lateness = witness.lateness_ms;
            let cells = vec![
                view.users().into(),
                count("started", witness.started).into(),
                count("finished", witness.finished).into(),
                count("cancelled", witness.cancelled).into(),
                count("peak_active", witness.peak_active).into(),
                late("p50", lateness.p50).into(),
                late("p99", lateness.p99).into(),
                late("max", lateness.max).into(),
            ];
            Some(row(view, cells))
        })
        .collect();
    with_notes(Table {
        id: "simulator-table".to_owned(),
        caption: "What the simulator counted itself".to_owned(),
        columns: vec![
            Column::numbers("users", Kind::Count),
            Column::grouped("requests", "started", Kind::Count),
            Column::grouped("requests", "finished", Kind::Count),
            Column::grouped("requests", "cancelled", Kind::Count),
            Column::grouped("requests", "at once", Kind::Count),
            Column::grouped("events late by", "p50", Kind::Latency),
            Column::grouped("events late by", "p99", Kind::Latency),
            Column::grouped("events late by", "max", Kind::Latency),
        ],
        rows,
        notes: Vec::new(),
    })
}
