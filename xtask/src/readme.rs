//! The README's result and picture, from a real run of its first command.

use std::fs;

use anyhow::{Context, Result};

use crate::cargo::{self, Profile};
use crate::shell::Tool;
use crate::{repository, say, tools};

/// The block that is replaced, without its marks.
const BEGIN: &str = "<!-- run:begin -->";
const END: &str = "<!-- run:end -->";

/// Where the picture lies, relative to the root.
const PICTURE: &str = "docs/images/report.png";

/// Runs `weir stress streams`, puts its terminal report into the README, and takes the picture of
/// its HTML report.
///
/// # Errors
/// When the run fails, or the README has no place for the result.
pub(crate) fn run() -> Result<()> {
    let node = tools::node_with("browser")?;
    let chromium = tools::chromium()?;
    let weir = cargo::build("weir", "weir", Profile::Release)?;
    let folder = repository::root().join("weir-runs/readme");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let readme = repository::root().join("README.md");
    let before = fs::read_to_string(&readme).context("cannot read README.md")?;

    let out = folder.strip_prefix(repository::root())?;
    say::note("running `weir stress streams`, the quick scenario: about a minute");
    let report = Tool::new(weir)
        .args(["stress", "streams", "--no-progress", "--out"])
        .args([out])
        .env("NO_COLOR", "1")
        .read()
        .context("the README shows a run that is MET: it needs a machine without other work")?;
    let picture = format!("![The HTML report of this run]({PICTURE})");
    let after =
        replace_block(&before, &format!("```text\n{}\n```\n\n{picture}", report.trim_end()))?;
    fs::create_dir_all(repository::root().join("docs/images"))?;
    Tool::new(node)
        .args(["tests/browser/report.mjs"])
        .args([out])
        .args(["--screenshot", PICTURE])
        .env("CHROMIUM", &chromium.to_string_lossy())
        .run()?;
    fs::write(&readme, after).context("cannot write README.md")?;
    say::note(&format!("README.md and {PICTURE} now show the run in {}", out.display()));
    Ok(())
}

/// The text with a new block between the two marks.
///
/// # Errors
/// When the marks are not there once each, in their order.
fn replace_block(text: &str, block: &str) -> Result<String> {
    let missing = || format!("README.md needs one line {BEGIN} and one line {END} after it");
    let (head, rest) = text.split_once(BEGIN).with_context(missing)?;
    let (_, tail) = rest.split_once(END).with_context(missing)?;
    Ok(format!("{head}{BEGIN}\n{block}\n{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_replaced_and_the_rest_stays() {
        let text = format!("# Weir\n{BEGIN}\nold\n{END}\nmore\n");
        let once = replace_block(&text, "new").unwrap();
        assert_eq!(once, format!("# Weir\n{BEGIN}\nnew\n{END}\nmore\n"));
        assert_eq!(replace_block(&once, "new").unwrap(), once);
    }

    #[test]
    fn a_text_without_marks_is_refused() {
        assert!(replace_block("# Weir", "new").is_err());
        assert!(replace_block(&format!("{END} {BEGIN}"), "new").is_err());
    }
}
