//! Opening a connection to an upstream: name, TCP, TLS, HTTP.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;

use crate::metrics::UpstreamMetrics;
use crate::settings;
use crate::tasks::Tasks;

/// What one answer may have under way between upstream and us over HTTP/2, in bytes: the bound
/// of what a slow reader makes us hold. HTTP/1.1 has the kernel's socket buffers.
const STREAM_WINDOW: u32 = 64 << 10;

/// The window of a whole HTTP/2 connection: the largest there is (RFC 9113, section 6.9.1), so
/// that slow readers, each with its stream's window full, cannot starve the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// How often an HTTP/2 connection is asked whether it lives, and how long it may take to answer.
const PING_EVERY: std::time::Duration = std::time::Duration::from_secs(10);

/// How to send requests on a fresh connection.
pub(super) enum Sender {
    /// One request at a time.
    Http1(http1::SendRequest<Full<Bytes>>),
    /// Many at once: as many as the peer allows now.
    Http2(http2::SendRequest<Full<Bytes>>, StreamLimit),
}

/// Tells how many streams the peer of an HTTP/2 connection allows now.
pub(super) type StreamLimit = Rc<dyn Fn() -> usize>;

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ConnectError {
    /// No name, no route, refused, TLS.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// HTTP could not be begun.
    #[error("{0}")]
    Http(Arc<hyper::Error>),
    /// The peer allows no stream at all on a fresh HTTP/2 connection.
    #[error("the upstream allows no stream on a fresh connection")]
    NoStreams,
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<hyper::Error> for ConnectError {
    fn from(error: hyper::Error) -> Self {
        Self::Http(Arc::new(error))
    }
}

/// Most bytes that one HTTP/1.1 connection reads ahead of its stream, and longest head of an answer.
/// Hyper's own limit is 400 KiB, which it reaches when an upstream is faster than a client.
const READ_AT_ONCE: usize = 64 << 10;

/// Opens a connection and gives its driver to `tasks`. Cancel-safe: dropping it closes whatever
/// was opened so far.
pub(super) async fn connect(
    upstream: &settings::Upstream,
    metrics: &UpstreamMetrics,
    tasks: &Tasks,
) -> Result<Sender, ConnectError> {
    let origin = &upstream.origin;
    let stream = TcpStream::connect((origin.host.as_str(), origin.port)).await?;
    stream.set_nodelay(true)?;
    let Some(trust) = &upstream.tls else {
        return handshake(stream, upstream.http2, metrics, tasks).await;
    };
    let name = ServerName::try_from(origin.host.clone()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(Arc::clone(&trust.0)).connect(name, stream).await?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    handshake(stream, http2, metrics, tasks).await
}

async fn handshake<S>(
    stream: S,
    http2: bool,
    metrics: &UpstreamMetrics,
    tasks: &Tasks,
) -> Result<Sender, ConnectError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let open = OpenConnection::new(metrics);
    if !http2 {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(READ_AT_ONCE);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        tasks.spawn(async move {
            let _open = open;
            log_end(connection.await);
        });
        return Ok(Sender::Http1(sender));
    }
    let heard = Rc::new(Notify::new());
    let io = TokioIo::new(Listening { stream, heard: Some(Rc::clone(&heard)) });
    let (sender, connection) = http2::Builder::new(tasks.clone())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY)
        .handshake(io)
        .await?;
    let connection = Rc::new(RefCell::new(Some(connection)));
    let (driven, ended) = (Rc::clone(&connection), Rc::clone(&heard));
    tasks.spawn(async move {
        let _open = open;
        let end = poll_fn(|context| match &mut *driven.borrow_mut() {
            Some(connection) => Pin::new(connection).poll(context),
            None => Poll::Ready(Ok(())),
        });
        log_end(end.await);
        // With the driver goes the queue of requests: whoever still waits in it is told.
        drop(driven.take());
        ended.notify_one();
    });
    let limit: StreamLimit = Rc::new(move || {
        connection.borrow().as_ref().map_or(0, |connection| connection.current_max_send_streams())
    });
    // The first thing that the peer says is its settings (RFC 9113, section 3.4), and with them
    // how many streams it allows. They are in force once the driver, which has read them, has
    // finished its turn: this task's turn comes after.
    heard.notified().await;
    tokio::task::yield_now().await;
    if sender.is_closed() || limit() == 0 {
        return Err(ConnectError::NoStreams);
    }
    Ok(Sender::Http2(sender, limit))
}

fn log_end(result: hyper::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to an upstream ended");
    }
}

/// Counts a connection as long as its driver lives.
struct OpenConnection(UpstreamMetrics);

impl OpenConnection {
    fn new(metrics: &UpstreamMetrics) -> Self {
        metrics.connections.inc();
        Self(metrics.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// Tells when the peer has first said something.
struct Listening<S> {
    stream: S,
    heard: Option<Rc<Notify>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready()
            && let Some(heard) = self.heard.take()
        {
            heard.notify_one();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listening<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
