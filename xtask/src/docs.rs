//! `docs/reference`: pages that the program writes about itself.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::cargo::{self, Profile};
use crate::shell::Tool;
use crate::{repository, say};

/// Whether to write or to compare.
#[derive(Args)]
pub(crate) struct Options {
    /// Only compare, and fail when a page is not current.
    #[arg(long)]
    check: bool,
}

/// A page and the argument of `weir reference` that prints it.
const PAGES: [(&str, &str); 2] = [("cli.md", "cli"), ("run.schema.json", "schema")];

/// Writes the pages, or compares them.
///
/// # Errors
/// When the program does not build, or a page is not current.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.check { check() } else { write() }
}

/// Compares the pages with what the program prints.
///
/// # Errors
/// When a page is not current: the message names the command that writes it.
pub(crate) fn check() -> Result<()> {
    let mut stale = Vec::new();
    for (path, text) in pages()? {
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            stale.push(path.strip_prefix(repository::root())?.display().to_string());
        }
    }
    if !stale.is_empty() {
        bail!("not current: {}; run `cargo xtask docs` and commit the result", stale.join(", "));
    }
    Ok(())
}

fn write() -> Result<()> {
    for (path, text) in pages()? {
        let folder = path.parent().context("every page lies in a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say::note(&format!("wrote {}", path.strip_prefix(repository::root())?.display()));
    }
    Ok(())
}

/// Every page's place and text. The terminal's width and colours do not reach the program.
fn pages() -> Result<Vec<(PathBuf, String)>> {
    let weir = cargo::build("weir", "weir", Profile::Debug)?;
    let folder = repository::root().join("docs/reference");
    let page = |(file, topic): &(&str, &str)| {
        let program = Tool::new(&weir).args(["reference", topic]);
        let text = program.env("NO_COLOR", "1").env("COLUMNS", "100").read()?;
        Ok((folder.join(file), text))
    };
    PAGES.iter().map(page).collect()
}
