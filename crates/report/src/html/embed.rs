//! The run inside the page, to be saved from it.

use results::Run;

/// How much of the run is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    All,
    /// Without the course of each level over time and the distributions.
    NoCourse,
    /// None of it: the page would be too large.
    Nothing,
}

/// The run as it stands in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Embedded {
    /// JSON that is safe inside a script element; `None` when left out.
    pub(super) json: Option<String>,
    /// What is missing, if anything.
    pub(super) note: Option<&'static str>,
}

pub(super) fn run(run: &Run, detail: Detail) -> Embedded {
    match detail {
        Detail::All => Embedded { json: Some(safe(run)), note: None },
        Detail::NoCourse => {
            let mut short = run.clone();
            for level in &mut short.levels {
                level.timeline.clear();
                level.gap_buckets.clear();
                level.ttft_buckets.clear();
            }
            Embedded {
                json: Some(safe(&short)),
                note: Some("The copy of run.json in this page has no timelines and distributions."),
            }
        }
        Detail::Nothing => Embedded {
            json: None,
            note: Some("run.json is too large for this page; it stands beside it."),
        },
    }
}

/// Compact JSON in which no character can end the element: in JSON, `<` and `>` stand in strings
/// only, where an escape means the same.
fn safe(run: &Run) -> String {
    serde_json::to_string(run)
        .expect("a run has string keys and finite numbers")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}
