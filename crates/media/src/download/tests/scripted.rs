//! An upstream that says, byte by byte, what a script tells it to.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::admission::{Admission, Caller};
use crate::container::Container;
use crate::download::{DownloadError, Downloads, Progress, Request};
use crate::store::{Kind, OnConflict, SafeName, Sha256, Store, Target, Written};
use crate::{Limits, Upstream};

/// What a pipe holds: about as much as a socket's buffers.
const PIPE_BYTES: usize = 64 << 10;

/// What the upstream does with one request.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) head: String,
    body: Vec<u8>,
    then: Then,
}

/// What follows when the body is sent.
#[derive(Clone, Copy)]
enum Then {
    Close,
    Stand,
    Trickle(Duration),
    SayNothing,
}

impl Answer {
    pub(super) fn whole(bytes: &[u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", bytes.len());
        Self { head, body: bytes.to_vec(), then: Then::Close }
    }

    pub(super) fn part(bytes: &[u8], from: usize) -> Self {
        let (length, total) = (bytes.len() - from, bytes.len());
        let range = format!("content-range: bytes {from}-{}/{total}\r\n", total - 1);
        let head = format!("HTTP/1.1 206 Partial Content\r\ncontent-length: {length}\r\n{range}");
        Self { head, body: bytes[from..].to_vec(), then: Then::Close }
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
        Self { head, body: body.as_bytes().to_vec(), then: Then::Close }
    }

    pub(super) fn silence() -> Self {
        Self { head: String::new(), body: Vec::new(), then: Then::SayNothing }
    }

    pub(super) fn header(mut self, line: &str) -> Self {
        self.head.push_str(line);
        self
    }

    pub(super) fn tag(self, tag: &str) -> Self {
        self.header(&format!("etag: {tag}\r\n"))
    }

    /// Closes the connection after so many bytes of the body.
    pub(super) fn cut(mut self, bytes: usize) -> Self {
        self.body.truncate(bytes);
        self
    }

    /// Falls silent after so many bytes of the body.
    pub(super) fn stall(mut self, bytes: usize) -> Self {
        self.then = Then::Stand;
        self.cut(bytes)
    }

    /// Sends one byte of the body at a time.
    pub(super) fn trickle(mut self, gap: Duration) -> Self {
        self.then = Then::Trickle(gap);
        self
    }

    async fn give(self, connection: &mut DuplexStream) -> io::Result<()> {
        if let Then::SayNothing = self.then {
            return until_closed(connection).await;
        }
        connection.write_all(format!("{}connection: close\r\n\r\n", self.head).as_bytes()).await?;
        if let Then::Trickle(gap) = self.then {
            for byte in self.body {
                connection.write_all(&[byte]).await?;
                tokio::time::sleep(gap).await;
            }
            return Ok(());
        }
        connection.write_all(&self.body).await?;
        if let Then::Stand = self.then { until_closed(connection).await } else { Ok(()) }
    }
}

async fn until_closed(connection: &mut DuplexStream) -> io::Result<()> {
    while connection.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}

/// A store, an upstream with a script, and what fetches from one into the other.
pub(super) struct World {
    pub(super) store: Store,
    downloads: Downloads,
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    closed: Arc<Semaphore>,
}

impl World {
    pub(super) async fn new(script: Vec<Answer>) -> Self {
        Self::with_limits(script, Limits::default()).await
    }

    pub(super) async fn with_limits(script: Vec<Answer>, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_folder(Kind::Video, folder.path(), &limits).await.unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(Semaphore::new(0));
        let script = Mutex::new(VecDeque::from(script));
        let (requests, ends, tasks) = (Arc::clone(&asked), Arc::clone(&closed), TaskTracker::new());
        let upstream = Upstream::in_memory(&limits, move || {
            let answer = script.lock().unwrap().pop_front();
            // A request too many is a connection that is refused, which no test expects.
            let answer = answer.ok_or(io::ErrorKind::ConnectionRefused)?;
            let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let (requests, ends) = (Arc::clone(&requests), Arc::clone(&ends));
            tasks.spawn(serve(answer, theirs, requests, ends));
            Ok(ours)
        });
        let downloads = Downloads::new(upstream, Admission::new(&limits), &limits);
        Self { store, downloads, folder, asked, closed }
    }

    pub(super) fn request(&self) -> Request {
        let name = SafeName::parse("clip.mp4").unwrap();
        Request {
            uri: "http://upstream.test/v1/videos/vid_1/content".parse().unwrap(),
            headers: HeaderMap::new(),
            target: Target::new(name, OnConflict::Overwrite),
            container: None,
        }
    }

    /// As [`World::request`], for a file that must be an MP4.
    pub(super) fn film_request(&self) -> Request {
        Request { container: Some(Container::Mp4), ..self.request() }
    }

    pub(super) async fn fetch(
        &self,
        request: Request,
    ) -> (Result<Written, DownloadError>, Vec<Progress>) {
        let progress = Arc::<Mutex<Vec<Progress>>>::default();
        let told = Arc::clone(&progress);
        let tell = move |it| told.lock().unwrap().push(it);
        let done = self.downloads.fetch(&self.store, request, Caller::ALONE, tell).await;
        (done, std::mem::take(&mut progress.lock().unwrap()))
    }

    /// The heads of the requests so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    pub(super) fn file(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("clip.mp4")).unwrap()
    }

    /// Waits until the folder holds these files and no others, hidden ones included. The removal of
    /// a temporary is a job of its own, which a stopped transfer does not wait for.
    pub(super) async fn only_holds(&self, names: &[&str]) {
        let holds = || {
            let entries = std::fs::read_dir(self.folder.path()).unwrap();
            let mut found: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            found.sort();
            found
        };
        let wait = async {
            while holds() != names {
                tokio::task::spawn_blocking(|| {}).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
        assert!(waited.is_ok(), "the folder holds {:?}, not {names:?}", holds());
    }

    /// Waits until a connection has been closed by the client.
    pub(super) async fn connection_closed(&self) {
        self.closed.acquire().await.unwrap().forget();
    }
}

async fn serve(
    answer: Answer,
    mut connection: DuplexStream,
    asked: Arc<Mutex<Vec<String>>>,
    closed: Arc<Semaphore>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    asked.lock().unwrap().push(String::from_utf8(head).unwrap());
    let _ = answer.give(&mut connection).await;
    closed.add_permits(1);
}

/// 300,000 bytes, each of which depends on its place.
pub(super) fn file_bytes() -> Vec<u8> {
    (0..300_000_u32).map(|at| at.to_le_bytes().iter().fold(17, |sum, byte| sum ^ byte)).collect()
}

/// An MP4 of 300,000 bytes, nearly all of which are in its last box.
pub(super) fn film_bytes() -> Vec<u8> {
    let mut bytes = file_bytes();
    bytes[..16].copy_from_slice(b"\0\0\0\x08ftyp\0\0\0\x08moov");
    bytes[16..20].copy_from_slice(&(300_000_u32 - 16).to_be_bytes());
    bytes[20..24].copy_from_slice(b"mdat");
    bytes
}

pub(super) fn sha256(bytes: &[u8]) -> Sha256 {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    Sha256(digest.as_ref().try_into().unwrap())
}
