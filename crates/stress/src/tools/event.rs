//! What a run of tool calls tells while it runs. Events may be lost; results are not.

use std::time::Duration;

use results::ToolsLevel;
use results::tools::Shape;

/// Something happened.
#[derive(Debug, Clone)]
pub enum ToolsEvent {
    /// The server speaks MCP, has the tools, and takes the arguments.
    Checked {
        /// What will be done now; `None` where that depends on what is found.
        plan: Option<ToolsPlan>,
    },
    /// What the load needs is made.
    Preparing {
        /// How many calls.
        calls: usize,
    },
    /// Calls are made one after the other.
    Sequential {
        /// How many.
        calls: u64,
    },
    /// A bare transfer of the same bytes runs.
    Floor,
    /// A level begins.
    LevelStarted {
        /// Its stage, where the run has several.
        stage: Option<String>,
        /// Its shape.
        shape: Shape,
    },
    /// A level goes on.
    Progress(ToolsProgress),
    /// A level's files are read back.
    Verifying {
        /// How many.
        files: usize,
    },
    /// A level ended.
    LevelFinished(Box<ToolsLevel>),
}

/// What a run with a fixed number of levels will do. How long it takes is known to nobody: that is
/// what the tools are measured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolsPlan {
    /// Levels of all stages.
    pub levels: usize,
    /// Calls of all levels.
    pub calls: u64,
    /// Calls that are made one after the other before them.
    pub sequential: u64,
}

/// How a level goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ToolsProgress {
    /// Its shape.
    pub shape: Shape,
    /// Calls that it makes in all.
    pub calls: u64,
    /// Time since its begin.
    pub elapsed: Duration,
    /// Calls open now.
    pub open: u64,
    /// Calls that have ended.
    pub ended: u64,
    /// Calls whose answer was no success.
    pub failed: u64,
    /// 95th percentile of the times so far in milliseconds, to within a fifth.
    pub call_p95_ms: Option<f64>,
}
