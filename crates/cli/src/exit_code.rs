//! What the process tells its caller when it ends.

use std::process::ExitCode;

/// Everything asked for was met.
pub(crate) const MET: u8 = 0;
/// An SLO, assertion or check failed.
pub(crate) const NOT_MET: u8 = 1;
/// The command line makes no sense (clap uses the same number).
pub(crate) const USAGE: u8 = 2;
/// This machine or configuration cannot do it: file limit, missing file, bad TOML, or a
/// measurement in which the tester or the machine was the limit.
pub(crate) const ENVIRONMENT: u8 = 3;
/// The target cannot be reached or does not answer as it must.
pub(crate) const UNREACHABLE: u8 = 4;
/// A bug in Weir.
pub(crate) const BUG: u8 = 70;
/// Interrupted by SIGINT; what was measured so far is written.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error that knows the exit code it leads to. Other errors are bugs.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub code: u8,
    /// What went wrong and what to do about it.
    pub error: anyhow::Error,
}

/// The result of a command: its exit code, or why it could not be carried out.
pub(crate) type CommandResult = Result<u8, Failure>;

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: USAGE, error: error.into() }
    }

    /// The machine or a file is not as it must be.
    pub(crate) fn environment(error: impl Into<anyhow::Error>) -> Self {
        Self { code: ENVIRONMENT, error: error.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { code: BUG, error }
    }
}

/// The process's exit code for a command's result, its error told on stderr.
pub(crate) fn report(result: CommandResult) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Failure { code, error }) => {
            let bug = if code == BUG { " (this is a bug in weir: please report it)" } else { "" };
            crate::paint::say(format_args!("error: {error:#}{bug}"));
            ExitCode::from(code)
        }
    }
}
