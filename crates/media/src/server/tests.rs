//! The MCP side over in-memory pipes, where the clock is ours, and its sessions.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::service::serve_server;
use rmcp::transport::streamable_http_server::SessionManager;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf,
};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Handler;
use super::sessions::{SessionLimits, Sessions, SessionsError};
use crate::Limits;
use crate::admission::Caller;
use crate::provider::{
    Answer, DeletedVideo, NewVideo, Source, Variant, Video, VideoPage, VideoProvider, VideoQuery,
};
use crate::tools::{Live, Media, tests};

/// A client that speaks plain JSON lines.
struct Client {
    write: WriteHalf<DuplexStream>,
    read: Lines<BufReader<ReadHalf<DuplexStream>>>,
    _server: JoinSet<()>,
}

impl Client {
    async fn of(media: Media) -> Self {
        Self::of_live(Live::new(media)).await
    }

    async fn of_live(live: Live) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let handler = Handler::new(live, "9.9.9");
            let running = serve_server(handler, tokio::io::split(theirs)).await.unwrap();
            let _ = running.waiting().await;
        });
        let (read, write) = tokio::io::split(ours);
        let mut client = Self { write, read: BufReader::new(read).lines(), _server: server };
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" } });
        client.send(json!({ "id": 0, "method": "initialize", "params": hello })).await;
        let answer = client.next().await;
        assert_eq!(answer["result"]["serverInfo"]["name"], "weir");
        assert_eq!(answer["result"]["serverInfo"]["version"], "9.9.9");
        client.send(json!({ "method": "notifications/initialized" })).await;
        client
    }

    async fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        self.write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.read.next_line().await.unwrap().unwrap()).unwrap()
    }

    async fn call(&mut self, name: &str, arguments: Value) -> Value {
        let params = json!({ "name": name, "arguments": arguments });
        self.send(json!({ "id": 1, "method": "tools/call", "params": params })).await;
        self.next().await["result"].clone()
    }
}

async fn media(folder: &Path, provider: Arc<dyn VideoProvider>) -> Media {
    Media { video_provider: Some(provider), ..tests::media(folder).await }
}

/// Never answers, and notes when nobody waits any more.
#[derive(Default)]
struct Silent {
    dropped: Arc<AtomicBool>,
    polls: Arc<std::sync::atomic::AtomicU32>,
}

struct NoteDrop(Arc<AtomicBool>);

impl Drop for NoteDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl VideoProvider for Silent {
    fn create(&self, _video: NewVideo) -> Answer<'_, Video> {
        let note = NoteDrop(Arc::clone(&self.dropped));
        Box::pin(async move {
            let _note = note;
            std::future::pending().await
        })
    }

    /// A job that gets on by one percent each time it is asked about, and is done in the end.
    fn status<'a>(&'a self, id: &'a str) -> Answer<'a, Video> {
        let percent = self.polls.fetch_add(1, Ordering::SeqCst);
        let status = if percent < 20 { "in_progress" } else { "completed" };
        let job = json!({ "id": id, "status": status, "progress": percent });
        Box::pin(async move { Ok(serde_json::from_value(job).unwrap()) })
    }

    fn content<'a>(&'a self, _id: &'a str, _variant: Variant) -> Answer<'a, Source> {
        Box::pin(std::future::pending())
    }

    fn list(&self, _query: VideoQuery) -> Answer<'_, VideoPage> {
        Box::pin(std::future::pending())
    }

    fn delete<'a>(&'a self, _id: &'a str) -> Answer<'a, DeletedVideo> {
        Box::pin(std::future::pending())
    }

    fn remix<'a>(&'a self, _id: &'a str, _prompt: &'a str) -> Answer<'a, Video> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn results_are_text_and_value_and_failures_are_results_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut client = Client::of(media(folder.path(), Arc::new(Silent::default())).await).await;
    let listed = client.call("list_local_videos", json!({})).await;
    assert_eq!(listed["structuredContent"], json!({ "data": [] }));
    assert_eq!(listed["content"][0]["text"], "{\n  \"data\": []\n}");
    assert_eq!(listed["isError"], false);

    let unknown = client.call("no_such_tool", json!({})).await;
    assert_eq!(unknown["isError"], true);
    assert_eq!(unknown["content"][0]["text"], "Unknown tool: no_such_tool");

    let wrong = client.call("list_local_videos", json!({ "limit": -1 })).await;
    assert_eq!(
        wrong["content"][0]["text"],
        "Error executing tool list_local_videos: Invalid limit: it must be between 1 and 1000"
    );
    let misspelt = client.call("list_local_videos", json!({ "limt": 1 })).await;
    let text = misspelt["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("unknown field `limt`"), "{text}");
}

#[tokio::test]
async fn a_cancelled_call_is_dropped_at_once_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Silent::default();
    let dropped = Arc::clone(&provider.dropped);
    let mut client = Client::of(media(folder.path(), Arc::new(provider)).await).await;
    let params = json!({ "name": "create_video", "arguments": { "prompt": "for ever" } });
    client.send(json!({ "id": 7, "method": "tools/call", "params": params })).await;
    client.call("list_local_videos", json!({})).await;
    assert!(!dropped.load(Ordering::SeqCst), "the call waits for its provider");
    let began = Instant::now();
    let cancel = json!({ "requestId": 7, "reason": "enough" });
    client.send(json!({ "method": "notifications/cancelled", "params": cancel })).await;
    while !dropped.load(Ordering::SeqCst) {
        assert!(began.elapsed() < Duration::from_secs(1), "it was not dropped within a second");
        tokio::task::yield_now().await;
    }
    client.call("list_local_videos", json!({})).await;
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_at_most_four_times_a_second_and_only_with_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let media = media(folder.path(), Arc::new(Silent::default())).await;
    let mut client = Client::of(media).await;
    let mut wait = json!({ "name": "wait_video", "arguments": { "video_id": "v" } });
    wait["_meta"] = json!({ "progressToken": "t" });
    client.send(json!({ "id": 2, "method": "tools/call", "params": wait })).await;
    let (mut last, mut at, mut told) = (-1.0, None::<Instant>, 0);
    let result = loop {
        let message = client.next().await;
        if message["method"] != "notifications/progress" {
            break message;
        }
        let progress = message["params"]["progress"].as_f64().unwrap();
        assert_eq!(message["params"]["progressToken"], "t");
        assert_eq!(message["params"]["total"], 100.0);
        assert!(progress > last, "{progress} after {last}");
        let now = Instant::now();
        assert!(at.is_none_or(|at| now - at >= Duration::from_millis(250)));
        (last, at, told) = (progress, Some(now), told + 1);
    };
    assert_eq!(result["result"]["structuredContent"]["status"], "completed");
    assert!(told >= 10, "{told}");
    // Without a token there is nothing but the answer.
    let quiet = client.call("wait_video", json!({ "video_id": "v" })).await;
    assert_eq!(quiet["structuredContent"]["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn sessions_have_ended_when_their_conversations_have_let_go_of_them() {
    let sessions = Sessions::new(SessionLimits::default());
    let (one, messages) = sessions.create_session().await.unwrap();
    let conversation = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        drop(messages);
    };
    let start = Instant::now();
    tokio::join!(sessions.end(), conversation);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert!(!sessions.has_session(&one).await.unwrap() && sessions.count() == 0);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_uses_ends_and_makes_room() {
    let limits = SessionLimits { sessions: 2, idle: Duration::from_secs(60) };
    let sessions = Sessions::new(limits);
    let (one, _one) = sessions.create_session().await.unwrap();
    let (_, _two) = sessions.create_session().await.unwrap();
    assert!(sessions.is_full());
    assert!(matches!(sessions.create_session().await, Err(SessionsError::Full(2))));
    let swept = tokio::time::timeout(Duration::from_secs(59), sessions.sweep()).await;
    assert!(swept.is_err() && sessions.count() == 2, "neither is idle for long enough");
    let swept = tokio::time::timeout(Duration::from_secs(12), sessions.sweep()).await;
    assert!(swept.is_err());
    assert_eq!(sessions.count(), 0);
    assert!(!sessions.has_session(&one).await.unwrap());
    assert!(sessions.create_session().await.is_ok());
}

#[tokio::test]
async fn what_changes_while_a_session_is_open_is_for_its_next_call_and_the_gates_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = Media { video_provider: None, ..tests::media(folder.path()).await };
    let live = Live::new(first.clone());
    let mut client = Client::of_live(live.clone()).await;
    let asked = json!({ "video_id": "video_1" });
    let refused = client.call("get_video_status", asked.clone()).await;
    assert_eq!(refused["isError"], true);

    let held = first.admission.transfers.enter(Caller::ALONE, 1, |_| {}).await.unwrap();
    let limits = Limits { transfers: 2, ..Limits::default() };
    let provider: Arc<dyn VideoProvider> = Arc::new(Silent::default());
    live.replace(Media { video_provider: Some(provider), ..first }, &limits);
    let answered = client.call("get_video_status", asked).await;
    assert_eq!(answered["structuredContent"]["status"], "in_progress", "{answered}");
    let transfers = &live.get().admission.transfers;
    assert_eq!((transfers.in_use(), transfers.capacity()), (1, 2), "old calls are counted, too");
    drop(held);
    assert_eq!(transfers.in_use(), 0);
}
