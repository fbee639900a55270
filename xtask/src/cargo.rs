//! Cargo: the workspace's packages, and the programs built from it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::repository;
use crate::shell::Tool;

/// Which profile a program is built with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build; what the integration tests use.
    Debug,
    /// What users run; what is measured.
    Release,
}

/// A cargo command in the repository's root.
pub(crate) fn cargo(args: &[&str]) -> Tool {
    Tool::new("cargo").args(args)
}

/// What `cargo metadata` says about the workspace and everything it depends on.
///
/// # Errors
/// When cargo fails, or the lock file is out of date.
pub(crate) fn metadata() -> Result<Value> {
    let text = cargo(&["metadata", "--format-version", "1", "--locked"])
        .read()
        .context("cannot read the workspace's metadata")?;
    serde_json::from_str(&text).context("`cargo metadata` printed no JSON")
}

/// Builds one program of the workspace and returns its path.
///
/// # Errors
/// When it does not build.
pub(crate) fn build(package: &str, program: &str, profile: Profile) -> Result<PathBuf> {
    let mut args = vec!["build", "--locked", "--package", package, "--bin", program];
    if profile == Profile::Release {
        args.push("--release");
    }
    cargo(&args).run()?;
    Ok(target_folder()?.join(profile.folder()).join(program))
}

/// Cargo's target folder, wherever the user's configuration has put it.
///
/// # Errors
/// When cargo fails.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let text = cargo(&["metadata", "--format-version", "1", "--locked", "--no-deps"]).read()?;
    let metadata: Value =
        serde_json::from_str(&text).context("`cargo metadata` printed no JSON")?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    Ok(folder.map_or_else(|| repository::root().join("target"), PathBuf::from))
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}
