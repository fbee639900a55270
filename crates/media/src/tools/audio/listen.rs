//! What is said in a recording.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::long::{self, Transcribed};
use crate::provider::{Conversation, SpeechFormat, Transcription};
use crate::store::Kind;
use crate::tools::inputs::{self, Input};
use crate::tools::{Call, Media, ToolError};

/// Extensions that the transcription models take.
pub(super) const HEARD: [&str; 9] =
    ["mp3", "mp4", "mpeg", "mpga", "m4a", "wav", "webm", "flac", "ogg"];

/// Extensions that the models which talk about sound take.
const DISCUSSED: [&str; 2] = ["mp3", "wav"];

/// The models that write down what is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TranscriptionModel {
    /// Small and good.
    #[default]
    #[serde(rename = "gpt-4o-mini-transcribe")]
    Mini,
    /// A dated snapshot of it.
    #[serde(rename = "gpt-4o-mini-transcribe-2025-12-15")]
    MiniDated,
    /// The best.
    #[serde(rename = "gpt-4o-transcribe")]
    Full,
    /// Tells speakers apart.
    #[serde(rename = "gpt-4o-transcribe-diarize")]
    Diarize,
    /// The one with subtitles and times.
    #[serde(rename = "whisper-1")]
    Whisper,
    /// Of self-hosted servers.
    #[serde(rename = "whisper-large-v3")]
    WhisperLarge,
}

/// The form of a transcript.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ResponseFormat {
    /// Plain text.
    #[default]
    Text,
    /// Text in JSON.
    Json,
    /// SubRip subtitles.
    Srt,
    /// JSON with times.
    VerboseJson,
    /// WebVTT subtitles.
    Vtt,
    /// JSON with speakers.
    DiarizedJson,
}

/// How finely times are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Granularity {
    /// Of every word.
    Word,
    /// Of every segment.
    Segment,
}

/// Parameters of `transcribe_audio`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transcribe {
    /// A file of the audio folder
    pub file_path: String,
    /// The model that listens
    #[serde(default)]
    pub model: TranscriptionModel,
    /// The form of the transcript
    #[serde(default)]
    pub response_format: ResponseFormat,
    /// Words that help it: names, terms
    #[serde(default)]
    pub prompt: Option<String>,
    /// How finely times are wanted (whisper-1 with verbose_json)
    #[serde(default)]
    pub timestamp_granularities: Option<Vec<Granularity>>,
}

/// Writes down what is said. A recording of more than eight minutes goes in windows that overlap.
///
/// # Errors
/// When the file is no sound, or the provider refuses.
pub async fn transcribe_audio(
    media: &Media,
    params: Transcribe,
    call: &Call,
) -> Result<Transcribed, ToolError> {
    let granularities = params.timestamp_granularities.unwrap_or_default();
    let how = How {
        model: word(&params.model),
        response_format: word(&params.response_format),
        prompt: params.prompt,
        granularities: granularities.iter().map(word).collect(),
    };
    transcribe(media, &params.file_path, how, call).await
}

/// What is made of speech that is written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Enhancement {
    /// With tone, emotion and background.
    #[default]
    Detailed,
    /// As a story.
    Storytelling,
    /// Formally.
    Professional,
    /// With its structure and arguments.
    Analytical,
}

impl Enhancement {
    /// What the model is told, in our words.
    fn prompt(self) -> &'static str {
        match self {
            Self::Detailed => {
                "Write down everything that is said, and note tone of voice, emotion, pauses and \
                 sounds in the background where they matter."
            }
            Self::Storytelling => {
                "Turn what is said into a flowing story, keeping every fact and the speaker's \
                 point of view."
            }
            Self::Professional => {
                "Write down what is said in a formal, professional style, without filler words, \
                 keeping all the content."
            }
            Self::Analytical => {
                "Write down what is said so that its structure shows: the main points, the \
                 arguments for them, and what follows."
            }
        }
    }
}

/// Parameters of `transcribe_with_enhancement`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enhance {
    /// A file of the audio folder
    pub file_path: String,
    /// What is made of it
    #[serde(default)]
    pub enhancement_type: Enhancement,
    /// The model that listens
    #[serde(default)]
    pub model: TranscriptionModel,
    /// The form of the transcript
    #[serde(default)]
    pub response_format: ResponseFormat,
    /// How finely times are wanted (whisper-1 with verbose_json)
    #[serde(default)]
    pub timestamp_granularities: Option<Vec<Granularity>>,
}

/// Writes down what is said in a certain manner.
///
/// # Errors
/// As [`transcribe_audio`].
pub async fn transcribe_with_enhancement(
    media: &Media,
    params: Enhance,
    call: &Call,
) -> Result<Transcribed, ToolError> {
    let granularities = params.timestamp_granularities.unwrap_or_default();
    let how = How {
        model: word(&params.model),
        response_format: word(&params.response_format),
        prompt: Some(params.enhancement_type.prompt().to_owned()),
        granularities: granularities.iter().map(word).collect(),
    };
    transcribe(media, &params.file_path, how, call).await
}

/// How something is transcribed.
#[derive(Debug, Clone)]
pub(super) struct How {
    pub(super) model: String,
    pub(super) response_format: String,
    pub(super) prompt: Option<String>,
    pub(super) granularities: Vec<String>,
}

impl How {
    pub(super) fn request(&self, audio: crate::provider::Upload) -> Transcription {
        Transcription {
            audio,
            model: self.model.clone(),
            response_format: self.response_format.clone(),
            prompt: self.prompt.clone(),
            timestamp_granularities: self.granularities.clone(),
        }
    }
}

async fn transcribe(
    media: &Media,
    path: &str,
    how: How,
    call: &Call,
) -> Result<Transcribed, ToolError> {
    let name = inputs::name(path)?;
    let length = super::files::length(media, &name).await;
    if length.is_some_and(long::is_long) {
        return long::transcribe(media, &name, &how, length, call).await;
    }
    let input = Input { name: path, extensions: &HEARD };
    let (mut uploads, _held) = inputs::uploads(media, Kind::Audio, &[input], 0, call).await?;
    let audio = uploads.pop().ok_or_else(|| ToolError::Internal("no file".to_owned()))?;
    call.note("listening");
    let transcript = media.audio_provider()?.transcribe(how.request(audio)).await?;
    Ok(Transcribed::whole(transcript, length))
}

/// Parameters of `chat_with_audio`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// A file of the audio folder (.mp3 or .wav)
    pub file_path: String,
    /// The model that is asked
    #[serde(default = "default_model")]
    pub model: String,
    /// How it is to behave
    #[serde(default)]
    pub system_prompt: Option<String>,
    /// What it is asked about the recording
    #[serde(default)]
    pub user_prompt: Option<String>,
}

fn default_model() -> String {
    "gpt-4o-audio-preview".to_owned()
}

/// An answer about a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChatAnswer {
    /// What the model says
    pub text: String,
}

/// Asks a model about a recording.
///
/// # Errors
/// When the file is neither MP3 nor WAV, or the provider refuses.
pub async fn chat_with_audio(
    media: &Media,
    params: Chat,
    call: &Call,
) -> Result<ChatAnswer, ToolError> {
    let input = Input { name: &params.file_path, extensions: &DISCUSSED };
    let (mut uploads, _held) = inputs::uploads(media, Kind::Audio, &[input], 0, call).await?;
    let audio = uploads.pop().ok_or_else(|| ToolError::Internal("no file".to_owned()))?;
    let is_wav = inputs::name(&params.file_path)?.extension() == "wav";
    let request = Conversation {
        audio,
        format: if is_wav { SpeechFormat::Wav } else { SpeechFormat::Mp3 },
        model: params.model,
        system_prompt: params.system_prompt,
        user_prompt: params.user_prompt,
    };
    call.note("listening");
    Ok(ChatAnswer { text: media.audio_provider()?.converse(request).await? })
}

/// The word for a choice, as the wire spells it.
fn word<T: Serialize>(choice: &T) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
