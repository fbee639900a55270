//! Where files come from and go to. The tools work in one folder of each kind and know plain names;
//! people give paths anywhere.
//!
//! When all inputs and the output are in one place, the tool works right there. Otherwise the
//! inputs are copied into a private folder of this very call, the tool works in that, and what it
//! made is written to its place through the same door as everything: under its name only when it is
//! whole. Two commands at once never share a name on the way.
//!
//! Media in an object storage are such a place as well: bare names are looked for there, and what
//! has no `-o` goes there.

use std::fs;
use std::path::{Path, PathBuf};

use media::store::{Kind, OnConflict, Target};
use media::tools::{ErrorKind, ToolError};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::envelope::Problem;
use super::session::Session;
use super::spot::{Spot, copy, safe};

/// Names of results that name the file that was written.
const NAMES: [&str; 3] = ["filename", "output_filename", "output_file"];

/// How and where somebody wants a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Output<'a> {
    /// A file, or a folder when it is one or ends in a slash. Without one the file goes beside the
    /// first input, else to where the media are, else to the current folder.
    pub(super) path: Option<&'a str>,
    /// What happens when its name is taken, if somebody said so.
    pub(super) on_conflict: Option<OnConflict>,
}

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
    /// What the tool is given.
    pub(super) spot: Spot,
    /// Its inputs, as names there.
    pub(super) inputs: Vec<String>,
    /// What it is to call its file, when that is asked for and it can be told.
    pub(super) name: Option<String>,
    /// What the tool is to do when its name is taken, when it writes to the file's own place.
    pub(super) on_conflict: Option<OnConflict>,
    /// Where the file goes afterwards, when that is elsewhere.
    delivery: Option<Wanted>,
    /// The private folder, removed in the end.
    _staging: Option<TempDir>,
}

/// Where somebody wants a file.
#[derive(Debug, Clone)]
struct Wanted {
    spot: Spot,
    name: Option<String>,
    on_conflict: Option<OnConflict>,
}

impl Wanted {
    /// The target of a file that its tool has called `own_name`. Only a name that somebody chose
    /// takes another file's place.
    fn target(&self, session: &Session, own_name: &str) -> Result<Target, Problem> {
        let (name, usual) = match &self.name {
            Some(name) => (name.as_str(), session.on_conflict()),
            None => (own_name, OnConflict::Rename),
        };
        Ok(Target::new(safe(name)?, self.on_conflict.unwrap_or(usual)))
    }

    /// Refuses a name that would be refused in the end, while nothing is paid yet: begins the file,
    /// and drops it.
    async fn check(&self, session: &Session, kind: Kind) -> Result<(), Problem> {
        let Some(name) = &self.name else { return Ok(()) };
        let target = self.target(session, name)?;
        let store = self.spot.open(session, kind).await?;
        store.create(target).await.map(drop).map_err(|error| ToolError::Store(error).into())
    }
}

/// An input that was found.
#[derive(Debug, Clone)]
struct Input {
    spot: Spot,
    name: String,
}

impl Place {
    /// Finds the inputs, makes room for the output, and makes sure that it can have its name.
    pub(super) async fn find(
        session: &Session,
        kind: Kind,
        inputs: &[String],
        output: Output<'_>,
        naming: Naming,
    ) -> Result<Self, Problem> {
        let inputs: Vec<Input> =
            inputs.iter().map(|it| input(session, kind, it)).collect::<Result<_, _>>()?;
        let wanted = wanted(session, kind, inputs.first(), output)?;
        wanted.check(session, kind).await?;
        let together = inputs.iter().all(|input| input.spot == wanted.spot);
        let name_is_lost = naming == Naming::Own && wanted.name.is_some();
        if together && !name_is_lost {
            let inputs = inputs.into_iter().map(|it| it.name).collect();
            let Wanted { spot, name, on_conflict } = wanted;
            let (delivery, _staging) = (None, None);
            return Ok(Self { kind, spot, inputs, name, on_conflict, delivery, _staging });
        }
        let names = staged_names(&inputs);
        let (of_job, of_disk) = (inputs.clone(), names.clone());
        let staged = tokio::task::spawn_blocking(move || stage(&of_job, &of_disk)).await;
        let staging = staged.map_err(|error| Problem::internal(error.to_string()))??;
        let spot = Spot::Folder(staging.path().to_path_buf());
        for (input, name) in inputs.iter().zip(&names).filter(|(it, _)| it.spot == Spot::Storage) {
            let (from, to) = (Spot::Storage.open(session, kind).await?, spot.open(session, kind));
            let target = Target::new(safe(name)?, OnConflict::Overwrite);
            copy(&from, &input.name, &to.await?, target).await?;
        }
        Ok(Self {
            kind,
            spot,
            inputs: names,
            name: wanted.name.clone().filter(|_| naming == Naming::Asked),
            on_conflict: None,
            delivery: Some(wanted),
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
        let (spot, name) = match &self.delivery {
            None => (&self.spot, made),
            Some(delivery) => (&delivery.spot, self.deliver(session, delivery, &made).await?),
        };
        for field in NAMES {
            if let Some(value) = result.get_mut(field) {
                *value = json!(name);
            }
        }
        result.insert("file".to_owned(), spot.described(session, self.kind, &name).await?);
        Ok(())
    }

    async fn deliver(
        &self,
        session: &Session,
        delivery: &Wanted,
        made: &str,
    ) -> Result<String, Problem> {
        let target = delivery.target(session, &base_name(Path::new(made))?)?;
        let staged = self.spot.open(session, self.kind).await?;
        let store = delivery.spot.open(session, self.kind).await?;
        Ok(copy(&staged, made, &store, target).await?.name.to_string())
    }
}

/// An input where it is. What exists from here is a path, and so is what has a slash, except in an
/// object storage; any other word is a name where the media are.
fn input(session: &Session, kind: Kind, text: &str) -> Result<Input, Problem> {
    let path = Path::new(text);
    let missing = || Problem::usage(format!("input file not found: {text}"));
    let path = match Spot::usual_or_problem(session, kind) {
        _ if path.exists() => path.to_path_buf(),
        Ok(Spot::Storage) if path.is_relative() => {
            return Ok(Input { spot: Spot::Storage, name: text.to_owned() });
        }
        Ok(Spot::Folder(folder)) if !text.contains('/') => folder.join(path),
        Err(problem) if !text.contains('/') => return Err(problem),
        _ => return Err(missing()),
    };
    let path = fs::canonicalize(path).map_err(|_| missing())?;
    match (path.is_file(), path.parent()) {
        (true, Some(folder)) => {
            Ok(Input { spot: Spot::Folder(folder.to_path_buf()), name: base_name(&path)? })
        }
        _ => Err(missing()),
    }
}

fn wanted(
    session: &Session,
    kind: Kind,
    first_input: Option<&Input>,
    output: Output<'_>,
) -> Result<Wanted, Problem> {
    let on_conflict = output.on_conflict;
    let Some(output) = output.path else {
        let beside = first_input.map(|input| input.spot.clone());
        let spot = match beside.or_else(|| Spot::usual(session, kind)) {
            Some(Spot::Folder(folder)) => Spot::Folder(usable(&folder)?),
            Some(Spot::Storage) => Spot::Storage,
            None => {
                let here = std::env::current_dir().map_err(|error| unusable(".", &error))?;
                session.view.note(&format!("no media folder; writing to {}", here.display()));
                Spot::Folder(usable(&here)?)
            }
        };
        return Ok(Wanted { spot, name: None, on_conflict });
    };
    if is_folder(output) {
        let spot = Spot::Folder(usable(Path::new(output))?);
        return Ok(Wanted { spot, name: None, on_conflict });
    }
    let path = Path::new(output);
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let spot = Spot::Folder(usable(folder)?);
    Ok(Wanted { spot, name: Some(base_name(path)?), on_conflict })
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

fn base_name(path: &Path) -> Result<String, Problem> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| Problem::usage(format!("{} is no file name", path.display())))
}

/// The names of inputs in a private folder. Inputs of one name from several places get folders of
/// their own in it.
fn staged_names(inputs: &[Input]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (index, Input { name, .. }) in inputs.iter().enumerate() {
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        names.push(if names.contains(&name) { format!("{index}/{name}") } else { name });
    }
    names
}

/// Makes a private folder with room for all inputs, and copies those into it that are on a disk.
fn stage(inputs: &[Input], names: &[String]) -> Result<TempDir, Problem> {
    let staged = || -> std::io::Result<TempDir> {
        let staging = tempfile::Builder::new().prefix("weir-media-").tempdir()?;
        for (input, name) in inputs.iter().zip(names) {
            let target = staging.path().join(name);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            if let Spot::Folder(folder) = &input.spot {
                fs::copy(folder.join(&input.name), target)?;
            }
        }
        Ok(staging)
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
        let inputs: Vec<Input> = paths
            .iter()
            .map(|path| Input {
                spot: Spot::Folder(path.parent().unwrap().to_path_buf()),
                name: base_name(path).unwrap(),
            })
            .collect();
        let names = staged_names(&inputs);
        let first = stage(&inputs, &names).unwrap();
        let second = stage(&inputs, &names).unwrap();
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
