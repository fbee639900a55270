//! Real sockets, real clock: what only they can show.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use wire::text::{Verified, Verifier};

use super::{DIALECTS, whole};
use crate::config::{Config, Settings};
use crate::server::{Running, Server};
use crate::testing::post;

/// A server on a free port with two workers.
pub(super) struct Live {
    running: Running,
    stop: CancellationToken,
}

impl Live {
    fn bind(config: &str) -> Server {
        let config = Config::from_toml("test", config).unwrap();
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let config = Config { listen, workers: Some(2), ..config };
        Server::bind(Settings::new(config).unwrap()).unwrap()
    }

    fn start(config: &str) -> Self {
        Self::of(Self::bind(config))
    }

    fn of(server: Server) -> Self {
        let stop = CancellationToken::new();
        Self { running: server.start(stop.clone()).unwrap(), stop }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.running.local_address()).await.unwrap()
    }

    pub(super) async fn http1(&self, tasks: &mut JoinSet<()>) -> http1::SendRequest<Full<Bytes>> {
        let (sender, connection) =
            http1::handshake(TokioIo::new(self.connect().await)).await.unwrap();
        tasks.spawn(async move { drop(connection.await) });
        sender
    }

    async fn http2(&self, tasks: &mut JoinSet<()>) -> http2::SendRequest<Full<Bytes>> {
        let io = TokioIo::new(self.connect().await);
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_max_send_streams(1000)
            .handshake(io)
            .await
            .unwrap();
        tasks.spawn(async move { drop(connection.await) });
        sender
    }

    pub(super) async fn stats(&self) -> serde_json::Value {
        let mut tasks = JoinSet::new();
        let request = Request::get("/weir/stats").body(Full::default()).unwrap();
        let response = self.http1(&mut tasks).await.send_request(request).await.unwrap();
        serde_json::from_str(&text(response.into_body()).await.unwrap()).unwrap()
    }

    /// Waits until a count of the statistics has this value.
    pub(super) async fn until(&self, count: &str, expected: u64) {
        let reached = async {
            while self.stats().await[count] != expected {
                sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(Duration::from_secs(10), reached).await.is_err() {
            panic!("{count} is not {expected}: {}", self.stats().await);
        }
    }

    fn end(self) {
        self.stop.cancel();
        self.running.join().unwrap();
    }
}

async fn text(body: Incoming) -> Option<String> {
    let bytes = body.collect().await.ok()?.to_bytes();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

/// The chat chunks' text verifies itself and the terminal event is there.
fn assert_whole(stream: &str) {
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    let mut verifier = Verifier::default();
    for data in stream.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: serde_json::Value = serde_json::from_str(&format!("{{{data}")).unwrap();
        if let Some(piece) = chunk["choices"][0]["delta"]["content"].as_str() {
            verifier.push(piece.as_bytes());
        }
    }
    assert_eq!(verifier.verdict(), Verified::Correct);
}

pub(super) fn live(config: &str, scene: impl AsyncFnOnce(&Live)) {
    let live = Live::start(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(scene(&live));
    // Closes the clients' connections, so that nothing is left to wait for.
    drop(runtime);
    live.end();
}

/// A client that leaves while the server does this counts as cancelled, soon and only once.
fn leaving_is_noticed(headers: &[(&str, &str)], body: &str, wait_for_head: bool) {
    live("profile = \"claude-sonnet-4\"", async |live| {
        let mut tasks = JoinSet::new();
        let mut sender = live.http1(&mut tasks).await;
        let response = sender.send_request(post(DIALECTS[0].0, headers, body));
        let mut response = std::pin::pin!(response);
        if wait_for_head {
            let mut body = response.await.unwrap().into_body();
            body.frame().await.unwrap().unwrap();
        } else {
            tokio::select! {
                _ = &mut response => panic!("no head was expected yet"),
                () = live.until("active", 1) => {}
            }
        }
        let left = Instant::now();
        tasks.shutdown().await;
        live.until("cancelled", 1).await;
        assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
        live.until("active", 0).await;
        assert_eq!(live.stats().await["peak_active"], 1);
    });
}

#[test]
fn a_client_that_leaves_a_stream_is_noticed() {
    leaving_is_noticed(&[], DIALECTS[0].1, true);
}

#[test]
fn a_client_that_leaves_before_the_head_is_noticed() {
    leaving_is_noticed(&[("x-weir-fault", "slow-headers=1m")], DIALECTS[0].1, false);
}

#[test]
fn a_client_that_leaves_an_answer_in_one_piece_is_noticed() {
    leaving_is_noticed(&[], &whole(DIALECTS[0].1), false);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_request_is_noticed() {
    live("profile = \"instant\"", async |live| {
        let mut stream = live.connect().await;
        let head = "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
        live.until("active", 1).await;
        drop(stream);
        live.until("active", 0).await;
        assert_eq!(live.stats().await["cancelled"], 1);
    });
}

#[test]
fn a_connection_is_used_again_at_once_after_every_kind_of_answer() {
    live("profile = \"instant\"", async |live| {
        let mut tasks = JoinSet::new();
        let mut sender = live.http1(&mut tasks).await;
        for (path, body) in DIALECTS {
            for body in [body.to_owned(), whole(body), "{".to_owned()] {
                sender.ready().await.unwrap();
                let response = sender.send_request(post(path, &[], &body)).await.unwrap();
                text(response.into_body()).await.unwrap();
            }
        }
        assert_eq!(live.stats().await["started"], 9);
    });
}

/// Sends a request and reads its answer; gives how long the server says it has had it.
async fn processing_time(stream: &mut TcpStream, request: &str) -> Duration {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"[DONE]\n\n\r\n0\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "it ended early");
    }
    let answer = String::from_utf8(answer).unwrap();
    let millis = answer.lines().find_map(|line| line.strip_prefix("openai-processing-ms: "));
    Duration::from_millis(millis.unwrap().parse().unwrap())
}

#[test]
fn a_request_has_come_when_its_bytes_have_and_not_when_they_are_read() {
    let server = Live::bind("profile = \"instant\"");
    let address = server.local_address();
    let (path, body) = DIALECTS[0];
    let length = body.len();
    let request = format!("POST {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n{body}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (began, waits) = (Instant::now(), Duration::from_millis(300));
    let (live, waited) = runtime.block_on(async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut first = Box::pin(processing_time(&mut stream, &request));
        // The server listens and does not serve yet: the request lies in its socket.
        assert!(timeout(waits, &mut first).await.is_err());
        let live = Live::of(server);
        let waited = first.await;
        let asked = Instant::now();
        let second = processing_time(&mut stream, &request).await;
        assert!(second <= asked.elapsed(), "{second:?} of {:?}", asked.elapsed());
        (live, waited)
    });
    // Whole milliseconds, and not all of the wait is after the last byte.
    assert!(waited >= waits / 2 && waited <= began.elapsed(), "{waited:?}");
    live.end();
}

#[test]
fn a_cut_closes_the_connection_after_the_events_before_it() {
    live("profile = \"instant\"", async |live| {
        for round in 0..20 {
            let mut stream = live.connect().await;
            let (path, body) = DIALECTS[0];
            let head = format!(
                "POST {path} HTTP/1.1\r\nx-weir-fault: cut@5\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut all = String::new();
            stream.read_to_string(&mut all).await.unwrap();
            assert_eq!(all.matches(r#""delta":{"content""#).count(), 5, "round {round}: {all}");
            assert!(!all.ends_with("0\r\n\r\n"), "{all}");
        }
    });
}

#[test]
fn a_body_beyond_32_mib_gets_413_and_one_below_is_read() {
    live("profile = \"instant\"", async |live| {
        let sized = |bytes: usize| {
            let (before, after) =
                (r#"{"model":"m","messages":[{"role":"user","content":""#, r#""}]}"#);
            before.to_owned() + &"a".repeat(bytes - before.len() - after.len()) + after
        };
        let limit = 32 * 1024 * 1024;
        for (bytes, status) in [(limit, 200), (limit + 1, 413)] {
            let mut tasks = JoinSet::new();
            let mut sender = live.http1(&mut tasks).await;
            let request = post(DIALECTS[0].0, &[], &sized(bytes));
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), status);
            text(response.into_body()).await.unwrap();
        }
    });
}

#[test]
fn a_head_that_is_too_large_gets_431() {
    live("profile = \"instant\"", async |live| {
        let mut stream = live.connect().await;
        let head = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(17 * 1024));
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut all = String::new();
        // The connection may be reset after the answer, as not everything was read.
        let _ = stream.read_to_string(&mut all).await;
        assert!(all.starts_with("HTTP/1.1 431 "), "{all}");
    });
}

#[test]
fn http_2_carries_many_streams_on_one_connection() {
    let config = "profile = \"p\"\n[profiles.p]\nttft = \"4s\"\ngap = \"5ms\"\nevents = 20";
    live(config, async |live| {
        let mut tasks = JoinSet::new();
        let sender = live.http2(&mut tasks).await;
        let mut streams = JoinSet::new();
        for _ in 0..500 {
            let mut sender = sender.clone();
            streams.spawn(async move {
                let request = post("http://weir/v1/chat/completions", &[], DIALECTS[0].1);
                let response = sender.send_request(request).await.unwrap();
                text(response.into_body()).await.unwrap()
            });
        }
        live.until("active", 500).await;
        while let Some(stream) = streams.join_next().await {
            assert_whole(&stream.unwrap());
        }
        assert_eq!(live.stats().await["finished"], 500);
    });
}

#[test]
fn http_2_streams_are_cancelled_one_by_one() {
    live("profile = \"claude-sonnet-4\"", async |live| {
        let mut tasks = JoinSet::new();
        let mut sender = live.http2(&mut tasks).await;
        let mut responses = Vec::new();
        for _ in 0..50 {
            let request = post("http://weir/v1/chat/completions", &[], DIALECTS[0].1);
            responses.push(sender.send_request(request).await.unwrap());
        }
        live.until("active", 50).await;
        responses.truncate(20);
        live.until("cancelled", 30).await;
        live.until("active", 20).await;
    });
}

#[test]
fn http_2_faults_touch_only_their_own_stream() {
    live("profile = \"quick\"", async |live| {
        let mut tasks = JoinSet::new();
        let mut sender = live.http2(&mut tasks).await;
        let url = "http://weir/v1/chat/completions";
        let whole = sender.send_request(post(url, &[], DIALECTS[0].1)).await.unwrap();
        let refused = [("x-weir-fault", "refuse")];
        let error = sender.send_request(post(url, &refused, DIALECTS[0].1)).await.unwrap_err();
        let reason = std::error::Error::source(&error).unwrap().to_string();
        assert!(reason.contains("refused"), "{reason}");
        let cut = [("x-weir-fault", "cut@3"), ("x-weir-profile", "instant")];
        let mut cut =
            sender.send_request(post(url, &cut, DIALECTS[0].1)).await.unwrap().into_body();
        let mut events = String::new();
        let ended = loop {
            match cut.frame().await.unwrap() {
                Ok(frame) => events += str::from_utf8(frame.data_ref().unwrap()).unwrap(),
                Err(error) => break error,
            }
        };
        assert!(!ended.is_canceled(), "{ended}");
        assert_eq!(events.matches(r#""delta":{"content""#).count(), 3, "{events}");
        assert_whole(&text(whole.into_body()).await.unwrap());
    });
}

#[test]
fn draining_lets_streams_finish_and_closes_idle_connections() {
    let config = "profile = \"p\"\n[profiles.p]\nttft = \"50ms\"\ngap = \"20ms\"\nevents = 20";
    live(config, async |live| {
        let mut tasks = JoinSet::new();
        let mut idle = live.connect().await;
        let mut used = live.http1(&mut tasks).await;
        let response = used.send_request(post(DIALECTS[0].0, &[], DIALECTS[0].1)).await.unwrap();
        live.stop.cancel();
        assert_whole(&text(response.into_body()).await.unwrap());
        let closed = timeout(Duration::from_secs(5), idle.read(&mut [0; 1])).await.unwrap();
        assert!(matches!(closed, Ok(0) | Err(_)));
        let closed = async {
            while !used.is_closed() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(5), closed).await.unwrap();
    });
}

#[test]
fn the_drain_deadline_ends_streams_that_take_too_long() {
    let live = Live::start("profile = \"claude-sonnet-4\"\ndrain = \"100ms\"");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scene = async {
        let mut tasks = JoinSet::new();
        let mut sender = live.http1(&mut tasks).await;
        let response = sender.send_request(post(DIALECTS[0].0, &[], DIALECTS[0].1)).await.unwrap();
        live.stop.cancel();
        assert_eq!(text(response.into_body()).await, None);
    };
    bounded(&runtime, scene);
    live.end();
}

fn bounded(runtime: &tokio::runtime::Runtime, scene: impl Future<Output = ()>) {
    runtime.block_on(async { timeout(Duration::from_secs(10), scene).await.unwrap() });
}
