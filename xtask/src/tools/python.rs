//! One Python virtual environment for everything that the tests write in Python.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{is_done, once, system};
use crate::shell::Tool;
use crate::{repository, say};

/// What is installed into it.
const REQUIREMENTS: [&str; 5] = [
    "tests/sdk/requirements.txt",
    "tests/otel/requirements.txt",
    "peers/python/requirements.txt",
    "tests/media/requirements.txt",
    "tests/storage/requirements.txt",
];

/// The interpreter of the tests' virtual environment, with all requirements installed.
///
/// # Errors
/// When Python is missing, or a requirement cannot be installed.
pub(crate) fn python() -> Result<PathBuf> {
    Ok(environment("venv", &REQUIREMENTS)?.join("python"))
}

/// Whether [`environment`] would have nothing to install.
pub(crate) fn is_installed(name: &str, requirements: &[&str]) -> bool {
    let inputs: Vec<PathBuf> = requirements.iter().map(PathBuf::from).collect();
    is_done(&repository::test_tools().join(name), &inputs)
}

/// The folder of programs of the virtual environment `.test-tools/NAME`, with these requirement
/// files installed.
///
/// # Errors
/// When Python is missing, or a requirement cannot be installed.
pub(crate) fn environment(name: &str, requirements: &[&str]) -> Result<PathBuf> {
    let folder = repository::test_tools().join(name);
    let programs = folder.join("bin");
    let python = programs.join("python");
    // The interpreter is a link to the system's, which an upgrade may have taken away.
    if folder.exists() && !Tool::new(&python).args(["-c", ""]).succeeds() {
        fs::remove_dir_all(&folder)?;
    }
    let inputs: Vec<PathBuf> = requirements.iter().map(PathBuf::from).collect();
    once(&folder, &inputs, || {
        say::note(&format!("installing Python packages into .test-tools/{name}"));
        let system = system::program(&["python3"], "python3")?;
        // Debian ships `venv` without pip's installer, which is a package of its own.
        if !Tool::new(&system).args(["-c", "import ensurepip, venv"]).succeeds() {
            system::install("python3-venv")?;
        }
        let create = Tool::new(&system).args(["-m", "venv", "--clear"]).args([&folder]);
        create.run().context("cannot create a virtual environment")?;
        let mut pip = Tool::new(&python).args(["-m", "pip", "install", "--quiet", "--no-input"]);
        for file in requirements {
            pip = pip.args(["-r", file]);
        }
        pip.run()
    })?;
    Ok(programs)
}
