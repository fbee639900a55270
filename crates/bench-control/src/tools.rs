//! Agents that call a media server's `download_video` over MCP, and one that pings it meanwhile.
//!
//! One thread and one connection for each call, HTTP/1.0, so that an answer ends with its connection
//! and nothing has to be parsed that would cost time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ring::digest::{Context as Digest, SHA256};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::measured::Times;
use crate::target::Target;

/// Between two pings.
const PING_EVERY: Duration = Duration::from_millis(50);

/// Longest time that an answer may take.
const LIMIT: Duration = Duration::from_secs(240);

/// Every so many files one is read back and hashed; each is looked at for its length.
const HASHED_EVERY: u32 = 8;

/// The protocol's revision.
const REVISION: &str = "2025-06-18";

/// What is called.
pub(crate) struct Work<'a> {
    pub(crate) target: &'a Target,
    pub(crate) agents: u32,
    pub(crate) calls: u32,
    pub(crate) video: &'a str,
    /// Where the files land.
    pub(crate) folder: &'a Path,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'a str,
}

#[derive(Default)]
struct Tally {
    ok: u32,
    bytes: u64,
    failed: BTreeMap<String, u32>,
}

/// What a call was answered, and how it is found again.
struct Answered<'a> {
    number: u32,
    name: String,
    answer: Result<String>,
    work: &'a Work<'a>,
}

/// All agents make all their calls at once. Every file is looked at and removed once all have their
/// answers: the machine's time is the server's until then.
pub(crate) fn run(work: &Work) -> Result<Value> {
    let sessions: Vec<Option<String>> =
        (0..work.agents).map(|_| open(work.target)).collect::<Result<_>>()?;
    let times = Mutex::new(Times::new());
    let idle = pings(work.target, Duration::from_secs(2))?;
    let (done, is_done) = mpsc::channel::<()>();
    let began = Instant::now();
    let (busy, wall, answered) = thread::scope(|scope| {
        let pinger = scope.spawn(move || ping_until(work.target, &is_done));
        let calls: Vec<_> = (0..work.agents * work.calls)
            .map(|number| {
                let session = sessions.get(usize::try_from(number % work.agents).unwrap_or(0));
                let (session, times) = (session.cloned().flatten(), &times);
                scope.spawn(move || Answered::call(work, number, session.as_deref(), times))
            })
            .collect();
        let answered: Vec<_> = calls.into_iter().filter_map(|call| call.join().ok()).collect();
        let wall = began.elapsed();
        drop(done);
        (pinger.join(), wall, answered)
    });
    let busy = busy.map_err(|_| anyhow!("the pinger died"))??;
    let times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tally = Tally::of(answered);
    Ok(json!({
        "calls": work.agents * work.calls, "ok": tally.ok, "failed": tally.failed,
        "bytes": tally.bytes, "wall_s": wall.as_secs_f64(), "call_ms": times.to_json(),
        "ping_idle_ms": idle.to_json(), "ping_ms": busy.to_json(),
    }))
}

impl<'a> Answered<'a> {
    fn call(work: &'a Work, number: u32, session: Option<&str>, times: &Mutex<Times>) -> Self {
        let began = Instant::now();
        let name = format!("call-{number}.mp4");
        let arguments = json!({ "video_id": work.video, "filename": name });
        let call = json!({ "name": "download_video", "arguments": arguments });
        let request = request(u64::from(number) + 2, "tools/call", &call);
        let answer = post(work.target, session, &request);
        times.lock().unwrap_or_else(PoisonError::into_inner).record(began.elapsed());
        Self { number, name, answer, work }
    }

    fn judge(self) -> Result<u64> {
        judge(self.work, self.number, &self.name, &self.answer?)?;
        Ok(self.work.bytes)
    }
}

impl Tally {
    fn of(answered: Vec<Answered>) -> Self {
        let mut tally = Self::default();
        for answered in answered {
            match answered.judge() {
                Ok(bytes) => {
                    tally.ok += 1;
                    tally.bytes += bytes;
                }
                Err(error) => *tally.failed.entry(format!("{error:#}")).or_default() += 1,
            }
        }
        tally
    }
}

/// Whether the call succeeded, and its file is there with the right bytes.
fn judge(work: &Work, number: u32, name: &str, answer: &str) -> Result<()> {
    if !answer.contains("\"result\"") || answer.contains("\"isError\":true") {
        let text = answer.split("\"text\":").nth(1).unwrap_or(answer);
        bail!("refused: {}", text.chars().take(120).collect::<String>());
    }
    let path = work.folder.join(name);
    let length = fs::metadata(&path).context("no file")?.len();
    if length != work.bytes {
        bail!("{length} bytes instead of {}", work.bytes);
    }
    if number.is_multiple_of(HASHED_EVERY) && digest(&path)? != work.sha256 {
        bail!("wrong bytes");
    }
    Ok(fs::remove_file(path)?)
}

fn digest(path: &Path) -> Result<String> {
    let (mut file, mut hash) = (File::open(path)?, Digest::new(&SHA256));
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => {
                return Ok(hash
                    .finish()
                    .as_ref()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect());
            }
            length => hash.update(&piece[..length]),
        }
    }
}

/// Opens a session; servers without sessions give no id.
fn open(target: &Target) -> Result<Option<String>> {
    let client = json!({ "name": "weir-control", "version": "0" });
    let hello = json!({ "protocolVersion": REVISION, "capabilities": {}, "clientInfo": client });
    let answer = post(target, None, &request(1, "initialize", &hello))?;
    let lines = answer.lines().take_while(|line| !line.is_empty());
    let session = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("mcp-session-id").then(|| value.trim().to_owned())
    });
    let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    post(target, session.as_deref(), &ready)?;
    Ok(session)
}

fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Posts a message; the answer is everything up to the connection's end.
fn post(target: &Target, session: Option<&str>, body: &str) -> Result<String> {
    let mut socket = TcpStream::connect(target.address)?;
    socket.set_read_timeout(Some(LIMIT))?;
    let session = session.map(|id| format!("mcp-session-id: {id}\r\n")).unwrap_or_default();
    // In one piece: the kernel would hold a second one back until the first is acknowledged.
    let message = format!(
        "POST {} HTTP/1.0\r\nhost: {}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: {REVISION}\r\n\
         {session}content-length: {}\r\n\r\n{body}",
        target.path,
        target.address,
        body.len()
    );
    socket.write_all(message.as_bytes())?;
    let mut answer = Vec::new();
    // Some servers cut an answer's connection instead of ending it: what came, counts.
    match socket.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() || error.kind() != io::ErrorKind::ConnectionReset => {
            return Err(error.into());
        }
        _ => {}
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        bail!("{}", answer.lines().next().unwrap_or("no answer"));
    }
    Ok(answer)
}

/// Pings for so long.
fn pings(target: &Target, duration: Duration) -> Result<Times> {
    let (_open, never) = mpsc::channel();
    let deadline = Instant::now() + duration;
    ping_while(target, &never, || Instant::now() < deadline)
}

/// Pings until the other end is gone.
fn ping_until(target: &Target, done: &mpsc::Receiver<()>) -> Result<Times> {
    ping_while(target, done, || true)
}

/// Pings on a fixed schedule. A ping counts from when it was due, so that a server that answers
/// nothing for a second is found to be slow twenty times.
fn ping_while(
    target: &Target,
    done: &mpsc::Receiver<()>,
    goes_on: impl Fn() -> bool,
) -> Result<Times> {
    let session = open(target)?;
    let mut times = Times::new();
    let (mut due, mut id) = (Instant::now(), 2);
    while goes_on() {
        let wait = due.saturating_duration_since(Instant::now());
        if !matches!(done.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            break;
        }
        post(target, session.as_deref(), &request(id, "ping", &json!({})))?;
        times.record(due.elapsed());
        due += PING_EVERY;
        id += 1;
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"data: {"id":2,"result":{"content":[{"type":"text","text":"saved"}]}}"#;
    /// SHA-256 of `abc`, from FIPS 180-2, appendix B.1.
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    /// What is said of an answer when the file with this number holds these bytes.
    fn judged(number: u32, bytes: Option<&str>, answer: &str) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let target = "http://127.0.0.1:1/mcp".parse().unwrap();
        let work = Work {
            target: &target,
            agents: 1,
            calls: 1,
            video: "v",
            folder: folder.path(),
            bytes: 3,
            sha256: SHA256,
        };
        if let Some(bytes) = bytes {
            fs::write(folder.path().join("name.mp4"), bytes).unwrap();
        }
        let outcome = judge(&work, number, "name.mp4", answer);
        assert!(outcome.is_err() || fs::read_dir(folder.path()).unwrap().next().is_none());
        outcome
    }

    #[test]
    fn a_right_file_is_right_and_goes() {
        judged(0, Some("abc"), ANSWER).unwrap();
    }

    #[test]
    fn files_that_are_missing_short_or_altered_are_not_right() {
        let error = |number, bytes| format!("{:#}", judged(number, bytes, ANSWER).unwrap_err());
        assert!(error(1, None).starts_with("no file"));
        assert_eq!(error(1, Some("ab")), "2 bytes instead of 3");
        assert_eq!(error(HASHED_EVERY, Some("abd")), "wrong bytes");
    }

    #[test]
    fn a_call_that_was_refused_is_not_right_whatever_lies_there() {
        let refused = r#"{"result":{"content":[{"type":"text","text":"no"}],"isError":true}}"#;
        let error = judged(1, Some("abc"), refused).unwrap_err().to_string();
        assert!(error.starts_with("refused: \"no\""), "{error}");
        let broken = r#"{"error":{"code":-32602,"message":"unknown tool"}}"#;
        assert!(judged(1, Some("abc"), broken).unwrap_err().to_string().contains("unknown tool"));
    }
}
