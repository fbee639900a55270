//! The README's result and picture, from a real run of its first command, and the tables of the
//! comparison.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::cargo::{self, Profile};
use crate::shell::Tool;
use crate::{document, peers, repository, say, tools};

/// The page that is written, relative to the root.
const README: &str = "README.md";

/// The block of the README that is replaced.
const BLOCK: &str = "run";

/// Where the picture lies, relative to the root.
const PICTURE: &str = "docs/images/report.png";

/// The blocks that stand on the page of the comparison as well.
const TABLES: [&str; 2] = ["servers", "testers"];

/// What to renew.
#[derive(Args)]
pub(crate) struct Options {
    /// Only take the tables of docs/comparison.md; run nothing
    #[arg(long)]
    tables: bool,
}

/// Takes the tables of the comparison into the README, as they stand on their own page.
///
/// # Errors
/// When one of the pages has no place for one.
pub(crate) fn take_tables() -> Result<()> {
    for name in TABLES {
        let table = document::block(Path::new(peers::PAGE), name)?;
        document::replace_block(Path::new(README), name, &table)?;
    }
    say::note(&format!("{README} now shows the tables of {}", peers::PAGE));
    Ok(())
}

/// Takes the tables of the comparison; then runs `weir stress streams`, puts its terminal report into the README, and takes the picture of
/// its HTML report.
///
/// # Errors
/// When the run fails, or the README has no place for the result.
pub(crate) fn run(options: &Options) -> Result<()> {
    take_tables()?;
    if options.tables {
        return Ok(());
    }
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
    document::replace_block(Path::new(README), BLOCK, &block)?;
    say::note(&format!("{README} and {PICTURE} now show the run in {}", out.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_tables_of_the_comparison() {
        for name in TABLES {
            let of = |page| document::block(Path::new(page), name).unwrap();
            assert_eq!(of(README), of(peers::PAGE), "`cargo xtask readme --tables` takes {name}");
        }
    }
}
