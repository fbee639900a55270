//! The README's result and picture, from a real run of its first command.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cargo::{self, Profile};
use crate::shell::Tool;
use crate::{document, repository, say, tools};

/// The block of the README that is replaced.
const BLOCK: &str = "run";

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
    let out = folder.strip_prefix(repository::root())?;
    say::note("running `weir stress streams`, the quick scenario: about a minute");
    let report = Tool::new(weir)
        .args(["stress", "streams", "--no-progress", "--out"])
        .args([out])
        .env("NO_COLOR", "1")
        .read()
        .context("the README shows a run that is MET: it needs a machine without other work")?;
    let picture = format!("![The HTML report of this run]({PICTURE})");
    let block = format!("```text\n{}\n```\n\n{picture}", report.trim_end());
    fs::create_dir_all(repository::root().join("docs/images"))?;
    Tool::new(node)
        .args(["tests/browser/report.mjs"])
        .args([out])
        .args(["--screenshot", PICTURE])
        .env("CHROMIUM", &chromium.to_string_lossy())
        .run()?;
    document::replace_block(Path::new("README.md"), BLOCK, &block)?;
    say::note(&format!("README.md and {PICTURE} now show the run in {}", out.display()));
    Ok(())
}
