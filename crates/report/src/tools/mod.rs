//! The report of a run of tool calls: the same order and the same renderers as that of streams,
//! with the sections that calls need.
//!
//! Evidence is counted: how many calls were open at one moment, which file has which digest, how
//! long a trivial call took. That calls ended at the same time is never taken for more than that.

mod charts;
pub mod csv;
mod findings;
mod overview;
mod probe;
#[cfg(test)]
pub(crate) mod samples;
mod sections;
#[cfg(test)]
mod tests;

use results::ToolsRun;

use crate::document::Document;
use crate::subject::{Data, Subject};

impl Subject for ToolsRun {
    fn document(&self) -> Document {
        sections::document(self)
    }

    fn data(&self) -> Data {
        Data::new(serde_json::to_string(self), None)
    }

    fn short_data(&self) -> Data {
        let mut short = self.clone();
        for level in &mut short.levels {
            level.files.clear();
            level.probes.clear();
        }
        Data::new(serde_json::to_string(&short), Some("single calls and probes"))
    }
}

/// A call's outcome as people read it.
#[must_use]
pub(crate) fn outcome_name(outcome: results::CallOutcome) -> &'static str {
    use results::CallOutcome as Outcome;
    match outcome {
        Outcome::Ok => "ok",
        Outcome::ToolError => "tool error",
        Outcome::ProtocolError => "protocol error",
        Outcome::WrongBytes => "wrong bytes",
        Outcome::MissingFile => "missing file",
        Outcome::Timeout => "timeout",
        Outcome::TransportError => "transport error",
    }
}
