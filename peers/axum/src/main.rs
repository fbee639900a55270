//! Plain axum on tokio's multi-threaded runtime, as its documentation shows it.
//!
//! `PORT=8080 cargo run --release --package peer-axum`

#![expect(clippy::disallowed_methods, reason = "a program of one file reads its own environment")]

use std::convert::Infallible;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep_until};

const OPENING: &str = "weir/1 ";
const WORD: &str = "current ";
/// More than the burst of a level: tokio's own default of 1,024 would be the bottleneck.
const BACKLOG: u32 = 4096;

/// When the chunks come, and how many.
#[derive(Clone, Copy)]
struct Pace {
    first: Duration,
    gap: Duration,
    chunks: u32,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let pace = Pace {
        first: Duration::from_millis(number("FIRST_MS", 1100).into()),
        gap: Duration::from_millis(number("GAP_MS", 140).into()),
        chunks: number("CHUNKS", 40),
    };
    let routes = Router::new().route(
        "/v1/chat/completions",
        post(move |Json(body): Json<Value>| async move { chat(&body, pace) }),
    );
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    let port = u16::try_from(number("PORT", 8080)).expect("PORT is a port");
    socket.bind(([127, 0, 0, 1], port).into())?;
    axum::serve(socket.listen(BACKLOG)?, routes).await
}

fn number(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn chat(body: &Value, pace: Pace) -> Response {
    if body["messages"].as_array().is_none_or(Vec::is_empty) {
        let error = json!({"message": "messages is missing", "type": "invalid_request_error"});
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    }
    let limits = ["max_tokens", "max_completion_tokens"].map(|name| body[name].as_u64());
    let limits = limits.into_iter().flatten().filter_map(|limit| u32::try_from(limit).ok());
    let count = limits.fold(pace.chunks, u32::min);
    let ideal = pace.first + pace.gap * count.saturating_sub(1);
    let headers = [
        ("cache-control", "no-cache".to_owned()),
        ("x-weir-ideal-us", ideal.as_micros().to_string()),
    ];
    (headers, Sse::new(events(count, pace))).into_response()
}

/// All events of an answer, each at its own absolute time.
fn events(count: u32, pace: Pace) -> impl Stream<Item = Result<Event, Infallible>> {
    let start = Instant::now();
    let opening = stream::iter([event(&json!({"role": "assistant", "content": ""}), None)]);
    let text = stream::iter((0..).zip(words(count))).then(move |(index, word)| async move {
        sleep_until(start + pace.first + pace.gap * index).await;
        event(&json!({ "content": word }), None)
    });
    let end = stream::iter([event(&json!({}), Some("stop")), Event::default().data("[DONE]")]);
    opening.chain(text).chain(end).map(Ok)
}

/// The text in `count` pieces; its last word is the CRC-32 of everything before it.
fn words(count: u32) -> impl Iterator<Item = String> {
    let mut checksum = crc32fast::Hasher::new();
    (0..count.max(1)).map(move |index| {
        let last = index + 1 >= count;
        let mut piece = match (index, last) {
            (0, _) => OPENING.to_owned(),
            (_, true) => String::new(),
            (_, false) => WORD.to_owned(),
        };
        checksum.update(piece.as_bytes());
        if last {
            piece.push_str(&format!("{:08x}", checksum.clone().finalize()));
        }
        piece
    })
}

/// One chunk of a chat completion as a server-sent event.
fn event(delta: &Value, finish_reason: Option<&str>) -> Event {
    let chunk = json!({
        "id": "chatcmpl-peer",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "peer",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    });
    Event::default().data(chunk.to_string())
}
