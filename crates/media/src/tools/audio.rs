//! The audio tools: sound files listed and made into others, speech made and written down.

mod files;
mod listen;
mod long;
mod speak;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inputs;
use super::{Call, Media, ToolError};
use crate::store::{Kind, OnConflict, SafeName, Target, Writer};
use crate::transform::audio::{self, Compression, Container};

pub use files::{
    AudioFile, AudioFiles, ListAudioFiles, Nothing, get_latest_audio, list_audio_files,
};
pub use listen::{
    Chat, ChatAnswer, Enhance, Enhancement, ResponseFormat, Transcribe, TranscriptionModel,
    chat_with_audio, transcribe_audio, transcribe_with_enhancement,
};
pub use long::{Transcribed, WindowText};
pub use speak::{CreateAudio, Spoken, create_audio};

/// Bytes of a megabyte where sizes are given in megabytes, as the transcription API counts them.
const MEGABYTE: u64 = 1024 * 1024;

/// Most megabytes that can be asked for.
const MOST_MEGABYTES: u64 = 1024;

/// What a sound is made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum SoundFormat {
    /// MPEG layer 3.
    Mp3,
    /// PCM.
    Wav,
}

impl From<SoundFormat> for Container {
    fn from(format: SoundFormat) -> Self {
        match format {
            SoundFormat::Mp3 => Self::Mp3,
            SoundFormat::Wav => Self::Wav,
        }
    }
}

/// Parameters of `convert_audio`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertAudio {
    /// A file of the audio folder
    pub input_path: String,
    /// What it is made into
    pub output_format: SoundFormat,
    /// What happens when the name is taken: overwrite, error or rename; the name is made up, so it
    /// is renamed unless this says otherwise
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
}

/// A sound that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MadeSound {
    /// Its name in the audio folder
    pub output_file: String,
    /// Its length in bytes
    pub size_bytes: u64,
}

/// Writes a sound in another format beside it.
///
/// # Errors
/// When it is no sound, or MP3 is asked for and there is no encoder.
pub async fn convert_audio(
    media: &Media,
    params: ConvertAudio,
    call: &Call,
) -> Result<MadeSound, ToolError> {
    let input = inputs::name(&params.input_path)?;
    let container = Container::from(params.output_format);
    let made_up = format!("{}.{}", input.stem(), container.name());
    if made_up == input.file_name() {
        return Err(ToolError::Arguments(format!("{input} is {} already", container.name())));
    }
    let target = inputs::beside(media, None, &input, &made_up, params.on_conflict)?;
    make(media, &input, target, Making::Convert(container), call).await
}

/// Parameters of `compress_audio`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompressAudio {
    /// A file of the audio folder
    pub input_path: String,
    /// Most megabytes that the result may have, 1 to 1024
    #[serde(default = "default_megabytes")]
    pub max_mb: u64,
    /// Name of the result (.mp3 or .wav); made from the input's when left out
    #[serde(default)]
    pub output_filename: Option<String>,
    /// What happens when the name is taken: overwrite, error or rename; a made-up name is renamed
    /// unless this says otherwise
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
}

fn default_megabytes() -> u64 {
    25
}

/// Makes a sound small enough; one that is small enough already is copied.
///
/// # Errors
/// When it is no sound, cannot be made so small, or MP3 is asked for and there is no encoder.
pub async fn compress_audio(
    media: &Media,
    params: CompressAudio,
    call: &Call,
) -> Result<MadeSound, ToolError> {
    if !(1..=MOST_MEGABYTES).contains(&params.max_mb) {
        let message = format!("Invalid max_mb: it must be between 1 and {MOST_MEGABYTES}");
        return Err(ToolError::Arguments(message));
    }
    let input = inputs::name(&params.input_path)?;
    let max_bytes = params.max_mb * MEGABYTE;
    let is_small = media.store(Kind::Audio)?.info(&input).await?.bytes <= max_bytes;
    let extension = if is_small { input.extension() } else { "mp3".to_owned() };
    let made_up = format!("compressed_{}.{extension}", input.stem());
    let asked = params.output_filename.as_deref();
    let target = inputs::beside(media, asked, &input, &made_up, params.on_conflict)?;
    let output = &target.name;
    if is_small && output.extension() == input.extension() {
        return copy(media, &input, target, call).await;
    }
    let container = Container::of_name(output.as_str()).ok_or_else(|| {
        ToolError::Arguments(format!("Unsupported file format of {output}: use .mp3 or .wav"))
    })?;
    make(media, &input, target, Making::Compress(container, max_bytes), call).await
}

/// How a sound is made from another.
#[derive(Debug, Clone, Copy)]
enum Making {
    Convert(Container),
    Compress(Container, u64),
}

/// Makes a sound on the CPU pool while its first part is written already.
async fn make(
    media: &Media,
    input: &SafeName,
    target: Target,
    making: Making,
    call: &Call,
) -> Result<MadeSound, ToolError> {
    let store = media.store(Kind::Audio)?;
    let (source, _) = store.seekable(input).await?;
    let writer = store.create(target).await?;
    call.note("converting");
    let (sink, chunks) = audio::channel();
    let (name, encoder) = (input.to_string(), media.encoder.clone());
    let job = media.pool.run(move |stop| match making {
        Making::Convert(container) => {
            audio::convert(source, &name, container, &encoder, sink, stop)
        }
        Making::Compress(container, max_bytes) => {
            let again = source.try_clone()?;
            let compression = fitting(again, &name, max_bytes, container)?;
            rewind(&source)?;
            audio::compress(source, &name, compression, &encoder, sink, stop)
        }
    });
    // A writer that fails takes no more chunks, which ends the job; a job that fails sends none.
    let (made, written) = tokio::join!(job, write(writer, chunks));
    let (writer, failure) = written;
    match (made?, failure) {
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(error.into()),
        (Ok(_), None) => {
            let written = writer.finish().await?;
            Ok(MadeSound { output_file: written.name.to_string(), size_bytes: written.bytes })
        }
    }
}

fn fitting(
    source: std::fs::File,
    name: &str,
    max_bytes: u64,
    container: Container,
) -> Result<Compression, audio::AudioError> {
    let duration = audio::probe(source, name)?.duration;
    audio::compression(duration, max_bytes, container)
}

/// Both handles of a file share their place in it.
fn rewind(mut file: &std::fs::File) -> std::io::Result<()> {
    use std::io::{Seek, SeekFrom};
    file.seek(SeekFrom::Start(0)).map(drop)
}

async fn write(
    mut writer: Writer,
    mut chunks: tokio::sync::mpsc::Receiver<bytes::Bytes>,
) -> (Writer, Option<ToolError>) {
    while let Some(chunk) = chunks.recv().await {
        if let Err(error) = writer.write(&chunk).await {
            return (writer, Some(error.into()));
        }
    }
    (writer, None)
}

async fn copy(
    media: &Media,
    input: &SafeName,
    target: Target,
    call: &Call,
) -> Result<MadeSound, ToolError> {
    let store = media.store(Kind::Audio)?;
    let mut reader = store.reader(input, 0, u64::MAX).await?;
    let mut writer = store.create(target).await?;
    call.note("copying");
    while let Some(piece) = reader.next().await? {
        writer.write(&piece).await?;
    }
    let written = writer.finish().await?;
    Ok(MadeSound { output_file: written.name.to_string(), size_bytes: written.bytes })
}
