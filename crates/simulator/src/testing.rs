//! A worker and a client that meet over an in-memory pipe, in virtual time.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::time::Instant;

use crate::arrival::Arrival;
use crate::config::{Config, Settings};
use crate::connection;
use crate::worker::{Shared, Worker};

/// Runs a future on a local runtime whose clock moves only when everything waits.
pub(crate) fn virtual_time<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .unwrap()
        .block_on(future)
}

/// Runs a scene on a worker with this configuration, in virtual time.
pub(crate) fn on_stage<T>(config: &str, scene: impl AsyncFnOnce(&Stage) -> T) -> T {
    let settings = Settings::new(Config::from_toml("test", config).unwrap()).unwrap();
    virtual_time(async {
        let stage = Stage { worker: Worker::new(Arc::new(Shared::new(settings, 1)), 0) };
        tokio::select! {
            result = scene(&stage) => result,
            never = stage.worker.wheel.drive() => match never {},
        }
    })
}

/// A worker without sockets.
pub(crate) struct Stage {
    pub(crate) worker: Rc<Worker>,
}

/// What a client heard, with the time since it sent its request.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) head_after: Duration,
    /// What came together, and when.
    pub(crate) frames: Vec<(Duration, String)>,
    /// Whether the body ended properly, and when it ended at all.
    pub(crate) ended: (bool, Duration),
}

/// What a client heard, as bytes.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) head_after: Duration,
    pub(crate) frames: Vec<(Duration, Bytes)>,
    pub(crate) ended: (bool, Duration),
}

impl Fetched {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.frames.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Heard {
    pub(crate) fn text(&self) -> String {
        self.frames.iter().map(|(_, text)| text.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The data of each event and when it came.
    pub(crate) fn events(&self) -> Vec<(Duration, String)> {
        let mut events = Vec::new();
        for (at, frame) in &self.frames {
            for event in frame.split_terminator("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                events.push((*at, data.unwrap_or_default().to_owned()));
            }
        }
        events
    }
}

impl Stage {
    /// Serves a connection.
    pub(crate) fn serve(&self, server: DuplexStream) {
        let (worker, arrival) = (Rc::clone(&self.worker), Arrival::default());
        self.worker.tasks.spawn_local(connection::serve(worker, server, arrival));
    }

    /// Sends one request on a new connection; `None` when it is closed without an answer.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Option<Heard> {
        let Fetched { status, headers, head_after, frames, ended } = self.fetch(request).await?;
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        let frames = frames.into_iter().map(|(at, bytes)| (at, text(bytes))).collect();
        Some(Heard { status, headers, head_after, frames, ended })
    }

    /// The same for answers that are not text.
    pub(crate) async fn fetch(&self, request: Request<Full<Bytes>>) -> Option<Fetched> {
        let (client, server) = tokio::io::duplex(64 * 1024);
        self.serve(server);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(client)).await.unwrap();
        self.worker.tasks.spawn_local(connection);
        let start = Instant::now();
        let response = sender.send_request(request).await.ok()?;
        let head_after = start.elapsed();
        let (head, mut body) = response.into_parts();
        let mut frames = Vec::new();
        let properly = loop {
            match body.frame().await {
                None => break true,
                Some(Err(_)) => break false,
                Some(Ok(frame)) => {
                    frames.push((start.elapsed(), frame.into_data().unwrap()));
                }
            }
        };
        Some(Fetched {
            status: head.status,
            headers: head.headers,
            head_after,
            frames,
            ended: (properly, start.elapsed()),
        })
    }

    /// Posts JSON with `name: value` headers.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Heard {
        self.send(post(path, headers, body)).await.unwrap()
    }

    /// The statistics as JSON.
    pub(crate) async fn stats(&self) -> serde_json::Value {
        let request = Request::get("/weir/stats").body(Full::default()).unwrap();
        serde_json::from_str(&self.send(request).await.unwrap().text()).unwrap()
    }
}

/// A GET with `name: value` headers.
pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let request = Request::get(path).header("host", "weir");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Full::default()).unwrap()
}

/// A POST of JSON with `name: value` headers.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("host", "weir");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()
}
