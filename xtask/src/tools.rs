//! What the tests need beside Rust: installed once into `.test-tools/`, or by the system's package
//! manager where it is not there.
//!
//! Every function here returns at once when its tool is in place. pip and npm run with whatever
//! configuration the user has; no registry is named here.

mod node;
mod python;
mod system;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo::cargo;
use crate::{repository, say};

pub(crate) use node::{node_for, node_with};
pub(crate) use python::{Requirements, python};

/// Installs everything that any step needs.
///
/// # Errors
/// When something cannot be installed; the message names the command that does it.
pub(crate) fn install_all() -> Result<()> {
    nextest()?;
    python()?;
    node_with("sdk")?;
    node_with("browser")?;
    chromium()?;
    promtool()?;
    Ok(())
}

/// Makes sure that `cargo nextest` runs.
///
/// # Errors
/// When it is not there and cannot be built.
pub(crate) fn nextest() -> Result<()> {
    if cargo(&["nextest", "--version"]).succeeds() {
        return Ok(());
    }
    say::note("cargo-nextest is missing: building it, which takes some minutes once");
    cargo(&["install", "--locked", "cargo-nextest"])
        .run()
        .context("to install it by hand, run `cargo install --locked cargo-nextest`")
}

/// Prometheus's own checker of alert rules.
///
/// # Errors
/// When it is missing and cannot be installed.
pub(crate) fn promtool() -> Result<PathBuf> {
    system::program(&["promtool"], "prometheus")
}

/// The browser: Debian's Chromium, or any other build of it.
///
/// # Errors
/// When there is none and it cannot be installed.
pub(crate) fn chromium() -> Result<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    system::program(&names, "chromium")
}

/// hey, the little HTTP load generator that others are compared with.
///
/// # Errors
/// When it is not there and cannot be installed.
pub(crate) fn hey() -> Result<PathBuf> {
    system::program(&["hey"], "hey")
}

/// Whether the stamp beside `folder` says that it was installed for these very inputs.
fn is_done(folder: &Path, inputs: &[PathBuf]) -> bool {
    let done = fs::read_to_string(folder.with_extension("stamp"));
    folder.is_dir() && read_all(inputs).is_ok_and(|wanted| done.is_ok_and(|done| done == wanted))
}

/// Runs `install` unless the stamp beside `folder` says that it was done for these very inputs.
///
/// The stamp holds the inputs themselves: it is written last, so that an installation that was cut
/// off is done again.
fn once(folder: &Path, inputs: &[PathBuf], install: impl FnOnce() -> Result<()>) -> Result<()> {
    let (stamp, wanted) = (folder.with_extension("stamp"), read_all(inputs)?);
    if is_done(folder, inputs) {
        return Ok(());
    }
    if stamp.exists() {
        fs::remove_file(&stamp)?;
    }
    install()?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn read_all(files: &[PathBuf]) -> Result<String> {
    let mut all = String::new();
    for file in files {
        let text = repository::read(file)?;
        all.push_str(&format!("# {}\n{text}\n", file.display()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn an_installation_is_repeated_only_for_other_inputs_or_after_a_failure() {
        let place = tempfile::tempdir().unwrap();
        let (folder, input) = (place.path().join("venv"), place.path().join("requirements.txt"));
        let installed = Cell::new(0);
        let install = |works: bool| {
            once(&folder, std::slice::from_ref(&input), || {
                installed.set(installed.get() + 1);
                fs::create_dir_all(&folder)?;
                if works { Ok(()) } else { anyhow::bail!("cut off") }
            })
        };

        fs::write(&input, "django==5").unwrap();
        assert!(install(false).is_err());
        assert!(!is_done(&folder, std::slice::from_ref(&input)));
        install(true).unwrap();
        assert!(is_done(&folder, std::slice::from_ref(&input)));
        install(true).unwrap();
        assert_eq!(installed.get(), 2);

        fs::write(&input, "django==6").unwrap();
        install(true).unwrap();
        install(true).unwrap();
        assert_eq!(installed.get(), 3);

        fs::remove_dir_all(&folder).unwrap();
        install(true).unwrap();
        assert_eq!(installed.get(), 4);
    }
}
