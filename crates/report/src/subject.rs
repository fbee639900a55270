//! What a report can be about: a run of either kind, or a comparison of runs.

use results::{AnyRun, Run};

use crate::document::Document;
use crate::{alerts, sections};

/// Something that a report is about: the renderers ask it for its document and its data, and know
/// nothing else of it.
pub trait Subject {
    /// The report before it has a format.
    fn document(&self) -> Document;

    /// All of its data as compact JSON, for a page to embed.
    fn data(&self) -> Data;

    /// Its data without what is longest, for a page that would be too large.
    fn short_data(&self) -> Data;

    /// The name of the file that holds its data.
    fn file(&self) -> &'static str {
        "run.json"
    }

    /// Files that only this subject has: their names and texts.
    fn more_files(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Data of a report as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Compact JSON.
    pub json: String,
    /// What is missing in it, if anything.
    pub lacks: Option<&'static str>,
}

impl Data {
    /// Data that was just written as JSON, and what it lacks.
    pub(crate) fn new(json: serde_json::Result<String>, lacks: Option<&'static str>) -> Self {
        let json = json.expect("runs and comparisons have string keys and finite numbers");
        Self { json, lacks }
    }
}

impl Subject for Run {
    fn document(&self) -> Document {
        sections::document(self)
    }

    fn data(&self) -> Data {
        Data::new(serde_json::to_string(self), None)
    }

    fn short_data(&self) -> Data {
        let mut short = self.clone();
        for level in &mut short.levels {
            level.timeline.clear();
            level.gap_buckets.clear();
            level.ttft_buckets.clear();
        }
        Data::new(serde_json::to_string(&short), Some("timelines and distributions"))
    }

    fn more_files(&self) -> Vec<(String, String)> {
        vec![("alerts.yml".to_owned(), alerts::render(self))]
    }
}

impl Subject for AnyRun {
    fn document(&self) -> Document {
        match self {
            Self::Streams(run) => run.document(),
            Self::Tools(run) => run.document(),
        }
    }

    fn data(&self) -> Data {
        match self {
            Self::Streams(run) => run.data(),
            Self::Tools(run) => run.data(),
        }
    }

    fn short_data(&self) -> Data {
        match self {
            Self::Streams(run) => run.short_data(),
            Self::Tools(run) => run.short_data(),
        }
    }
    fn more_files(&self) -> Vec<(String, String)> {
        match self {
            Self::Streams(run) => run.more_files(),
            Self::Tools(run) => run.more_files(),
        }
    }
}
