//! From the command line, a file and the environment to the folders and providers of the media
//! tools.
//!
//! What an option says goes before the file, and the file before the environment, one thing at a
//! time: a provider that the file names is never sent the environment's key. The variables are
//! those of sanzaru, so that an agent set up for it needs another command and nothing else; ours
//! come first.

mod environment;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow};
use media::pool::CpuPool;
use media::provider::openai::OpenAi;
use media::server::Metrics;
use media::settings::{GuardSettings, Places, ProviderSettings, Surroundings};
use media::store::{Kind, OnConflict};
use media::tools::Media;
use media::transform::audio::Encoder;
use media::transform::image;
use media::upstream::Trust;
use media::{Admission, Downloads, Limits, Settings, Store, Upstream};
use runtime::config_file::ConfigError;

use environment::Environment;

/// The program that encodes MP3 unless told otherwise.
const FFMPEG: &str = "ffmpeg";

/// What the media tools are set up with. Nothing is opened or made yet.
#[derive(Debug)]
pub(crate) struct Plan {
    places: Option<Places>,
    provider: Option<ProviderSettings>,
    guard: GuardSettings,
    on_conflict: OnConflict,
    ffmpeg: PathBuf,
    limits: Limits,
    upstream: Upstream,
}

impl Plan {
    /// What `--media` and `--config` say, and the environment.
    ///
    /// # Errors
    /// When the file cannot be read or is refused, or the environment makes no sense.
    pub(crate) fn read(media: Option<&Path>, config: Option<&Path>) -> anyhow::Result<Self> {
        let settings = config.map(|file| from_file(file, Settings::parse_own)).transpose()?;
        Self::of(media, settings)
    }

    /// What `--media` and a file's settings say, and the environment.
    ///
    /// # Errors
    /// When the environment makes no sense.
    pub(crate) fn of(media: Option<&Path>, settings: Option<Settings>) -> anyhow::Result<Self> {
        Self::new(media, settings, Environment::read())
    }

    fn new(
        media: Option<&Path>,
        settings: Option<Settings>,
        environment: Environment,
    ) -> anyhow::Result<Self> {
        let (places, provider, trust) = match &settings {
            Some(it) => (it.places.clone(), it.provider.clone(), it.trust.clone()),
            None => (None, None, None),
        };
        let places = match media.map(Places::beneath).or(places) {
            None => environment.places()?,
            places => places,
        };
        let provider = match provider {
            None => environment.provider()?,
            provider => provider,
        };
        let trust = match trust {
            None => Trust::system().context("failed to load the system's certificates")?,
            Some(trust) => trust,
        };
        let limits = settings.as_ref().map(|it| it.limits.clone()).unwrap_or_default();
        let upstream = Upstream::new(&limits, &trust);
        let ffmpeg = settings.as_ref().and_then(|it| it.ffmpeg.clone());
        Ok(Self {
            places,
            provider,
            guard: settings.as_ref().map(|it| it.guard.clone()).unwrap_or_default(),
            on_conflict: settings.map(|it| it.on_conflict).unwrap_or_default(),
            ffmpeg: ffmpeg.unwrap_or_else(|| PathBuf::from(FFMPEG)),
            limits,
            upstream,
        })
    }

    /// Who may ask over HTTP, as far as the file says.
    pub(crate) fn guard(&self) -> &GuardSettings {
        &self.guard
    }

    /// Whether there is a key for the provider.
    pub(crate) fn has_key(&self) -> bool {
        self.provider.as_ref().is_some_and(|provider| provider.key.is_some())
    }

    /// The bounds.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether there is a place for files of this kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.in_object_storage() || self.folder(kind).is_some()
    }

    /// The folder for files of this kind, when it is on this machine.
    pub(crate) fn folder(&self, kind: Kind) -> Option<&Path> {
        self.places.as_ref()?.folder(kind).map(|folder| folder.path.as_path())
    }

    /// Whether media are in an object storage.
    pub(crate) fn in_object_storage(&self) -> bool {
        matches!(self.places, Some(Places::S3(_)))
    }

    /// Makes the folders beneath a media folder. Folders that were named themselves must be there.
    ///
    /// # Errors
    /// When one cannot be made.
    pub(crate) fn make_folders(&self) -> anyhow::Result<()> {
        let Some(Places::Folders(folders)) = &self.places else { return Ok(()) };
        for folder in folders.iter().flatten().filter(|folder| folder.make) {
            fs::create_dir_all(&folder.path)
                .with_context(|| format!("failed to make the folder {}", folder.path.display()))?;
        }
        Ok(())
    }

    /// Fails when there is no place for any file.
    ///
    /// # Errors
    /// With the ways to name one.
    pub(crate) fn need_places(&self) -> anyhow::Result<()> {
        self.places.as_ref().map(|_| ()).ok_or_else(|| {
            anyhow!(
                "there is no media folder: name one by --media DIR, in the [media] table of a \
                 --config FILE, by WEIR_MEDIA_PATH, or by VIDEO_PATH, IMAGE_PATH and AUDIO_PATH"
            )
        })
    }

    /// Opens the place for files of this kind, if there is one.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(crate) async fn open_store(&self, kind: Kind) -> anyhow::Result<Option<Store>> {
        let Some(places) = &self.places else { return Ok(None) };
        if let Some(settings) = places.s3(kind) {
            return Ok(Some(Store::open_s3(kind, &settings, &self.upstream, &self.limits)?));
        }
        let Some(folder) = places.folder(kind) else { return Ok(None) };
        Ok(Some(Store::open_folder(kind, &folder.path, &self.limits).await?))
    }

    /// Makes and opens everything.
    ///
    /// # Errors
    /// When there is no place for files, or one cannot be used.
    pub(crate) async fn open(&self) -> anyhow::Result<Media> {
        self.need_places()?;
        self.make_folders()?;
        let mut media = self.without_places();
        for kind in Kind::ALL {
            *media.place(kind) = self.open_store(kind).await?;
        }
        Ok(media)
    }

    /// Sets up the provider, for tools that get their folders one call at a time.
    pub(crate) fn without_places(&self) -> Media {
        let admission = Admission::new(&self.limits);
        let pool = CpuPool::within(&self.limits);
        let provider = self.provider.clone().map(|ProviderSettings { base, key }| {
            Arc::new(OpenAi::new(self.upstream.clone(), base, key, pool.clone()))
        });
        Media {
            video: None,
            image: None,
            audio: None,
            video_provider: provider.clone().map(|it| it as Arc<_>),
            image_provider: provider.clone().map(|it| it as Arc<_>),
            audio_provider: provider.map(|it| it as Arc<_>),
            downloads: Downloads::new(self.upstream.clone(), admission.clone(), &self.limits),
            admission,
            pool,
            encoder: Encoder::new(&self.ffmpeg),
            image_limits: image::Limits::DEFAULT,
            on_conflict: self.on_conflict,
            metrics: Arc::new(Metrics::default()),
        }
    }
}

/// The `[media]` table of a file; `None` where there is none.
///
/// # Errors
/// When the file cannot be read or is refused.
pub(crate) fn table_of(file: &Path) -> anyhow::Result<Option<Settings>> {
    from_file(file, Settings::parse)
}

fn from_file<T>(
    file: &Path,
    parse: impl FnOnce(&str, &str, Surroundings<'_>) -> Result<T, Box<ConfigError>>,
) -> anyhow::Result<T> {
    let text =
        fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    #[expect(clippy::disallowed_methods, reason = "this is the cli crate")]
    let variable = |name: &str| std::env::var(name).ok();
    let surroundings = Surroundings {
        variable: &variable,
        folder: file.parent().unwrap_or(Path::new("")),
        temporary: &std::env::temp_dir(),
    };
    parse(&file.display().to_string(), &text, surroundings).map_err(|error| anyhow!("{error}"))
}

#[cfg(test)]
mod tests;
