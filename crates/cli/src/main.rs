//! `weir`: how many people can an AI server carry at once, with every answer whole and on time?
//!
//! The only crate that reads the command line, the environment and files, and that speaks to
//! people. Everything else is told what to do.

use std::process::ExitCode;

use clap::Parser;

mod args;
mod commands;
mod embedded;
mod exit_code;
mod live;
mod live_tools;
mod measurement;
mod media_setup;
mod paint;
mod run_folder;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    commands::log_to_stderr(commands::talk(&cli));
    exit_code::report(match cli.command {
        args::Command::Simulate(args) => commands::simulate::run(&args),
        args::Command::Serve(args) => commands::serve::run(&args),
        args::Command::Mcp(args) => commands::mcp::run(&args),
        args::Command::Media(args) => commands::media::run(*args, cli.talk),
        args::Command::Key(args::Key::New { name }) => commands::key::new(&name),
        args::Command::Stress(args::Stress::Streams(args)) => {
            commands::stress_streams::run(*args, cli.talk)
        }
        args::Command::Stress(args::Stress::Tools(args)) => {
            commands::stress_tools::run(*args, cli.talk)
        }
        args::Command::Bench(args::bench::Bench::Media(args)) => {
            commands::bench_media::run(&args, cli.talk)
        }
        args::Command::Report(args) => commands::report::run(&args),
        args::Command::Compare(args) => commands::compare::run(&args),
        args::Command::Completions { shell } => commands::completions::run(shell),
        args::Command::Reference { document } => commands::reference::run(document),
    })
}
