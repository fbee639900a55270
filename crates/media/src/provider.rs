//! Who makes the media: one trait for each kind of it, and the OpenAI-compatible implementation.
//!
//! A tool knows a provider only by its trait, so that another provider is another file here and no
//! change to a tool.

mod audio;
mod error;
mod image;
pub mod openai;
mod video;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Uri};

use crate::container::Container;

pub use audio::{AudioProvider, Conversation, NewSpeech, SpeechFormat, Transcript, Transcription};
pub use error::ProviderError;
pub use image::{ImageEdit, ImageJob, ImageProvider, ImageRequest, ImageStart, MadeImage};
pub use video::{
    DeletedVideo, JobError, JobStatus, NewVideo, Order, Variant, Video, VideoPage, VideoProvider,
    VideoQuery,
};

/// The answer of a provider, later. Dropping it stops the call.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, ProviderError>>;

/// Where a file is that is fetched by ranges.
#[derive(Debug, Clone)]
pub struct Source {
    /// The address.
    pub uri: Uri,
    /// What a request for it must show: the key, above all.
    pub headers: HeaderMap,
    /// What the file is, where the wire says so: a file that does not end as such files do is then
    /// never published.
    pub container: Option<Container>,
}

/// A file that goes to a provider, whole in memory: what may be sent is bounded by
/// [`openai::MAX_UPLOAD`].
#[derive(Debug, Clone)]
pub struct Upload {
    /// The name that the provider is told; no path.
    pub filename: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
}
