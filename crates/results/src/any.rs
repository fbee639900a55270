//! A run of either kind, as a file may hold it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::capacity::Verdict;
use crate::load::RunKind;
use crate::run::{self, ReadError, Run};
use crate::tools::ToolsRun;

/// What a `run.json` holds: `kind` tells which.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "run.json of Weir")]
pub enum AnyRun {
    /// Users that hold streamed answers open.
    Streams(Box<Run>),
    /// Agents that make concurrent tool calls.
    Tools(Box<ToolsRun>),
}

impl AnyRun {
    /// Reads a run of either kind from the text of a `run.json`.
    ///
    /// # Errors
    /// When the text is not JSON, of another format or version, or a field is missing.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        Ok(match run::kind_of(text)? {
            RunKind::Streams => Self::Streams(Box::new(Run::from_json(text)?)),
            RunKind::Tools => Self::Tools(Box::new(ToolsRun::from_json(text)?)),
        })
    }

    /// The text of `run.json`, indented, with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Streams(run) => run.to_json(),
            Self::Tools(run) => run.to_json(),
        }
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> RunKind {
        match self {
            Self::Streams(_) => RunKind::Streams,
            Self::Tools(_) => RunKind::Tools,
        }
    }

    /// The verdict that stands at the head of every report and decides the exit code.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Streams(run) => run.verdict(),
            Self::Tools(run) => run.verdict(),
        }
    }
}

impl From<Run> for AnyRun {
    fn from(run: Run) -> Self {
        Self::Streams(Box::new(run))
    }
}

impl From<ToolsRun> for AnyRun {
    fn from(run: ToolsRun) -> Self {
        Self::Tools(Box::new(run))
    }
}
