//! One file a subcommand.

pub(crate) mod bench_media;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod key;
pub(crate) mod mcp;
pub(crate) mod media;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod stress_streams;
pub(crate) mod stress_tools;

use tracing_subscriber::EnvFilter;

use crate::args::Talk;

/// Sends log lines to stderr: warnings, or more with `-v`, or as `WEIR_LOG` says.
pub(crate) fn log_to_stderr(talk: Talk) {
    // What the HTTP libraries tell of their frames and headers drowns everything, and may hold
    // keys: only WEIR_LOG asks for it.
    let default = match (talk.quiet, talk.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "warn,weir=info,gateway=info,media=info,runtime=info,simulator=info,stress=info",
        (_, 2) => {
            "warn,weir=debug,gateway=debug,media=debug,runtime=debug,simulator=debug,stress=debug"
        }
        _ => "warn,weir=trace,gateway=trace,media=trace,runtime=trace,simulator=trace,stress=trace",
    };
    let filter = EnvFilter::builder()
        .with_env_var("WEIR_LOG")
        .try_from_env()
        .unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console::colors_enabled_stderr())
        // A log that cannot be written (a full disk, a reader that left) would be told on stderr
        // with a panic, and end the server's worker.
        .log_internal_errors(false)
        .init();
}
