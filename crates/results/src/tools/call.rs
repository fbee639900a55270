//! One call, with the file that it left.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outcome::CallOutcome;

/// One call of a level: who made it, when, what became of it, and the file that it left.
///
/// `run.json` calls the list of them `files`; a call of a tool that leaves no file is in it, too,
/// with null for everything about the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Call {
    /// The agent, counted from 1.
    pub agent: u64,
    /// The agent's call, counted from 1.
    pub call: u64,
    /// The tool.
    pub tool: String,
    /// The file's name, without its folder; null for tools that leave none.
    pub name: Option<String>,
    /// The file's size, read back from where it landed; null without a file.
    pub bytes: Option<u64>,
    /// MD5 of the file as read back, in lower-case hexadecimal digits.
    pub md5: Option<String>,
    /// SHA-256 of the file as read back, in lower-case hexadecimal digits.
    pub sha256: Option<String>,
    /// When the call was sent, in milliseconds since the level's start.
    pub start_ms: f64,
    /// When its answer had arrived or it was given up, in milliseconds since the level's start.
    pub end_ms: f64,
    /// What became of it; null for a call that an interruption (SIGINT) cancelled.
    pub outcome: Option<CallOutcome>,
}

impl Call {
    /// How long the call took, in milliseconds.
    #[must_use]
    pub fn took_ms(&self) -> f64 {
        self.end_ms - self.start_ms
    }
}

/// Most calls that a level keeps one by one: 16 agents with 256 calls each, and about 1.5 MB of
/// `run.json`. Beyond, the counts and times still contain all of them.
pub const MAX_CALLS_KEPT: usize = 4_096;

/// At most `most` of the calls, by their start, and how many were left out.
///
/// Calls that did not end ok stay before any that did: what went wrong must be found.
#[must_use]
pub fn keep(mut calls: Vec<Call>, most: usize) -> (Vec<Call>, u64) {
    let order = |call: &Call| (call.agent, call.call);
    let left_out = calls.len().saturating_sub(most);
    if left_out > 0 {
        calls.sort_by(|a, b| {
            let fine = |call: &Call| call.outcome == Some(CallOutcome::Ok);
            fine(a)
                .cmp(&fine(b))
                .then(a.start_ms.total_cmp(&b.start_ms))
                .then(order(a).cmp(&order(b)))
        });
        calls.truncate(most);
    }
    calls.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms).then(order(a).cmp(&order(b))));
    (calls, u64::try_from(left_out).unwrap_or(u64::MAX))
}
