//! Why agents could not call tools at all. Failures of single calls are data, not errors.

use super::mix::MixError;
use super::stdio::SpawnError;
use crate::error::ErrorKind;

/// Why there is no run of tool calls.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    /// A mix that is none.
    #[error(transparent)]
    Mix(#[from] MixError),
    /// The server's command cannot be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The target answers, but not as an MCP server.
    #[error("{target} does not answer as an MCP server: {reason}; nothing was called{hint}")]
    NotMcp {
        /// The target.
        target: String,
        /// What came instead.
        reason: String,
        /// What may help, beginning with `; `, or nothing.
        hint: String,
    },
    /// The server lacks a tool.
    #[error("the server has no tool {tool:?}; it has {known}")]
    NoSuchTool {
        /// The tool asked for.
        tool: String,
        /// The server's tools, joined.
        known: String,
    },
    /// A step before the load did not work.
    #[error("what the load needs could not be prepared: {tool}: {reason}; no load was made")]
    Prepare {
        /// The step's tool.
        tool: String,
        /// What did not work.
        reason: String,
        /// The server was not there, or did not answer in time.
        unreachable: bool,
    },
    /// The arguments are none of the tool's.
    #[error(
        "the arguments of {tool} do not fit its input schema: {reason}; no load was made, correct \
         --args or the mix"
    )]
    Arguments {
        /// The tool.
        tool: String,
        /// What does not fit.
        reason: String,
    },
}

impl ToolsError {
    /// Whose turn it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Mix(MixError::Sense(_)) | Self::NoSuchTool { .. } | Self::Arguments { .. } => {
                ErrorKind::Usage
            }
            Self::Mix(_) | Self::Spawn(_) | Self::Prepare { unreachable: false, .. } => {
                ErrorKind::Environment
            }
            Self::NotMcp { .. } | Self::Prepare { unreachable: true, .. } => ErrorKind::Unreachable,
        }
    }
}
