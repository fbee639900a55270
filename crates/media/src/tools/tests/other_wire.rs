//! A provider that shares nothing with the OpenAI-compatible one: jobs are lines over TCP, files are
//! on another server.

use http::HeaderMap;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::provider::{
    Answer, DeletedVideo, JobError, JobStatus, NewVideo, ProviderError, Source, Variant, Video,
    VideoPage, VideoProvider, VideoQuery,
};

/// What every file holds.
pub(super) const CONTENT: &[u8] = b"not really a video, but whole";

/// Talks to the line server. Dropped, it takes the servers along.
pub(super) struct OtherWire {
    lines: std::net::SocketAddr,
    files: std::net::SocketAddr,
    _servers: JoinSet<()>,
}

/// Starts both servers.
pub(super) async fn start() -> OtherWire {
    let mut servers = JoinSet::new();
    let lines = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let files = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (lines_at, files_at) = (lines.local_addr().unwrap(), files.local_addr().unwrap());
    servers.spawn(serve_lines(lines));
    servers.spawn(serve_files(files));
    OtherWire { lines: lines_at, files: files_at, _servers: servers }
}

/// `START prompt` and `ASK prompt` are answered by `state prompt`.
async fn serve_lines(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let (word, prompt) = line.trim_end().split_once(' ').unwrap();
        let state = match (word, prompt) {
            ("START", _) => "waits",
            (_, "fail") => "broken",
            _ => "ready",
        };
        stream.write_all(format!("{state} {prompt}\n").as_bytes()).await.unwrap();
    }
}

async fn serve_files(listener: TcpListener) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await.unwrap();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", CONTENT.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.write_all(CONTENT).await.unwrap();
    }
}

impl OtherWire {
    async fn ask(&self, line: String) -> Result<Video, ProviderError> {
        let lost =
            |error: std::io::Error| ProviderError::Unreachable { message: error.to_string() };
        let mut stream = BufReader::new(TcpStream::connect(self.lines).await.map_err(lost)?);
        stream.write_all(format!("{line}\n").as_bytes()).await.map_err(lost)?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await.map_err(lost)?;
        let (state, prompt) = answer.trim_end().split_once(' ').unwrap();
        let (status, error) = match state {
            "waits" => (JobStatus::Queued, None),
            "broken" => (JobStatus::Failed, Some("it was to fail".to_owned())),
            _ => (JobStatus::Completed, None),
        };
        Ok(Video {
            id: prompt.to_owned(),
            object: "video".to_owned(),
            status,
            progress: None,
            created_at: None,
            completed_at: None,
            expires_at: None,
            model: None,
            prompt: Some(prompt.to_owned()),
            seconds: None,
            size: None,
            remixed_from_video_id: None,
            error: error.map(|message| JobError { code: None, message: Some(message) }),
        })
    }
}

fn not_offered<T>() -> Result<T, ProviderError> {
    Err(ProviderError::Malformed { reason: "it does not offer this".to_owned() })
}

impl VideoProvider for OtherWire {
    fn create(&self, video: NewVideo) -> Answer<'_, Video> {
        Box::pin(async move { self.ask(format!("START {}", video.prompt)).await })
    }

    fn status<'a>(&'a self, id: &'a str) -> Answer<'a, Video> {
        Box::pin(async move { self.ask(format!("ASK {id}")).await })
    }

    fn content<'a>(&'a self, _id: &'a str, _variant: Variant) -> Answer<'a, Source> {
        let uri = format!("http://{}/file", self.files).parse().unwrap();
        Box::pin(async move { Ok(Source { uri, headers: HeaderMap::new(), container: None }) })
    }

    fn list(&self, _query: VideoQuery) -> Answer<'_, VideoPage> {
        Box::pin(async { not_offered() })
    }

    fn delete<'a>(&'a self, _id: &'a str) -> Answer<'a, DeletedVideo> {
        Box::pin(async { not_offered() })
    }

    fn remix<'a>(&'a self, _id: &'a str, _prompt: &'a str) -> Answer<'a, Video> {
        Box::pin(async { not_offered() })
    }
}
