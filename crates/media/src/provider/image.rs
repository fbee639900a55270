//! Pictures: made at once, or as background jobs of a model that draws.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, JobStatus, Upload};

/// Makes pictures.
///
/// Every call is cancelled by dropping it.
pub trait ImageProvider: Send + Sync + 'static {
    /// Starts a background job whose answer holds a picture.
    fn start(&self, request: ImageStart) -> Answer<'_, ImageJob>;

    /// A job as it is now.
    fn status<'a>(&'a self, id: &'a str) -> Answer<'a, ImageJob>;

    /// The picture of a job, or `None` as long as it has none. Still in base64.
    fn picture<'a>(&'a self, id: &'a str) -> Answer<'a, (ImageJob, Option<String>)>;

    /// Makes a picture from words, at once.
    fn generate(&self, request: ImageRequest) -> Answer<'_, MadeImage>;

    /// Makes a picture from pictures and words, at once.
    fn edit(&self, request: ImageEdit) -> Answer<'_, MadeImage>;
}

/// A background job to be started.
#[derive(Debug, Clone, Default)]
pub struct ImageStart {
    /// What is asked for.
    pub prompt: String,
    /// The model that is asked.
    pub model: String,
    /// Settings of the drawing tool, laid over [`ImageStart`]'s own.
    pub tool: Map<String, Value>,
    /// An earlier job that this one goes on from.
    pub previous: Option<String>,
    /// Pictures that it looks at.
    pub inputs: Vec<Upload>,
    /// Where it may change the first of them.
    pub mask: Option<Upload>,
}

/// A background job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ImageJob {
    /// Its id, for the other image tools
    pub id: String,
    /// How far it is
    pub status: JobStatus,
    /// Unix time at which it was started
    pub created_at: f64,
}

/// A picture to be made from words. What is `None` is left to the provider.
#[derive(Debug, Clone, Default)]
pub struct ImageRequest {
    /// What it shows.
    pub prompt: String,
    /// The model that makes it.
    pub model: String,
    /// Its size, `WIDTHxHEIGHT` or `auto`.
    pub size: Option<String>,
    /// How carefully it is drawn.
    pub quality: Option<String>,
    /// Transparent, opaque or as the model likes.
    pub background: Option<String>,
    /// `png`, `jpeg` or `webp`.
    pub output_format: Option<String>,
    /// How strictly the prompt is judged.
    pub moderation: Option<String>,
}

/// A picture to be made from pictures.
#[derive(Debug, Clone, Default)]
pub struct ImageEdit {
    /// What is asked for; `moderation` has no meaning here.
    pub image: ImageRequest,
    /// The pictures, one at least.
    pub inputs: Vec<Upload>,
    /// Where the first of them may change.
    pub mask: Option<Upload>,
    /// How close the result stays to them: `high` or `low`.
    pub input_fidelity: Option<String>,
}

/// A picture as the provider gave it.
#[derive(Debug, Clone)]
pub struct MadeImage {
    /// Its bytes in base64.
    pub base64: String,
    /// What it cost, in the provider's words.
    pub usage: Option<Value>,
}
