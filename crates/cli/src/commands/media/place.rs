//! Where files come from and go to. The tools work in one folder of each kind and know plain names;
//! people give paths anywhere.
//!
//! When all inputs and the output are in one folder, the tool works right there. Otherwise the
//! inputs are copied into a private folder of this very call, the tool works in that, and what it
//! made is written to its place through the same door as everything: under its name only when it is
//! whole. Two commands at once never share a name on the way.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use media::store::{Kind, OnConflict, SafeName, StoreError, Target};
use media::tools::{ErrorKind, ToolError};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::envelope::Problem;
use super::session::Session;

/// Names of results that name the file that was written.
const NAMES: [&str; 3] = ["filename", "output_filename", "output_file"];

/// Whether the tool can be told the name of what it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// It takes a name.
    Asked,
    /// It makes the name up.
    Own,
}

/// Where one call works.
#[derive(Debug)]
pub(super) struct Place {
    kind: Kind,
    /// The folder that the tool is given.
    pub(super) folder: PathBuf,
    /// Its inputs, as names in that folder.
    pub(super) inputs: Vec<String>,
    /// What it is to call its file, when that is asked for and it can be told.
    pub(super) name: Option<String>,
    /// Where the file goes afterwards, when that is elsewhere.
    delivery: Option<Delivery>,
    /// The private folder, removed in the end.
    _staging: Option<TempDir>,
}

#[derive(Debug)]
struct Delivery {
    folder: PathBuf,
    name: Option<String>,
}

/// Where somebody wants a file.
#[derive(Debug, Clone)]
struct Wanted {
    folder: PathBuf,
    name: Option<String>,
}

impl Place {
    /// Finds the inputs, and makes room for the output. `output` is a file, or a folder when it is
    /// one or ends in a slash; without one, the output goes beside the first input, else to the
    /// media folder, else to the current folder.
    pub(super) async fn find(
        session: &Session,
        kind: Kind,
        inputs: &[String],
        output: Option<&str>,
        naming: Naming,
    ) -> Result<Self, Problem> {
        let inputs: Vec<PathBuf> =
            inputs.iter().map(|it| input(session, kind, it)).collect::<Result<_, _>>()?;
        let wanted = wanted(session, kind, inputs.first(), output)?;
        let folders: BTreeSet<&Path> = inputs.iter().filter_map(|it| it.parent()).collect();
        let together = folders.iter().all(|&folder| folder == wanted.folder);
        let name_is_lost = naming == Naming::Own && wanted.name.is_some();
        if together && !name_is_lost {
            let inputs = inputs.iter().map(|it| base_name(it)).collect::<Result<_, _>>()?;
            let (folder, name) = (wanted.folder, wanted.name);
            return Ok(Self { kind, folder, inputs, name, delivery: None, _staging: None });
        }
        let job = move || stage(&inputs);
        let staged = tokio::task::spawn_blocking(job).await;
        let (staging, inputs) = staged.map_err(|error| Problem::internal(error.to_string()))??;
        Ok(Self {
            kind,
            folder: staging.path().to_path_buf(),
            inputs,
            name: wanted.name.clone().filter(|_| naming == Naming::Asked),
            delivery: Some(Delivery { folder: wanted.folder, name: wanted.name }),
            _staging: Some(staging),
        })
    }

    /// Brings what the tool made to its place, and completes its result: names are those of the
    /// file that is there, and `file` has its path and length.
    pub(super) async fn finish(
        &self,
        session: &Session,
        result: &mut Map<String, Value>,
    ) -> Result<(), Problem> {
        let made = NAMES.iter().find_map(|name| result.get(*name)?.as_str());
        let made = made.ok_or_else(|| Problem::internal("the tool names no file"))?.to_owned();
        let path = match &self.delivery {
            None => self.folder.join(&made),
            Some(delivery) => self.deliver(session, delivery, &made).await?,
        };
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        for field in NAMES {
            if let (Some(value), Some(name)) = (result.get_mut(field), &name) {
                *value = json!(name);
            }
        }
        result.insert("file".to_owned(), described(&path));
        Ok(())
    }

    async fn deliver(
        &self,
        session: &Session,
        delivery: &Delivery,
        made: &str,
    ) -> Result<PathBuf, Problem> {
        let own_name = base_name(Path::new(made))?;
        let name = delivery.name.as_deref().unwrap_or(&own_name);
        let staged = session.store(self.kind, &self.folder).await?;
        let store = session.store(self.kind, &delivery.folder).await?;
        let mut reader =
            staged.reader(&safe(made)?, 0, u64::MAX).await.map_err(ToolError::Store)?;
        let target = Target::new(safe(name)?, OnConflict::Overwrite);
        let mut writer = store.create(target).await.map_err(ToolError::Store)?;
        while let Some(piece) = reader.next().await.map_err(ToolError::Store)? {
            writer.write(&piece).await.map_err(ToolError::Store)?;
        }
        let written = writer.finish().await.map_err(ToolError::Store)?;
        Ok(delivery.folder.join(written.name.as_str()))
    }
}

/// `file` of a result.
pub(super) fn described(path: &Path) -> Value {
    let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    match fs::metadata(&absolute) {
        Ok(metadata) => json!({ "path": absolute, "bytes": metadata.len() }),
        Err(_) => json!({ "path": absolute }),
    }
}

/// An input as it lies on the disk. What has a slash, or exists from here, is a path; any other word
/// is a name in the media folder.
fn input(session: &Session, kind: Kind, text: &str) -> Result<PathBuf, Problem> {
    let path = Path::new(text);
    let missing = || Problem::usage(format!("input file not found: {text}"));
    let path = if text.contains('/') || path.exists() {
        path.to_path_buf()
    } else {
        session.folder_or_problem(kind)?.join(path)
    };
    let path = fs::canonicalize(path).map_err(|_| missing())?;
    if path.is_file() { Ok(path) } else { Err(missing()) }
}

fn wanted(
    session: &Session,
    kind: Kind,
    first_input: Option<&PathBuf>,
    output: Option<&str>,
) -> Result<Wanted, Problem> {
    let Some(output) = output else {
        let beside = first_input.and_then(|path| path.parent()).map(Path::to_path_buf);
        let folder = match beside.or_else(|| session.folder(kind).map(Path::to_path_buf)) {
            Some(folder) => folder,
            None => {
                let here = std::env::current_dir().map_err(|error| unusable(".", &error))?;
                let why = match session.plan.in_object_storage() {
                    true => "the media folder is in an object storage",
                    false => "no media folder",
                };
                session.view.note(&format!("{why}; writing to {}", here.display()));
                here
            }
        };
        return Ok(Wanted { folder: usable(&folder)?, name: None });
    };
    if is_folder(output) {
        return Ok(Wanted { folder: usable(Path::new(output))?, name: None });
    }
    let path = Path::new(output);
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(Wanted { folder: usable(folder)?, name: Some(base_name(path)?) })
}

/// Whether an output is a folder: it is one, or is written as one.
pub(super) fn is_folder(output: &str) -> bool {
    output.ends_with('/') || Path::new(output).is_dir()
}

/// Several results need a folder.
pub(super) fn folder_for_many(output: Option<&str>, results: usize) -> Result<(), Problem> {
    match output {
        Some(output) if results > 1 && !is_folder(output) => Err(Problem::usage(format!(
            "-o must be a folder for {results} files: end {output} with a slash"
        ))),
        _ => Ok(()),
    }
}

fn usable(folder: &Path) -> Result<PathBuf, Problem> {
    fs::create_dir_all(folder)
        .and_then(|()| fs::canonicalize(folder))
        .map_err(|error| unusable(&folder.display().to_string(), &error))
}

fn unusable(folder: &str, error: &std::io::Error) -> Problem {
    Problem::new(ErrorKind::Config, format!("the folder {folder} cannot be used: {error}"))
}

fn safe(name: &str) -> Result<SafeName, Problem> {
    Ok(SafeName::parse(name).map_err(StoreError::from).map_err(ToolError::Store)?)
}

fn base_name(path: &Path) -> Result<String, Problem> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| Problem::usage(format!("{} is no file name", path.display())))
}

/// Copies the inputs into a private folder. Inputs of one name from several folders get folders of
/// their own in it.
fn stage(inputs: &[PathBuf]) -> Result<(TempDir, Vec<String>), Problem> {
    let staged = || -> std::io::Result<(TempDir, Vec<String>)> {
        let staging = tempfile::Builder::new().prefix("weir-media-").tempdir()?;
        let mut names = Vec::new();
        for (index, path) in inputs.iter().enumerate() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = if names.contains(&name) { format!("{index}/{name}") } else { name };
            let target = staging.path().join(&name);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::copy(path, target)?;
            names.push(name);
        }
        Ok((staging, names))
    };
    staged().map_err(|error| Problem::internal(format!("the inputs cannot be copied: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_of_one_name_are_staged_apart_and_two_calls_never_share_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = ["a", "b"].map(|it| root.path().join(it).join("x.png")).into();
        for path in &paths {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, path.to_string_lossy().as_bytes()).unwrap();
        }
        let (first, names) = stage(&paths).unwrap();
        let (second, _) = stage(&paths).unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(names, ["x.png", "1/x.png"]);
        for (name, path) in names.iter().zip(&paths) {
            let copied = fs::read_to_string(first.path().join(name)).unwrap();
            assert_eq!(copied, path.to_string_lossy());
        }
        let private = first.path().to_path_buf();
        drop(first);
        assert!(!private.exists());
    }

    #[test]
    fn an_output_is_a_folder_when_it_is_one_or_written_as_one() {
        let root = tempfile::tempdir().unwrap();
        assert!(is_folder("new/"));
        assert!(is_folder(root.path().to_str().unwrap()));
        assert!(!is_folder("clip.mp4"));
        assert!(folder_for_many(Some("clip.mp4"), 1).is_ok());
        assert_eq!(folder_for_many(Some("clip.mp4"), 2).unwrap_err().code(), 2);
    }
}
