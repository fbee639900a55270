//! A run: one scenario over one ladder against one target, saved as one file.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capacity::{Capacity, Verdict};
use crate::load::{Load, RunKind, Streams};
use crate::slo::SloResult;
use crate::summary::Summary;

/// The value of [`Run::format`] that this version writes and reads.
pub const FORMAT: &str = "weir.run/1";

/// Everything that was measured, as `run.json` holds it.
///
/// What the levels hold differs by kind of load; everything around them is the same. `Run` alone
/// is a run of streams, [`crate::ToolsRun`] one of tool calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(bound = "")]
#[schemars(rename = "{K}Run")]
pub struct Run<K: Load = Streams> {
    /// Format and version of the file: [`FORMAT`].
    pub format: String,
    /// Unique name of this run: its start time and a random part.
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// Version of Weir that measured.
    pub weir_version: String,
    /// What kind of load: [`Load::KIND`].
    pub kind: RunKind,
    /// When the first level began.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Wall-clock seconds from the first level's begin to the last one's end.
    pub duration_s: f64,
    /// The exact command line, secrets replaced.
    pub command_line: Vec<String>,
    /// What was stressed.
    pub target: Target,
    /// Where the tester ran.
    pub machine: Machine,
    /// The load, as resolved from flags, scenario and defaults.
    pub workload: K::Workload,
    /// The tester's own error, over all levels.
    pub tester: Tester<K::Control>,
    /// The levels in the order in which they ran.
    pub levels: Vec<K::Level>,
    /// Every predicate with its verdict over the trusted levels.
    pub slo: Vec<SloResult>,
    /// How many users, or calls at once, the target carried under the SLO.
    pub capacity: Capacity,
    /// The run was ended early (SIGINT): levels may be missing.
    pub interrupted: bool,
}

impl<K: Load> Run<K> {
    /// The verdict that stands at the head of every report and decides the exit code.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self)
    }

    /// Reads a run of this kind from the text of a `run.json`; [`crate::AnyRun::from_json`] takes
    /// either kind.
    ///
    /// # Errors
    /// When the text is not JSON, of another format, version or kind, or a field is missing.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        let kind = kind_of(text)?;
        if kind != K::KIND {
            return Err(ReadError::Kind { found: kind, wanted: K::KIND });
        }
        Ok(serde_json::from_str(text)?)
    }

    /// The text of `run.json`, indented, with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("a run has string keys and finite numbers");
        text.push('\n');
        text
    }
}

/// The kind of the run in the text of a `run.json`, and that its format is the one of this version.
pub(crate) fn kind_of(text: &str) -> Result<RunKind, ReadError> {
    #[derive(Deserialize)]
    struct Head {
        format: Option<String>,
    }
    #[derive(Deserialize)]
    struct Kind {
        kind: RunKind,
    }
    let head: Head = serde_json::from_str(text)?;
    match head.format.as_deref() {
        Some(FORMAT) => Ok(serde_json::from_str::<Kind>(text)?.kind),
        Some(other) => Err(ReadError::Format(other.to_owned())),
        None => Err(ReadError::NoFormat),
    }
}

/// Why a `run.json` could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not JSON, or a field is missing or of the wrong type.
    #[error("not a run of Weir")]
    Json(#[from] serde_json::Error),
    /// Another format or version.
    #[error("format {0:?} is not {FORMAT:?}, the one this version reads")]
    Format(String),
    /// No `format` field at all.
    #[error("no \"format\" field: this is not a run.json of Weir")]
    NoFormat,
    /// A run of the other kind.
    #[error("a run of {}, where one of {} is needed", found.name(), wanted.name())]
    Kind {
        /// The kind of the file.
        found: RunKind,
        /// The kind that was asked for.
        wanted: RunKind,
    },
}

/// What was stressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The URL of the requests, without user information or query.
    pub url: String,
    /// The dialect spoken (`openai-chat`, `anthropic`, …).
    pub api: String,
    /// Started by this run itself, as child processes.
    pub embedded: bool,
    /// What it calls itself: the `Server` header of its answers, or of a server of tools the name
    /// and version of its handshake (`serverInfo`); null where it does not say.
    pub server: Option<String>,
    /// The process that listens on the target's port, where it runs on this machine.
    pub process: Option<String>,
    /// On this machine, reached over loopback.
    pub local: bool,
    /// The protocol used: `HTTP/1.1` or `HTTP/2`.
    pub http_version: String,
}

/// Where the tester ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that the tester may use.
    pub cores: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The operating system's name and version.
    pub os: String,
    /// The kernel's version.
    pub kernel: String,
    /// Files that one process may open, after raising the limit.
    pub fd_limit: u64,
}

/// An answer's ideal course, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ideal {
    /// Request start to the first chunk, in milliseconds.
    pub first_ms: f64,
    /// Between two chunks, in milliseconds.
    pub gap_ms: f64,
}

/// The load of streams, as resolved from flags, scenario and defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// The scenario's name.
    pub scenario: String,
    /// Users of each level, in order.
    pub ladder: Vec<u64>,
    /// Closed loop: how a level's users start (`burst`, `spread=10s`, `rate=50/s`).
    pub start: String,
    /// Open loop: how requests arrive (`poisson=50/s`, …), or null for the closed loop.
    pub arrival: Option<String>,
    /// How long requests arrive (open loop) or users repeat (closed loop), in seconds; null where
    /// the number of requests ends a level.
    pub duration_s: Option<f64>,
    /// Closed loop: requests that each user makes, one after the other; 0 where `duration_s` ends
    /// the level instead.
    pub requests_per_user: u64,
    /// Closed loop: pause between two requests of a user, in milliseconds.
    pub think_ms: f64,
    /// The model asked for.
    pub model: Option<String>,
    /// The most tokens asked for.
    pub max_tokens: Option<u64>,
    /// Where the prompts come from (`default`, `text`, `file NAME, N prompts`): never their text.
    pub prompt: String,
    /// Chunks that a complete stream needs.
    pub min_chunks: u64,
    /// Body bytes that a complete stream needs.
    pub min_bytes: u64,
    /// Deadline for the first chunk, in milliseconds.
    pub timeout_first_ms: f64,
    /// Deadline between two chunks, in milliseconds.
    pub timeout_idle_ms: f64,
    /// Deadline for the whole stream, in milliseconds; null without one.
    pub timeout_total_ms: Option<f64>,
    /// A gap longer than this is a stall, in milliseconds.
    pub stall_ms: f64,
    /// Seed of everything random in the tester.
    pub seed: u64,
    /// Profile of the embedded simulator; null for other targets.
    pub profile: Option<String>,
    /// The ideal course of an answer, where it is known for all answers alike.
    pub ideal: Option<Ideal>,
    /// The monthly price of one server, where the user gave it (`--server-cost`).
    pub server_cost_per_month: Option<f64>,
    /// Users to plan replicas for, where the user gave a number (`--plan-users`).
    pub plan_users: Option<u64>,
}

/// The tester's own error and shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Tester_of_{C}")]
pub struct Tester<C = Control> {
    /// Known-truth streams or calls measured in this run, all levels together.
    pub control: C,
    /// Worker threads that carried the users.
    pub workers: u64,
    /// How long a worker may batch its wake-ups at the busiest level, in milliseconds:
    /// a bound on what batching adds to a time stamp.
    pub batch_ms: f64,
}

/// What the tester measured on streams whose truth it knew: measured minus true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// Error of the time to the first chunk.
    pub ttft_error_ms: Option<Summary>,
    /// Size of the error of single gaps.
    pub gap_error_ms: Option<Summary>,
}
