//! The load of a run of tool calls, as resolved from flags, scenario and defaults.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many agents, and how many calls each of them has open at once. Written `4x8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shape {
    /// Agents, each with a session of its own.
    pub agents: u64,
    /// Calls that each agent has open at once.
    pub calls_per_agent: u64,
}

/// Why a text is no shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not agents x calls; write for example 4x8, both from 1 to 1000000")]
pub struct ShapeError(String);

/// Most agents, and most calls of each, that a shape can have: their product stays countable.
const MAX_SIDE: u64 = 1_000_000;

impl Shape {
    /// Calls that are open at once when all agents are busy.
    #[must_use]
    pub fn load(self) -> u64 {
        self.agents.saturating_mul(self.calls_per_agent)
    }

    /// `4 agents x 8 calls`.
    #[must_use]
    pub fn words(self) -> String {
        let plural =
            |count: u64, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        format!("{} x {}", plural(self.agents, "agent"), plural(self.calls_per_agent, "call"))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.agents, self.calls_per_agent)
    }
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        let side =
            |part: &str| part.trim().parse().ok().filter(|count| (1..=MAX_SIDE).contains(count));
        text.split_once(['x', 'X', '×'])
            .and_then(|(agents, calls)| {
                Some(Self { agents: side(agents)?, calls_per_agent: side(calls)? })
            })
            .ok_or_else(|| ShapeError(text.to_owned()))
    }
}

/// How the target is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// MCP's streamable HTTP.
    Http,
    /// A command of its own for each agent, over stdin and stdout.
    Stdio,
    /// One command that all agents share, over stdin and stdout.
    StdioShared,
}

/// One tool of the load, and how often it is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolShare {
    /// The stage that calls it, where the run has several.
    pub stage: Option<String>,
    /// The tool.
    pub tool: String,
    /// Its weight among the tools of the mix.
    pub weight: f64,
    /// The arguments of a call as JSON, with the placeholders `{agent}`, `{call}` and `{level}`.
    pub arguments: String,
    /// The word of the call before the load whose file is what this one's must be.
    pub same_as: Option<String>,
}

/// A call that was made once before the load, for what the load needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreparedCall {
    /// The stage that needs it, where the run has several.
    pub stage: Option<String>,
    /// The tool.
    pub tool: String,
    /// Its arguments as JSON.
    pub arguments: String,
}

/// The trivial call that is made beside the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// `ping`.
    Ping,
    /// `tools/list`, for servers that do not answer `ping`.
    ToolsList,
}

/// Where files are read back from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadBack {
    /// A folder that the tester can read (`--verify-dir`).
    Directory,
    /// A URL for each file (`--verify-url`).
    Url,
}

/// What files are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The digests that the upstream itself says it served.
    Upstream,
    /// Size or digest that the user gave.
    Given,
    /// Nothing: the files can only be compared with each other.
    Nothing,
}

/// How files are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// Where they are read back from.
    pub read_back: ReadBack,
    /// What they are compared with.
    pub expected: Expected,
    /// The size that every file must have, where all must have the same.
    pub bytes: Option<u64>,
    /// The SHA-256 that every file must have, where all must have the same.
    pub sha256: Option<String>,
}

/// The load of tool calls, as resolved from flags, scenario and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolsWorkload {
    /// The scenario's name.
    pub scenario: String,
    /// Agents and calls of each level, in order; every stage climbs the same ones.
    pub ladder: Vec<Shape>,
    /// The tools called, with their weights.
    pub tools: Vec<ToolShare>,
    /// Calls that were made once before the load.
    #[serde(default)]
    pub prepare: Vec<PreparedCall>,
    /// How the calls of a level start (`burst`, `rate=50/s`).
    pub start: String,
    /// How the target is reached.
    pub transport: Transport,
    /// Revision of the protocol that was agreed on (`2025-11-25`).
    pub protocol: String,
    /// Whether the server gave its agents sessions.
    pub sessions: bool,
    /// Deadline for one call, in milliseconds.
    pub timeout_ms: f64,
    /// The trivial call made beside the load; null without one.
    pub probe: Option<ProbeKind>,
    /// Time between two probes, in milliseconds.
    pub probe_every_ms: f64,
    /// Calls made one after the other before the load; 0 for none.
    pub sequential_calls: u64,
    /// How files are checked; null when they are not.
    pub verification: Option<Verification>,
    /// Seed of everything random in the tester.
    pub seed: u64,
    /// Profile of the embedded simulator; null for other targets.
    pub profile: Option<String>,
}
