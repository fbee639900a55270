//! The files that stand beside `run.json` in a run's folder.

use results::Run;

use crate::{alerts, html, markdown, terminal};

/// Every report as a file: its name and its text. `run.json` itself is not among them.
#[must_use]
pub fn files(run: &Run) -> Vec<(String, String)> {
    let full = terminal::Options { colour: false, full: true };
    let markdown = markdown::render_folder(run);
    let mut files = vec![
        ("report.txt".to_owned(), terminal::render(run, full)),
        ("report.html".to_owned(), html::render(run)),
        ("report.md".to_owned(), markdown.text),
        ("alerts.yml".to_owned(), alerts::render(run)),
    ];
    files.extend(markdown.files.into_iter().map(|file| (file.name, file.contents)));
    files
}
