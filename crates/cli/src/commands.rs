//! One file a subcommand.

pub(crate) mod completions;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod simulate;
pub(crate) mod stress_streams;

use tracing_subscriber::EnvFilter;

use crate::args::Talk;

/// Sends log lines to stderr: warnings, or more with `-v`, or as `WEIR_LOG` says.
pub(crate) fn log_to_stderr(talk: Talk) {
    let default = match (talk.quiet, talk.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "info",
        (_, 2) => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::builder()
        .with_env_var("WEIR_LOG")
        .try_from_env()
        .unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console::colors_enabled_stderr())
        .init();
}
