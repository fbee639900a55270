//! The report as one self-contained page: works offline, from a mail attachment, and without
//! JavaScript; the script only adds what a page cannot do alone (sorting, copying, saving).
//!
//! Every number carries `data-value` (raw) and `data-metric` (its path in `run.json`, relative to
//! the level named by the nearest `data-level`; `derived.…` when it was computed), so that the
//! page can be read back against its data, which is embedded.
//!
//! **Invariants:** no address outside the page is ever loaded; all text of the run is escaped;
//! the page stays below [`MOST_BYTES`].

mod blocks;
mod embed;
mod fit;
mod page;
mod table;

use crate::subject::Subject;

/// A page is smaller than this, whatever the run: what mail servers and tickets take.
pub const MOST_BYTES: usize = 500_000;

/// The report as an HTML page.
#[must_use]
pub fn render(subject: &impl Subject) -> String {
    let mut document = subject.document();
    let mut page = String::new();
    for step in fit::STEPS {
        fit::shorten(&mut document, step);
        page = page::render(&document, &embed::data(subject, step.detail));
        if page.len() < MOST_BYTES {
            break;
        }
    }
    page
}

#[cfg(test)]
mod tests;
