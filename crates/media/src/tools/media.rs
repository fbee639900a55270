//! What all tools work with: folders, providers, bounds.

use std::sync::Arc;

use super::ToolError;
use crate::admission::Admission;
use crate::download::Downloads;
use crate::pool::CpuPool;
use crate::provider::{AudioProvider, ImageProvider, VideoProvider};
use crate::server::Metrics;
use crate::store::{Kind, OnConflict, Store};
use crate::transform::audio::Encoder;
use crate::transform::image;

/// The parts of a server that a tool may need.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    /// The video folder.
    pub video: bool,
    /// The image folder.
    pub image: bool,
    /// The audio folder.
    pub audio: bool,
    /// Any folder.
    pub any: bool,
}

impl Parts {
    /// Whether everything that `needed` names is here.
    #[must_use]
    pub fn contain(self, needed: Self) -> bool {
        (self.video || !needed.video)
            && (self.image || !needed.image)
            && (self.audio || !needed.audio)
            && (self.any || !needed.any)
    }
}

/// What all tools work with. A folder that is missing takes its tools off the list; a provider
/// that is missing is told when it is needed, with the way out.
#[derive(Clone)]
pub struct Media {
    /// The video folder.
    pub video: Option<Store>,
    /// The image folder.
    pub image: Option<Store>,
    /// The audio folder.
    pub audio: Option<Store>,
    /// Makes videos.
    pub video_provider: Option<Arc<dyn VideoProvider>>,
    /// Makes pictures.
    pub image_provider: Option<Arc<dyn ImageProvider>>,
    /// Speaks and listens.
    pub audio_provider: Option<Arc<dyn AudioProvider>>,
    /// Fetches files.
    pub downloads: Downloads,
    /// Who may begin.
    pub admission: Admission,
    /// Where heavy work runs.
    pub pool: CpuPool,
    /// Encodes MP3.
    pub encoder: Encoder,
    /// Bounds of pictures that are decoded.
    pub image_limits: image::Limits,
    /// What happens when a name is taken and the caller does not say.
    pub on_conflict: OnConflict,
    /// Windows of one long recording that are listened to at once.
    pub windows: usize,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Media {
    /// The parts that are set up.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let (video, image, audio) =
            (self.video.is_some(), self.image.is_some(), self.audio.is_some());
        Parts { video, image, audio, any: video || image || audio }
    }

    /// Where the folder of this kind is put.
    pub fn place(&mut self, kind: Kind) -> &mut Option<Store> {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Image => &mut self.image,
            Kind::Audio => &mut self.audio,
        }
    }

    /// The folder of this kind.
    ///
    /// # Errors
    /// When there is none.
    pub fn store(&self, kind: Kind) -> Result<&Store, ToolError> {
        let (store, variable) = match kind {
            Kind::Video => (&self.video, "VIDEO_PATH"),
            Kind::Image => (&self.image, "IMAGE_PATH"),
            Kind::Audio => (&self.audio, "AUDIO_PATH"),
        };
        store.as_ref().ok_or_else(|| {
            let kind = kind.as_str();
            ToolError::Config(format!(
                "there is no {kind} folder: set WEIR_MEDIA_PATH or {variable}"
            ))
        })
    }

    pub(super) fn video_provider(&self) -> Result<&dyn VideoProvider, ToolError> {
        self.video_provider.as_deref().ok_or_else(|| no_provider("videos"))
    }

    pub(super) fn image_provider(&self) -> Result<&dyn ImageProvider, ToolError> {
        self.image_provider.as_deref().ok_or_else(|| no_provider("pictures"))
    }

    pub(super) fn audio_provider(&self) -> Result<&dyn AudioProvider, ToolError> {
        self.audio_provider.as_deref().ok_or_else(|| no_provider("sound"))
    }
}

fn no_provider(what: &str) -> ToolError {
    ToolError::Config(format!(
        "nobody is set up who makes {what}: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server \
         that needs no key"
    ))
}
