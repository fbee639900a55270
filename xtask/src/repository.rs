//! The repository's folder and its files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// The repository's root: the folder above this crate.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in a folder of the root")
}

/// Where tests keep what they install; ignored by git.
pub(crate) fn test_tools() -> PathBuf {
    root().join(".test-tools")
}

/// The text of a file, relative to the root.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read(file: impl AsRef<Path>) -> Result<String> {
    let file = file.as_ref();
    fs::read_to_string(root().join(file)).with_context(|| format!("cannot read {}", file.display()))
}

/// All files that are or would be tracked, relative to the root: known to git, or new and not ignored.
///
/// # Errors
/// When git is missing or this is no clone.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let listing = shell::Tool::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .read()
        .context("cannot list the repository's files")?;
    let mut files: Vec<PathBuf> = listing
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|file| root().join(file).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}
