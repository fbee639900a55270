//! Python virtual environments for what the tests and comparisons write in Python.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{is_done, once, system};
use crate::shell::Tool;
use crate::{repository, say};

/// What is installed into the environment of the tests.
const TESTS: Requirements = Requirements::with_all(
    "venv",
    &[
        "tests/sdk/requirements.txt",
        "tests/otel/requirements.txt",
        "peers/python/requirements.txt",
        "tests/media/requirements.txt",
        "tests/storage/requirements.txt",
    ],
);

/// The interpreter of the tests' virtual environment, with all requirements installed.
///
/// # Errors
/// When Python is missing, or a requirement cannot be installed.
pub(crate) fn python() -> Result<PathBuf> {
    Ok(TESTS.install()?.join("python"))
}

/// What a virtual environment holds.
pub(crate) struct Requirements<'f> {
    /// The name of its folder in `.test-tools`.
    pub(crate) name: &'f str,
    /// Requirement files, installed with everything that their packages ask for.
    pub(crate) files: &'f [&'f str],
    /// Requirement files of packages that are installed afterwards, and alone: without what they
    /// ask for.
    pub(crate) alone: &'f [&'f str],
}

impl<'f> Requirements<'f> {
    /// An environment without packages that are installed alone.
    pub(crate) const fn with_all(name: &'f str, files: &'f [&'f str]) -> Self {
        Self { name, files, alone: &[] }
    }

    fn inputs(&self) -> Vec<PathBuf> {
        self.files.iter().chain(self.alone).map(PathBuf::from).collect()
    }

    /// Whether [`Self::install`] would have nothing to install.
    pub(crate) fn are_installed(&self) -> bool {
        is_done(&repository::test_tools().join(self.name), &self.inputs())
    }

    /// The folder of programs of the environment, with everything installed.
    ///
    /// # Errors
    /// When Python is missing, or a requirement cannot be installed.
    pub(crate) fn install(&self) -> Result<PathBuf> {
        let folder = repository::test_tools().join(self.name);
        let programs = folder.join("bin");
        let python = programs.join("python");
        // The interpreter is a link to the system's, which an upgrade may have taken away.
        if folder.exists() && !Tool::new(&python).args(["-c", ""]).succeeds() {
            fs::remove_dir_all(&folder)?;
        }
        once(&folder, &self.inputs(), || {
            say::note(&format!("installing Python packages into .test-tools/{}", self.name));
            let system = system::program(&["python3"], "python3")?;
            // Debian ships `venv` without pip's installer, which is a package of its own.
            if !Tool::new(&system).args(["-c", "import ensurepip, venv"]).succeeds() {
                system::install("python3-venv")?;
            }
            let create = Tool::new(&system).args(["-m", "venv", "--clear"]).args([&folder]);
            create.run().context("cannot create a virtual environment")?;
            for (files, how) in [(self.files, &[] as &[&str]), (self.alone, &["--no-deps"])] {
                if files.is_empty() {
                    continue;
                }
                let pip = Tool::new(&python).args(["-m", "pip", "install", "--quiet"]);
                let pip = pip.args(["--no-input"]).args(how);
                files.iter().fold(pip, |pip, file| pip.args(["-r", file])).run()?;
            }
            Ok(())
        })?;
        Ok(programs)
    }
}
