//! Speech and what was said: made, written down, talked about.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Upload};

/// Speaks, listens and talks about what it heard.
///
/// Every call is cancelled by dropping it.
pub trait AudioProvider: Send + Sync + 'static {
    /// Speaks one piece of text: a whole file in the format that was asked for.
    fn speak(&self, speech: NewSpeech) -> Answer<'_, Bytes>;

    /// Writes down what is said.
    fn transcribe(&self, request: Transcription) -> Answer<'_, Transcript>;

    /// Answers a question about a recording.
    fn converse(&self, request: Conversation) -> Answer<'_, String>;

    /// The model that speaks when nobody names one.
    fn usual_speaker(&self) -> &'static str;

    /// Most characters of one piece of text.
    fn longest_text(&self) -> usize;
}

/// A piece of text to be spoken.
#[derive(Debug, Clone)]
pub struct NewSpeech {
    /// The text, at most [`AudioProvider::longest_text`] characters.
    pub text: String,
    /// The model that speaks.
    pub model: String,
    /// The voice; `None` takes the provider's usual one.
    pub voice: Option<String>,
    /// How it is to be said.
    pub instructions: Option<String>,
    /// 1 is as usual.
    pub speed: f64,
    /// What the file is.
    pub format: SpeechFormat,
}

/// What a file of speech is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum SpeechFormat {
    /// MPEG layer 3.
    Mp3,
    /// PCM in a RIFF file.
    Wav,
}

impl SpeechFormat {
    /// The word on the wire, and the extension.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }
}

/// A recording to be written down.
#[derive(Debug, Clone)]
pub struct Transcription {
    /// The recording.
    pub audio: Upload,
    /// The model that listens.
    pub model: String,
    /// The form of the answer, as the wire spells it.
    pub response_format: String,
    /// Words that help it.
    pub prompt: Option<String>,
    /// How finely times are wanted: `word`, `segment`.
    pub timestamp_granularities: Vec<String>,
}

/// What is said in a recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// All of it.
    pub text: String,
    /// What else the provider knows: duration, language, segments, words, usage.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A question about a recording.
#[derive(Debug, Clone)]
pub struct Conversation {
    /// The recording, MP3 or WAV.
    pub audio: Upload,
    /// Which of the two.
    pub format: SpeechFormat,
    /// The model that is asked.
    pub model: String,
    /// How it is to behave.
    pub system_prompt: Option<String>,
    /// The question.
    pub user_prompt: Option<String>,
}
