//! The exporter: one thread that sends batches of spans to a collector.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use tokio::time::Instant;

use super::otlp::{self, Span};
use crate::settings;

/// Requests whose spans may wait. A collector that stands still for longer costs spans, which are
/// counted, and never an answer.
const QUEUE: usize = 4096;

/// Requests whose spans are sent together: below 1 MiB, which collectors take by default.
const BATCH: usize = 512;

/// How long the first one of a batch waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// How long connecting, and each read and write, may take.
const WITHIN: Duration = Duration::from_secs(5);

/// Tries for one batch, with pauses that double from [`PAUSE`]; fewer once the server goes down.
const TRIES: u32 = 4;
const LAST_TRIES: u32 = 2;
const PAUSE: Duration = Duration::from_millis(500);

/// Most bytes of the collector's answer that are looked at.
const MAX_ANSWER: usize = 16 << 10;

/// One request's spans, on the heap: what waits shall be small.
type Spans = Box<[Span]>;

/// Hands spans to the exporter. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    spans: SyncSender<Option<Spans>>,
    lost: Counter,
}

/// The exporting thread.
#[derive(Debug, Default)]
pub(crate) struct Exporter(Option<Running>);

#[derive(Debug)]
struct Running {
    spans: SyncSender<Option<Spans>>,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// Where batches go.
#[derive(Debug)]
struct Collector {
    settings: settings::Traces,
    tls: Option<Arc<rustls::ClientConfig>>,
    lost: Counter,
    /// The server goes down, and waits for what is left.
    ending: Arc<AtomicBool>,
}

pub(super) fn start(settings: &settings::Traces, lost: Counter) -> io::Result<(Queue, Exporter)> {
    let (spans, receiver) = sync_channel(QUEUE);
    let ending = Arc::new(AtomicBool::new(false));
    let tls = settings.tls.as_ref().map(|trust| {
        let mut config = (*trust.0).clone();
        // What is spoken below.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    });
    let collector = Collector {
        settings: settings.clone(),
        tls,
        lost: lost.clone(),
        ending: Arc::clone(&ending),
    };
    let thread = thread::Builder::new()
        .name("otlp".to_owned())
        .spawn(move || collector.export_all(&receiver))?;
    let exporter = Exporter(Some(Running { spans: spans.clone(), ending, thread }));
    Ok((Queue { spans, lost }, exporter))
}

impl Queue {
    /// Hands over a request's spans, or counts them as lost.
    pub(super) fn push(&self, spans: Spans) {
        let count = count(std::slice::from_ref(&spans));
        if self.spans.try_send(Some(spans)).is_err() {
            self.lost.inc_by(count);
        }
    }
}

impl Exporter {
    /// Sends what was handed over so far, without much patience, and ends the thread.
    pub(crate) fn finish(self) {
        let Some(Running { spans, ending, thread }) = self.0 else { return };
        ending.store(true, Ordering::Relaxed);
        thread.thread().unpark();
        // A full queue is taken up: the thread is alive.
        if spans.send(None).is_err() || thread.join().is_err() {
            tracing::error!("the exporter of traces panicked");
        }
    }
}

impl Collector {
    fn export_all(&self, spans: &Receiver<Option<Spans>>) {
        let mut batch = Vec::new();
        loop {
            let more = gather(spans, &mut batch);
            if !batch.is_empty() {
                self.export(&batch);
                batch.clear();
            }
            if !more {
                return;
            }
        }
    }

    fn export(&self, batch: &[Spans]) {
        let spans = batch.iter().flat_map(|spans| spans.iter());
        let body = otlp::request(&self.settings.service, spans);
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            let error = match self.post(&body) {
                Ok(200..=299) => return,
                // The specification names those that are worth another try.
                Ok(status @ (429 | 502 | 503 | 504)) => format!("status {status}"),
                Ok(status) => return self.lose(batch, &format!("status {status}")),
                Err(error) => error.to_string(),
            };
            let ending = self.ending.load(Ordering::Relaxed);
            if attempt >= if ending { LAST_TRIES } else { TRIES } {
                return self.lose(batch, &error);
            }
            thread::park_timeout(pause);
            pause *= 2;
        }
    }

    fn lose(&self, batch: &[Spans], error: &str) {
        let count = count(batch);
        self.lost.inc_by(count);
        tracing::warn!(spans = count, error, "the collector does not take traces");
    }

    /// Sends one request on a connection of its own, and returns the answer's status.
    fn post(&self, body: &[u8]) -> io::Result<u16> {
        let origin = &self.settings.origin;
        let stream = self.connect()?;
        let mut head = format!(
            "POST {}/v1/traces HTTP/1.1\r\nhost: {}\r\nuser-agent: weir/{}\r\n\
             content-type: application/x-protobuf\r\ncontent-length: {}\r\nconnection: close\r\n",
            origin.prefix,
            origin.authority,
            env!("CARGO_PKG_VERSION"),
            body.len()
        );
        for (name, value) in &self.settings.headers {
            head += &format!("{name}: {}\r\n", value.expose());
        }
        head += "\r\n";
        let message = [head.as_bytes(), body].concat();
        match &self.tls {
            None => exchange(stream, &message),
            Some(config) => {
                let name = ServerName::try_from(origin.host.clone()).map_err(io::Error::other)?;
                let connection = ClientConnection::new(Arc::clone(config), name);
                let connection = connection.map_err(io::Error::other)?;
                exchange(StreamOwned::new(connection, stream), &message)
            }
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let origin = &self.settings.origin;
        let mut last = io::Error::other("the collector's name has no address");
        for address in (origin.host.as_str(), origin.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, WITHIN) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(WITHIN))?;
                    stream.set_write_timeout(Some(WITHIN))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn count(batch: &[Spans]) -> u64 {
    let spans = batch.iter().map(|spans| spans.len()).sum::<usize>();
    u64::try_from(spans).unwrap_or(u64::MAX)
}

/// Waits for a first request and a little for others; false when it is the end.
fn gather(spans: &Receiver<Option<Spans>>, batch: &mut Vec<Spans>) -> bool {
    let Ok(Some(first)) = spans.recv() else { return false };
    batch.push(first);
    let until = Instant::now() + GATHER;
    while batch.len() < BATCH {
        match spans.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Some(next)) => batch.push(next),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => break,
        }
    }
    true
}

fn exchange(mut stream: impl Read + Write, message: &[u8]) -> io::Result<u16> {
    stream.write_all(message)?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    // The status line is all that counts.
    while !answer.contains(&b'\n') && answer.len() < MAX_ANSWER {
        match stream.read(&mut buffer)? {
            0 => break,
            length => answer.extend_from_slice(&buffer[..length]),
        }
    }
    let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let status =
        std::str::from_utf8(line).ok().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    status.ok_or_else(|| io::Error::other("the collector does not answer as HTTP does"))
}
