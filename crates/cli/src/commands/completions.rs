//! `weir completions`: what a shell needs to complete our command lines.

use anyhow::Context;
use clap::CommandFactory;

use crate::args::Cli;
use crate::exit_code::{CommandResult, MET};
use crate::paint;

/// Prints the completions for one shell.
pub(crate) fn run(shell: clap_complete::Shell) -> CommandResult {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "weir", &mut script);
    let script = String::from_utf8(script).context("failed to generate completions")?;
    paint::data(&script).context("failed to write to stdout")?;
    Ok(MET)
}
