//! Speech and transcriptions, and the files that clients upload.

use std::time::Duration;

use http::{Method, Request};
use serde_json::{Value, json};
use wire::text::{Verified, Verifier};

use super::SHORT;
use crate::testing::{Fetched, Stage, get, on_stage, post};

const JSON: (&str, &str) = ("content-type", "application/json");
const TEXT: &str = "The river is deep, and nobody knows how deep it is.";

fn form(
    path: &str,
    fields: &[(&str, &str)],
    file: (&str, &[u8]),
) -> Request<http_body_util::Full<bytes::Bytes>> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let (filename, data) = file;
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(data);
    body.extend_from_slice(b"\r\n--b--\r\n");
    let request = Request::post(path).header("host", "weir");
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    request.body(http_body_util::Full::new(body.into())).unwrap()
}

async fn speak(stage: &Stage, more: Value, headers: &[(&str, &str)]) -> Fetched {
    let mut request = json!({"model": "tts", "input": TEXT, "voice": "alloy"});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let headers = [&[JSON], headers].concat();
    stage.fetch(post("/v1/audio/speech", &headers, &request.to_string())).await.unwrap()
}

async fn transcribe(
    stage: &Stage,
    fields: &[(&str, &str)],
    file: (&str, &[u8]),
) -> (u16, String, String) {
    let fields = [&[("model", "gpt-4o-transcribe")], fields].concat();
    let heard = stage.send(form("/v1/audio/transcriptions", &fields, file)).await.unwrap();
    (heard.status.as_u16(), heard.header("content-type").to_owned(), heard.text())
}

#[test]
fn speech_comes_in_its_time_and_is_understood_again() {
    on_stage(SHORT, async |stage| {
        for (format, kind, mark) in
            [("mp3", "audio/mpeg", &b"ID3"[..]), ("wav", "audio/wav", b"RIFF")]
        {
            let speech = speak(stage, json!({"response_format": format}), &[]).await;
            assert_eq!((speech.status.as_u16(), speech.header("content-type")), (200, kind));
            assert_eq!(speech.head_after, Duration::from_millis(100));
            let file = speech.bytes();
            assert!(file.starts_with(mark));
            assert_eq!(speech.header("content-length"), file.len().to_string());
            let name = format!("speech.{format}");
            let (status, _, text) = transcribe(stage, &[], (&name, &file)).await;
            let answer: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((status, &answer["text"]), (200, &json!(TEXT)));
        }
        let pcm = speak(stage, json!({"response_format": "pcm", "speed": 2}), &[]).await.bytes();
        // 51 bytes of text, 30 ms of 24,000 samples each, of two bytes.
        assert_eq!(pcm.len(), TEXT.len() * 720 * 2);
    });
}

#[test]
fn speech_as_events_is_the_same_sound() {
    use base64::Engine as _;
    on_stage(SHORT, async |stage| {
        let whole = speak(stage, json!({"response_format": "wav"}), &[]).await.bytes();
        let request = json!({"response_format": "wav", "stream_format": "sse"});
        let events = String::from_utf8(speak(stage, request, &[]).await.bytes()).unwrap();
        let mut sound = Vec::new();
        let mut last = Value::Null;
        for data in events.lines().filter_map(|line| line.strip_prefix("data: ")) {
            last = serde_json::from_str(data).unwrap();
            if let Some(audio) = last["audio"].as_str() {
                let engine = base64::engine::general_purpose::STANDARD;
                sound.extend(engine.decode(audio).unwrap());
            }
        }
        assert_eq!(last["type"], "speech.audio.done");
        assert!(sound == whole, "{} and {} bytes", sound.len(), whole.len());
    });
}

#[test]
fn faults_break_speech_as_they_break_files() {
    on_stage(SHORT, async |stage| {
        let of = async |fault| speak(stage, json!({}), &[("x-weir-fault", fault)]).await;
        let whole = of("none").await;
        let cut = of("cut@1000;stall@500=1s").await;
        assert_eq!((cut.bytes().len(), cut.ended.0), (1000, false));
        assert!(cut.ended.1 >= Duration::from_millis(1100), "{:?}", cut.ended);
        assert_eq!(cut.bytes(), whole.bytes()[..1000]);
        assert_eq!(of("status=429;retry-after=3").await.header("retry-after"), "3");
        assert_eq!(of("error@5").await.status, 500);
    });
}

#[test]
fn an_unknown_sound_gets_a_text_that_verifies_itself_in_every_format() {
    on_stage(SHORT, async |stage| {
        let file = ("talk.mp3", &[7; 20_000][..]);
        let mut shown = String::new();
        for format in ["json", "text", "srt", "vtt", "verbose_json", "diarized_json"] {
            let fields = [
                ("response_format", format),
                ("timestamp_granularities[]", "word"),
                ("timestamp_granularities[]", "segment"),
            ];
            let (status, kind, text) = transcribe(stage, &fields, file).await;
            assert_eq!(status, 200, "{text}");
            shown += &format!("{format}: {kind}\n{text}\n\n");
            if format.ends_with("json") {
                let answer: Value = serde_json::from_str(&text).unwrap();
                let mut verifier = Verifier::default();
                verifier.push(answer["text"].as_str().unwrap().as_bytes());
                assert_eq!(verifier.verdict(), Verified::Correct, "{format}");
            }
        }
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!("transcriptions", shown);
        });
    });
}

#[test]
fn a_streamed_transcription_adds_up_to_its_text() {
    on_stage(SHORT, async |stage| {
        let fields = [("model", "gpt-4o-transcribe"), ("stream", "true")];
        let request = form("/v1/audio/transcriptions", &fields, ("talk.ogg", &[1; 30_000]));
        let heard = stage.send(request).await.unwrap();
        let events = heard.events();
        assert_eq!(events[0].0, Duration::from_millis(100));
        let events: Vec<Value> =
            events.iter().map(|(_, data)| serde_json::from_str(data).unwrap()).collect();
        let (done, deltas) = events.split_last().unwrap();
        let text: String = deltas.iter().map(|event| event["delta"].as_str().unwrap()).collect();
        assert_eq!(done["type"], "transcript.text.done");
        assert_eq!(done["text"], text);
    });
}

#[test]
fn what_cannot_be_spoken_or_heard_is_refused() {
    let text = on_stage(SHORT, async |stage| {
        let mut text = String::new();
        for more in [
            json!({"input": ""}),
            json!({"input": "a".repeat(4097)}),
            json!({"speed": 5}),
            json!({"response_format": "opus"}),
            json!({"voice": null}),
        ] {
            let heard = speak(stage, more, &[]).await;
            let answer = String::from_utf8(heard.bytes()).unwrap();
            text += &format!("{} {answer}\n", heard.status.as_u16());
        }
        for (fields, file) in [
            (&[("response_format", "yaml")][..], ("a.mp3", &b"x"[..])),
            (&[], ("a.mp3", b"")),
            (&[], ("a.txt", b"hello")),
        ] {
            let (status, _, answer) = transcribe(stage, fields, file).await;
            text += &format!("{status} {answer}\n");
        }
        text
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("audio_refused", text);
    });
}

#[test]
fn a_sound_beyond_25_mib_gets_413_and_one_below_is_heard() {
    on_stage("profile = \"instant\"", async |stage| {
        let limit = 25 * 1024 * 1024;
        let mut sound = vec![0; limit + 1];
        sound[..3].copy_from_slice(b"ID3");
        assert_eq!(transcribe(stage, &[], ("a.mp3", &sound)).await.0, 413);
        assert_eq!(transcribe(stage, &[], ("a.mp3", &sound[..limit])).await.0, 200);
    });
}

#[test]
fn chat_completions_take_sound() {
    on_stage("profile = \"instant\"", async |stage| {
        let body = json!({"model": "gpt-4o-audio-preview", "messages": [{"role": "user", "content": [
            {"type": "text", "text": "what is said?"},
            {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        ]}]});
        let heard = stage.post("/v1/chat/completions", &[], &body.to_string()).await;
        let answer: Value = serde_json::from_str(&heard.text()).unwrap();
        assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().starts_with("weir/1"));
    });
}

#[test]
fn files_are_kept_found_listed_and_deleted() {
    on_stage("profile = \"instant\"", async |stage| {
        let upload = async |name: &str, data: &[u8]| {
            let request = form("/v1/files", &[("purpose", "vision")], (name, data));
            let heard = stage.send(request).await.unwrap();
            assert_eq!(heard.status, 200, "{}", heard.text());
            serde_json::from_str::<Value>(&heard.text()).unwrap()
        };
        let (one, two) =
            (upload("mask.png", b"\x89PNG").await, upload("two.bin", &[9; 70_000]).await);
        assert_eq!((&one["filename"], &one["bytes"]), (&json!("mask.png"), &json!(4)));
        let path = |file: &Value| format!("/v1/files/{}", file["id"].as_str().unwrap());
        let found = stage.send(get(&path(&one), &[])).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&found.text()).unwrap(), one);
        let range = [("range", "bytes=69990-")];
        let content = stage.fetch(get(&format!("{}/content", path(&two)), &range)).await.unwrap();
        assert_eq!((content.status.as_u16(), content.bytes()), (206, vec![9; 10]));
        let list = async |query: &str| {
            let heard = stage.send(get(&format!("/v1/files?{query}"), &[])).await.unwrap();
            let page: Value = serde_json::from_str(&heard.text()).unwrap();
            let names = page["data"].as_array().unwrap().iter().map(|it| it["filename"].clone());
            (Value::Array(names.collect()), page["has_more"].as_bool().unwrap())
        };
        assert_eq!(list("").await, (json!(["two.bin", "mask.png"]), false));
        assert_eq!(list("order=asc&limit=1").await, (json!(["mask.png"]), true));
        assert_eq!(list("purpose=batch").await, (json!([]), false));
        let request = Request::builder().method(Method::DELETE).uri(path(&one)).header("host", "w");
        let deleted = stage.send(request.body(Default::default()).unwrap()).await.unwrap();
        assert!(deleted.text().contains(r#""deleted":true"#));
        assert_eq!(stage.send(get(&path(&one), &[])).await.unwrap().status, 404);
    });
}
