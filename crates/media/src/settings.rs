//! What we made of a [`Config`](crate::Config): checked as a whole, with every default in place.

mod check;

use std::path::{Path, PathBuf};

use runtime::config_file::{ConfigError, Source, Variable, nearest};
use runtime::secret::Secret;

use crate::Limits;
use crate::config::File;
use crate::provider::openai::Base;
use crate::store::{Kind, OnConflict, S3Settings};
use crate::upstream::Trust;

/// What a configuration may ask of its surroundings. Beside this, only the files and folders that
/// it names are looked at.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// An environment variable; `None` where it is not set.
    pub variable: Variable<'a>,
    /// Where relative paths begin: the configuration file's folder.
    pub folder: &'a Path,
    /// The system's folder for temporary files.
    pub temporary: &'a Path,
}

/// A whole valid configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where media are, if the file says so.
    pub places: Option<Places>,
    /// Who makes them, if the file says so.
    pub provider: Option<ProviderSettings>,
    /// Who may ask over HTTP.
    pub guard: GuardSettings,
    /// What happens when a name is taken and the caller does not say.
    pub on_conflict: OnConflict,
    /// The program that encodes MP3, if the file names one.
    pub ffmpeg: Option<PathBuf>,
    /// The certificates that are trusted instead of the system's.
    pub trust: Option<Trust>,
    /// The bounds.
    pub limits: Limits,
}

/// Where media are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Places {
    /// A folder for some kinds, in the order of [`Kind::ALL`].
    Folders([Option<Folder>; 3]),
    /// An object storage, with a prefix [for each kind](Kind::folder).
    S3(Box<S3Settings>),
}

/// A folder on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is made when it is missing.
    pub make: bool,
}

/// Who makes media, over the OpenAI-compatible wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Where it is.
    pub base: Base,
    /// Its key, where it wants one.
    pub key: Option<Secret>,
}

/// Who may ask over HTTP. What is empty has the usual rule of [`Guard`](crate::server::guard::Guard).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardSettings {
    /// Hosts that are answered for.
    pub hosts: Vec<String>,
    /// Pages that may ask.
    pub origins: Vec<String>,
    /// The key that clients must show.
    pub key: Option<Secret>,
}

impl Settings {
    /// Reads a configuration file's text. `file` is its name for errors. `None` when the file has no
    /// `[media]` table; its other tables are not looked at.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place. Nothing is opened, made or started.
    pub fn parse(
        file: &str,
        text: &str,
        surroundings: Surroundings<'_>,
    ) -> Result<Option<Self>, Box<ConfigError>> {
        let source = Source { file, text };
        let File { media, .. } = source.parse()?;
        media.map(|config| check::check(config, source, surroundings)).transpose()
    }

    /// As [`Settings::parse`], where a file without a `[media]` table is refused.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse_own(
        file: &str,
        text: &str,
        surroundings: Surroundings<'_>,
    ) -> Result<Self, Box<ConfigError>> {
        let source = Source { file, text };
        let File { media, others } = source.parse()?;
        if let Some(config) = media {
            return check::check(config, source, surroundings);
        }
        let remedy = match nearest("media", others.keys().map(String::as_str)) {
            Some(other) => format!("did you mean it by `{other}`?"),
            None => "add one: everything in it has a default".to_owned(),
        };
        Err(source.error(None, "", "there is no [media] table", remedy))
    }
}

impl Folder {
    /// The folder of a kind beneath a media folder, made when missing.
    #[must_use]
    pub fn beneath(media: &Path, kind: Kind) -> Self {
        Self { path: media.join(kind.folder()), make: true }
    }
}

impl Places {
    /// A folder [for each kind](Kind::folder) beneath this one, made when missing.
    #[must_use]
    pub fn beneath(media: &Path) -> Self {
        Self::Folders(Kind::ALL.map(|kind| Some(Folder::beneath(media, kind))))
    }

    /// The folder of a kind, on this machine.
    #[must_use]
    pub fn folder(&self, kind: Kind) -> Option<&Folder> {
        let Self::Folders(folders) = self else { return None };
        Kind::ALL.iter().zip(folders).find(|(known, _)| **known == kind)?.1.as_ref()
    }

    /// Where the files of a kind are in an object storage.
    #[must_use]
    pub fn s3(&self, kind: Kind) -> Option<S3Settings> {
        let Self::S3(settings) = self else { return None };
        let prefix = match settings.prefix.as_str() {
            "" => kind.folder().to_owned(),
            prefix => format!("{prefix}/{}", kind.folder()),
        };
        Some(S3Settings { prefix, ..S3Settings::clone(settings) })
    }
}

#[cfg(test)]
mod tests;
