//! What must hold in this repository and no compiler checks.
//!
//! Each check returns its complaints as sentences: all of them are shown, not only the first.

mod dependencies;
mod files;
mod licences;
mod manifests;
mod map;
mod rooms;

use anyhow::{Context, Result, bail};

use crate::{cargo, repository, say};

/// Runs all checks and shows every complaint.
///
/// # Errors
/// When something does not hold, or the repository cannot be read.
pub(crate) fn run() -> Result<()> {
    let complaints = check()?;
    complaints.iter().for_each(|complaint| say::note(&format!("tidy: {complaint}")));
    match complaints.len() {
        0 => Ok(()),
        1 => bail!("1 thing is not tidy"),
        many => bail!("{many} things are not tidy"),
    }
}

fn check() -> Result<Vec<String>> {
    let metadata = cargo::metadata()?;
    let workspace = manifests::Workspace::read(&metadata).context("unexpected metadata")?;
    let mut complaints = dependencies::check(&workspace, rooms::ROOMS);
    complaints.extend(map::check(&repository::read("ARCHITECTURE.md")?, rooms::ROOMS));
    complaints.extend(manifests::check(&workspace));
    complaints.extend(licences::check(&workspace)?);
    complaints.extend(files::check(&repository::files()?)?);
    Ok(complaints)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_repository_is_tidy() {
        let complaints = super::check().unwrap();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }
}
