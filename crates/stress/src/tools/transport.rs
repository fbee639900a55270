//! What an agent needs of a transport: one request, its answer, and when things happened.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::message::RpcError;
use crate::client::Detail;

/// One request as an agent makes it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a str,
    /// `Mcp-Name` of the 2026-07-28 revision: the tool's name.
    pub name: Option<&'a str>,
    /// Its parameters, an object.
    pub params: &'a Value,
    /// From when its time counts: now, or when it was due.
    pub started_at: Instant,
    /// When it is given up.
    pub deadline: Instant,
}

/// A request's answer, or why there is none, and its phases.
#[derive(Debug)]
pub struct Reply {
    /// The result as text, or what went wrong.
    pub result: Result<Box<RawValue>, Failure>,
    /// When things happened.
    pub phases: Phases,
}

/// When the parts of a call happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    /// Request start.
    pub started_at: Instant,
    /// What opening a connection cost this call; `None` where one was open.
    pub connect: Option<Duration>,
    /// Request start to the first byte of an answer; over stdio to the first message about it.
    pub first_byte: Option<Duration>,
    /// When the result had arrived, or the call had failed.
    pub ended_at: Instant,
    /// Progress notifications about it.
    pub progress: u64,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

impl Phases {
    /// Request start to end.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.ended_at.saturating_duration_since(self.started_at)
    }
}

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection, or it broke; or the process ended.
    Transport(Detail),
    /// An answer that MCP does not allow.
    Protocol(Detail),
    /// The status was not 2xx and the body no JSON-RPC.
    Status(u16, Detail),
    /// The server refused it with JSON-RPC's error object.
    Rpc(RpcError),
    /// No result before the deadline.
    Timeout(Detail),
}

impl Failure {
    /// What happened, without anything that differs between calls that failed alike.
    #[must_use]
    pub fn detail(&self) -> Detail {
        match self {
            Self::Transport(detail)
            | Self::Protocol(detail)
            | Self::Status(_, detail)
            | Self::Timeout(detail) => detail.clone(),
            Self::Rpc(error) => crate::client::generalise(&error.to_string()).into(),
        }
    }
}
