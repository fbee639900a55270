//! `cargo xtask peers`: the servers of the field and ours, measured by one tester in one go.

mod servers;
mod summary;
mod testers;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::cargo::{self, Profile};
use crate::progress::{Plan, Progress};
use crate::server::Server;
use crate::shell::Tool;
use crate::{document, readme, repository, say};
use servers::{Installed, Kind};

/// Where the runs lie, relative to the root.
const RUNS: &str = "weir-runs/peers";

/// The simulator's profile with the pace of all peers.
const PACE: &str = "quick";
/// The course that the answers of all of them are meant to take: said to the tester for each, so that
/// `weir compare` sees that they had the same to do.
const IDEAL: &str = "first=1100ms,gap=140ms";
/// The pages that are written, relative to the root.
pub(crate) const PAGE: &str = "docs/comparison.md";
const HTML: &str = "docs/comparison.html";
/// Answers take 6.6 s; a server that needs this long for one has failed its user.
const TOTAL_LIMIT: (&str, Duration) = ("2m", Duration::from_secs(120));
/// A level, with the pause before it and with what the tester measures of itself.
const LEVEL_USUAL: Duration = Duration::from_secs(15);
/// From the moment a server's port is open until its workers, which start on their own, are there.
const SETTLE: Duration = Duration::from_secs(3);

/// What to compare.
#[derive(Args)]
pub(crate) struct Options {
    /// Users at once, level by level
    #[arg(long, default_value = "100,1000,3000")]
    ladder: String,
    /// A hundred users only: for a look, not for a comparison (writes no document; AIPerf and GuideLLM,
    /// of 1.2 and 0.7 GB, only where they are installed)
    #[arg(long)]
    quick: bool,
    /// Compare testers instead of servers: k6, Locust, AIPerf, GuideLLM and hey beside ours
    #[arg(long, conflicts_with_all = ["ladder", "only"])]
    testers: bool,
    /// Only these servers (writes no document)
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
}

/// Runs the ladder against every server and writes the comparison.
///
/// # Errors
/// When a server cannot be installed or started, or its run fails. The others are compared all the
/// same.
pub(crate) fn run(options: &Options) -> Result<()> {
    let weir = cargo::build("weir", "weir", Profile::Release)?;
    if options.testers {
        return testers::run(&weir, options.quick);
    }
    let kinds = if options.only.is_empty() { servers::ALL.to_vec() } else { options.only.clone() };
    let ladder = if options.quick { "100" } else { options.ladder.as_str() };
    let levels = u32::try_from(ladder.split(',').count())?;
    let progress = Progress::begin(Plan {
        name: "peers",
        steps: u32::try_from(kinds.len())?,
        usual: LEVEL_USUAL * levels,
        limit: (TOTAL_LIMIT.1 + LEVEL_USUAL) * levels * 2,
    });
    // Nothing is built or installed while something is measured.
    let install = |kind: Kind| kind.install(&weir).map_err(|error| (kind, error));
    let mut installed = Vec::new();
    for kind in kinds.into_iter().map(install) {
        match kind {
            Ok(server) => installed.push(server),
            Err((kind, error)) => progress.fail(kind.name(), &format!("{error:#}")),
        }
    }
    let measure =
        |server: &Installed| progress.step(server.kind.name(), || measure(server, &weir, ladder));
    let runs: Vec<PathBuf> = installed.iter().filter_map(measure).collect();
    if runs.len() < 2 {
        progress.end()?;
        bail!("a comparison needs two servers");
    }
    if options.quick || !options.only.is_empty() {
        say::result(compare(&weir, &runs, "terminal")?.trim_end());
    } else {
        write_documents(&weir, &runs, &progress.failures())?;
    }
    progress.end()
}

/// Climbs the ladder against one server, and once more where a level could not be trusted: something
/// else ran on the machine, and the server is not to be judged by that. Of the two runs the one with
/// fewer such levels counts, whatever the server did in it.
fn measure(server: &Installed, weir: &Path, ladder: &str) -> Result<PathBuf> {
    let name = server.kind.slug();
    let first = climb(server, weir, ladder, name)?;
    let doubtful = untrusted_levels(&first)?;
    if doubtful == 0 {
        return Ok(first);
    }
    say::note(&format!("{}: {doubtful} levels are not trusted; again", server.kind.name()));
    let second = climb(server, weir, ladder, &format!("{name}-again"))?;
    Ok(if untrusted_levels(&second)? < doubtful { second } else { first })
}

/// How many levels of a run the tester or the machine stood in the way of.
fn untrusted_levels(run: &Path) -> Result<usize> {
    let run: Value = serde_json::from_str(&fs::read_to_string(repository::root().join(run))?)?;
    let levels = run["levels"].as_array().context("a run has levels")?;
    Ok(levels.iter().filter(|level| level["trusted"] != true).count())
}

/// Starts one server, climbs the ladder against it, ends it; the run's file.
fn climb(server: &Installed, weir: &Path, ladder: &str, folder: &str) -> Result<PathBuf> {
    let out = Path::new(RUNS).join(folder);
    let folder = repository::root().join(&out);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let started = server.start()?;
    say::wait(SETTLE);
    let stress = Tool::new(weir).args(["stress", "streams"]);
    let stress = match &started {
        Some(server) => stress.args([&format!("{}/v1/chat/completions", server.url())]),
        // The tester starts the gateway and the simulator behind it, and so knows both as the
        // target: to any other tester the simulator would be a stranger who uses the CPU.
        None => stress.args(["--profile", PACE]),
    };
    let stress = stress
        .args(["--ladder", ladder, "--ideal", IDEAL, "--name", server.kind.name()])
        .args(["--timeout-total", TOTAL_LIMIT.0, "--no-progress", "--quiet"])
        .args([Path::new("--out"), &out]);
    // A server that fails its users (1), or of which nothing can be trusted (3), is a row as well.
    stress.silent().run_expecting(&[0, 1, 3])?;
    started.map_or(Ok(()), Server::end)?;
    let run = folder.join("run.json");
    if !run.is_file() {
        bail!("the run left no {}", run.display());
    }
    Ok(out.join("run.json"))
}

/// What `weir compare` prints about these runs. A comparison of which nothing can be trusted (3) is
/// shown as well, and says so itself.
fn compare(weir: &Path, runs: &[PathBuf], format: &str) -> Result<String> {
    let compare = Tool::new(weir).args(["compare"]).args(runs).args(["--format", format]);
    compare.env("NO_COLOR", "1").read_expecting(&[0, 3])
}

fn write_documents(weir: &Path, runs: &[PathBuf], failures: &[String]) -> Result<()> {
    let html = compare(weir, runs, "html")?;
    fs::write(repository::root().join(HTML), html)
        .with_context(|| format!("cannot write {HTML}"))?;
    let page = Path::new(PAGE);
    let comparison = serde_json::from_str(&compare(weir, runs, "json")?)?;
    let table = summary::table(&comparison)?;
    let missing: String = failures.iter().map(|it| format!("\nNot measured: {it}.\n")).collect();
    let block = format!("{}.\n\n{table}{missing}", document::stamp()?);
    document::replace_block(page, "servers", &block)?;
    let all = document::beneath(&compare(weir, runs, "markdown")?, 2);
    let link = "With charts: [comparison.html](comparison.html).";
    document::replace_block(page, "comparison", &format!("{link}\n\n{all}"))?;
    say::note(&format!("{PAGE} and {HTML} now show these runs"));
    readme::take_tables()
}
