//! What was called, on what, on what machine.

use results::tools::{Expected, ProbeKind, ReadBack, Transport};
use results::units::float;

use crate::document::{Block, Cell, Column, Fact, Row, Section, Table};
use crate::figure::Figure;
use crate::number::Kind;
use crate::sections::configuration::{command_line, machine, place};
use crate::text::{Inline, Text, foreign, text};
use crate::tools::overview::Overview;

pub(super) fn section(overview: &Overview<'_>) -> Section {
    Section {
        id: "setup",
        title: "Test setup",
        question: "What was called, on what server, on what machine?",
        blocks: vec![
            Block::Facts(target(overview)),
            Block::Facts(workload(overview)),
            Block::Table(tools(overview)),
        ]
        .into_iter()
        .chain(prepared(overview))
        .chain([
            Block::Facts(machine(&overview.run.machine)),
            Block::Command(command_line(&overview.run.command_line)),
        ])
        .collect(),
    }
}

fn target(overview: &Overview<'_>) -> Vec<Fact> {
    let target = &overview.run.target;
    let workload = &overview.run.workload;
    let unknown = || "not known".to_owned();
    let transport = match workload.transport {
        Transport::Http => "MCP over streamable HTTP",
        Transport::Stdio => "MCP over stdin and stdout, one process for each agent",
        Transport::StdioShared => "MCP over stdin and stdout, one process for all agents",
    };
    let sessions = if workload.sessions { "one for each agent" } else { "none" };
    vec![
        Fact::new("Server", Text(vec![Inline::code(foreign(&target.url))])),
        Fact::new("It calls itself", target.server.as_deref().map_or_else(unknown, foreign)),
        Fact::new("Process", target.process.as_deref().map_or_else(unknown, foreign)),
        Fact::new("Runs on", place(target)),
        Fact::new(
            "Upstream",
            overview
                .upstream()
                .map_or_else(unknown, |name| format!("{}, on this machine", foreign(name))),
        ),
        Fact::new("Transport", transport),
        Fact::new("Protocol revision", foreign(&workload.protocol)),
        Fact::new("Sessions", sessions),
    ]
}

fn workload(overview: &Overview<'_>) -> Vec<Fact> {
    let workload = &overview.run.workload;
    // Every stage climbs the same ladder; `run.json` has the levels of all of them.
    let stages = overview.stages().len();
    let ladder: Vec<String> = workload.ladder.iter().map(ToString::to_string).collect();
    let ladder = match stages {
        0 | 1 => ladder.join(" · "),
        stages => {
            let shapes = &ladder[..ladder.len() / stages];
            format!("{}, in each of {stages} stages", shapes.join(" · "))
        }
    };
    let latency = |field: &str, value: f64| {
        Figure::of_run(&format!("workload.{field}"), Kind::Latency, Some(value))
    };
    let sequential = Figure::of_run(
        "workload.sequential_calls",
        Kind::Count,
        Some(float(workload.sequential_calls)),
    );
    let probe = match workload.probe {
        None => text!["none"],
        Some(kind) => {
            let method = match kind {
                ProbeKind::Ping => "ping",
                ProbeKind::ToolsList => "tools/list",
            };
            text![
                method,
                ", before each level, and every ",
                latency("probe_every_ms", workload.probe_every_ms),
                " beside its calls"
            ]
        }
    };
    vec![
        Fact::new("Scenario", foreign(&workload.scenario)),
        Fact::new("Agents x calls at once", ladder),
        Fact::new("Start", foreign(&workload.start)),
        Fact::new("One after the other first", text![sequential, " calls"]),
        Fact::new("Probe", probe),
        Fact::new("Deadline of a call", latency("timeout_ms", workload.timeout_ms)),
        Fact::new("Files", verification(overview)),
        Fact::new(
            "Profile of the simulator",
            workload.profile.as_deref().map_or("none".to_owned(), foreign),
        ),
        Fact::new("Seed", workload.seed.to_string()),
    ]
}

/// How files are checked.
fn verification(overview: &Overview<'_>) -> Text {
    let Some(verification) = &overview.run.workload.verification else {
        return "not looked at".into();
    };
    let read = match verification.read_back {
        ReadBack::Directory => "read back from their folder and hashed (MD5, SHA-256)",
        ReadBack::Url => "fetched from their URLs and hashed (MD5, SHA-256)",
    };
    let mut sentence: Text = text![read];
    sentence.push(match verification.expected {
        Expected::Upstream => ", compared with the digests that the upstream says it served",
        Expected::Given => ", compared with what the command line says",
        Expected::Nothing => ", compared with each other only",
    });
    if let Some(bytes) = verification.bytes {
        sentence.push("; each has ");
        let path = "workload.verification.bytes";
        sentence.push(Figure::of_run(path, Kind::Count, Some(float(bytes))));
        sentence.push(" bytes");
    }
    if let Some(digest) = &verification.sha256 {
        sentence.push(", SHA-256 ");
        sentence.push(Inline::code(foreign(digest)));
    }
    sentence
}

/// The calls that were made once before the load.
fn prepared(overview: &Overview<'_>) -> Option<Block> {
    let calls = &overview.run.workload.prepare;
    let rows: Vec<Row> = calls
        .iter()
        .map(|call| Row::of(vec![foreign(&call.tool).into(), foreign(&call.arguments).into()]))
        .collect();
    (!rows.is_empty()).then(|| {
        Block::Table(Table {
            id: "prepared-table".to_owned(),
            caption: "Called once before the load, for what it needs".to_owned(),
            columns: vec![Column::words("tool"), Column::words("arguments")],
            rows,
            notes: Vec::new(),
        })
    })
}

fn tools(overview: &Overview<'_>) -> Table {
    let staged = overview.run.workload.tools.iter().any(|share| share.stage.is_some());
    let rows = overview
        .run
        .workload
        .tools
        .iter()
        .enumerate()
        .map(|(index, share)| {
            let metric = format!("workload.tools.{index}.weight");
            let stage = share.stage.as_deref().filter(|_| staged).map(foreign);
            let mut cells: Vec<Cell> = stage.map(Cell::from).into_iter().collect();
            cells.extend([
                Cell::from(foreign(&share.tool)),
                Figure::of_run(&metric, Kind::Quantity, Some(share.weight)).into(),
                foreign(&share.arguments).into(),
            ]);
            Row::of(cells)
        })
        .collect();
    let stage = staged.then(|| Column::words("stage"));
    let columns = stage.into_iter().chain([
        Column::words("tool"),
        Column::numbers("weight", Kind::Quantity),
        Column::words("arguments"),
    ]);
    Table {
        id: "tools-table".to_owned(),
        caption: "Tools called".to_owned(),
        columns: columns.collect(),
        rows,
        notes: Vec::new(),
    }
}
