//! `cargo xtask peers`: the servers of the field and ours, measured by one tester in one go.

mod process;
mod servers;
mod testers;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo::{self, Profile};
use crate::shell::Tool;
use crate::{document, repository, say};
use process::Peer;
use servers::{Kind, Tools};

/// Where the runs lie, relative to the root.
const RUNS: &str = "weir-runs/peers";
/// The pages that are written, relative to the root.
const PAGE: &str = "docs/comparison.md";
const HTML: &str = "docs/comparison.html";
/// Answers take 6.6 s; a server that needs this long for one has failed its user.
const TOTAL_LIMIT: &str = "2m";

/// What to compare.
#[derive(Args)]
pub(crate) struct Options {
    /// Users at once, level by level
    #[arg(long, default_value = "100,1000,3000")]
    ladder: String,
    /// One level only: for a look, not for a comparison (writes no document)
    #[arg(long)]
    quick: bool,
    /// Compare testers instead of servers: k6, Locust, AIPerf and hey beside ours
    #[arg(long, conflicts_with_all = ["ladder", "quick", "only"])]
    testers: bool,
    /// Only these servers
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
}

/// Runs the ladder against every server and writes the comparison.
///
/// # Errors
/// When a server cannot be installed or started, or a run fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.testers {
        let weir = cargo::build("weir", "weir", Profile::Release)?;
        let tables = testers::tables(&weir)?;
        document::replace_block(Path::new(PAGE), "testers", &tables)?;
        say::note(&format!("{PAGE} now shows the testers"));
        return document::replace_block(Path::new("README.md"), "testers", &tables);
    }
    let kinds = if options.only.is_empty() { servers::ALL.to_vec() } else { options.only.clone() };
    let weir = cargo::build("weir", "weir", Profile::Release)?;
    let tools = Tools::prepare(&kinds, &weir)?;
    let ladder = if options.quick { "100" } else { options.ladder.as_str() };
    let mut runs = Vec::new();
    for &kind in &kinds {
        runs.push(measure(kind, &tools, ladder)?);
    }
    if options.quick || !options.only.is_empty() {
        let table = compare(&weir, &runs, "terminal").read()?;
        say::result(table.trim_end());
        return Ok(());
    }
    write_documents(&weir, &runs)
}

/// Starts one server, climbs the ladder against it, ends it.
fn measure(kind: Kind, tools: &Tools, ladder: &str) -> Result<PathBuf> {
    let name = kind.name();
    say::note(&format!("peers: {name}, {ladder} users"));
    let started = kind.start(tools)?;
    let out = Path::new(RUNS).join(kind.slug());
    let folder = repository::root().join(&out);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let url = format!("{}/v1/chat/completions", started.url());
    let stress = Tool::new(&tools.weir)
        .args(["stress", "streams", &url, "--ladder", ladder, "--name", name])
        .args(["--timeout-total", TOTAL_LIMIT, "--no-progress", "--quiet"])
        .args([Path::new("--out"), &out]);
    // A server that fails its users (1), or of which nothing can be trusted (3), is a row as well.
    let outcome = stress.silent().run_expecting(&[0, 1, 3]);
    started.stop()?;
    outcome.with_context(|| format!("the run against {name}"))?;
    let run = folder.join("run.json");
    if !run.is_file() {
        bail!("the run against {name} left no {}", run.display());
    }
    Ok(out.join("run.json"))
}

fn compare(weir: &Path, runs: &[PathBuf], format: &str) -> Tool {
    Tool::new(weir).args(["compare"]).args(runs).args(["--format", format]).env("NO_COLOR", "1")
}

fn write_documents(weir: &Path, runs: &[PathBuf]) -> Result<()> {
    let table = compare(weir, runs, "markdown").read()?;
    compare(weir, runs, "html").args(["-o", HTML]).read()?;
    let block = format!("With charts: [comparison.html](comparison.html).\n\n{table}");
    document::replace_block(Path::new(PAGE), "servers", &block)?;
    let short = compare(weir, runs, "terminal").read()?;
    let short = format!("```text\n{}\n```", short.trim_end());
    document::replace_block(Path::new("README.md"), "servers", &short)?;
    say::note(&format!("{PAGE}, {HTML} and README.md now show these runs"));
    Ok(())
}

/// Servers that were started for one run: the one under test and what stands behind it.
struct Started {
    front: Peer,
    behind: Option<Peer>,
}

impl Started {
    fn url(&self) -> &str {
        self.front.url()
    }

    fn stop(self) -> Result<()> {
        self.front.stop()?;
        self.behind.map_or(Ok(()), Peer::stop)
    }
}
