//! The files that stand beside the data in a folder.

use crate::subject::Subject;
use crate::{html, markdown, terminal};

/// Every report as a file: its name and its text. The data itself (`run.json`) is not among them.
#[must_use]
pub fn files(subject: &impl Subject) -> Vec<(String, String)> {
    let full = terminal::Options { colour: false, full: true };
    let markdown = markdown::render_folder(subject);
    let mut files = vec![
        ("report.txt".to_owned(), terminal::render(subject, full)),
        ("report.html".to_owned(), html::render(subject)),
        ("report.md".to_owned(), markdown.text),
    ];
    files.extend(subject.more_files());
    files.extend(markdown.files.into_iter().map(|file| (file.name, file.contents)));
    files
}
