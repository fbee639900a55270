//! A run of tool calls: agents that call the tools of an MCP server at once, and what became of
//! every call and of the file that it left.

mod call;
mod carriage;
mod level;
mod outcome;
mod overlap;
mod tally;
mod workload;

pub use call::{Call, MAX_CALLS_KEPT, keep};
pub use carriage::Carriage;
pub use level::{Floor, Probe, Sequential, ToolRow, ToolsControl, ToolsLevel};
pub use outcome::{CallOutcome, CallOutcomes};
pub use overlap::{Overlap, peak_overlap};
pub use tally::Tally;
pub use workload::{
    Expected, PreparedCall, ProbeKind, ReadBack, Shape, ShapeError, ToolShare, ToolsWorkload,
    Transport, Verification,
};

use crate::load::Tools;
use crate::run::Run;

/// A run of tool calls.
pub type ToolsRun = Run<Tools>;

#[cfg(test)]
pub(crate) mod tests;
