//! What the calls cost the server and the tester, and how near they come to a bare transfer.

use results::Role;
use results::units::float;

use super::row;
use crate::document::{Block, Cell, Column, Section, Table};
use crate::glossary::Term;
use crate::number::Kind;
use crate::sections::{no_levels, not_measured, with_notes};
use crate::text::foreign;
use crate::tools::overview::{LevelView, Overview};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let blocks = if overview.levels.is_empty() {
        vec![no_levels()]
    } else {
        let mut blocks = vec![Block::Table(table(overview))];
        blocks.extend(overview.headline().and_then(processes).map(Block::Table));
        if overview.levels.iter().all(|view| view.level.target_usage.is_none()) {
            blocks.push(not_measured(
                "the target's CPU, memory and descriptors: its processes are not on this machine",
                "run weir beside the target",
            ));
        }
        if overview.levels.iter().any(|view| view.level.floor.is_some()) {
            blocks.push(Block::Table(floor(overview)));
        }
        blocks.extend(no_floor(overview));
        blocks
    };
    Section {
        id: "resources",
        title: "Resources",
        question: "What did the calls cost, and what does the machine give?",
        blocks,
    }
}

/// Why levels have no floor, and what would give them one.
fn no_floor(overview: &Overview<'_>) -> Option<Block> {
    let without: Vec<&LevelView<'_>> =
        overview.levels.iter().filter(|view| view.level.floor.is_none()).collect();
    let first = without.first()?;
    Some(if without.iter().all(|view| view.mixed()) {
        Block::Paragraph(
            format!(
                "{} has no floor: calls of several tools do not all move the same bytes, and some \
                 compute them. To have one, call one tool alone.",
                first.short()
            )
            .into(),
        )
    } else {
        not_measured(
            "how fast a bare transfer of the same bytes is on this machine",
            "name the URL of the bytes that a call moves: --floor-url URL",
        )
    })
}

fn table(overview: &Overview<'_>) -> Table {
    let columns = vec![
        Column::words("load"),
        Column::grouped("CPU per call", "target", Kind::CpuMillis),
        Column::grouped("CPU per call", "tester", Kind::CpuMillis),
        Column::grouped("CPU per call", "tester with hashing", Kind::CpuMillis),
        Column::numbers("target's cores", Kind::Cores),
        Column::grouped("peak memory", "target", Kind::Bytes),
        Column::grouped("peak memory", "tester", Kind::Bytes),
        Column::numbers("target's open files", Kind::Count),
        Column::numbers("machine busy", Kind::Portion),
    ];
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let tester = &view.level.tester_usage;
            let memory = Some(float(tester.peak_rss_bytes));
            let busy = view.level.machine_busy.map(|share| share * 100.0);
            let cells: Vec<Cell> = vec![
                view.short().into(),
                view.target_cpu_per_call().into(),
                view.tester_cpu_per_call().into(),
                view.tester_cpu_with_hashing().into(),
                view.target_cores().into(),
                view.target_memory().into(),
                view.measured("tester_usage.peak_rss_bytes", Kind::Bytes, memory).into(),
                view.target_fds().into(),
                view.derived("machine_busy_percent", Kind::Portion, busy).into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "resources-table".to_owned(),
        caption: "What the calls needed".to_owned(),
        columns,
        rows,
        notes: vec![
            "files are read back and hashed after the calls: that CPU time is no part of them, and \
             is shown by itself"
                .into(),
        ],
    })
}

/// The processes of a level one by one, the upstream's beside the target's.
fn processes(view: LevelView<'_>) -> Option<Table> {
    let list = view.level.target_usage.as_ref().filter(|list| list.len() > 1)?;
    let rows = list
        .iter()
        .enumerate()
        .map(|(index, process)| {
            let at = |name: &str, kind, value| -> Cell {
                view.measured(&format!("target_usage.{index}.{name}"), kind, Some(value)).into()
            };
            let role = match process.role {
                Role::Target => "target",
                Role::Upstream => "upstream",
            };
            let cells = vec![
                foreign(&process.process).into(),
                role.into(),
                at("cpu_s", Kind::CpuSeconds, process.cpu_s),
                at("peak_rss_bytes", Kind::Bytes, float(process.peak_rss_bytes)),
                at("idle_rss_bytes", Kind::Bytes, float(process.idle_rss_bytes)),
                at("peak_fds", Kind::Count, float(process.peak_fds)),
            ];
            row(view, cells)
        })
        .collect();
    Some(Table {
        id: "processes-table".to_owned(),
        caption: format!("Processes at {}", view.words()),
        columns: vec![
            Column::words("process"),
            Column::words("role"),
            Column::numbers("CPU", Kind::CpuSeconds),
            Column::grouped("memory", "peak", Kind::Bytes),
            Column::grouped("memory", "idle", Kind::Bytes),
            Column::numbers("open files", Kind::Count),
        ],
        rows,
        notes: Vec::new(),
    })
}

fn floor(overview: &Overview<'_>) -> Table {
    let rows = overview
        .levels
        .iter()
        .map(|&view| {
            let floor = view.level.floor;
            let bytes = floor.map(|floor| float(floor.bytes_total));
            let cells: Vec<Cell> = vec![
                view.short().into(),
                view.bytes_per_s().into(),
                view.measured("floor.bytes_per_s", Kind::ByteRate, floor.map(|f| f.bytes_per_s))
                    .into(),
                view.of_floor().into(),
                view.measured(
                    "floor.transfers",
                    Kind::Count,
                    floor.map(|floor| float(floor.transfers)),
                )
                .into(),
                view.measured("floor.bytes_total", Kind::Bytes, bytes).into(),
            ];
            row(view, cells)
        })
        .collect();
    with_notes(Table {
        id: "floor-table".to_owned(),
        caption: "Against a bare transfer of the same bytes".to_owned(),
        columns: vec![
            Column::words("load"),
            Column::grouped("throughput", "calls", Kind::ByteRate),
            Column::grouped("throughput", Term::Floor, Kind::ByteRate),
            Column::numbers("share", Kind::Portion),
            Column::numbers("bare transfers at once", Kind::Count),
            Column::numbers("bare bytes", Kind::Bytes),
        ],
        rows,
        notes: Vec::new(),
    })
}
