//! Files for a page that shows them: what one is, and its bytes piece by piece.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inputs;
use super::{Call, Media, ToolError};
use crate::inline;
use crate::store::{Kind, SafeName};

/// Bytes of a piece when nothing else is asked for. Over HTTP an answer is one server-sent event, and
/// the official Python client takes none above 1 MiB (`DEFAULT_MAX_EVENT_SIZE_BYTES` of its HTTP
/// library, httpx2 2.16). The bytes are in it twice, as text and as a value, in base64: 8/3 of
/// their number. The reference server's default of 2 MiB, without the value, would end such a session.
const USUAL_PIECE: u64 = 256 * 1024;

/// Most bytes of a piece: with base64 and JSON around it, a message stays below what clients take
/// (16 MiB).
const LARGEST_PIECE: u64 = 8 * 1024 * 1024;

/// Which folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum MediaType {
    /// The video folder.
    Video,
    /// The audio folder.
    Audio,
    /// The image folder.
    Image,
}

impl From<MediaType> for Kind {
    fn from(media_type: MediaType) -> Self {
        match media_type {
            MediaType::Video => Self::Video,
            MediaType::Audio => Self::Audio,
            MediaType::Image => Self::Image,
        }
    }
}

/// Parameters of `view_media`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewMedia {
    /// Which folder the file is in
    pub media_type: MediaType,
    /// Its name
    pub filename: String,
}

/// A file that can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Viewed {
    /// Its name
    pub filename: String,
    /// Which folder it is in
    pub media_type: MediaType,
    /// Its length
    pub size_bytes: u64,
    /// Its type
    pub mime_type: String,
}

/// What a file is; a host with pages shows it.
///
/// # Errors
/// When there is no such file.
pub async fn view_media(
    media: &Media,
    params: ViewMedia,
    _call: &Call,
) -> Result<Viewed, ToolError> {
    let name = inputs::name(&params.filename)?;
    let kind = Kind::from(params.media_type);
    let info = media.store(kind)?.info(&name).await?;
    Ok(Viewed {
        filename: name.to_string(),
        media_type: params.media_type,
        size_bytes: info.bytes,
        mime_type: kind.mime_type(&name).to_owned(),
    })
}

/// Parameters of `_get_media_data`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetMediaData {
    /// Which folder the file is in
    pub media_type: MediaType,
    /// Its name
    pub filename: String,
    /// The first byte
    #[serde(default)]
    pub offset: u64,
    /// Most bytes, 1 to 8388608; above the default only for clients that take events of more than
    /// 1 MiB
    #[serde(default = "usual_piece")]
    pub chunk_size: u64,
}

fn usual_piece() -> u64 {
    USUAL_PIECE
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MediaData {
    /// Its bytes in base64
    pub data: String,
    /// The first byte
    pub offset: u64,
    /// How many bytes it has
    pub chunk_size: u64,
    /// How many the whole file has
    pub total_size: u64,
    /// Whether nothing follows
    pub is_last: bool,
    /// The file's type
    pub mime_type: String,
}

/// A piece of a file, for the page that shows it.
///
/// # Errors
/// When there is no such file, or the piece is empty or too large.
pub async fn get_media_data(
    media: &Media,
    params: GetMediaData,
    call: &Call,
) -> Result<MediaData, ToolError> {
    if !(1..=LARGEST_PIECE).contains(&params.chunk_size) {
        let message = format!("Invalid chunk_size: it must be between 1 and {LARGEST_PIECE}");
        return Err(ToolError::Arguments(message));
    }
    let name = inputs::name(&params.filename)?;
    let kind = Kind::from(params.media_type);
    let store = media.store(kind)?;
    // The bytes, and their base64 beside them.
    let _held = inputs::admit_memory(media, 3 * params.chunk_size, call).await?;
    let mut reader = store.reader(&name, params.offset, params.chunk_size).await?;
    let total = reader.info().bytes;
    if params.offset > total {
        return Err(ToolError::Arguments(past_the_end(&name, params.offset, total)));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next().await? {
        bytes.extend_from_slice(&piece);
    }
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let data = inline::beside(&media.pool, bytes.len(), move || inline::encode(&bytes)).await?;
    Ok(MediaData {
        data,
        offset: params.offset,
        chunk_size: length,
        total_size: total,
        is_last: params.offset + length >= total,
        mime_type: kind.mime_type(&name).to_owned(),
    })
}

fn past_the_end(name: &SafeName, offset: u64, total: u64) -> String {
    format!("Invalid offset: {name} has {total} bytes, and byte {offset} is past its end")
}
