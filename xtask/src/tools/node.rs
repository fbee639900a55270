//! Node and the npm packages of a test suite.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{once, system};
use crate::shell::Tool;
use crate::{repository, say};

/// Oldest Node that the official SDKs of our tests run on.
const OLDEST: u32 = 20;

/// Node, with the packages of `tests/SUITE/package.json` where the scripts of that suite find them.
///
/// # Errors
/// When Node or npm is missing or too old, or a package cannot be installed.
pub(crate) fn node_with(suite: &str) -> Result<PathBuf> {
    node_for(&Path::new("tests").join(suite), suite)
}

/// Node, with the packages of `package.json` in a folder where the scripts of that folder find them.
///
/// The packages lie in `.test-tools/node/NAME`; `node_modules` in the folder is a link to them,
/// because Node looks for packages beside the script that imports them.
///
/// # Errors
/// When Node or npm is missing or too old, or a package cannot be installed.
pub(crate) fn node_for(source: &Path, name: &str) -> Result<PathBuf> {
    let node = system::program(&["node", "nodejs"], "nodejs")?;
    check_version(&Tool::new(&node).args(["--version"]).read()?)?;
    let place = repository::test_tools().join("node").join(name);
    let mut inputs = vec![source.join("package.json")];
    let lock = source.join("package-lock.json");
    let locked = repository::root().join(&lock).exists();
    if locked {
        inputs.push(lock);
    }
    once(&place, &inputs, || {
        say::note(&format!(
            "installing npm packages of {} into .test-tools/node/{name}",
            source.display()
        ));
        let npm = system::program(&["npm"], "npm")?;
        fs::create_dir_all(&place)?;
        for file in &inputs {
            let name = file.file_name().context("every input is a file")?;
            fs::copy(repository::root().join(file), place.join(name))?;
        }
        let how: &[&str] = if locked { &["ci"] } else { &["install", "--no-package-lock"] };
        let quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
        Tool::new(npm).args(how).args(quiet).folder(&place).run()
    })?;
    link(&place.join("node_modules"), &repository::root().join(source).join("node_modules"))?;
    Ok(node)
}

/// Refuses a Node that is too old, by what `node --version` printed (`v20.20.2`).
fn check_version(version: &str) -> Result<()> {
    let version = version.trim();
    let major = version.trim_start_matches('v').split('.').next();
    let major: Option<u32> = major.and_then(|it| it.parse().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(()),
        _ => bail!("the tests need Node {OLDEST} or later, and `node` in PATH is {version}"),
    }
}

/// Makes `link` a symbolic link to `target`, unless it is one already.
fn link(target: &Path, link: &Path) -> Result<()> {
    match fs::read_link(link) {
        Ok(now) if now == target => return Ok(()),
        Ok(_) => fs::remove_file(link)?,
        Err(_) if link.exists() => {
            bail!("{} is in the way: it should be a link made here; remove it", link.display())
        }
        Err(_) => {}
    }
    symlink(target, link).with_context(|| format!("cannot link {}", link.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_refused_and_told() {
        check_version("v20.20.2\n").unwrap();
        check_version("v22.0.0\n").unwrap();
        let message = check_version("v18.20.4\n").unwrap_err().to_string();
        assert_eq!(message, "the tests need Node 20 or later, and `node` in PATH is v18.20.4");
    }

    #[test]
    fn a_link_is_made_mended_and_kept() {
        let place = tempfile::tempdir().unwrap();
        let (one, two) = (place.path().join("one"), place.path().join("two"));
        let name = place.path().join("node_modules");
        for target in [&one, &one, &two] {
            link(target, &name).unwrap();
            assert_eq!(fs::read_link(&name).unwrap(), **target);
        }
    }

    #[test]
    fn a_real_folder_in_the_links_place_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let name = place.path().join("node_modules");
        fs::create_dir(&name).unwrap();
        let message = link(place.path(), &name).unwrap_err().to_string();
        assert!(message.contains("is in the way"), "{message}");
    }
}
