//! Packages of the operating system.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::say;
use crate::shell::{self, Tool};

/// The first of these programs in `PATH`, installed as this Debian package when there is none.
///
/// # Errors
/// When it is missing and cannot be installed from here.
pub(super) fn program(names: &[&str], package: &str) -> Result<PathBuf> {
    if let Some(path) = shell::find(names) {
        return Ok(path);
    }
    install(package)?;
    shell::find(names).with_context(|| {
        format!("the package {package} is installed, but none of {} is in PATH", names.join(", "))
    })
}

/// Installs a Debian package.
///
/// # Errors
/// When this is not Debian or not root: the message is the command to run.
pub(super) fn install(package: &str) -> Result<()> {
    let debian = Path::new("/etc/debian_version").exists() && shell::find(&["apt-get"]).is_some();
    if let Some(remedy) = remedy(package, debian, is_root()) {
        bail!(remedy);
    }
    say::note(&format!("installing the system package {package}"));
    apt_get(&["update"])?;
    apt_get(&["install", "-y", "--no-install-recommends", package])
}

/// What a person has to do, or `None` where we can do it ourselves.
fn remedy(package: &str, debian: bool, root: bool) -> Option<String> {
    let missing = format!("the tests need the system package {package}");
    match (debian, root) {
        (true, true) => None,
        (true, false) => Some(format!(
            "{missing}: run `sudo apt-get update && sudo apt-get install -y {package}`"
        )),
        (false, _) => Some(format!(
            "{missing} (its Debian name): install it with this system's package manager, then run \
             `cargo xtask test` again"
        )),
    }
}

fn apt_get(args: &[&str]) -> Result<()> {
    Tool::new("apt-get").args(["-q"]).args(args).env("DEBIAN_FRONTEND", "noninteractive").run()
}

fn is_root() -> bool {
    Tool::new("id").args(["-u"]).read().is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_on_debian_needs_nobody() {
        assert_eq!(remedy("chromium", true, true), None);
    }

    #[test]
    fn others_on_debian_are_told_the_command() {
        let remedy = remedy("chromium", true, false).unwrap();
        assert!(remedy.ends_with("`sudo apt-get update && sudo apt-get install -y chromium`"));
    }

    #[test]
    fn other_systems_are_told_the_package() {
        assert!(remedy("chromium", false, true).unwrap().contains("package chromium"));
    }

    #[test]
    fn a_program_that_is_there_is_found_by_any_of_its_names() {
        let path = program(&["no-such-program-here", "sh"], "dash").unwrap();
        assert!(path.ends_with("sh"));
    }
}
