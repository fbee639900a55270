//! The one client that talks to upstreams: its connections are kept and used again by all calls.

mod connect;
mod trust;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::client::legacy;
use hyper_util::rt::TokioTimer;
use tokio_util::task::TaskTracker;

use self::connect::Connector;
pub use self::trust::{Trust, TrustError};
use crate::{Limits, Threads};

/// Largest read from an HTTP/1.1 connection, and largest head of an answer. A connection's buffer
/// begins at 8 KiB and grows to this while data comes faster than it is read.
const READ_BYTES: usize = 128 << 10;

/// What one answer may have under way to us over HTTP/2.
const STREAM_WINDOW: u32 = 512 << 10;

/// The window of a whole HTTP/2 connection: the largest there is (RFC 9113, section 6.9.1), so
/// that slow answers cannot starve the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Connections to one host that are kept although nobody uses them.
const IDLE_CONNECTIONS: usize = 32;

/// How long they are kept. Most servers close theirs after a minute or more.
const IDLE: Duration = Duration::from_secs(50);

/// The body of a request: bytes in memory, or a stream of them.
pub type RequestBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A body that is in memory.
#[must_use]
pub fn body(bytes: impl Into<Bytes>) -> RequestBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Why there is no answer. None of the messages shows an address or a key.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No name, no route, refused, TLS, or not in time.
    #[error("the upstream cannot be reached")]
    Connect(#[source] legacy::Error),
    /// The head of the answer did not come in time.
    #[error("the upstream did not answer within {} s", .0.as_secs_f64())]
    Head(Duration),
    /// The connection broke before the answer's head was whole.
    #[error("the upstream broke the connection before it answered")]
    Broken(#[source] legacy::Error),
}

/// The client. Cheap to clone; all clones share their connections.
#[derive(Debug, Clone)]
pub struct Upstream {
    client: legacy::Client<Connector, RequestBody>,
    head: Duration,
    threads: Threads,
}

/// Runs the connections. They end when the last clone of the client is dropped.
#[derive(Debug, Clone)]
struct Connections(TaskTracker);

impl<F: Future<Output: Send + 'static> + Send + 'static> Executor<F> for Connections {
    fn execute(&self, connection: F) {
        drop(self.0.spawn(connection));
    }
}

impl Upstream {
    /// A client that trusts these certificates.
    #[must_use]
    pub fn new(limits: &Limits, trust: &Trust) -> Self {
        Self::over(Connector::network(trust, limits.connect), limits)
    }

    fn over(connector: Connector, limits: &Limits) -> Self {
        let client = legacy::Client::builder(Connections(TaskTracker::new()))
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(READ_BYTES)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .build(connector);
        Self { client, head: limits.upstream_head, threads: Threads::default() }
    }

    /// The same client, with its connections on these threads. To be said before the first request: a
    /// connection stays where it is.
    #[must_use]
    pub fn on(self, threads: Threads) -> Self {
        Self { threads, ..self }
    }

    /// Where its connections are.
    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    #[cfg(test)]
    pub(crate) fn in_memory(
        limits: &Limits,
        connect: impl Fn() -> std::io::Result<tokio::io::DuplexStream> + Send + Sync + 'static,
    ) -> Self {
        Self::over(Connector::memory(connect), limits)
    }

    /// Sends a request and waits for the head of the answer.
    ///
    /// Nothing is tried twice, but for a request of which not one byte could be sent because an
    /// idle connection had been closed. Cancel-safe: dropping it, or the answer's body, closes
    /// the connection (HTTP/1.1) or ends the stream (HTTP/2) at once.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, SendError> {
        self.send_within(request, self.head).await
    }

    /// As [`Upstream::send`], with another time for the head: an upstream that makes a picture
    /// answers when the picture is done.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send_within(
        &self,
        request: Request<RequestBody>,
        head: Duration,
    ) -> Result<Response<Incoming>, SendError> {
        let answer = self.threads.run(self.client.request(request));
        match tokio::time::timeout(head, answer).await {
            Err(_) => Err(SendError::Head(head)),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => Err(SendError::Connect(error)),
            Ok(Err(error)) => Err(SendError::Broken(error)),
        }
    }
}

#[cfg(test)]
mod tests;
