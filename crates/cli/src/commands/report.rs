//! `weir report`: a report made again from the file alone.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow};
use results::AnyRun;

use crate::args::{Format, ReportArgs};
use crate::exit_code::{CommandResult, Failure, MET};
use crate::paint;
use crate::run_folder::{self, RUN_FILE};

/// Reads the run and prints or writes one report of it.
pub(crate) fn run(args: &ReportArgs) -> CommandResult {
    let run = read(&args.run).map_err(Failure::environment)?;
    let text = render(&run, args)?;
    write(&text, args.output.as_deref())?;
    Ok(MET)
}

/// Writes a report to a file, or to stdout.
pub(crate) fn write(text: &str, output: Option<&Path>) -> Result<(), Failure> {
    match output {
        Some(path) => run_folder::write_whole(path, text)
            .with_context(|| format!("failed to write {}", path.display()))
            .map_err(Failure::environment),
        None => Ok(paint::data(text).context("failed to write to stdout")?),
    }
}

/// Reads a run of either kind from its `run.json`, or from the folder that holds it.
pub(crate) fn read(path: &Path) -> anyhow::Result<AnyRun> {
    let path = if path.is_dir() { path.join(RUN_FILE) } else { path.to_owned() };
    let shown = path.display();
    let text = fs::read_to_string(&path).with_context(|| format!("failed to read {shown}"))?;
    AnyRun::from_json(&text).with_context(|| format!("failed to read {shown}"))
}

fn render(run: &AnyRun, args: &ReportArgs) -> Result<String, Failure> {
    Ok(match args.format {
        Format::Terminal => {
            report::terminal::render(run, terminal_options(args.full, args.output.is_none()))
        }
        Format::Markdown => report::markdown::render(run),
        Format::Html => report::html::render(run),
        Format::Json => run.to_json(),
        Format::Csv => match run {
            AnyRun::Streams(run) => report::csv::render(run),
            AnyRun::Tools(run) => report::tools::csv::render(run),
        },
        Format::Junit => match run {
            AnyRun::Streams(run) => report::junit::render(run.as_ref()),
            AnyRun::Tools(run) => report::junit::render(run.as_ref()),
        },
        Format::Alerts => match run {
            AnyRun::Streams(run) => report::alerts::render(run),
            AnyRun::Tools(_) => {
                return Err(Failure::usage(anyhow!(
                    "--format alerts: a run of tool calls has no thresholds for a gateway of \
                     streams; use one of the other formats"
                )));
            }
        },
    })
}

/// How the terminal report looks where it goes.
pub(crate) fn terminal_options(full: bool, to_stdout: bool) -> report::terminal::Options {
    report::terminal::Options { full, colour: to_stdout && paint::stdout_has_colours() }
}
