//! Pictures made at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Landing, PICTURE_BYTES, format_of, pictures};
use crate::provider::{ImageEdit, ImageRequest, MadeImage};
use crate::store::OnConflict;
use crate::tools::inputs;
use crate::tools::{Call, Media, ToolError};

/// Size of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ImageSize {
    /// As the model likes.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Square.
    #[serde(rename = "1024x1024")]
    Square,
    /// Across.
    #[serde(rename = "1536x1024")]
    Landscape,
    /// Upright.
    #[serde(rename = "1024x1536")]
    Portrait,
    /// Square, twice as wide.
    #[serde(rename = "2048x2048")]
    LargeSquare,
    /// 16:9.
    #[serde(rename = "2048x1152")]
    Wide,
    /// 16:9 of 1440 lines.
    #[serde(rename = "2560x1440")]
    Wide1440,
    /// 9:16 of 1440 columns.
    #[serde(rename = "1440x2560")]
    Tall1440,
    /// 16:9 of 2160 lines.
    #[serde(rename = "3840x2160")]
    Wide2160,
    /// 9:16 of 2160 columns.
    #[serde(rename = "2160x3840")]
    Tall2160,
}

/// How carefully a picture is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Quality {
    /// As the model likes.
    #[default]
    Auto,
    /// Fast.
    Low,
    /// Between.
    Medium,
    /// Slow.
    High,
}

/// What is behind the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Background {
    /// As the model likes.
    #[default]
    Auto,
    /// Nothing.
    Transparent,
    /// Something.
    Opaque,
}

/// What file a picture becomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OutputFormat {
    /// PNG.
    #[default]
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
}

impl OutputFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }
}

/// How strictly a prompt is judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Moderation {
    /// As usual.
    #[default]
    Auto,
    /// Less.
    Low,
}

/// How close a picture stays to those that it is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Fidelity {
    /// Very.
    High,
    /// Somewhat.
    Low,
}

fn default_model() -> String {
    "gpt-image-2".to_owned()
}

/// Parameters of `generate_image`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateImage {
    /// What the picture shows
    pub prompt: String,
    /// The model that makes it
    #[serde(default = "default_model")]
    pub model: String,
    /// Width x height
    #[serde(default)]
    pub size: ImageSize,
    /// How carefully it is drawn
    #[serde(default)]
    pub quality: Quality,
    /// What is behind it
    #[serde(default)]
    pub background: Background,
    /// What file it becomes; a name with another extension wins
    #[serde(default)]
    pub output_format: OutputFormat,
    /// How strictly the prompt is judged
    #[serde(default)]
    pub moderation: Moderation,
    /// Name in the image folder; made up when left out, and never one that another call gets
    #[serde(default)]
    pub filename: Option<String>,
    /// What happens when the name is taken: overwrite, error or rename
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
}

/// A picture that was made.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct GeneratedImage {
    /// Its name in the image folder
    pub filename: String,
    /// Width and height
    pub size: [u32; 2],
    /// Its format
    pub format: String,
    /// The model that made it
    pub model: String,
    /// What it cost, in the provider's words
    pub usage: Option<Value>,
    /// Its length
    pub size_bytes: u64,
    /// SHA-256 of its bytes, hexadecimal
    pub sha256: String,
}

/// Makes a picture from words.
///
/// # Errors
/// When the provider refuses, or what it gave is no picture.
pub async fn generate_image(
    media: &Media,
    params: GenerateImage,
    call: &Call,
) -> Result<GeneratedImage, ToolError> {
    let extension = params.output_format.extension();
    let asked = params.filename.as_deref();
    let target = inputs::target(media, asked, "gen", extension, params.on_conflict)?;
    let format = format_of(&target)?.name();
    let request = ImageRequest {
        prompt: params.prompt,
        model: params.model,
        size: word(params.size),
        quality: word(params.quality),
        background: word(params.background),
        // The provider draws what the name asks for: nothing is lost to a second encoding.
        output_format: Some(format.to_owned()),
        moderation: word(params.moderation),
    };
    let model = request.model.clone();
    let held = inputs::admit_memory(media, PICTURE_BYTES, call).await?;
    let landing = Landing::prepare(media, target, held).await?;
    call.note("drawing");
    let made = media.image_provider()?.generate(request).await?;
    finish(media, made, landing, model).await
}

/// Parameters of `edit_image`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditImage {
    /// What is asked for
    pub prompt: String,
    /// Pictures of the image folder that it is made from, 1 to 16
    pub input_images: Vec<String>,
    /// The model that makes it
    #[serde(default = "default_model")]
    pub model: String,
    /// Where the first of them may change: a .png with a transparent part
    #[serde(default)]
    pub mask_filename: Option<String>,
    /// Width x height
    #[serde(default)]
    pub size: ImageSize,
    /// How carefully it is drawn
    #[serde(default)]
    pub quality: Quality,
    /// What is behind it
    #[serde(default)]
    pub background: Background,
    /// What file it becomes; a name with another extension wins
    #[serde(default)]
    pub output_format: OutputFormat,
    /// How close it stays to the inputs; gpt-image-2 is always close and is not told
    #[serde(default)]
    pub input_fidelity: Option<Fidelity>,
    /// Name in the image folder; made up when left out, and never one that another call gets
    #[serde(default)]
    pub filename: Option<String>,
    /// What happens when the name is taken: overwrite, error or rename
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
}

/// Makes a picture from pictures and words.
///
/// # Errors
/// When an input cannot be read, the provider refuses, or what it gave is no picture.
pub async fn edit_image(
    media: &Media,
    params: EditImage,
    call: &Call,
) -> Result<GeneratedImage, ToolError> {
    if params.input_images.is_empty() {
        let message = "Invalid input_images: give at least one".to_owned();
        return Err(ToolError::Arguments(message));
    }
    let extension = params.output_format.extension();
    let asked = params.filename.as_deref();
    let target = inputs::target(media, asked, "edit", extension, params.on_conflict)?;
    let format = format_of(&target)?.name();
    let mask = params.mask_filename.as_deref();
    let pictures = pictures(media, &params.input_images, mask, PICTURE_BYTES, call).await?;
    let landing = Landing::prepare(media, target, pictures.held).await?;
    let takes_fidelity = !params.model.starts_with("gpt-image-2");
    let request = ImageEdit {
        image: ImageRequest {
            prompt: params.prompt,
            model: params.model,
            size: word(params.size),
            quality: word(params.quality),
            background: word(params.background),
            output_format: Some(format.to_owned()),
            moderation: None,
        },
        inputs: pictures.inputs,
        mask: pictures.mask,
        input_fidelity: params.input_fidelity.filter(|_| takes_fidelity).and_then(word),
    };
    let model = request.image.model.clone();
    call.note("drawing");
    let made = media.image_provider()?.edit(request).await?;
    finish(media, made, landing, model).await
}

async fn finish(
    media: &Media,
    made: MadeImage,
    landing: Landing,
    model: String,
) -> Result<GeneratedImage, ToolError> {
    let format = landing.format;
    let landed = landing.land(media, made.base64).await?;
    Ok(GeneratedImage {
        filename: landed.written.name.to_string(),
        size: [landed.size.width(), landed.size.height()],
        format: format.name().to_owned(),
        model,
        usage: made.usage,
        size_bytes: landed.written.bytes,
        sha256: landed.written.sha256.to_string(),
    })
}

/// The word for a choice, as the wire spells it too.
fn word<T: Serialize>(choice: T) -> Option<String> {
    match serde_json::to_value(choice) {
        Ok(Value::String(word)) => Some(word),
        _ => None,
    }
}
