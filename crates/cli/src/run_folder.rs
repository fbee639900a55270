//! The folder that a run writes: found writable before the run, filled whole after it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use report::subject::Subject;
use results::{Load, Run};

/// Name of the data file in the folder.
pub(crate) const RUN_FILE: &str = "run.json";

/// A folder that exists and can be written.
///
/// A folder that was created here and stays empty, because no run came about, is removed again.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
    created: Vec<PathBuf>,
}

impl RunFolder {
    /// Creates the folder where it is missing and proves that files can be written into it.
    ///
    /// # Errors
    /// When the path is a file, cannot be created, or is not writable.
    pub(crate) fn prepare(path: PathBuf) -> Result<Self> {
        if path.exists() && !path.is_dir() {
            bail!("{} is a file; give --out a folder", path.display());
        }
        let created: Vec<PathBuf> = path
            .ancestors()
            .filter(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists())
            .map(Path::to_path_buf)
            .collect();
        fs::create_dir_all(&path)
            .with_context(|| format!("failed to create the folder {}", path.display()))?;
        let probe = path.join(".weir-probe");
        fs::write(&probe, b"")
            .and_then(|()| fs::remove_file(&probe))
            .with_context(|| format!("the folder {} is not writable", path.display()))?;
        Ok(Self { path, created })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the run and every report of it. Each file appears whole or not at all.
    ///
    /// # Errors
    /// When a file cannot be written; `run.json` is the first, so that nothing measured is lost.
    pub(crate) fn write<K: Load>(&self, run: &Run<K>) -> Result<()>
    where
        Run<K>: Subject,
    {
        self.write_file(RUN_FILE, &run.to_json())?;
        for (name, text) in report::files(run) {
            self.write_file(&name, &text)?;
        }
        Ok(())
    }

    fn write_file(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        write_whole(&path, text).with_context(|| format!("failed to write {}", path.display()))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        for folder in &self.created {
            // Only empty folders can be removed this way, which is what is meant.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}

/// Writes a file beside its final name, then renames it: a reader never sees half of it.
///
/// # Errors
/// As the operating system says; the old file is then untouched.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".partial");
    let temporary = PathBuf::from(temporary);
    let result = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// `weir-runs/<time>-<name>`, with the time of now in UTC; a number is added to a name that exists.
pub(crate) fn default_path(name: &str) -> PathBuf {
    let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let base = Path::new("weir-runs").join(format!("{time}-{name}"));
    if !base.exists() {
        return base;
    }
    (2u32..)
        .map(|number| PathBuf::from(format!("{}-{number}", base.display())))
        .find(|path| !path.exists())
        .unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_folder_s_place_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        fs::write(&path, "precious").unwrap();
        let error = RunFolder::prepare(path.clone()).unwrap_err().to_string();
        assert!(error.contains("is a file"), "{error}");
        assert_eq!(fs::read_to_string(path).unwrap(), "precious");
    }

    #[test]
    fn folders_that_stay_empty_are_removed_again_and_others_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        drop(RunFolder::prepare(path.clone()).unwrap());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        let folder = RunFolder::prepare(path.clone()).unwrap();
        folder.write_file("run.json", "{}").unwrap();
        drop(folder);
        assert_eq!(fs::read_to_string(path.join("run.json")).unwrap(), "{}");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_partial_one() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("run.json");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("inside"), "precious").unwrap();
        assert!(write_whole(&taken, "new").is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(taken.join("inside")).unwrap(), "precious");
    }
}
