//! The client against scripted servers: exact times over in-memory pipes with a paused clock,
//! and the real thing over sockets on the loopback address.

mod fuzz;
mod http2;
mod sockets;
mod timing;
mod tls;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::Bytes;
use results::Outcome;
use tokio::time::Instant;
use wire::Dialect;

use super::judge::Terms;
use super::*;

/// Keeps all observations.
#[derive(Debug, Default)]
struct Seen {
    connected: Cell<u32>,
    bytes: Cell<u64>,
    gaps: RefCell<Vec<Option<Duration>>>,
}

impl Observer for Seen {
    fn connected(&self, _: Duration) {
        self.connected.set(self.connected.get() + 1);
    }

    fn received(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + u64::try_from(bytes).unwrap());
    }

    fn chunk(&self, gap: Option<Duration>) {
        self.gaps.borrow_mut().push(gap);
    }
}

const NO_MINIMUM: Minimum = Minimum { chunks: 0, bytes: 0 };

/// Deadlines that no test reaches by accident.
const PATIENT: Deadlines =
    Deadlines { first: Duration::from_secs(20), idle: Duration::from_secs(20), total: None };

fn request(dialect: Dialect, scheme: &str, authority: &str) -> Request {
    Request::new(&RequestParts {
        dialect,
        method: "POST",
        scheme,
        authority,
        path: "/stream",
        headers: &[("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from_static(b"{\"stream\":true}"),
    })
    .unwrap()
}

/// A chunk of chat with this content.
fn content(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}}}}]}}\n\n")
}

const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const END: &str = "0\r\n\r\n";

/// One chunk of the chunked coding.
fn coded(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// A whole chat answer with these contents, one chunk of the coding for each event.
fn whole(contents: &[&str]) -> String {
    let chunks: String = contents.iter().map(|text| coded(&content(text))).collect();
    format!("{HEAD}{chunks}{}{}{END}", coded(STOP), coded(DONE))
}
