//! Why a run could not be made. Failures of single streams are data, not errors.

use std::io;
use std::path::PathBuf;

use crate::arrival::TraceError;
use crate::limits::grouped;
use crate::notation::NotationError;
use crate::prompt::PromptError;
use crate::tools::error::ToolsError;

/// Whose turn it is after an error; the command line has an exit code for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was asked for does not make sense: ask otherwise.
    Usage,
    /// This machine or configuration cannot do it: change it.
    Environment,
    /// The target cannot be reached, or does not answer as its dialect wants.
    Unreachable,
    /// Stopped by hand before there was anything to write.
    Interrupted,
    /// Weir itself is wrong.
    Bug,
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A value that is not written as its option wants.
    #[error(transparent)]
    Notation(#[from] NotationError),
    /// Two options that exclude each other, or one that lacks another.
    #[error("{0}")]
    Conflict(String),
    /// A scenario that is neither built in nor a file.
    #[error("no scenario {name:?}; built in are {known}, and a path to a .toml file is read")]
    UnknownScenario {
        /// What was asked for.
        name: String,
        /// The names that exist, joined.
        known: String,
    },
    /// A scenario file that could not be read.
    #[error("cannot read the scenario {}", file.display())]
    ScenarioRead {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A scenario file that is no scenario; the message draws line and caret.
    #[error("{} is no scenario:\n{reason}", file.display())]
    ScenarioSyntax {
        /// The file.
        file: PathBuf,
        /// The parser's reason.
        reason: Box<toml::de::Error>,
    },
    /// A prompt, file of prompts or body that could not be taken.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A trace that could not be taken.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// More users than this process may open files for.
    #[error(
        "this machine allows {} users in one process, and {} were asked for: the limit of open \
         files is {}; raise it (ulimit -n {needed}) or ask for fewer users",
        grouped(*allowed),
        grouped(*users),
        grouped(*limit)
    )]
    OpenFiles {
        /// Users asked for.
        users: u64,
        /// Users possible.
        allowed: u64,
        /// The limit in force.
        limit: u64,
        /// The limit that would do.
        needed: u64,
    },
    /// More users than there are ports for.
    #[error(
        "this machine can hold {} connections to {target}, and {} were asked for: at most {} \
         connections leave one source address for one port; {remedy}",
        grouped(*allowed),
        grouped(*users),
        grouped(*per_source)
    )]
    Ports {
        /// Users asked for.
        users: u64,
        /// Connections possible.
        allowed: u64,
        /// Connections per source address.
        per_source: u64,
        /// The target.
        target: String,
        /// What helps.
        remedy: &'static str,
    },
    /// Certificates that could not be read.
    #[error("{0}")]
    Tls(String),
    /// Something that the operating system refused.
    #[error("{what}")]
    System {
        /// What was wanted.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The host's name has no address.
    #[error("no address for {host}")]
    Resolve {
        /// The host.
        host: String,
        /// The system's reason.
        source: io::Error,
    },
    /// Nothing answers at the target's address.
    #[error("{target} cannot be reached: {reason}")]
    Unreachable {
        /// The target.
        target: String,
        /// Why.
        reason: String,
    },
    /// The target answers, but not with a stream of the dialect.
    #[error("{target} does not answer as {api}: {reason}; nothing was stressed{hint}")]
    NotAStream {
        /// The target.
        target: String,
        /// The dialect asked for.
        api: &'static str,
        /// What came instead.
        reason: String,
        /// What may help, beginning with `; `, or nothing.
        hint: &'static str,
    },
    /// Tool calls that cannot be made.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// Interrupted before the first level began: there is nothing to write.
    #[error("interrupted before the first level began")]
    Interrupted,
    /// A part of the tester ended in a way that it must not.
    #[error("{0}; this is a bug of weir")]
    Bug(String),
}

impl Error {
    /// Whose turn it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Notation(_) | Self::Conflict(_) | Self::UnknownScenario { .. } => {
                ErrorKind::Usage
            }
            Self::ScenarioRead { .. }
            | Self::ScenarioSyntax { .. }
            | Self::Prompt(_)
            | Self::Trace(_)
            | Self::OpenFiles { .. }
            | Self::Ports { .. }
            | Self::Tls(_)
            | Self::System { .. } => ErrorKind::Environment,
            Self::Resolve { .. } | Self::Unreachable { .. } | Self::NotAStream { .. } => {
                ErrorKind::Unreachable
            }
            Self::Tools(error) => error.kind(),
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Bug(_) => ErrorKind::Bug,
        }
    }
}
