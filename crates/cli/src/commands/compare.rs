//! `weir compare`: runs of one workload side by side.

use results::AnyRun;
use results::compare::{Comparison, Workloads};

use crate::args::{CompareArgs, CompareFormat};
use crate::commands::report::{read, terminal_options, write};
use crate::exit_code::{CommandResult, ENVIRONMENT, Failure, MET, NOT_MET};

/// Reads the runs, compares them, and prints or writes the comparison.
pub(crate) fn run(args: &CompareArgs) -> CommandResult {
    let runs: Vec<AnyRun> = args
        .runs
        .iter()
        .map(|path| read(path))
        .collect::<anyhow::Result<_>>()
        .map_err(Failure::environment)?;
    let workloads =
        if args.allow_different_workloads { Workloads::MayDiffer } else { Workloads::MustAgree };
    let comparison = Comparison::of(&runs, &args.fail_if, workloads).map_err(Failure::usage)?;
    write(&render(&comparison, args), args.output.as_deref())?;
    Ok(match (comparison.passed(), comparison.trusted()) {
        (false, _) => NOT_MET,
        (true, true) => MET,
        (true, false) => ENVIRONMENT,
    })
}

fn render(comparison: &Comparison, args: &CompareArgs) -> String {
    match args.format {
        CompareFormat::Terminal => {
            report::terminal::render(comparison, terminal_options(args.full, args.output.is_none()))
        }
        CompareFormat::Markdown => report::markdown::render(comparison),
        CompareFormat::Html => report::html::render(comparison),
        CompareFormat::Json => comparison.to_json(),
        CompareFormat::Csv => report::compare::csv::render(comparison),
    }
}
