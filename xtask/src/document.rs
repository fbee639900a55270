//! Blocks of documents that a command writes, between two marks that people leave alone.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::repository;

/// Replaces the block `NAME` of a document (its path is relative to the root): what stands between
/// `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
///
/// # Errors
/// When the document cannot be read or written, or does not have the two marks in their order.
pub(crate) fn replace_block(document: &Path, name: &str, block: &str) -> Result<()> {
    let path = repository::root().join(document);
    let before =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", document.display()))?;
    let after = replaced(&before, name, block.trim_end())
        .with_context(|| format!("{}", document.display()))?;
    fs::write(&path, after).with_context(|| format!("cannot write {}", document.display()))
}

fn replaced(text: &str, name: &str, block: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->"), format!("<!-- {name}:end -->"));
    let missing = || format!("needs one line {begin} and one line {end} after it");
    let (head, rest) = text.split_once(&begin).with_context(missing)?;
    let (_, tail) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{head}{begin}\n{block}\n{end}{tail}"))
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
    }

    #[test]
    fn a_text_without_marks_is_refused() {
        assert!(replaced("# Weir", "run", "new").is_err());
        assert!(replaced("<!-- run:end --> <!-- run:begin -->", "run", "new").is_err());
    }
}
