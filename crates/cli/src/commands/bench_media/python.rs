//! The same work in Python, where there is one with Pillow.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Measured;
use super::picture::Picture;
use super::workload::{Workload, Workshop};

/// The program, which is part of ours.
const PROGRAM: &str = include_str!("media_bench.py");

/// What the program prints.
#[derive(Debug, Deserialize)]
pub(super) struct Times {
    /// One for each workload, in the order of the table.
    pub(super) workloads: Vec<Measured>,
    /// One picture on one thread.
    pub(super) picture: Picture,
}

/// Runs the program and reads its times.
pub(super) fn measure(python: &Path, workshop: &Workshop, repeat: u32) -> Result<Times> {
    let output = Command::new(python)
        .args(["-c", PROGRAM])
        .args([workshop.picture_path().as_path(), workshop.folder()])
        .args([Workshop::file_bytes().to_string(), workshop.items.to_string(), repeat.to_string()])
        .output()
        .with_context(|| format!("{} cannot be started", python.display()))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}", python.display(), errors.lines().last().unwrap_or("it failed"));
    }
    let times: Times =
        serde_json::from_slice(&output.stdout).context("its times cannot be read")?;
    let measured = times.workloads.len();
    if measured != Workload::ALL.len() {
        bail!("it measured {measured} workloads of {}", Workload::ALL.len());
    }
    Ok(times)
}
