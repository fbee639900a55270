//! The data inside the page, to be saved from it.

use crate::subject::{Data, Subject};

/// How much of the data is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    All,
    /// Without what is longest and least missed.
    Short,
    /// None of it: the page would be too large.
    Nothing,
}

/// The data as it stands in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Embedded {
    /// JSON that is safe inside a script element; `None` when left out.
    pub(super) json: Option<String>,
    /// The name of the file that holds it.
    pub(super) file: &'static str,
    /// What is missing, if anything.
    pub(super) note: Option<String>,
}

pub(super) fn data(subject: &impl Subject, detail: Detail) -> Embedded {
    let file = subject.file();
    let Data { json, lacks } = match detail {
        Detail::All => subject.data(),
        Detail::Short => subject.short_data(),
        Detail::Nothing => {
            let note = format!("{file} is too large for this page; it stands beside it.");
            return Embedded { json: None, file, note: Some(note) };
        }
    };
    let note = lacks.map(|lacks| format!("The copy of {file} in this page has no {lacks}."));
    Embedded { json: Some(safe(&json)), file, note }
}

/// JSON in which no character can end the element: `<` and `>` stand in strings only, where an
/// escape means the same.
fn safe(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e")
}
