//! `POST /v1/audio/transcriptions` and `/translations`.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use wire::json::FieldError;

use super::events::event;
use super::form::Form;
use super::source::digests;
use super::transcript::{Transcript, Usage};
use super::{Ask, Upload, events, images, sound};
use crate::answer::{Answered, serve_body};
use crate::api::Problem;
use crate::seed::{Seed, mix};
use crate::text::{Content, Text};

/// Largest sound: 25 MiB, as the provider's.
const MAX_AUDIO_BYTES: usize = 25 * 1024 * 1024;

/// Characters of an invented text for each second of sound, and how many it has in the end.
const CHARACTERS_PER_SECOND: f64 = 15.0;
const CHARACTERS: (u32, u32) = (60, 20_000);

/// Endings of names, for sounds that are not known by their first bytes.
const ENDINGS: [&str; 10] =
    ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"];

const FORMATS: [&str; 6] = ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"];

#[derive(Serialize)]
struct Delta<'a> {
    r#type: &'static str,
    delta: &'a str,
}

#[derive(Serialize)]
struct Done<'a> {
    r#type: &'static str,
    text: &'a str,
    usage: Usage,
}

struct Request {
    sound: Bytes,
    format: &'static str,
    by_duration: bool,
    stream: bool,
    with_segments: bool,
    with_words: bool,
}

/// Writes down what is said: the words of a sound that was made here, and a text that verifies
/// itself and follows from the bytes of any other.
pub(super) async fn answer(ask: Ask<'_>, upload: Upload<'_>) -> Answered {
    let Request { sound, format, by_duration, stream, with_segments, with_words } =
        match read(&ask, &upload) {
            Ok(request) => request,
            Err(problem) => return ask.reject(problem),
        };
    let server_seed = ask.worker.shared.settings.seed;
    let media = &ask.worker.shared.media;
    let heard = media.work(move || {
        let seconds = (sound::seconds(&sound) * 1000.0).round() / 1000.0;
        let text = sound::spoken(&sound).unwrap_or_else(|| invented(&sound, seconds, server_seed));
        Transcript { text, seconds, by_duration }
    });
    let transcript = heard.await;
    drop(upload);
    if stream {
        let events = streamed(&transcript);
        let due = images::on_schedule(&ask.plan, events);
        return events::send(ask, due).await;
    }
    let (body, media_type) = match format {
        "text" => (format!("{}\n", transcript.text).into_bytes(), "text/plain; charset=utf-8"),
        "srt" => (transcript.srt(), "text/plain; charset=utf-8"),
        "vtt" => (transcript.vtt(), "text/vtt; charset=utf-8"),
        "verbose_json" => (transcript.verbose(with_segments, with_words), "application/json"),
        "diarized_json" => (transcript.diarized(), "application/json"),
        _ => (transcript.plain(), "application/json"),
    };
    let mut answered = serve_body(ask.plan, body, ask.in_flight).await?;
    if answered.status() == StatusCode::OK {
        answered.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    Ok(answered)
}

fn read(ask: &Ask<'_>, body: &[u8]) -> Result<Request, Problem> {
    let form = Form::parse(&ask.head.headers, body)?;
    let file = form.file("file").ok_or(FieldError::Missing("file"))?;
    let model = form.required("model")?;
    if file.data.len() > MAX_AUDIO_BYTES {
        let message = format!(
            "the sound has {} bytes, more than the {MAX_AUDIO_BYTES} (25 MiB) that are allowed",
            file.data.len()
        );
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    let name = file.filename.as_deref().unwrap_or_default();
    if !is_sound(&file.data, name) {
        let message = format!("expected a sound file; known are {}", ENDINGS.join(", "));
        return Err(FieldError::invalid("file", message).into());
    }
    let granularities: Vec<&str> = form.texts("timestamp_granularities").collect();
    let with_words = granularities.contains(&"word");
    Ok(Request {
        format: form.one_of("response_format", &FORMATS)?,
        by_duration: model == "whisper-1",
        stream: form.flag("stream")?,
        with_segments: !with_words || granularities.contains(&"segment"),
        with_words,
        sound: file.data.to_vec().into(),
    })
}

fn is_sound(file: &[u8], name: &str) -> bool {
    let is_at = |at: usize, mark: &[u8]| file.get(at..).is_some_and(|rest| rest.starts_with(mark));
    let known = (is_at(0, b"RIFF") && is_at(8, b"WAVE"))
        || is_at(0, b"ID3")
        || is_at(0, b"OggS")
        || is_at(0, b"fLaC")
        || is_at(0, b"\x1A\x45\xDF\xA3")
        || is_at(4, b"ftyp")
        || (file.len() > 2 && file[0] == 0xFF && file[1] & 0xE0 == 0xE0);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let named = ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
    known || (named && !file.is_empty())
}

/// A text of about the length that fits the time.
fn invented(sound: &Bytes, seconds: f64, server_seed: u64) -> String {
    let digest = digests(sound).sha256;
    let seed = digest.bytes().fold(server_seed, |seed, byte| mix(seed, u64::from(byte)));
    let (least, most) = CHARACTERS;
    let length = crate::profile::whole(seconds * CHARACTERS_PER_SECOND).clamp(least, most);
    let mut text = String::new();
    Text::new(Seed::pinned(seed), Content::Text, length).write(u32::MAX, &mut text);
    text
}

fn streamed(transcript: &Transcript) -> Vec<Bytes> {
    let (delta, done) = ("transcript.text.delta", "transcript.text.done");
    let pieces = transcript.pieces();
    let mut events: Vec<Bytes> =
        pieces.iter().map(|piece| event(delta, &Delta { r#type: delta, delta: piece })).collect();
    let (text, usage) = (transcript.text.as_str(), transcript.usage());
    events.push(event(done, &Done { r#type: done, text, usage }));
    events
}

#[cfg(test)]
mod tests {
    use wire::text::{Verified, Verifier};

    use super::*;

    #[test]
    fn an_unknown_sound_has_a_text_of_its_own_that_verifies_itself() {
        let of = |sound: &'static [u8], seed| invented(&Bytes::from_static(sound), 20.0, seed);
        let text = of(b"one", 1);
        let mut verifier = Verifier::default();
        verifier.push(text.as_bytes());
        assert_eq!(verifier.verdict(), Verified::Correct);
        assert_eq!(text.chars().count(), 300);
        assert_eq!(text, of(b"one", 1));
        assert_ne!(text, of(b"two", 1));
        assert_ne!(text, of(b"one", 2));
    }

    #[test]
    fn sounds_are_known_by_their_bytes_or_their_names() {
        assert!(is_sound(b"RIFF....WAVE", ""));
        assert!(is_sound(b"\xFF\xFB\x14", "x"));
        assert!(is_sound(b"anything", "a.M4A"));
        assert!(!is_sound(b"", "a.mp3"));
        assert!(!is_sound(b"RIFF....WEBP", "a.webp"));
        assert!(!is_sound(b"{}", "a.json"));
    }
}
