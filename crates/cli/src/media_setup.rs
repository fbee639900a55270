//! From the command line and the environment to the folders and providers of the media tools.
//!
//! The variables are those of sanzaru, so that an agent set up for it needs another command and
//! nothing else; ours come first.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use media::pool::CpuPool;
use media::provider::openai::{Base, OpenAi};
use media::server::Metrics;
use media::store::{Kind, OnConflict};
use media::tools::Media;
use media::transform::audio::Encoder;
use media::transform::image;
use media::upstream::Trust;
use media::{Admission, Downloads, Limits, Store, Upstream};

use crate::args::media::MediaArgs;

/// The folder of each kind, as far as there is one.
pub(crate) type Folders = [(Kind, Option<PathBuf>); 3];

/// What the environment says. Read once, at the start.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    media: Option<PathBuf>,
    /// Video, image, audio.
    folders: [Option<PathBuf>; 3],
    base_url: Option<String>,
    api_key: Option<String>,
    storage: Option<String>,
}

impl Environment {
    /// Reads it. An empty variable is none.
    pub(crate) fn read() -> Self {
        Self::from(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// Whether there is a key.
    pub(crate) fn has_key(&self) -> bool {
        self.api_key.is_some()
    }

    fn from(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        Self {
            media: path("WEIR_MEDIA_PATH").or_else(|| path("SANZARU_MEDIA_PATH")),
            folders: ["VIDEO_PATH", "IMAGE_PATH", "AUDIO_PATH"].map(path),
            base_url: text("OPENAI_BASE_URL"),
            api_key: text("OPENAI_API_KEY"),
            storage: text("STORAGE_BACKEND"),
        }
    }
}

/// Opens the folders and sets up the provider.
///
/// # Errors
/// When there is no folder, one cannot be used, or the provider's address is none.
pub(crate) async fn open(args: &MediaArgs, environment: Environment) -> anyhow::Result<Media> {
    let folders = folders(args, &environment)?;
    let mut media = without_folders(environment)?;
    for (kind, folder) in folders {
        let Some(folder) = folder else { continue };
        let store = Some(Store::open_folder(kind, &folder, &Limits::default()).await?);
        match kind {
            Kind::Video => media.video = store,
            Kind::Image => media.image = store,
            Kind::Audio => media.audio = store,
        }
    }
    Ok(media)
}

/// Sets up the provider, for tools that get their folders one call at a time.
///
/// # Errors
/// When the provider's address is none.
pub(crate) fn without_folders(environment: Environment) -> anyhow::Result<Media> {
    if let Some(backend) = environment.storage.as_deref().filter(|it| *it != "local") {
        bail!("STORAGE_BACKEND={backend} is not supported here: unset it to use local folders");
    }
    let limits = Limits::default();
    let trust = Trust::system().context("failed to load the system's certificates")?;
    let upstream = Upstream::new(&limits, &trust);
    let admission = Admission::new(&limits);
    let provider = provider(&upstream, environment)?.map(Arc::new);
    Ok(Media {
        video: None,
        image: None,
        audio: None,
        video_provider: provider.clone().map(|it| it as Arc<_>),
        image_provider: provider.clone().map(|it| it as Arc<_>),
        audio_provider: provider.map(|it| it as Arc<_>),
        downloads: Downloads::new(upstream, admission.clone(), &limits),
        admission,
        pool: CpuPool::of_cores(),
        encoder: Encoder::new("ffmpeg"),
        image_limits: image::Limits::DEFAULT,
        on_conflict: OnConflict::default(),
        metrics: Arc::new(Metrics::default()),
    })
}

/// The folder of each kind: `--media`, else its own variable, else a folder beneath the media path.
/// Folders beneath a media path are made; a folder that is named itself must be there.
fn folders(args: &MediaArgs, environment: &Environment) -> anyhow::Result<Folders> {
    let found = named_folders(args, environment)?;
    if found.iter().all(|(_, folder)| folder.is_none()) {
        return Err(anyhow!(
            "there is no media folder: name one by --media DIR, WEIR_MEDIA_PATH, or VIDEO_PATH, \
             IMAGE_PATH and AUDIO_PATH"
        ));
    }
    Ok(found)
}

/// The same, where there may be none.
///
/// # Errors
/// When a folder beneath the media path cannot be made.
pub(crate) fn named_folders(
    args: &MediaArgs,
    environment: &Environment,
) -> anyhow::Result<Folders> {
    let mut found = Kind::ALL.map(|kind| (kind, None));
    for ((kind, folder), named) in found.iter_mut().zip(&environment.folders) {
        *folder = match (&args.media, named, &environment.media) {
            (Some(media), _, _) | (None, None, Some(media)) => Some(beneath(media, *kind)?),
            (None, Some(named), _) => Some(named.clone()),
            (None, None, None) => None,
        };
    }
    Ok(found)
}

fn beneath(media: &Path, kind: Kind) -> anyhow::Result<PathBuf> {
    let name = match kind {
        Kind::Video => "videos",
        Kind::Image => "images",
        Kind::Audio => "audio",
    };
    let folder = media.join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    Ok(folder)
}

/// The provider, when a key or an address says that there is one.
fn provider(upstream: &Upstream, environment: Environment) -> anyhow::Result<Option<OpenAi>> {
    if environment.base_url.is_none() && environment.api_key.is_none() {
        return Ok(None);
    }
    let base = environment.base_url.as_deref().unwrap_or(Base::OPENAI);
    let base = Base::parse(base).context("OPENAI_BASE_URL")?;
    Ok(Some(OpenAi::new(upstream.clone(), base, environment.api_key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &'static [(&str, &str)]) -> Environment {
        Environment::from(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    fn check(
        media: Option<&Path>,
        pairs: &'static [(&str, &str)],
        expected: [Option<&str>; 3],
        root: &Path,
    ) {
        let args = MediaArgs { media: media.map(Path::to_path_buf) };
        let found = folders(&args, &environment(pairs)).unwrap().map(|(_, folder)| folder);
        let expected = expected.map(|it| it.map(|it| root.join(it)));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_kinds_own_variable_wins_over_the_common_one_and_the_option_over_both() {
        let root = tempfile::tempdir().unwrap();
        let own = [("VIDEO_PATH", "/v"), ("AUDIO_PATH", "/a")];
        let own: &'static [(&str, &str)] = Box::leak(Box::new(own));
        check(None, own, [Some("/v"), None, Some("/a")], Path::new("/"));
        let all = [Some("videos"), Some("images"), Some("audio")];
        check(Some(root.path()), own, all, root.path());
        assert!(root.path().join("images").is_dir());
    }

    #[test]
    fn the_reference_servers_variable_is_understood_and_ours_comes_first() {
        let both = environment(&[("SANZARU_MEDIA_PATH", "/s"), ("WEIR_MEDIA_PATH", "/w")]);
        assert_eq!(both.media.as_deref(), Some(Path::new("/w")));
        let theirs = environment(&[("SANZARU_MEDIA_PATH", "/s")]);
        assert_eq!(theirs.media.as_deref(), Some(Path::new("/s")));
    }

    #[test]
    fn without_any_folder_the_way_out_is_named() {
        let error = folders(&MediaArgs::default(), &environment(&[])).unwrap_err().to_string();
        assert!(error.contains("--media DIR"), "{error}");
    }
}
