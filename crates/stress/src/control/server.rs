//! The server of the control streams: the least that can tell the truth about itself.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::workers::{Batching, Workers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// What every control stream looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// From the request's arrival to the first chunk.
    pub first: Duration,
    /// Between two chunks.
    pub gap: Duration,
    /// Chunks.
    pub chunks: u32,
}

impl Script {
    /// Longest wait for a control stream's first chunk: it must fit into a level.
    const MAX_FIRST: Duration = Duration::from_secs(3);
    /// Gaps of control streams stay within these, whatever the target's are.
    const GAPS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));
    /// The gap where the target's is not known: no chunk came, so there is nothing to be like.
    const UNKNOWN_GAP: Duration = Duration::from_millis(10);
    /// Longest control stream, but for its last gap.
    const MAX_STREAMING: Duration = Duration::from_secs(4);
    /// Most chunks of a control stream.
    const MAX_CHUNKS: u32 = 40;

    /// A script with the cadence of an answer that was seen: its TTFT and its mean gap.
    #[must_use]
    pub fn like(ttft: Option<Duration>, streaming: Option<Duration>, chunks: u64) -> Self {
        let gap = streaming
            .zip(u32::try_from(chunks).ok().filter(|chunks| *chunks > 1))
            .map_or(Self::UNKNOWN_GAP, |(streaming, chunks)| streaming / (chunks - 1))
            .clamp(Self::GAPS.0, Self::GAPS.1);
        let fitting = Self::MAX_STREAMING.as_micros() / gap.as_micros().max(1);
        let chunks = u32::try_from(fitting).unwrap_or(u32::MAX).clamp(2, Self::MAX_CHUNKS);
        let first = ttft.unwrap_or(gap).clamp(Duration::from_millis(1), Self::MAX_FIRST);
        Self { first, gap, chunks }
    }

    /// How long a stream takes.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.first + self.gap * self.chunks.saturating_sub(1)
    }
}

/// When things really happened on one control stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The whole request had arrived.
    pub received: Instant,
    /// Right before each chunk was written.
    pub writes: Vec<Instant>,
}

/// Truths by the number of their stream, until they are taken.
#[derive(Debug, Default)]
pub struct TruthLog {
    next: AtomicUsize,
    truths: Mutex<HashMap<usize, Truth>>,
}

/// Most truths that wait to be taken. Only streams that were cut at their very end leave theirs.
const MAX_TRUTHS: usize = 4096;

impl TruthLog {
    /// A number that no other stream has.
    pub fn next_number(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes the truth about a stream that has ended.
    pub fn take(&self, number: usize) -> Option<Truth> {
        self.truths.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
    }

    fn put(&self, number: usize, truth: Truth) {
        let mut truths = self.truths.lock().unwrap_or_else(PoisonError::into_inner);
        if truths.len() >= MAX_TRUTHS {
            truths.clear();
        }
        truths.insert(number, truth);
    }
}

/// A running control server: a thread of its own on a loopback port of its own.
#[derive(Debug)]
pub struct ControlServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it does.
    pub script: Script,
    /// What it did.
    pub truths: Arc<TruthLog>,
    stop: CancellationToken,
    thread: Option<Workers<()>>,
}

impl ControlServer {
    /// Starts the server.
    ///
    /// # Errors
    /// When no loopback port or thread is to be had.
    pub fn start(script: Script) -> io::Result<Self> {
        let mut listeners = runtime::listen::listeners(SocketAddr::from(([127, 0, 0, 1], 0)), 1)?;
        let listener = listeners.pop().ok_or_else(|| io::Error::other("no listener"))?;
        let address = listener.local_addr()?;
        let truths = Arc::new(TruthLog::default());
        let stop = CancellationToken::new();
        let (log, stopped) = (Arc::clone(&truths), stop.clone());
        let thread = Workers::start("control", 1, &Batching::default(), move |_| {
            let listener = listener.try_clone();
            serve(listener, script, Arc::clone(&log), stopped.clone())
        })?;
        Ok(Self { address, script, truths, stop, thread: Some(thread) })
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stop.cancel();
        // Its thread ends at once: no wait inside is longer than a look at the token.
        if let Some(thread) = self.thread.take()
            && let Err(error) = thread.join()
        {
            tracing::warn!(%error, "the control server's thread did not start");
        }
    }
}

async fn serve(
    listener: io::Result<std::net::TcpListener>,
    script: Script,
    truths: Arc<TruthLog>,
    stop: CancellationToken,
) {
    let listener = match listener.and_then(TcpListener::from_std) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "the control server cannot listen");
            return;
        }
    };
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    streams.spawn_local(answer(stream, script, Arc::clone(&truths)));
                }
                Err(error) => tracing::warn!(%error, "the control server could not accept"),
            },
            Some(_) = streams.join_next() => {}
        }
    }
}

/// Longest request that is read.
const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// Answers one request (`GET /NUMBER`). A client that leaves ends it without a truth.
async fn answer(mut stream: TcpStream, script: Script, truths: Arc<TruthLog>) -> io::Result<()> {
    let mut request = Vec::with_capacity(512);
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 || request.len() > MAX_REQUEST_BYTES {
            return Ok(());
        }
    }
    let received = Instant::now();
    let Some(number) = number_of(&request) else { return Ok(()) };
    stream.write_all(HEAD).await?;
    let chunk = chunk();
    let mut writes = Vec::with_capacity(usize::try_from(script.chunks).unwrap_or(0));
    for index in 0..script.chunks {
        sleep_until(received + script.first + script.gap * index).await;
        writes.push(Instant::now());
        stream.write_all(&chunk).await?;
    }
    truths.put(number, Truth { received, writes });
    stream.write_all(TAIL).await?;
    stream.shutdown().await
}

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
const TAIL: &[u8] = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

/// Size of a control event: that of a usual chat chunk.
const EVENT_BYTES: usize = 184;

fn chunk() -> Vec<u8> {
    let mut event = b"data: ".to_vec();
    event.resize(EVENT_BYTES - 2, b'x');
    event.extend_from_slice(b"\n\n");
    let mut chunk = format!("{EVENT_BYTES:x}\r\n").into_bytes();
    chunk.extend_from_slice(&event);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn number_of(request: &[u8]) -> Option<usize> {
    let path = std::str::from_utf8(request).ok()?.split(' ').nth(1)?;
    path.strip_prefix('/')?.parse().ok()
}
