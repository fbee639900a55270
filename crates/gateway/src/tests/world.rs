//! A gateway on real sockets between scripted upstreams and raw clients.

use std::io::Write;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use runtime::signal::Shutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Handle, ServeError, Server, Settings, Surroundings};

/// Longer than anything here takes, shorter than what kills a test.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway; stopped at once when dropped.
pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    pub(super) shutdown: Shutdown,
    pub(super) handle: Handle,
    pub(super) log: Log,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

/// What the usage log was given.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) fn settings(text: &str) -> Settings {
    settings_for(2, text)
}

/// Settings for so many workers.
pub(super) fn settings_for(workers: usize, text: &str) -> Settings {
    let surroundings = Surroundings {
        variable: &|name| (name == "UPSTREAM_KEY").then(|| "upstream-key".to_owned()),
        file: &|path| std::fs::read(path),
    };
    let text = format!("listen = \"127.0.0.1:0\"\nworkers = {workers}\n{text}");
    Settings::parse("weir.toml", &text, surroundings).unwrap_or_else(|error| panic!("{error}"))
}

impl Gateway {
    pub(super) fn start(text: &str) -> Self {
        let log = Log::default();
        let server = Server::bind(settings(text), Some(Box::new(log.clone()))).unwrap();
        Self::run(server, log)
    }

    /// Lets a server serve that has only listened so far.
    pub(super) fn run(server: Server, log: Log) -> Self {
        let (address, handle, shutdown) = (server.address(), server.handle(), Shutdown::default());
        let of_thread = shutdown.clone();
        let thread = std::thread::spawn(move || server.run(&of_thread));
        Self { address, shutdown, handle, log, thread: Some(thread) }
    }

    /// In front of these upstreams, called `a`, `b`, …, each with every model.
    pub(super) fn before(upstreams: &[&Upstream], more: &str) -> Self {
        Self::start(&format!("{more}\n{}", upstream_tables(upstreams)))
    }

    pub(super) async fn connect(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// A client that has asked for a stream.
    pub(super) async fn streaming(&self) -> Client {
        let mut client = self.connect().await;
        client.send(&chat(true)).await;
        client
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn ask(&self, request: &str) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await
    }

    /// The value of a sample in `/metrics`.
    pub(super) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let sample = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        sample.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until a sample has a value.
    pub(super) async fn metric_becomes(&self, name: &str, value: f64) {
        let reached = async {
            while (self.metric(name).await - value).abs() > f64::EPSILON {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(PATIENCE, reached).await.is_err() {
            panic!("{name} never became {value}:\n{}", self.get("/metrics").await.body);
        }
    }

    /// Waits until the server has ended by itself.
    pub(super) async fn ended(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap().unwrap();
    }

    /// The lines of the usage log. Ends the server, so that all are written.
    pub(super) async fn usage(mut self) -> Vec<serde_json::Value> {
        self.shutdown.abort.cancel();
        self.ended().await;
        let text = String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shutdown.abort.cancel();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join().unwrap();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

/// `[[upstream]]` tables named `a`, `b`, ….
pub(super) fn upstream_tables(upstreams: &[&Upstream]) -> String {
    ["a", "b", "c"].iter().zip(upstreams).fold(String::new(), |text, (name, upstream)| {
        text + &format!("[[upstream]]\nname = \"{name}\"\nurl = \"http://{}\"\n", upstream.address)
    })
}

/// A client's connection.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    read: Vec<u8>,
}

/// An answer, its body without chunked coding.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
    /// Whether the body came to its announced end.
    pub(super) whole: bool,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Client {
    pub(super) async fn send(&mut self, request: &str) {
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads until `text` has come; false when the connection ended before.
    pub(super) async fn reads(&mut self, text: &str) -> bool {
        while !String::from_utf8_lossy(&self.read).contains(text) {
            let mut buffer = [0; 4096];
            let reading = self.stream.read(&mut buffer);
            match timeout(PATIENCE, reading).await.unwrap_or_else(|_| self.never(text)) {
                Ok(0) | Err(_) => return false,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
            }
        }
        true
    }

    fn never(&self, text: &str) -> ! {
        panic!("{text:?} never came, only {:?}", String::from_utf8_lossy(&self.read));
    }

    /// Reads one whole answer.
    pub(super) async fn answer(&mut self) -> Answer {
        assert!(self.reads("\r\n\r\n").await, "no head: {:?}", String::from_utf8_lossy(&self.read));
        let text = String::from_utf8_lossy(&self.read).into_owned();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let head = head.to_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        self.read.drain(..head.len() + 4);
        let (body, whole) = if let Some(length) = header(&head, "content-length") {
            self.sized(length.parse().unwrap()).await
        } else if header(&head, "transfer-encoding") == Some("chunked") {
            self.chunked().await
        } else {
            (Vec::new(), true)
        };
        Answer { status, head, body: String::from_utf8(body).unwrap(), whole }
    }

    async fn sized(&mut self, length: usize) -> (Vec<u8>, bool) {
        while self.read.len() < length {
            if !self.more().await {
                return (std::mem::take(&mut self.read), false);
            }
        }
        (self.read.drain(..length).collect(), true)
    }

    async fn chunked(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            while !self.read.windows(2).any(|pair| pair == b"\r\n") {
                if !self.more().await {
                    return (body, false);
                }
            }
            let end = self.read.windows(2).position(|pair| pair == b"\r\n").unwrap();
            let size = std::str::from_utf8(&self.read[..end]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            self.read.drain(..end + 2);
            let (chunk, whole) = self.sized(size + 2).await;
            if !whole {
                return (body, false);
            }
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return (body, true);
            }
        }
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("an answer that ends") {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.read.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}

/// A scripted upstream: each connection's requests go to one function.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    tasks: JoinSet<()>,
}

/// One request at a scripted upstream.
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    pub(super) head: String,
    pub(super) body: String,
    /// How many requests this upstream has had before.
    pub(super) number: usize,
}

type Script =
    Arc<dyn Fn(Peer) -> Pin<Box<dyn Future<Output = Option<TcpStream>> + Send>> + Send + Sync>;

impl Upstream {
    /// The function gives the stream back when another request may follow on it.
    pub(super) async fn start<F, Fut>(script: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<TcpStream>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script: Script = Arc::new(move |peer| Box::pin(script(peer)));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, script));
        Self { address, tasks }
    }

    /// One that answers every request with what it [saw](Peer::mirror).
    pub(super) async fn mirror() -> Self {
        Self::start(Peer::mirror).await
    }

    /// Ends it like `kill -9`: the listener and every connection close.
    pub(super) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn accept(listener: TcpListener, script: Script) {
    let numbers = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (script, numbers) = (Arc::clone(&script), Arc::clone(&numbers));
        connections.spawn(async move {
            while let Some((head, body)) = request(&mut stream).await {
                let number = numbers.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                match script(Peer { stream, head, body, number }).await {
                    Some(same) => stream = same,
                    None => return,
                }
            }
        });
    }
}

/// Reads a request with a known length; `None` at the end of the connection.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").map_or(0, |value| value.parse().unwrap());
            if body.len() >= length {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => read.extend_from_slice(&buffer[..length]),
        }
    }
}

impl Peer {
    pub(super) async fn write(&mut self, text: &str) {
        // The gateway may have left: the test looks at what it does then.
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    /// Begins a stream.
    pub(super) async fn begin(&mut self) {
        self.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nrequest-id: up-1\r\nx-request-id: up-2\r\nx-ratelimit-remaining-requests: 7\r\nset-cookie: a=b\r\n\r\n").await;
    }

    /// Writes one chunk of the transfer coding.
    pub(super) async fn chunk(&mut self, text: &str) {
        self.write(&format!("{:x}\r\n{text}\r\n", text.len())).await;
    }

    /// Ends the body; the connection may be used again.
    pub(super) async fn end(mut self) -> Option<TcpStream> {
        self.write("0\r\n\r\n").await;
        Some(self.stream)
    }

    /// Ends a chat stream as a model does, and its body.
    pub(super) async fn done(mut self) -> Option<TcpStream> {
        self.chunk(DONE).await;
        self.end().await
    }

    /// Answers with the `head` and `body` that came, as JSON.
    pub(super) async fn mirror(self) -> Option<TcpStream> {
        let seen = serde_json::json!({ "head": self.head, "body": self.body });
        self.reply("200 OK", "", &seen.to_string()).await
    }

    /// Answers with a document.
    pub(super) async fn reply(mut self, status: &str, more: &str, body: &str) -> Option<TcpStream> {
        self.write(&format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{more}\r\n{body}",
            body.len()
        ))
        .await;
        Some(self.stream)
    }

    /// Waits until the gateway closes the connection.
    pub(super) async fn left(mut self) {
        let mut buffer = [0; 16];
        let gone = self.stream.read(&mut buffer);
        assert!(matches!(
            timeout(PATIENCE, gone).await.expect("a closed connection"),
            Ok(0) | Err(_)
        ));
    }
}

/// A chat request.
pub(super) fn chat(stream: bool) -> String {
    post("/v1/chat/completions", "", &format!("{{\"model\":\"m\",\"stream\":{stream}}}"))
}

pub(super) fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Events of a chat stream.
pub(super) fn delta(text: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// The end of a chat stream.
pub(super) const DONE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
