//! `weir mcp` as a process, spoken to in bare HTTP and lines of JSON: what becomes of a download whose
//! call, process or room for descriptors ends, and how the process itself ends.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use integration_tests::Server;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::gateway::eventually;
use crate::media_config::weir;
use crate::media_files::{BYTES, digests, entries, pause, sha256, simulator, stats};
use crate::moments;

/// The revisions of the protocol: with calls in sessions, and with calls that stand alone.
const SESSIONS: &str = "2025-11-25";
const STATELESS: &str = "2026-07-28";

/// A download that takes five seconds, unless it is stopped.
const SLOW: &str = "vid_weir~pace=200000";

/// How long after its call a transfer may go on.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The simulator as the provider, and the folder of a server.
struct World {
    simulator: Server,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { simulator: simulator(), folder: tempfile::tempdir().unwrap() };
        fs::create_dir(world.videos()).unwrap();
        world
    }

    fn videos(&self) -> PathBuf {
        self.folder.path().join("videos")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let base = format!("{}/v1", self.simulator.url);
        let folder = self.folder.path();
        let variables = [
            ("WEIR_MEDIA_PATH", folder.to_str().unwrap()),
            ("OPENAI_BASE_URL", &base),
            ("OPENAI_API_KEY", "any"),
        ];
        weir(folder, &variables, &[&["mcp"], arguments].concat())
    }

    fn http(&self) -> Command {
        self.command(&["--listen", "127.0.0.1:0"])
    }

    fn put_old(&self, name: &str) {
        fs::write(self.videos().join(name), "the good old file").unwrap();
    }

    /// Whether so many transfers run, as the simulator sees it, with so many files here.
    fn has(&self, transfers: usize, files: usize) -> bool {
        let open = &stats(&self.simulator)["media"]["transfers"]["open"];
        *open == transfers && entries(&self.videos()).len() == files
    }
}

/// A client, in one of the revisions.
struct Agent {
    address: String,
    session: Option<String>,
}

impl Agent {
    fn new(server: &Server, revision: &str) -> Self {
        let address = server.url.strip_prefix("http://").unwrap().to_owned();
        let mut agent = Self { address, session: None };
        if revision == SESSIONS {
            let (head, _) = read(agent.post(&opening(), &[]));
            let session = head.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
            agent.session = Some(session.unwrap_or_else(|| panic!("{head}")).to_owned());
            agent.notify("notifications/initialized", json!({}));
        }
        agent
    }

    /// Sends a message; what is returned waits for the answer.
    fn post(&self, message: &Value, headers: &[(&str, &str)]) -> TcpStream {
        let (body, address) = (message.to_string(), &self.address);
        let mut head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\
             accept: application/json, text/event-stream\r\n",
            body.len()
        );
        let session = self.session.iter().map(|id| ("mcp-session-id", id.as_str()));
        for (name, value) in headers.iter().copied().chain(session) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        stream
    }

    /// Opens the stream of a session that is no answer to anything.
    fn listen(&self) -> TcpStream {
        let (address, session) = (&self.address, self.session.as_deref().unwrap());
        let head = format!(
            "GET /mcp HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\
             mcp-protocol-version: {SESSIONS}\r\nmcp-session-id: {session}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(status, *b"HTTP/1.1 200");
        stream
    }

    fn notify(&self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        let (head, _) = read(self.post(&message, &[("mcp-protocol-version", SESSIONS)]));
        assert!(head.starts_with("HTTP/1.1 202"), "{head}");
    }

    /// Calls `download_video` with the id 7.
    fn download(&self, video: &str, filename: &str) -> TcpStream {
        let mut call = download(video, filename);
        if self.session.is_some() {
            return self.post(&call, &[("mcp-protocol-version", SESSIONS)]);
        }
        call["params"]["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": { "name": "bare", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let names = [("mcp-method", "tools/call"), ("mcp-name", "download_video")];
        self.post(&call, &[&names[..], &[("mcp-protocol-version", STATELESS)]].concat())
    }
}

fn opening() -> Value {
    let client = json!({ "name": "bare", "version": "1" });
    let params = json!({ "protocolVersion": SESSIONS, "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

fn download(video: &str, filename: &str) -> Value {
    let arguments = json!({ "video_id": video, "filename": filename });
    let params = json!({ "name": "download_video", "arguments": arguments });
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params })
}

/// Head and body of an answer, or of what there is of it.
fn read(mut stream: TcpStream) -> (String, String) {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

/// What a call brought: JSON, or the event that holds it.
fn result(stream: TcpStream) -> Value {
    let (head, body) = read(stream);
    let message = body.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
    let message = message.into_iter().find(|line| line.starts_with('{'));
    let message = message.unwrap_or_else(|| panic!("{head}\n{body}"));
    serde_json::from_str::<Value>(message).unwrap()["result"]["structuredContent"].clone()
}

/// Waits until a slow download runs, cancels it, and looks at what is left.
fn check_cancelled(world: &World, cancel: impl FnOnce()) {
    eventually("the beginning of the transfer", || world.has(1, 2));
    let cancelled_at = Instant::now();
    cancel();
    eventually("the end of the transfer", || world.has(0, 1));
    let took = cancelled_at.elapsed();
    assert!(took <= AT_ONCE, "{took:?}");
    let left = fs::read_to_string(world.videos().join("clip.mp4")).unwrap();
    assert_eq!(left, "the good old file");
}

#[test]
fn a_cancelled_call_stops_its_transfer_at_once_in_a_session() {
    let world = World::new();
    world.put_old("clip.mp4");
    let server = Server::start(&mut world.http()).unwrap();
    let agent = Agent::new(&server, SESSIONS);
    let _waits = agent.download(SLOW, "clip.mp4");
    check_cancelled(&world, || {
        agent.notify("notifications/cancelled", json!({ "requestId": 7, "reason": "a test" }));
    });
}

#[test]
fn a_call_whose_client_leaves_stops_its_transfer_at_once_without_a_session() {
    let world = World::new();
    world.put_old("clip.mp4");
    let server = Server::start(&mut world.http()).unwrap();
    let waits = Agent::new(&server, STATELESS).download(SLOW, "clip.mp4");
    check_cancelled(&world, || drop(waits));
}

#[test]
fn a_cancelled_call_stops_its_transfer_at_once_over_stdio() {
    let world = World::new();
    world.put_old("clip.mp4");
    let mut command = world.command(&[]);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = server.stdin.take().unwrap();
    let mut say = |message: Value| writeln!(stdin, "{message}").unwrap();
    let method =
        |name: &str, params: Value| json!({ "jsonrpc": "2.0", "method": name, "params": params });
    say(opening());
    let mut answer = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    assert!(answer.contains("serverInfo"), "{answer}");
    say(method("notifications/initialized", json!({})));
    say(download(SLOW, "clip.mp4"));
    check_cancelled(&world, || say(method("notifications/cancelled", json!({ "requestId": 7 }))));
    drop(stdin);
    assert!(server.wait().unwrap().success());
}

/// Downloads of one server that is killed, each of half a second, and how often that is done.
const KILLED: usize = 8;
const KILLS: u32 = 6;

#[test]
fn a_server_killed_in_the_middle_of_downloads_leaves_whole_files_and_clears_up_next_time() {
    let world = World::new();
    let name = |number: usize| format!("clip-{number}.mp4");
    let video = |number: usize| format!("vid_weir-{number}~pace=2000000");
    let begin = |server: &Server| -> Vec<TcpStream> {
        let agent = Agent::new(server, STATELESS);
        (0..KILLED).map(|number| agent.download(&video(number), &name(number))).collect()
    };
    // Undisturbed they arrive, as the simulator sent them.
    let server = Server::start(&mut world.http()).unwrap();
    let start = Instant::now();
    let results: Vec<Value> = begin(&server).into_iter().map(result).collect();
    let life = start.elapsed();
    drop(server);
    let whole: Vec<String> =
        (0..KILLED).map(|number| digests(&world.simulator, &video(number)).0).collect();
    for (result, whole) in results.iter().zip(&whole) {
        assert_eq!(result["sha256"].as_str(), Some(whole.as_str()));
    }
    let (mut old, mut swept) = (0, 0);
    let seed = moments::seed();
    for moment in moments::within(seed, life, KILLS) {
        let at = format!("killed after {moment:?}, seed {seed}");
        (0..KILLED).for_each(|number| world.put_old(&name(number)));
        let mut server = Server::start(&mut world.http()).unwrap();
        let waits = begin(&server);
        pause(moment);
        server.signal("KILL").unwrap();
        server.wait().unwrap();
        drop(waits);
        for (number, whole) in whole.iter().enumerate() {
            let bytes = fs::read(world.videos().join(name(number))).unwrap();
            let is_old = bytes == b"the good old file";
            assert!(is_old || sha256(&bytes) == *whole, "{} is neither, {at}", name(number));
            old += usize::from(is_old);
        }
        swept += entries(&world.videos()).len() - KILLED;
        drop(Server::start(&mut world.http()).unwrap());
        let names: Vec<String> = (0..KILLED).map(name).collect();
        assert_eq!(entries(&world.videos()), names, "{at}");
    }
    assert!(old > 0 && swept > 0, "no kill was in the middle: {old} {swept}, seed {seed}");
}

/// Calls at once, and descriptors for all: fewer than a connection of the client's, one to the
/// provider and a file for each of them, more than that for the transfers that run at once.
const CALLS: usize = 160;
const DESCRIPTORS: &str = "--nofile=384:384";

#[test]
fn more_downloads_than_there_are_descriptors_for_all_arrive() {
    let world = World::new();
    let server = world.http();
    let mut confined = Command::new("prlimit");
    confined.arg(DESCRIPTORS).arg(server.get_program()).args(server.get_args());
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => confined.env(name, value),
            None => confined.env_remove(name),
        };
    }
    let server = Server::start(confined.current_dir(world.folder.path())).unwrap();
    let agent = Agent::new(&server, STATELESS);
    let calls: Vec<TcpStream> =
        (0..CALLS).map(|number| agent.download("vid_weir", &format!("{number}.mp4"))).collect();
    let results: Vec<Value> = calls.into_iter().map(result).collect();
    let (whole, _) = digests(&world.simulator, "vid_weir");
    for result in &results {
        assert_eq!(result["sha256"].as_str(), Some(whole.as_str()), "{result}");
        let bytes = fs::read(world.videos().join(result["filename"].as_str().unwrap())).unwrap();
        assert_eq!((u64::try_from(bytes.len()).unwrap(), sha256(&bytes)), (BYTES, whole.clone()));
    }
    assert_eq!(entries(&world.videos()).len(), CALLS);
}

#[test]
fn an_ordinary_end_with_open_sessions_logs_no_error() {
    let world = World::new();
    let log = world.folder.path().join("log");
    let mut server = Server::start(world.http().stderr(File::create(&log).unwrap())).unwrap();
    // Each with the stream on which a server may say something by itself.
    let _listening: Vec<TcpStream> =
        (0..64).map(|_| Agent::new(&server, SESSIONS).listen()).collect();
    server.signal("TERM").unwrap();
    assert!(server.wait().unwrap().success());
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("ERROR") && !log.contains("fail to close"), "{log}");
}
