//! What became of a tool call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What became of one call, decided by its answer and by the file that it left.
///
/// Where several are true, the earlier in time decides: a call that timed out left no file that
/// anybody looked at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The answer was a success, and whatever could be checked about its file was right.
    Ok,
    /// The tool itself answered with an error (`isError`).
    ToolError,
    /// A JSON-RPC error, an HTTP status other than 2xx, or an answer that is no valid message.
    ProtocolError,
    /// The answer was a success, but the file's size or digest is not the expected one.
    WrongBytes,
    /// The answer was a success, but there is no file.
    MissingFile,
    /// No answer within the deadline.
    Timeout,
    /// The connection or the process ended before the answer.
    TransportError,
}

impl CallOutcome {
    /// All outcomes in the order in which reports stack them.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::WrongBytes,
        Self::MissingFile,
        Self::ToolError,
        Self::ProtocolError,
        Self::TransportError,
        Self::Timeout,
    ];

    /// The field name in `run.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::ProtocolError => "protocol_error",
            Self::WrongBytes => "wrong_bytes",
            Self::MissingFile => "missing_file",
            Self::Timeout => "timeout",
            Self::TransportError => "transport_error",
        }
    }

    /// Whether the server answered with a success, whatever the file turned out to be.
    #[must_use]
    pub fn answered_success(self) -> bool {
        matches!(self, Self::Ok | Self::WrongBytes | Self::MissingFile)
    }
}

/// Calls counted by [`CallOutcome`]; cancelled calls are in none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each field is the outcome of the same name")]
pub struct CallOutcomes {
    pub ok: u64,
    pub tool_error: u64,
    pub protocol_error: u64,
    pub wrong_bytes: u64,
    pub missing_file: u64,
    pub timeout: u64,
    pub transport_error: u64,
}

impl CallOutcomes {
    /// Counts one call.
    pub fn count(&mut self, outcome: CallOutcome) {
        *self.slot(outcome) += 1;
    }

    /// Calls with this outcome.
    #[must_use]
    pub fn get(&self, outcome: CallOutcome) -> u64 {
        *self.clone().slot(outcome)
    }

    /// All calls that came to an end, whatever it was.
    #[must_use]
    pub fn total(&self) -> u64 {
        CallOutcome::ALL.into_iter().map(|outcome| self.get(outcome)).sum()
    }

    /// Calls that ended other than [`CallOutcome::Ok`].
    #[must_use]
    pub fn not_ok(&self) -> u64 {
        self.total() - self.ok
    }

    /// Adds the counts of another worker.
    pub fn merge(&mut self, other: &Self) {
        for outcome in CallOutcome::ALL {
            *self.slot(outcome) += other.get(outcome);
        }
    }

    fn slot(&mut self, outcome: CallOutcome) -> &mut u64 {
        match outcome {
            CallOutcome::Ok => &mut self.ok,
            CallOutcome::ToolError => &mut self.tool_error,
            CallOutcome::ProtocolError => &mut self.protocol_error,
            CallOutcome::WrongBytes => &mut self.wrong_bytes,
            CallOutcome::MissingFile => &mut self.missing_file,
            CallOutcome::Timeout => &mut self.timeout,
            CallOutcome::TransportError => &mut self.transport_error,
        }
    }
}
