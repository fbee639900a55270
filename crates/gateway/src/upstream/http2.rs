//! HTTP/2 with an upstream: many requests on one connection, which one task drives.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Ping, PingPong, Reason, RecvStream};
use http::{Request, response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connect::{ConnectError, OpenConnection};
use super::head::MAX_HEAD;
use super::transport::Transport;
use crate::tasks::Tasks;

/// What one answer may have under way between upstream and us, in bytes: the bound of what a slow
/// reader makes us hold. HTTP/1.1 has the kernel's socket buffers.
const STREAM_WINDOW: u32 = 64 << 10;

/// The window of a whole connection: the largest there is (RFC 9113, section 6.9.1), so that slow
/// readers, each with its stream's window full, cannot starve the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// Streams on a connection until the peer's settings say how many it allows (RFC 9113, section
/// 6.5.2, recommends that it be at least 100).
const STREAMS_AT_FIRST: usize = 100;

/// How often a connection with streams is asked whether it lives, and how long it may take to
/// answer.
const PING_EVERY: Duration = Duration::from_secs(10);

/// Streams that were reset and are still known, so that what was under way for them is dropped
/// unseen: as many as the gateway carries by default. With h2's own 50 a crowd that leaves at once
/// was forgotten at once.
const RESETS_REMEMBERED: usize = 10_000;

/// How long they are known: longer than anything is under way.
const RESETS_REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// A connection that streams share. It ends when the last hold on it, and the last stream, is gone.
pub(super) struct Shared {
    sender: SendRequest<Bytes>,
    state: Rc<State>,
}

/// What is known of a connection: all that its driver holds of it, for a hold on the connection
/// itself would keep it open for ever.
struct State {
    open: Cell<usize>,
    /// Since when no stream is open.
    idle_since: Cell<Instant>,
    /// No further stream can be opened on it.
    closed: Cell<bool>,
}

/// One stream of a shared connection, counted as long as it lives.
pub(super) struct Seat(Rc<Shared>);

/// The body of an answer; dropping it early resets its stream.
pub(crate) struct Body {
    stream: RecvStream,
    _seat: Seat,
}

/// Begins HTTP/2 on a fresh connection and gives its driver to `tasks`.
///
/// # Errors
/// When the peer does not speak it, or allows no stream at all.
pub(super) async fn begin(
    transport: Transport,
    open: OpenConnection,
    tasks: &Tasks,
) -> Result<Rc<Shared>, ConnectError> {
    let heard = Rc::new(Notify::new());
    let listening = Listening { transport, heard: Some(Rc::clone(&heard)) };
    let (sender, mut connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(STREAMS_AT_FIRST)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .max_concurrent_reset_streams(RESETS_REMEMBERED)
        .reset_stream_duration(RESETS_REMEMBERED_FOR)
        // What still comes for a stream that is forgotten is refused, stream by stream. To end the
        // connection after 1,024 of those, as h2 would, is meant for servers among strangers: here
        // clients who left would break the answers of all who stayed.
        .max_local_error_reset_streams(None)
        .handshake::<_, Bytes>(listening)
        .await?;
    let idle_since = Cell::new(Instant::now());
    let state = Rc::new(State { open: Cell::new(0), idle_since, closed: Cell::new(false) });
    let mut life = connection.ping_pong().map(Life::new);
    let (driven, ended) = (Rc::clone(&state), Rc::clone(&heard));
    let shared = Rc::new(Shared { sender, state });
    tasks.spawn(async move {
        let _open = open;
        let end = poll_fn(|context| {
            if let Poll::Ready(end) = Pin::new(&mut connection).poll(context) {
                return Poll::Ready(end.err());
            }
            // Without a stream there is nobody to be told, and the next one finds out.
            let asked = driven.open.get() > 0;
            life.as_mut()
                .map_or(Poll::Pending, |life| life.poll_lost(asked, context))
                .map(|()| None)
        });
        if let Some(error) = end.await {
            tracing::debug!(%error, "a connection to an upstream ended");
        }
        driven.closed.set(true);
        // Whoever still waits for an answer is told by this.
        drop(connection);
        ended.notify_one();
    });
    // The first thing that the peer says is its settings (RFC 9113, section 3.4), and with them
    // how many streams it allows. They are in force once the driver, which has read them, has
    // finished its turn: this task's turn comes after.
    heard.notified().await;
    tokio::task::yield_now().await;
    if !shared.is_open() || !shared.has_room() {
        return Err(ConnectError::NoStreams);
    }
    Ok(shared)
}

impl Shared {
    /// Whether further streams may be opened on it, now or later.
    pub(super) fn is_open(&self) -> bool {
        !self.state.closed.get()
    }

    /// Whether it has had no stream for so long.
    pub(super) fn is_idle_for(&self, time: Duration, now: Instant) -> bool {
        self.state.open.get() == 0 && now.duration_since(self.state.idle_since.get()) >= time
    }

    /// Whether the peer allows one more stream.
    pub(super) fn has_room(&self) -> bool {
        self.state.open.get() < self.sender.current_max_send_streams()
    }

    /// Takes a stream.
    pub(super) fn seat(self: &Rc<Self>) -> Seat {
        self.state.open.set(self.state.open.get() + 1);
        Seat(Rc::clone(self))
    }
}

impl Seat {
    /// Sends a request and waits for the head of its answer. `None` when the connection takes no
    /// more requests: this one was not sent. Cancel-safe: dropping it resets the stream.
    pub(super) async fn exchange(
        self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Option<(response::Parts, Body)>, h2::Error> {
        let mut sender = self.0.sender.clone();
        if poll_fn(|context| sender.poll_ready(context)).await.is_err() {
            self.0.state.closed.set(true);
            return Ok(None);
        }
        let is_empty = body.is_empty();
        let Ok((response, mut stream)) = sender.send_request(request, is_empty) else {
            self.0.state.closed.set(true);
            return Ok(None);
        };
        if !is_empty {
            // It waits in the connection for the peer's window; the bytes are not copied, and
            // bounded by `limits.body`. Why it fails, the response tells.
            let _ = stream.send_data(body, true);
        }
        let (parts, stream) = response.await?.into_parts();
        Ok(Some((parts, Body { stream, _seat: self })))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let state = &self.0.state;
        state.open.set(state.open.get() - 1);
        state.idle_since.set(Instant::now());
    }
}

impl Body {
    /// The body's next bytes, never none; `None` at its end. Cancel-safe: nothing is lost between
    /// two calls.
    pub(super) fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, h2::Error>>> {
        loop {
            return Poll::Ready(match ready!(self.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    // What is handed out makes room for more: the client takes it before the
                    // next call.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    if data.is_empty() {
                        continue;
                    }
                    Some(Ok(data))
                }
                // It has answered and wants no more of the request (RFC 9113, section 8.1).
                Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => None,
                Some(Err(error)) => Some(Err(error)),
                None => None,
            });
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.stream.is_end_stream()
    }
}

/// Whether the peer lives.
struct Life {
    ping: PingPong,
    timer: Pin<Box<Sleep>>,
    /// A ping is out.
    asked: bool,
}

impl Life {
    fn new(ping: PingPong) -> Self {
        Self { ping, timer: Box::pin(sleep_until(Instant::now() + PING_EVERY)), asked: false }
    }

    /// Ready when the peer has not answered in time. Asks only when somebody waits for it.
    fn poll_lost(&mut self, needed: bool, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.asked && self.ping.poll_pong(context).is_ready() {
                // An error is one of the connection, which tells of it itself.
                self.asked = false;
                self.timer.as_mut().reset(Instant::now() + PING_EVERY);
            }
            ready!(self.timer.as_mut().poll(context));
            if self.asked {
                tracing::debug!("a connection to an upstream does not answer");
                return Poll::Ready(());
            }
            self.asked = needed && self.ping.send_ping(Ping::opaque()).is_ok();
            self.timer.as_mut().reset(Instant::now() + PING_EVERY);
        }
    }
}

/// Tells when the peer has first said something.
struct Listening {
    transport: Transport,
    heard: Option<Rc<Notify>>,
}

impl AsyncRead for Listening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.transport).poll_read(context, buffer);
        if polled.is_ready()
            && let Some(heard) = self.heard.take()
        {
            heard.notify_one();
        }
        polled
    }
}

impl AsyncWrite for Listening {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}
