//! Automation of this repository: `cargo xtask test` and its parts.

mod bench;
mod cargo;
mod docs;
mod document;
mod linux;
mod number;
mod peers;
mod progress;
mod readme;
mod repository;
mod say;
mod server;
mod shell;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Automation of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests, and install what they need.
    Test(test::Options),
    /// Check what the compiler cannot: dependencies between crates, licences, files.
    Tidy,
    /// Write docs/reference from the program itself.
    Docs(docs::Options),
    /// Run the README's first command, and put its result and picture into the README; take the tables
    /// of the comparison as well.
    Readme(readme::Options),
    /// Measure the field's servers and ours with one tester, and write the comparison.
    Peers(peers::Options),
    /// Measure the program against bare control programs.
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Tidy => tidy::run(),
        Command::Docs(options) => docs::run(&options),
        Command::Readme(options) => readme::run(&options),
        Command::Peers(options) => peers::run(&options),
        Command::Bench(options) => bench::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::note(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
