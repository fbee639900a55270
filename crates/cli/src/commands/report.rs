//! `weir report`: a report made again from the file alone.

use std::fs;

use anyhow::Context;
use results::Run;

use crate::args::{Format, ReportArgs};
use crate::exit_code::{CommandResult, Failure, MET};
use crate::{paint, run_folder};

/// Reads the run and prints or writes one report of it.
pub(crate) fn run(args: &ReportArgs) -> CommandResult {
    let run = read(args).map_err(Failure::environment)?;
    let text = render(&run, args);
    match &args.output {
        Some(path) => run_folder::write_whole(path, &text)
            .with_context(|| format!("failed to write {}", path.display()))
            .map_err(Failure::environment)?,
        None => paint::data(&text).context("failed to write to stdout")?,
    }
    Ok(MET)
}

fn read(args: &ReportArgs) -> anyhow::Result<Run> {
    let path = args.run.display();
    let text = fs::read_to_string(&args.run).with_context(|| format!("failed to read {path}"))?;
    Run::from_json(&text).with_context(|| format!("failed to read {path}"))
}

fn render(run: &Run, args: &ReportArgs) -> String {
    match args.format {
        Format::Terminal => {
            report::terminal::render(run, terminal_options(args.full, args.output.is_none()))
        }
        Format::Markdown => report::markdown::render(run),
        Format::Html => report::html::render(run),
        Format::Json => run.to_json(),
        Format::Csv => report::csv::render(run),
        Format::Junit => report::junit::render(run),
        Format::Alerts => report::alerts::render(run),
    }
}

/// How the terminal report looks where it goes.
pub(crate) fn terminal_options(full: bool, to_stdout: bool) -> report::terminal::Options {
    report::terminal::Options { full, colour: to_stdout && paint::stdout_has_colours() }
}
