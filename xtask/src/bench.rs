//! `cargo xtask bench`: the programs beside bare controls, in one run, on this machine.
//!
//! A number alone says as much about the machine and its other work as about the program. Every
//! case is therefore run with `weir-control` too, which does the same work on bare sockets, or with
//! nginx, and every row says how much of the CPU others took meanwhile.

mod case;
mod gateway;
mod linux;
mod media;
mod simulator;
mod stress;
mod table;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cargo::{self, Profile};
use crate::say;
pub(crate) use case::{Outcome, get_json, run as run_case};
use table::Table;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Which program.
    name: Name,
    /// A tenth of the streams: to try the benchmark itself, not to learn anything.
    #[arg(long)]
    small: bool,
    /// Measure every case so many times; each gets its own row.
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u32,
}

#[derive(Clone, Copy, ValueEnum)]
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

/// What the cases are made of.
struct Setting {
    weir: PathBuf,
    control: PathBuf,
    /// For profiles and results of this benchmark.
    folder: PathBuf,
    small: bool,
    repeat: u32,
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
}

/// Runs one benchmark, prints its table and writes it as JSON.
///
/// # Errors
/// When a program does not build or a case cannot be run.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !linux::available() {
        bail!("benchmarks read /proc, which this system does not have");
    }
    let folder = cargo::target_folder()?.join("bench");
    fs::create_dir_all(&folder)?;
    let setting = Setting {
        weir: cargo::build("weir", "weir", Profile::Release)?,
        control: cargo::build("bench-control", "weir-control", Profile::Release)?,
        folder,
        small: options.small,
        repeat: options.repeat,
    };
    let (name, table) = match options.name {
        Name::Simulator => ("simulator", simulator::run(&setting)?),
        Name::Stress => ("stress", stress::run(&setting)?),
        Name::Media => ("media", media::run(&setting)?),
        Name::Gateway => ("gateway", gateway::run(&setting)?),
    };
    report(name, &setting, &table)
}

fn report(name: &str, setting: &Setting, table: &Table) -> Result<()> {
    say::result(&table.render());
    let path = setting.folder.join(format!("{name}.json"));
    let json = json!({ "benchmark": name, "small": setting.small, "table": table.to_json() });
    fs::write(&path, format!("{json:#}\n"))?;
    say::note(&format!("written to {}", path.display()));
    Ok(())
}
