//! `weir reference`: the documents in `docs/reference`, made from the program itself.

use std::fmt::Write as _;

use anyhow::Context;
use clap::{Command, CommandFactory};

use crate::args::{Cli, ReferenceDocument};
use crate::exit_code::{CommandResult, MET};
use crate::paint;

/// Columns of the help pages in the reference, whatever the terminal.
const WIDTH: usize = 100;

/// Prints one document.
pub(crate) fn run(document: ReferenceDocument) -> CommandResult {
    let text = match document {
        ReferenceDocument::Cli => command_line(),
        ReferenceDocument::Schema => schema().context("failed to write the schema as JSON")?,
    };
    paint::data(&text).context("failed to write to stdout")?;
    Ok(MET)
}

fn schema() -> serde_json::Result<String> {
    let schema = schemars::schema_for!(results::AnyRun);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

fn command_line() -> String {
    let mut text = String::from(
        "# Command line\n\nMade by `cargo xtask docs` from the program's own help; do not edit.\n",
    );
    let mut command = Cli::command().term_width(WIDTH);
    command.build();
    add_pages(&mut text, &mut command, "");
    text
}

fn add_pages(text: &mut String, command: &mut Command, parents: &str) {
    let path = format!("{parents}{}", command.get_name());
    let help = command.render_long_help().to_string();
    let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let _ = write!(text, "\n## {path}\n\n```text\n{}\n```\n", help.trim_end());
    for subcommand in command.get_subcommands_mut() {
        if !subcommand.is_hide_set() && subcommand.get_name() != "help" {
            add_pages(text, subcommand, &format!("{path} "));
        }
    }
}
