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

use crate::args::{Cli, Command, Talk};

/// How much the command says: as its flags say, else, for the tools of sanzaru's users, as their
/// `LOG_LEVEL`.
pub(crate) fn talk(cli: &Cli) -> Talk {
    let level = match cli.command {
        Command::Mcp(_) | Command::Media(_) => std::env::var_os("LOG_LEVEL"),
        _ => None,
    };
    match level.and_then(|level| level.into_string().ok()) {
        Some(level) => at_level(cli.talk, &level),
        None => cli.talk,
    }
}

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

/// What is logged at a level of Python's `logging`, as far as no flag says it. A word that is none
/// changes nothing.
fn at_level(talk: Talk, level: &str) -> Talk {
    let (quiet, verbose) = match level.trim().to_ascii_uppercase().as_str() {
        _ if talk.quiet || talk.verbose > 0 => (talk.quiet, talk.verbose),
        "DEBUG" => (false, 2),
        "INFO" => (false, 1),
        "ERROR" | "CRITICAL" => (true, 0),
        _ => (false, 0),
    };
    Talk { quiet, verbose, ..talk }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_of_sanzarus_users_is_what_is_logged_unless_a_flag_says_it() {
        let check = |flags: (bool, u8), level: &str, expected: (bool, u8)| {
            let talk = Talk { quiet: flags.0, verbose: flags.1, no_progress: false };
            let talk = at_level(talk, level);
            assert_eq!((talk.quiet, talk.verbose), expected, "{flags:?} {level}");
        };
        check((false, 0), "DEBUG", (false, 2));
        check((false, 0), "info", (false, 1));
        check((false, 0), "WARNING", (false, 0));
        check((false, 0), "CRITICAL", (true, 0));
        check((false, 0), "chatty", (false, 0));
        check((true, 0), "DEBUG", (true, 0));
        check((false, 3), "ERROR", (false, 3));
    }
}
