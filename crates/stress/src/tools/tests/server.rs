//! An MCP server that leaves files, honestly or not: the other side of the tests, on a real socket
//! and a thread of its own.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use runtime::workers::{Batching, Workers};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::tools::session::{STATELESS, WITH_SESSIONS};
use crate::tools::verify::Hasher;

/// Size of the file that `save` leaves.
pub(super) const FILE_BYTES: usize = 100_000;

/// What the server does beside answering.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    /// Where `save` leaves its files.
    pub(super) folder: PathBuf,
    /// Speaks the stateless revision, and no other.
    pub(super) stateless: bool,
    /// Answers with an event stream and this many progress notifications; `None` for JSON.
    pub(super) progress: Option<u32>,
    /// Answers `ping`.
    pub(super) ping: bool,
    /// How long `ping` takes.
    pub(super) ping_delay: Duration,
    /// How long `save` takes.
    pub(super) delay: Duration,
    /// How it deceives.
    pub(super) lie: Lie,
}

/// How a server deceives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// Not at all.
    None,
    /// One call runs at a time, whoever waits.
    Serialises,
    /// One bit of one byte in the file of the call of this number is wrong.
    Corrupts(u64),
    /// Of so many calls the last is never answered: its stream ends.
    DropsOneIn(u64),
    /// Of so many calls the last is not answered, and its connection stays open.
    IsSilentOneIn(u64),
    /// Says that it left a file, and leaves none, for the call of this number.
    WritesNothing(u64),
}

impl Manner {
    pub(super) fn honest(folder: PathBuf) -> Self {
        Self {
            folder,
            stateless: false,
            progress: None,
            ping: true,
            ping_delay: Duration::ZERO,
            delay: Duration::from_millis(40),
            lie: Lie::None,
        }
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    thread: Option<Workers<()>>,
}

impl Server {
    pub(super) fn start(manner: Manner) -> Self {
        let mut listeners =
            runtime::listen::listeners(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let listener = listeners.pop().unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = Workers::start("server", 1, &Batching::default(), move |_| {
            let (listener, stopped) = (listener.try_clone().unwrap(), stopped.clone());
            let state = State::new(manner.clone());
            async move {
                let _ = stopped.run_until_cancelled(serve(listener, Rc::new(state))).await;
            }
        })
        .unwrap();
        Self { address, stop, thread: Some(thread) }
    }

    pub(super) fn url(&self, path: &str) -> crate::target_url::TargetUrl {
        format!("http://{}{path}", self.address).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.thread.take().unwrap().join().unwrap();
    }
}

struct State {
    manner: Manner,
    calls: Cell<u64>,
    open: Cell<u64>,
    peak_open: Cell<u64>,
    one_at_a_time: Semaphore,
    sessions: RefCell<Vec<String>>,
}

impl State {
    fn new(manner: Manner) -> Self {
        Self {
            manner,
            calls: Cell::new(0),
            open: Cell::new(0),
            peak_open: Cell::new(0),
            one_at_a_time: Semaphore::new(1),
            sessions: RefCell::default(),
        }
    }
}

async fn serve(listener: std::net::TcpListener, state: Rc<State>) {
    let listener = TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                connections.spawn_local(converse(stream, Rc::clone(&state)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

struct Asked {
    method: String,
    path: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Asked {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Request::new(&mut fields);
        if let Ok(httparse::Status::Complete(start)) = head.parse(&bytes) {
            let fields: Vec<(String, String)> = head
                .headers
                .iter()
                .map(|field| {
                    (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned())
                })
                .collect();
            let length = fields
                .iter()
                .find(|(name, _)| name == "content-length")
                .map_or(0, |(_, value)| value.parse().unwrap());
            if bytes.len() >= start + length {
                let (method, path) =
                    (head.method.unwrap().to_owned(), head.path.unwrap().to_owned());
                let body = bytes[start..start + length].to_vec();
                return Ok(Some(Asked { method, path, fields, body }));
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

async fn converse(mut stream: TcpStream, state: Rc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some(asked) = read_request(&mut stream).await? {
        if !answer(&mut stream, &asked, &state).await? {
            break;
        }
    }
    Ok(())
}

async fn reply(stream: &mut TcpStream, status: &str, extra: &str, body: &str) -> io::Result<bool> {
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{extra}\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await?;
    Ok(true)
}

/// Answers one request; false when the connection is to be closed.
async fn answer(stream: &mut TcpStream, asked: &Asked, state: &State) -> io::Result<bool> {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/weir/stats") => return reply(stream, "200 OK", "", &stats(state)).await,
        ("POST", "/weir/reset") => {
            state.peak_open.set(state.open.get());
            return reply(stream, "200 OK", "", "").await;
        }
        ("GET", path) if path.starts_with("/files/") => {
            return match std::fs::read(state.manner.folder.join(&path["/files/".len()..])) {
                Ok(bytes) => {
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", bytes.len());
                    stream.write_all(head.as_bytes()).await?;
                    stream.write_all(&bytes).await?;
                    Ok(true)
                }
                Err(_) => reply(stream, "404 Not Found", "", "{}").await,
            };
        }
        ("DELETE", "/mcp") => {
            let session = asked.field("mcp-session-id").unwrap_or_default();
            state.sessions.borrow_mut().retain(|known| known != session);
            return reply(stream, "200 OK", "", "").await;
        }
        ("POST", "/mcp") => {}
        _ => return reply(stream, "404 Not Found", "", "{\"detail\":\"nothing here\"}").await,
    }
    let message: Value = serde_json::from_slice(&asked.body)?;
    let method = message["method"].as_str().unwrap_or_default().to_owned();
    let Some(id) = message.get("id").cloned() else {
        return reply(stream, "202 Accepted", "", "").await;
    };
    let manner = &state.manner;
    let error = |code: i64, text: &str| {
        json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } })
            .to_string()
    };
    if manner.stateless {
        let meta = &message["params"]["_meta"];
        let named = asked.field("mcp-method") == Some(&method)
            && asked.field("mcp-protocol-version") == Some(STATELESS)
            && meta["io.modelcontextprotocol/protocolVersion"] == STATELESS
            && meta["io.modelcontextprotocol/clientCapabilities"].is_object()
            && (method != "tools/call"
                || asked.field("mcp-name") == message["params"]["name"].as_str());
        if method == "initialize" {
            return reply(stream, "404 Not Found", "", &error(-32601, "no such method")).await;
        }
        if !named {
            return reply(stream, "400 Bad Request", "", &error(-32020, "headers differ")).await;
        }
    } else if method != "initialize" {
        let session = asked.field("mcp-session-id").unwrap_or_default();
        if !state.sessions.borrow().iter().any(|known| known == session) {
            return reply(stream, "404 Not Found", "", &error(-32001, "no such session")).await;
        }
        if asked.field("mcp-protocol-version") != Some(WITH_SESSIONS) {
            return reply(stream, "400 Bad Request", "", &error(-32000, "no version")).await;
        }
    }
    let mut extra = String::new();
    let result = match method.as_str() {
        "initialize" if !manner.stateless => {
            let session = format!("session-{}", state.sessions.borrow().len());
            extra = format!("mcp-session-id: {session}\r\n");
            state.sessions.borrow_mut().push(session);
            json!({ "protocolVersion": WITH_SESSIONS, "capabilities": { "tools": {} },
                "serverInfo": { "name": "t", "version": "1" } })
        }
        "server/discover" if manner.stateless => json!({
            "resultType": "complete",
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "t", "version": "2" } } }),
        "ping" if manner.ping && !manner.stateless => {
            sleep(manner.ping_delay).await;
            json!({})
        }
        "tools/list" => tools(&message["params"]),
        "tools/call" => return call(stream, &message, state).await,
        _ => return reply(stream, "200 OK", "", &error(-32601, "no such method")).await,
    };
    let body = json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
    reply(stream, "200 OK", &extra, &body).await
}

/// Two pages of tools.
fn tools(params: &Value) -> Value {
    let schema = json!({ "type": "object", "required": ["filename"], "properties": {
        "filename": { "type": "string" }, "video_id": { "type": "string" },
        "number": { "type": "integer" } } });
    match params["cursor"].as_str() {
        None => json!({ "tools": [{ "name": "fail", "inputSchema": { "type": "object" } }],
            "nextCursor": "2" }),
        Some(_) => json!({ "tools": [{ "name": "save", "inputSchema": schema }] }),
    }
}

fn stats(state: &State) -> String {
    let mut hasher = Hasher::default();
    hasher.push(&contents());
    let truth = hasher.contents();
    json!({ "transfers": { "peak_open": state.peak_open.get(), "started": state.calls.get() },
        "videos": [{ "id": "vid_test", "bytes": truth.bytes, "sha256": truth.sha256 }] })
    .to_string()
}

fn contents() -> Vec<u8> {
    (0..FILE_BYTES).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

/// What became of a call inside.
enum Done {
    Result(Value),
    NoAnswer,
    Silence,
}

async fn work(message: &Value, state: &State) -> Done {
    let params = &message["params"];
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    if params["name"] == "fail" {
        return Done::Result(json!({ "content": text("Error 17: cannot"), "isError": true }));
    }
    state.calls.set(state.calls.get() + 1);
    let number = state.calls.get();
    let lie = state.manner.lie;
    let _turn = match lie {
        Lie::Serialises => Some(state.one_at_a_time.acquire().await.unwrap()),
        _ => None,
    };
    state.open.set(state.open.get() + 1);
    state.peak_open.set(state.peak_open.get().max(state.open.get()));
    sleep(state.manner.delay).await;
    state.open.set(state.open.get() - 1);
    let name = params["arguments"]["filename"].as_str().unwrap();
    let mut bytes = contents();
    match lie {
        Lie::DropsOneIn(every) if number.is_multiple_of(every) => return Done::NoAnswer,
        Lie::IsSilentOneIn(every) if number.is_multiple_of(every) => return Done::Silence,
        Lie::Corrupts(nth) if number == nth => bytes[FILE_BYTES / 2] ^= 1,
        _ => {}
    }
    if lie != Lie::WritesNothing(number) {
        std::fs::write(state.manner.folder.join(name), bytes).unwrap();
    }
    Done::Result(json!({ "content": text(&json!({ "filename": name }).to_string()) }))
}

async fn call(stream: &mut TcpStream, message: &Value, state: &State) -> io::Result<bool> {
    let done = work(message, state).await;
    let response = |result: &Value| {
        json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }).to_string()
    };
    let Some(progress) = state.manner.progress else {
        return match done {
            Done::Result(result) => reply(stream, "200 OK", "", &response(&result)).await,
            Done::NoAnswer => Ok(false),
            Done::Silence => silence().await,
        };
    };
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut events = String::from(": here\n\n");
    let token = &message["params"]["_meta"]["progressToken"];
    for step in 0..progress {
        let notification = json!({ "jsonrpc": "2.0", "method": "notifications/progress",
            "params": { "progressToken": token, "progress": step } });
        events += &format!("event: message\ndata: {notification}\n\n");
    }
    if let Done::Result(result) = &done {
        events += &format!("event: message\ndata: {}\n\n", response(result));
    }
    stream.write_all(format!("{head}{:x}\r\n{events}\r\n", events.len()).as_bytes()).await?;
    if matches!(done, Done::Silence) {
        return silence().await;
    }
    stream.write_all(b"0\r\n\r\n").await?;
    Ok(true)
}

/// Never ends: the client gives up, or the server does.
async fn silence() -> io::Result<bool> {
    std::future::pending().await
}
