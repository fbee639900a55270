//! A server that does to each request what a test says: the tester must find out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runtime::workers::{Batching, Workers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A whole answer.
    Whole,
    /// The connection is cut in the middle of the body.
    Cut,
    /// The body ends properly in the middle of the answer.
    NoTerminal,
    /// An error in place of the second half.
    ErrorEvent,
    /// No content at all, but a proper end.
    Empty,
    /// Broken JSON in the middle.
    Malformed,
    /// A chunk of text is missing.
    WrongText,
    /// Three chunks and a proper end.
    Short,
    /// Nothing more after the middle, for ever.
    Stalled,
    /// This status, with a body.
    Status(u16),
    /// A page.
    Html,
    /// The connection is closed without an answer.
    Refused,
}

/// Chunks of a whole answer.
pub(super) const CHUNKS: u64 = 20;

/// The schedule of every answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) first: Duration,
    pub(super) gap: Duration,
}

/// Decides what happens to the request of this number (0 is the warm-up's), with so many open.
pub(super) type Decide = dyn Fn(u64, u64) -> Fate + Send + Sync;

#[derive(Debug)]
pub(super) struct Liar {
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    thread: Option<Workers<()>>,
}

impl Liar {
    pub(super) fn start(pace: Pace, decide: Arc<Decide>) -> Self {
        let listener =
            runtime::listen::listeners("127.0.0.1:0".parse().unwrap(), 1).unwrap().pop().unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = Workers::start("liar", 1, &Batching::default(), move |_| {
            let listener = listener.try_clone().unwrap();
            let (decide, stopped) = (Arc::clone(&decide), stopped.clone());
            async move {
                let listener = TcpListener::from_std(listener).unwrap();
                stopped.run_until_cancelled(serve(listener, pace, decide)).await;
            }
        })
        .unwrap();
        Self { address, stop, thread: Some(thread) }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/v1/chat/completions", self.address)
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.stop.cancel();
        self.thread.take().unwrap().join().unwrap();
    }
}

async fn serve(listener: TcpListener, pace: Pace, decide: Arc<Decide>) {
    let (seen, open) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (decide, seen, open) = (Arc::clone(&decide), Arc::clone(&seen), Arc::clone(&open));
        connections.spawn_local(async move {
            let _ = converse(stream, pace, &*decide, &seen, &open).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers requests on one connection until one says otherwise.
async fn converse(
    mut stream: TcpStream,
    pace: Pace,
    decide: &Decide,
    seen: &AtomicU64,
    open: &AtomicU64,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while read_request(&mut stream).await? {
        let number = seen.fetch_add(1, Ordering::Relaxed);
        let fate = decide(number, open.fetch_add(1, Ordering::Relaxed) + 1);
        let answered = answer(&mut stream, pace, fate).await;
        open.fetch_sub(1, Ordering::Relaxed);
        answered?;
        if !matches!(fate, Fate::Whole | Fate::Short | Fate::Empty | Fate::WrongText) {
            break;
        }
    }
    Ok(())
}

/// Reads one request to its end; `false` when the connection was closed instead.
async fn read_request(stream: &mut TcpStream) -> io::Result<bool> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.trim().parse().unwrap());
        if body.len() >= length {
            return Ok(true);
        }
    }
}

async fn answer(stream: &mut TcpStream, pace: Pace, fate: Fate) -> io::Result<()> {
    let begin = Instant::now();
    let plain = |status: u16, kind: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    match fate {
        Fate::Refused => return Ok(()),
        Fate::Html => {
            return stream.write_all(plain(200, "text/html", "<html></html>").as_bytes()).await;
        }
        Fate::Status(status) => {
            let body = r#"{"error":{"message":"no","type":"refused","param":null,"code":null}}"#;
            return stream.write_all(plain(status, "application/json", body).as_bytes()).await;
        }
        _ => {}
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nserver: liar/1\r\n\
                transfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    for (index, word) in (0u32..).zip(words()) {
        sleep_until(begin + pace.first + pace.gap * index).await;
        let middle = u64::from(index) == CHUNKS / 2;
        match fate {
            Fate::Empty => break,
            Fate::Short if index == 3 => break,
            Fate::WrongText if middle => continue,
            Fate::Cut if middle => return Ok(()),
            Fate::Stalled if middle => std::future::pending().await,
            Fate::NoTerminal if middle => return stream.write_all(b"0\r\n\r\n").await,
            Fate::Malformed if middle => event(stream, "{\"choices\":[{\"delta\"").await?,
            Fate::ErrorEvent if middle => {
                event(stream, r#"{"error":{"message":"overloaded","type":"server_error"}}"#)
                    .await?;
                return stream.write_all(b"0\r\n\r\n").await;
            }
            // Text that ends early would not verify: a short answer is of another text.
            Fate::Short => event(stream, &delta("{\"content\":\"short \"}", "null")).await?,
            _ => event(stream, &delta(&format!("{{\"content\":\"{word}\"}}"), "null")).await?,
        }
    }
    event(stream, &delta("{}", "\"stop\"")).await?;
    event(stream, "[DONE]").await?;
    stream.write_all(b"0\r\n\r\n").await
}

/// The text of a whole answer, chunk by chunk; it verifies itself.
fn words() -> Vec<String> {
    let mut words = vec!["weir/1 ".to_owned()];
    words.extend((2..CHUNKS).map(|number| format!("word{number} ")));
    let closing = wire::text::closing_word(words.concat().as_bytes());
    words.push(closing);
    words
}

fn delta(delta: &str, finish: &str) -> String {
    format!(
        "{{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
         \"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}"
    )
}

async fn event(stream: &mut TcpStream, data: &str) -> io::Result<()> {
    let event = format!("data: {data}\n\n");
    stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await
}
