//! Blocks of documents that a command writes, between two marks that people leave alone.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::shell::Tool;
use crate::{linux, repository};

/// When and where something was measured: today and this machine, as a sentence without its end.
///
/// # Errors
/// When the system does not tell the date.
pub(crate) fn stamp() -> Result<String> {
    let today = Tool::new("date").args(["-u", "+%-d %B %Y"]).env("LC_ALL", "C").read()?;
    Ok(format!("Measured on {}: {}", today.trim(), linux::machine()))
}

/// What stands in the block `NAME` of a document (its path is relative to the root): between
/// `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
///
/// # Errors
/// When the document cannot be read, or does not have the two marks in their order.
pub(crate) fn block(document: &Path, name: &str) -> Result<String> {
    let text = read(document)?;
    let (_, block, _) = split(&text, name).with_context(|| format!("{}", document.display()))?;
    Ok(block.trim().to_owned())
}

/// Replaces the block `NAME` of a document.
///
/// # Errors
/// As [`block`], and when the document cannot be written.
pub(crate) fn replace_block(document: &Path, name: &str, block: &str) -> Result<()> {
    let before = read(document)?;
    let after =
        replaced(&before, name, block.trim()).with_context(|| format!("{}", document.display()))?;
    fs::write(repository::root().join(document), after)
        .with_context(|| format!("cannot write {}", document.display()))
}

/// A Markdown text with its headings so many levels deeper, to stand in a page of others.
pub(crate) fn beneath(text: &str, levels: usize) -> String {
    let deeper = |line: &str| match line.strip_prefix('#') {
        Some(rest) => format!("{}#{rest}\n", "#".repeat(levels)),
        None => format!("{line}\n"),
    };
    text.lines().map(deeper).collect()
}

fn read(document: &Path) -> Result<String> {
    let path = repository::root().join(document);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", document.display()))
}

fn replaced(text: &str, name: &str, block: &str) -> Result<String> {
    let (head, _, tail) = split(text, name)?;
    // An empty block has no line of its own.
    let block = if block.is_empty() { String::new() } else { format!("{block}\n") };
    Ok(format!("{head}\n{block}{tail}"))
}

/// Everything up to the first mark, the block, and everything from the second mark on.
fn split<'t>(text: &'t str, name: &str) -> Result<(&'t str, &'t str, &'t str)> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let missing = || format!("needs one line {begin} and one line {end} after it");
    let from = text.find(&begin).with_context(missing)? + begin.len();
    let to = from + text[from..].find(&end).with_context(missing)?;
    Ok((&text[..from], &text[from..to], &text[to..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_replaced_and_the_rest_stays() {
        let text = "# Weir\n<!-- run:begin -->\nold\n<!-- run:end -->\nmore\n";
        let once = replaced(text, "run", "new").unwrap();
        assert_eq!(once, text.replace("old", "new"));
        assert_eq!(replaced(&once, "run", "new").unwrap(), once);
        assert_eq!(split(&once, "run").unwrap().1, "\nnew\n");
    }

    #[test]
    fn an_empty_block_is_filled_and_emptied_again() {
        let empty = "<!-- run:begin -->\n<!-- run:end -->\n";
        let full = replaced(empty, "run", "new").unwrap();
        assert_eq!(full, "<!-- run:begin -->\nnew\n<!-- run:end -->\n");
        assert_eq!(replaced(&full, "run", "").unwrap(), empty);
    }

    #[test]
    fn a_text_without_marks_is_refused() {
        assert!(replaced("# Weir", "run", "new").is_err());
        assert!(replaced("<!-- run:end --> <!-- run:begin -->", "run", "new").is_err());
    }

    #[test]
    fn headings_go_deeper_and_the_rest_stays() {
        assert_eq!(beneath("# A\n\n## B\ntext #1", 2), "### A\n\n#### B\ntext #1\n");
    }

    #[test]
    fn a_stamp_names_the_day_and_the_machine() {
        let stamp = stamp().unwrap();
        assert!(stamp.starts_with("Measured on ") && stamp.contains("cores"), "{stamp}");
    }
}
