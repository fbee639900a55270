//! The image tools: background jobs of a model that draws, and pictures made at once.

mod make;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::inputs::{self, Input};
use super::{Call, Media, ToolError};
use crate::admission::Permit;
use crate::inline;
use crate::pool::Stop;
use crate::provider::{ImageJob, ImageStart, Upload};
use crate::store::{Kind, OnConflict, Target, Writer, Written};
use crate::transform::image::{self, Format, Size};

pub use make::{
    Background, EditImage, Fidelity, GenerateImage, GeneratedImage, ImageSize, Moderation,
    OutputFormat, Quality, edit_image, generate_image,
};

/// Extensions of pictures that the models look at.
const INPUTS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// Masks have a transparent part.
const MASKS: [&str; 1] = ["png"];

/// Most pictures that one request looks at.
const MOST_INPUTS: usize = 16;

/// Parameters of `create_image`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateImage {
    /// What is asked for
    pub prompt: String,
    /// The model that is asked; it has another one draw
    #[serde(default = "default_model")]
    pub model: String,
    /// Settings of the provider's image_generation tool: model, size, quality, background,
    /// output_format, moderation, input_fidelity and so on
    #[serde(default)]
    pub tool_config: Option<Map<String, Value>>,
    /// An earlier response that this one goes on from
    #[serde(default)]
    pub previous_response_id: Option<String>,
    /// Pictures of the image folder that it looks at, at most 16
    #[serde(default)]
    pub input_images: Option<Vec<String>>,
    /// Where the first of them may change: a .png with a transparent part
    #[serde(default)]
    pub mask_filename: Option<String>,
}

fn default_model() -> String {
    "gpt-5.2".to_owned()
}

/// Starts a background job whose answer holds a picture.
///
/// # Errors
/// When an input cannot be read, or the provider refuses.
pub async fn create_image(
    media: &Media,
    params: CreateImage,
    call: &Call,
) -> Result<ImageJob, ToolError> {
    let names = params.input_images.unwrap_or_default();
    let pictures = pictures(media, &names, params.mask_filename.as_deref(), 0, call).await?;
    let _held = pictures.held;
    let request = ImageStart {
        prompt: params.prompt,
        model: params.model,
        tool: params.tool_config.unwrap_or_default(),
        previous: params.previous_response_id,
        inputs: pictures.inputs,
        mask: pictures.mask,
    };
    Ok(media.image_provider()?.start(request).await?)
}

/// Parameters of `get_image_status`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageId {
    /// The job's id
    pub response_id: String,
}

/// A job as it is now.
///
/// # Errors
/// When the provider does not know it.
pub async fn get_image_status(
    media: &Media,
    params: ImageId,
    _call: &Call,
) -> Result<ImageJob, ToolError> {
    Ok(media.image_provider()?.status(&params.response_id).await?)
}

/// Parameters of `download_image`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DownloadImage {
    /// The finished job's id
    pub response_id: String,
    /// Name in the image folder (.png, .jpg, .jpeg or .webp); made up when left out
    #[serde(default)]
    pub filename: Option<String>,
    /// What happens when the name is taken: overwrite, error or rename
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
}

/// A downloaded picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DownloadedImage {
    /// Its name in the image folder
    pub filename: String,
    /// Width and height
    pub size: [u32; 2],
    /// Its format
    pub format: String,
    /// Its length
    pub size_bytes: u64,
    /// SHA-256 of its bytes, hexadecimal
    pub sha256: String,
}

/// Downloads a finished job's picture. It is decoded to its last pixel before it gets its name.
///
/// # Errors
/// When the job has no picture yet or failed, or what it gave is no picture.
pub async fn download_image(
    media: &Media,
    params: DownloadImage,
    call: &Call,
) -> Result<DownloadedImage, ToolError> {
    let target =
        inputs::target(media, params.filename.as_deref(), "img", "png", params.on_conflict)?;
    // Refused before anything is fetched.
    let format = format_of(&target)?;
    let held = inputs::admit_memory(media, PICTURE_BYTES, call).await?;
    let landing = Landing::prepare(media, target, held).await?;
    call.note("downloading");
    let (job, picture) = media.image_provider()?.picture(&params.response_id).await?;
    let Some(base64) = picture else {
        let (id, status) = (job.id, job.status.as_str().to_owned());
        return Err(if job.status.is_active() {
            ToolError::NotReady { id, status }
        } else {
            ToolError::JobFailed { id, status, message: Some("it holds no picture".to_owned()) }
        });
    };
    let landed = landing.land(media, base64).await?;
    Ok(DownloadedImage {
        filename: landed.written.name.to_string(),
        size: [landed.size.width(), landed.size.height()],
        format: format.name().to_owned(),
        size_bytes: landed.written.bytes,
        sha256: landed.written.sha256.to_string(),
    })
}

/// What a picture that arrives in base64 is taken to need: its text (45 MB at the most, for
/// 3840x2160), its bytes, and a part of its pixels.
const PICTURE_BYTES: u64 = 64 << 20;

/// A picture that has its name.
pub(super) struct Landed {
    pub(super) written: Written,
    pub(super) size: Size,
}

/// Where a picture will go, made ready before anybody is asked for it: what can refuse a name
/// refuses it while nothing is paid.
struct Landing {
    writer: Writer,
    format: Format,
    /// Memory for the picture and for its call's inputs.
    _held: Permit,
}

impl Landing {
    async fn prepare(media: &Media, target: Target, held: Permit) -> Result<Self, ToolError> {
        let format = format_of(&target)?;
        Ok(Self { writer: media.store(Kind::Image)?.create(target).await?, format, _held: held })
    }

    /// Decodes base64, checks that it is a whole picture in the format that the name asks for (or
    /// makes it one), and only then writes it. It waits for the CPU as long as it takes: the
    /// picture is paid for.
    async fn land(mut self, media: &Media, base64: String) -> Result<Landed, ToolError> {
        let (format, limits) = (self.format, media.image_limits);
        let landing = move |_: &Stop| -> Result<_, ToolError> {
            Ok(image::land(inline::decode(&base64)?, format, &limits)?)
        };
        let (bytes, size) = media.pool.run_admitted(landing).await??;
        self.writer.write(&bytes).await?;
        Ok(Landed { written: self.writer.finish().await?, size })
    }
}

/// The format that a target's name asks for.
pub(super) fn format_of(target: &Target) -> Result<Format, ToolError> {
    let name = &target.name;
    Format::of_name(name.as_str()).ok_or_else(|| {
        let message = format!("Unsupported file format of {name}: use .png, .jpg, .jpeg or .webp");
        ToolError::Arguments(message)
    })
}

/// Pictures that go to a provider.
struct Pictures {
    inputs: Vec<Upload>,
    mask: Option<Upload>,
    /// Their bytes are counted as long as this lives.
    held: Permit,
}

/// Reads the pictures that a request looks at; `beside` is what its answer needs.
async fn pictures(
    media: &Media,
    names: &[String],
    mask: Option<&str>,
    beside: u64,
    call: &Call,
) -> Result<Pictures, ToolError> {
    if names.len() > MOST_INPUTS {
        let message = format!("Invalid input_images: at most {MOST_INPUTS} can be given");
        return Err(ToolError::Arguments(message));
    }
    if mask.is_some() && names.is_empty() {
        let message =
            "mask_filename needs input_images: it says where the first of them may change";
        return Err(ToolError::Arguments(message.to_owned()));
    }
    let pictures = names.iter().map(|name| Input { name, extensions: &INPUTS });
    let wanted: Vec<Input<'_>> =
        pictures.chain(mask.map(|name| Input { name, extensions: &MASKS })).collect();
    let (mut uploads, held) = inputs::uploads(media, Kind::Image, &wanted, beside, call).await?;
    let mask = if mask.is_some() { uploads.pop() } else { None };
    Ok(Pictures { inputs: uploads, mask, held })
}
