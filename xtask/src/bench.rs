//! `cargo xtask bench`: the programs beside bare controls, in one run, on this machine.
//!
//! A number alone says as much about the machine and its other work as about the program. Every
//! case is therefore run with `weir-control` too, which does the same work on bare sockets, or with
//! nginx, and every row says how much of the CPU others took meanwhile.

mod case;
mod gateway;
mod media;
mod simulator;
mod stress;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cargo::{self, Profile};
use crate::progress::{Plan, Progress};
use crate::{document, linux, say};
pub(crate) use case::{Outcome, get_json, run as run_case};
use table::{Bar, Row, Table};

/// The page that the tables stand on, relative to the root.
const PAGE: &str = "docs/performance.md";

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Which program.
    name: Name,
    /// A tenth of the load: to try the benchmark itself, not to learn anything.
    #[arg(long)]
    small: bool,
    /// Measure every case so many times: each gets its own row, and the median is judged.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20))]
    repeat: u32,
    /// Put the table into docs/performance.md, with this machine and today's date.
    #[arg(long, conflicts_with = "small")]
    write: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// `weir simulate`, driven by the bare client.
    Simulator,
    /// `weir stress streams`, against the bare server and the simulator.
    Stress,
    /// `weir serve` and nginx, between `weir stress streams` and the simulator.
    Gateway,
    /// `weir mcp`, a bare client and sanzaru, between agents and the simulator; pictures and Pillow.
    Media,
}

impl Name {
    fn benchmark(self) -> Benchmark {
        match self {
            Self::Simulator => simulator::BENCHMARK,
            Self::Stress => stress::BENCHMARK,
            Self::Gateway => gateway::BENCHMARK,
            Self::Media => media::BENCHMARK,
        }
    }
}

/// One program's benchmark.
struct Benchmark {
    /// As it is called on the command line.
    name: &'static str,
    /// Heads of its table's number columns, with their units.
    columns: &'static [&'static str],
    /// Cases of one repetition, in full and small.
    cases: [u32; 2],
    /// How long one usually takes, and how long it may.
    usual: Duration,
    limit: Duration,
    /// Runs every case once, and judges them.
    repetition: fn(&Setting, &mut Vec<Row>) -> Result<Vec<Bar>>,
}

/// What the cases are made of.
struct Setting {
    weir: PathBuf,
    control: PathBuf,
    /// For profiles and results of this benchmark.
    folder: PathBuf,
    small: bool,
    progress: Progress,
    /// Number columns of the table.
    columns: usize,
}

impl Setting {
    /// So many streams, or a tenth of them.
    fn streams(&self, full: u32) -> u32 {
        if self.small { full / 10 } else { full }
    }

    /// A profile of the simulator with constant times.
    fn profile(&self, name: &str, gap_ms: u32, events: u32) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.toml"));
        let text = format!("ttft = \"1100ms\"\ngap = \"{gap_ms}ms\"\nevents = {events}\n");
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Runs one case and gives its row: one of dashes, when it fails.
    fn row(&self, name: &str, measure: impl FnOnce() -> Result<Row>) -> Row {
        let measured = self.progress.step(name, measure);
        measured.unwrap_or_else(|| Row::unknown(name, self.columns))
    }
}

/// Runs one benchmark, prints its table and writes it as JSON.
///
/// # Errors
/// When a program does not build or a case cannot be run; whatever could be measured is printed and
/// written all the same.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !linux::available() {
        bail!("benchmarks read /proc, which this system does not have");
    }
    let folder = cargo::target_folder()?.join("bench");
    fs::create_dir_all(&folder)?;
    let benchmark = options.name.benchmark();
    let weir = cargo::build("weir", "weir", Profile::Release)?;
    let control = cargo::build("bench-control", "weir-control", Profile::Release)?;
    let steps = options.repeat * benchmark.cases[usize::from(options.small)];
    let Benchmark { name, usual, limit, columns, .. } = benchmark;
    let setting = Setting {
        weir,
        control,
        folder,
        small: options.small,
        progress: Progress::begin(Plan { name, steps, usual, limit }),
        columns: columns.len(),
    };
    let (mut rows, mut repetitions) = (Vec::new(), Vec::new());
    for _ in 0..options.repeat {
        repetitions.push((benchmark.repetition)(&setting, &mut rows)?);
    }
    let table = Table { columns: columns.to_vec(), rows, bars: table::medians(repetitions) };
    report(&benchmark, options, &setting, &table)?;
    setting.progress.end()
}

fn report(
    benchmark: &Benchmark,
    options: &Options,
    setting: &Setting,
    table: &Table,
) -> Result<()> {
    let (name, text) = (benchmark.name, table.render());
    say::result(&text);
    let path = setting.folder.join(format!("{name}.json"));
    let json = json!({
        "benchmark": name, "small": options.small, "repeat": options.repeat,
        "measured": document::stamp()?, "not_measured": setting.progress.failures(),
        "table": table.to_json(),
    });
    fs::write(&path, format!("{json:#}\n"))?;
    say::note(&format!("written to {}", path.display()));
    if !options.write {
        return Ok(());
    }
    let (repeat, runs) = match options.repeat {
        1 => (String::new(), "single runs".to_owned()),
        many => (format!(" --repeat {many}"), format!("{many} runs, the median is judged")),
    };
    let command = format!("cargo xtask bench {name}{repeat}");
    let block = format!("{}; {runs}.\n\n```text\n$ {command}\n{text}\n```", document::stamp()?);
    document::replace_block(Path::new(PAGE), name, &block)?;
    say::note(&format!("{PAGE} now shows this table"));
    Ok(())
}
