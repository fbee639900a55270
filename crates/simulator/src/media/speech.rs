//! `POST /v1/audio/speech`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use wire::json::FieldError;

use super::content::{self, File};
use super::events::{Due, event};
use super::form::Form;
use super::sound::{Encoding, Speech};
use super::source::Shareable;
use super::{Ask, Upload, events, images};
use crate::answer::Answered;
use crate::api::{Api, Problem};
use crate::wheel::Alarm;

/// Longest text, in characters, as the provider's.
const MAX_CHARACTERS: usize = 4096;

/// Bytes of sound in an event.
const EVENT_BYTES: usize = 8 * 1024;

#[derive(Serialize)]
struct Delta {
    r#type: &'static str,
    audio: String,
}

#[derive(Serialize)]
struct Done {
    r#type: &'static str,
    usage: Usage,
}

#[derive(Serialize)]
struct Usage {
    input_tokens: u32,
    output_tokens: u32,
    total_tokens: u32,
}

struct Request {
    speech: Speech,
    encoding: Encoding,
    as_events: bool,
    usage: Usage,
}

/// Speaks a text. The sound begins when a text answer's first event would be due.
pub(super) async fn answer(mut ask: Ask<'_>, upload: Upload<'_>) -> Answered {
    let request = read(&ask, &upload);
    drop(upload);
    let Request { speech, encoding, as_events, usage } = match request {
        Ok(request) => request,
        Err(problem) => return ask.reject(problem),
    };
    let source = speech.file(encoding);
    let begins = images::schedule(&ask.plan, 1).into_iter().sum();
    if as_events {
        let due = in_events(source, usage).map(move |event| (begins, event));
        return events::send(ask, Box::new(due) as Due).await;
    }
    ask.plan.started += begins;
    Alarm::new(&ask.worker.wheel).until(ask.plan.started).await;
    let file = File { source, media_type: encoding.media_type(), etag: None, name: None };
    content::send(ask, file).await
}

fn read(ask: &Ask<'_>, body: &[u8]) -> Result<Request, Problem> {
    let form = Form::parse(&ask.head.headers, body)?;
    let text = form.required("input")?;
    form.required("model")?;
    let voice = form.required("voice")?;
    let characters = text.chars().count();
    if characters > MAX_CHARACTERS {
        let message = format!("expected at most {MAX_CHARACTERS} characters, got {characters}");
        return Err(FieldError::invalid("input", message).into());
    }
    let encoding = Encoding::of(form.one_of("response_format", &Encoding::NAMES)?);
    let speed = match form.text("speed")?.map(|speed| (speed, speed.parse::<f64>())) {
        None => 1.0,
        Some((_, Ok(speed))) if (0.25..=4.0).contains(&speed) => speed,
        Some((text, _)) => {
            let message = format!("expected a number from 0.25 to 4, got '{text}'");
            return Err(FieldError::invalid("speed", message).into());
        }
    };
    let as_events = form.one_of("stream_format", &["audio", "sse"])? == "sse";
    let (input_tokens, output_tokens) =
        (Api::tokens_of(text.len()), Api::tokens_of(text.len() * 8));
    let total_tokens = input_tokens + output_tokens;
    let usage = Usage { input_tokens, output_tokens, total_tokens };
    Ok(Request { speech: Speech::new(text, voice, speed), encoding, as_events, usage })
}

/// The sound as events, each made when it is asked for.
fn in_events(source: Shareable, usage: Usage) -> impl Iterator<Item = Bytes> {
    let mut at = 0;
    let deltas = std::iter::from_fn(move || {
        (at < source.length()).then(|| {
            let mut sound = Vec::with_capacity(EVENT_BYTES);
            while sound.len() < EVENT_BYTES && at < source.length() {
                let piece = source.piece(at, EVENT_BYTES - sound.len());
                at += u64::try_from(piece.len()).unwrap_or(u64::MAX);
                sound.extend_from_slice(&piece);
            }
            let kind = "speech.audio.delta";
            event(kind, &Delta { r#type: kind, audio: STANDARD.encode(sound) })
        })
    });
    let kind = "speech.audio.done";
    deltas.chain(std::iter::once(event(kind, &Done { r#type: kind, usage })))
}
