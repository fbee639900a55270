//! Speech from words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::provider::{NewSpeech, SpeechFormat};
use crate::store::{Kind, OnConflict};
use crate::tools::inputs;
use crate::tools::{Call, Media, Step, ToolError};

/// How slowly and how fast it can be said.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.25..=4.0;

/// Most characters of one call: an hour and a half of speech.
const LONGEST: usize = 100_000;

/// Who speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum SpeechProvider {
    /// The OpenAI-compatible API.
    #[default]
    OpenAi,
    /// ElevenLabs; not set up in this version.
    ElevenLabs,
}

/// Parameters of `create_audio`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAudio {
    /// What is said, at most 100000 characters
    pub text_prompt: String,
    /// The model that speaks; the provider's usual one when left out
    #[serde(default)]
    pub model: Option<String>,
    /// The voice; alloy when left out
    #[serde(default)]
    pub voice: Option<String>,
    /// How it is to be said
    #[serde(default)]
    pub instructions: Option<String>,
    /// How fast, 0.25 to 4
    #[serde(default = "usual_speed")]
    pub speed: f64,
    /// Name in the audio folder (.mp3, or .wav for text of one piece); made up when left out
    #[serde(default)]
    pub output_filename: Option<String>,
    /// Who speaks
    #[serde(default)]
    pub provider: SpeechProvider,
    /// Settings that only ElevenLabs knows
    #[serde(default)]
    pub voice_settings: Option<Map<String, Value>>,
    /// What happens when the name is taken: overwrite, error or rename
    #[serde(default)]
    pub on_conflict: Option<OnConflict>,
}

fn usual_speed() -> f64 {
    1.0
}

/// Speech that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Spoken {
    /// Its name in the audio folder
    pub output_file: String,
    /// Who spoke
    pub provider: SpeechProvider,
    /// The model that spoke
    pub model: String,
    /// How many characters were said
    pub characters: usize,
    /// In how many pieces
    pub requests: usize,
    /// Its length in bytes
    pub size_bytes: u64,
}

/// Speaks a text. One that is longer than the provider takes is spoken in pieces, each of whole
/// sentences where it can be, and put together.
///
/// # Errors
/// When an argument is out of range, or the provider refuses.
pub async fn create_audio(
    media: &Media,
    params: CreateAudio,
    call: &Call,
) -> Result<Spoken, ToolError> {
    let characters = params.text_prompt.chars().count();
    check(&params, characters)?;
    let asked = params.output_filename.as_deref();
    let target = inputs::target(media, asked, "speech", "mp3", params.on_conflict)?;
    let format = match target.name.extension().as_str() {
        "mp3" => SpeechFormat::Mp3,
        "wav" => SpeechFormat::Wav,
        other => {
            let message = format!("Unsupported file format '.{other}': use .mp3 or .wav");
            return Err(ToolError::Arguments(message));
        }
    };
    let provider = media.audio_provider()?;
    let model = params.model.unwrap_or_else(|| provider.usual_speaker().to_owned());
    let pieces = pieces(&params.text_prompt, provider.longest_text());
    if pieces.len() > 1 && format == SpeechFormat::Wav {
        let longest = provider.longest_text();
        let message = format!("text of more than {longest} characters can only become .mp3");
        return Err(ToolError::Arguments(message));
    }
    let mut writer = media.store(Kind::Audio)?.create(target).await?;
    let total = u64::try_from(pieces.len()).ok();
    for (done, text) in (0..).zip(&pieces) {
        call.say(Step { done, total, message: Some("speaking".into()) });
        let speech = NewSpeech {
            text: (*text).to_owned(),
            model: model.clone(),
            voice: params.voice.clone(),
            instructions: params.instructions.clone(),
            speed: params.speed,
            format,
        };
        writer.write(&provider.speak(speech).await?).await?;
    }
    let written = writer.finish().await?;
    Ok(Spoken {
        output_file: written.name.to_string(),
        provider: params.provider,
        model,
        characters,
        requests: pieces.len(),
        size_bytes: written.bytes,
    })
}

fn check(params: &CreateAudio, characters: usize) -> Result<(), ToolError> {
    let wrong = |message: String| Err(ToolError::Arguments(message));
    if params.provider == SpeechProvider::ElevenLabs || params.voice_settings.is_some() {
        let message = "ElevenLabs is not set up in this version: use provider openai".to_owned();
        return Err(ToolError::Config(message));
    }
    if params.text_prompt.trim().is_empty() {
        return wrong("Invalid text_prompt: there is nothing to say".to_owned());
    }
    if characters > LONGEST {
        return wrong(format!("Invalid text_prompt: it has more than {LONGEST} characters"));
    }
    if !SPEEDS.contains(&params.speed) {
        return wrong("Invalid speed: it must be between 0.25 and 4".to_owned());
    }
    Ok(())
}

/// The text in pieces of at most `longest` characters, which end with a sentence, or a word, where
/// there is one in their second half. Nothing but spaces around pieces is lost.
fn pieces(text: &str, longest: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some((limit, _)) = rest.char_indices().nth(longest) {
        let head = &rest[..limit];
        let at_sentence = head.rmatch_indices(['.', '!', '?', '\n']).map(|(at, it)| at + it.len());
        let at_word = head.rmatch_indices(' ').map(|(at, _)| at);
        let end = at_sentence
            .take(1)
            .chain(at_word.take(1))
            .find(|&end| end > limit / 2)
            .unwrap_or(limit);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece.trim_end());
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_between_sentences_then_words_then_anywhere() {
        assert_eq!(pieces("One. Two.", 9), ["One. Two."]);
        assert_eq!(pieces("First one. Second one.", 16), ["First one.", "Second one."]);
        assert_eq!(pieces("some words here", 11), ["some words", "here"]);
        assert_eq!(pieces("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(pieces("ééééé", 2), ["éé", "éé", "é"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_piece_is_too_long(text in "[a-zé .!\n]{0,200}", longest in 1_usize..50) {
            let pieces = pieces(&text, longest);
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeezed(&pieces.join(" ")), squeezed(&text));
            for piece in pieces {
                prop_assert!(piece.chars().count() <= longest && !piece.is_empty());
            }
        }
    }
}
