//! One Python virtual environment for everything that the tests write in Python.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{once, system};
use crate::shell::Tool;
use crate::{repository, say};

/// What is installed into it.
const REQUIREMENTS: [&str; 3] =
    ["tests/sdk/requirements.txt", "tests/peers/requirements.txt", "tests/media/requirements.txt"];

/// The virtual environment's interpreter, with all requirements installed.
///
/// # Errors
/// When Python is missing, or a requirement cannot be installed.
pub(crate) fn python() -> Result<PathBuf> {
    let folder = repository::test_tools().join("venv");
    let python = folder.join("bin/python");
    // The interpreter is a link to the system's, which an upgrade may have taken away.
    if folder.exists() && !Tool::new(&python).args(["-c", ""]).succeeds() {
        fs::remove_dir_all(&folder)?;
    }
    once(&folder, &REQUIREMENTS.map(PathBuf::from), || {
        say::note("installing Python packages into .test-tools/venv");
        let system = system::program(&["python3"], "python3")?;
        // Debian ships `venv` without pip's installer, which is a package of its own.
        if !Tool::new(&system).args(["-c", "import ensurepip, venv"]).succeeds() {
            system::install("python3-venv")?;
        }
        let create = Tool::new(&system).args(["-m", "venv", "--clear"]).args([&folder]);
        create.run().context("cannot create a virtual environment")?;
        let mut pip = Tool::new(&python).args(["-m", "pip", "install", "--quiet", "--no-input"]);
        for file in REQUIREMENTS {
            pip = pip.args(["-r", file]);
        }
        pip.run()
    })?;
    Ok(python)
}
