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
use media::store::{Kind, OnConflict, S3Settings};
use media::tools::Media;
use media::transform::audio::Encoder;
use media::transform::image;
use media::upstream::Trust;
use media::{Admission, Downloads, Limits, Settings, Store, Threads, Upstream};
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
        let own = |file: &Path| parsed(file, &config_text(file)?, Settings::parse_own);
        Self::of(media, config.map(own).transpose()?)
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
        let mut limits = settings.as_ref().map(|it| it.limits.clone()).unwrap_or_default();
        if limits.windows.is_none() {
            limits.windows = environment.windows()?;
        }
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

    /// The same, with all transfers on these threads.
    #[must_use]
    pub(crate) fn on(self, threads: Threads) -> Self {
        Self { upstream: self.upstream.on(threads), ..self }
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

    /// Where a file is in the object storage; `None` when media are on this machine.
    pub(crate) fn url(&self, kind: Kind, name: &str) -> Option<String> {
        let S3Settings { bucket, prefix, .. } = self.places.as_ref()?.s3(kind)?;
        Some(format!("s3://{bucket}/{prefix}/{name}"))
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

    /// Whether it can take the place of the plan that media were opened by, while they are used.
    ///
    /// # Errors
    /// When it changes what only a start can.
    pub(crate) fn can_follow(&self, before: &Self) -> anyhow::Result<()> {
        if self.places != before.places {
            return Err(anyhow!(
                "the [media] table's folders or object storage change only with a restart"
            ));
        }
        let (new, old) = (&self.limits, &before.limits);
        for (name, new, old) in [
            ("cpu_jobs", new.cpu_jobs, old.cpu_jobs),
            ("waiting_cpu_jobs", new.waiting_cpu_jobs, old.waiting_cpu_jobs),
            ("file_operations", new.file_operations, old.file_operations),
        ] {
            if new != old {
                return Err(anyhow!("`media.limits.{name}` changes only with a restart"));
            }
        }
        Ok(())
    }

    /// Makes and opens everything.
    ///
    /// # Errors
    /// When there is no place for files, or one cannot be used.
    pub(crate) async fn open(&self) -> anyhow::Result<Media> {
        self.need_places()?;
        self.make_folders()?;
        self.with_places(self.without_places()).await
    }

    /// The same, with the gates, the CPU pool and the metrics of media that are in use.
    ///
    /// # Errors
    /// When a place for files cannot be used any longer.
    pub(crate) async fn open_beside(&self, used: &Media) -> anyhow::Result<Media> {
        let shared = Shared {
            admission: used.admission.clone(),
            pool: used.pool.clone(),
            metrics: Arc::clone(&used.metrics),
        };
        self.with_places(self.over(shared)).await
    }

    async fn with_places(&self, mut media: Media) -> anyhow::Result<Media> {
        for kind in Kind::ALL {
            *media.place(kind) = self.open_store(kind).await?;
        }
        Ok(media)
    }

    /// Sets up the provider, for tools that get their folders one call at a time.
    pub(crate) fn without_places(&self) -> Media {
        self.over(Shared {
            admission: Admission::new(&self.limits),
            pool: CpuPool::within(&self.limits),
            metrics: Arc::new(Metrics::default()),
        })
    }

    fn over(&self, Shared { admission, pool, metrics }: Shared) -> Media {
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
            windows: self.limits.windows.unwrap_or(Limits::USUAL_WINDOWS),
            metrics,
        }
    }
}

/// What all calls of a process share, whatever settings they began with.
struct Shared {
    admission: Admission,
    pool: CpuPool,
    metrics: Arc<Metrics>,
}

/// What a configuration file says, read once for all who look into it.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn config_text(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))
}

/// The `[media]` table of a file that says `text`; `None` where there is none.
///
/// # Errors
/// When it is refused.
pub(crate) fn table_in(file: &Path, text: &str) -> anyhow::Result<Option<Settings>> {
    parsed(file, text, Settings::parse)
}

fn parsed<T>(
    file: &Path,
    text: &str,
    parse: impl FnOnce(&str, &str, Surroundings<'_>) -> Result<T, Box<ConfigError>>,
) -> anyhow::Result<T> {
    #[expect(clippy::disallowed_methods, reason = "this is the cli crate")]
    let variable = |name: &str| std::env::var(name).ok();
    let surroundings = Surroundings {
        variable: &variable,
        folder: file.parent().unwrap_or(Path::new("")),
        temporary: &std::env::temp_dir(),
    };
    parse(&file.display().to_string(), text, surroundings).map_err(|error| anyhow!("{error}"))
}

#[cfg(test)]
mod tests;
