//! `/audio` and, for questions about a recording, `/chat/completions`.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exchange::{Call, LONG};
use super::multipart::Form;
use super::{OpenAi, length_of};
use crate::inline;
use crate::provider::{
    Answer, AudioProvider, Conversation, NewSpeech, ProviderError, Transcript, Transcription,
};

/// The model that speaks when the caller names none.
const SPEAKING_MODEL: &str = "gpt-4o-mini-tts";

/// The voice when the caller names none.
const VOICE: &str = "alloy";

/// Most characters of one request: the API refuses 4,097, and some are left for markup.
const LONGEST_TEXT: usize = 4000;

impl AudioProvider for OpenAi {
    fn speak(&self, speech: NewSpeech) -> Answer<'_, Bytes> {
        let mut body = json!({
            "model": speech.model,
            "voice": speech.voice.as_deref().unwrap_or(VOICE),
            "input": speech.text,
            "response_format": speech.format.as_str(),
            "speed": speech.speed,
        });
        if let Some(instructions) = &speech.instructions {
            body["instructions"] = json!(instructions);
        }
        let call = Call::json("/audio/speech".to_owned(), &body, LONG);
        Box::pin(async move { self.exchange.bytes(call).await })
    }

    fn transcribe(&self, request: Transcription) -> Answer<'_, Transcript> {
        Box::pin(async move {
            let answers_json = is_json(&request.response_format);
            let length = length_of([&request.audio]);
            let build = move || {
                let form = transcription_form(&request);
                Call::form(Method::POST, "/audio/transcriptions", form, LONG)
            };
            let call = self.built(length, build).await?;
            if answers_json {
                return self.exchange.json(call).await;
            }
            let text = String::from_utf8_lossy(&self.exchange.bytes(call).await?).into_owned();
            Ok(Transcript { text, more: Map::new() })
        })
    }

    fn converse(&self, request: Conversation) -> Answer<'_, String> {
        Box::pin(async move {
            let length = length_of([&request.audio]);
            let build = move || {
                let body = conversation_body(&request);
                Call::json("/chat/completions".to_owned(), &body, LONG)
            };
            self.exchange.json::<Completion>(self.built(length, build).await?).await?.text()
        })
    }

    fn usual_speaker(&self) -> &'static str {
        SPEAKING_MODEL
    }

    fn longest_text(&self) -> usize {
        LONGEST_TEXT
    }
}

fn transcription_form(request: &Transcription) -> Form {
    let form = Form::new()
        .field("model", &request.model)
        .field("response_format", &request.response_format)
        .optional("prompt", request.prompt.as_deref());
    let form = request
        .timestamp_granularities
        .iter()
        .fold(form, |form, each| form.field("timestamp_granularities[]", each));
    form.file("file", &request.audio)
}

fn conversation_body(request: &Conversation) -> Value {
    let mut messages = Vec::with_capacity(2);
    if let Some(system) = &request.system_prompt {
        messages.push(json!({ "role": "system", "content": system }));
    }
    let mut content = Vec::with_capacity(2);
    if let Some(question) = &request.user_prompt {
        content.push(json!({ "type": "text", "text": question }));
    }
    let data = inline::encode(&request.audio.bytes);
    let input = json!({ "data": data, "format": request.format.as_str() });
    content.push(json!({ "type": "input_audio", "input_audio": input }));
    messages.push(json!({ "role": "user", "content": content }));
    json!({ "model": request.model, "messages": messages })
}

/// Whether the API answers in JSON: everything else is plain text.
fn is_json(response_format: &str) -> bool {
    response_format.ends_with("json")
}

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

impl Completion {
    fn text(self) -> Result<String, ProviderError> {
        let first = self.choices.into_iter().next().and_then(|choice| choice.message.content);
        first.ok_or_else(|| ProviderError::Malformed { reason: "it holds no text".to_owned() })
    }
}
