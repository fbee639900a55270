//! HTTP/2: many streams over few connections.
//!
//! Each worker has one [`Pool`]. A user takes a [`Seat`] on a connection that has room, and only
//! one user at a time opens another, while the rest wait for it: on a burst start thousands of
//! users would otherwise each open their own.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Ping, Reason, RecvStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use super::answer::Sink;
use super::connection::Connection;
use super::detail::{Detail, of_io};
use super::exchange::Scratch;
use super::judge::{Ending, Judge};
use super::request::Request;
use super::{Observer, timer};

/// Streams on one connection where the server sets no limit of its own (RFC 9113, section 6.5.2:
/// "initially, there is no limit", and recommends at least 100).
pub(super) const DEFAULT_STREAMS_PER_CONNECTION: usize = 100;

/// Most streams on one connection, whatever the server allows: beyond it one task that reads for
/// all of them becomes the bottleneck.
pub(super) const MAX_STREAMS_PER_CONNECTION: usize = 10_000;

/// Bytes that a server may send on one connection before we take them: enough that 10,000
/// streams of small chunks never wait for each other.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

/// Bytes that a server may send on one stream before we take them; a worker's whole read buffer.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// The connections of one worker.
#[derive(Debug, Default)]
pub(super) struct Pool {
    connections: RefCell<Vec<Shared>>,
    /// Held by the one user who opens a connection.
    opening: Mutex<()>,
    /// The tasks that drive the connections; dropping the pool ends them.
    drivers: RefCell<JoinSet<()>>,
}

#[derive(Debug)]
struct Shared {
    sender: SendRequest<Bytes>,
    open: Rc<Cell<usize>>,
    /// Cleared by a user who found the connection dead or closing.
    alive: Rc<Cell<bool>>,
}

/// The right to one stream on a connection, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    sender: SendRequest<Bytes>,
    open: Rc<Cell<usize>>,
    alive: Rc<Cell<bool>>,
    opened_in: Option<Duration>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

impl Seat {
    /// How long opening the connection took, for the user who did.
    pub(super) fn opened_in(&self) -> Option<Duration> {
        self.opened_in
    }

    /// The connection is of no more use: no further stream shall be opened on it.
    pub(super) fn retire(&self) {
        self.alive.set(false);
    }
}

impl Pool {
    /// A seat on a connection that stands, or on one that `open` makes. Cancel-safe: a user who
    /// goes away while opening leaves it to the next one.
    pub(super) async fn seat<E>(
        &self,
        open: impl AsyncFnOnce() -> Result<Connection, E>,
        failed: impl FnOnce(Detail) -> E,
    ) -> Result<Seat, E> {
        if let Some(seat) = self.free_seat() {
            return Ok(seat);
        }
        let _opening = self.opening.lock().await;
        if let Some(seat) = self.free_seat() {
            return Ok(seat);
        }
        let began = Instant::now();
        let mut seat = self.begin(open().await?).await.map_err(failed)?;
        seat.opened_in = Some(began.elapsed());
        Ok(seat)
    }

    /// Makes a connection of HTTP/2 of a transport and takes its first seat.
    async fn begin(&self, transport: Connection) -> Result<Seat, Detail> {
        let (sender, mut connection) = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .initial_max_send_streams(DEFAULT_STREAMS_PER_CONNECTION)
            .handshake::<_, Bytes>(transport)
            .await
            .map_err(|error| handshake_detail(&error))?;
        let ping = connection.ping_pong();
        let alive = Rc::new(Cell::new(true));
        {
            let mut drivers = self.drivers.borrow_mut();
            while drivers.try_join_next().is_some() {}
            // How a connection ends, its streams tell.
            drivers.spawn(async move { drop(connection.await) });
        }
        // The answer to a ping comes after the server's settings: from then on its limit of
        // streams is known.
        if let Some(mut ping) = ping {
            ping.ping(Ping::opaque()).await.map_err(|error| handshake_detail(&error))?;
        }
        let shared = Shared { sender, open: Rc::default(), alive };
        let seat = shared.seat();
        self.connections.borrow_mut().push(shared);
        Ok(seat)
    }

    fn free_seat(&self) -> Option<Seat> {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| connection.alive.get());
        connections.iter().find(|connection| connection.has_room()).map(Shared::seat)
    }
}

impl Shared {
    fn has_room(&self) -> bool {
        let limit = self.sender.current_max_send_streams().min(MAX_STREAMS_PER_CONNECTION);
        self.open.get() < limit
    }

    fn seat(&self) -> Seat {
        self.open.set(self.open.get() + 1);
        Seat {
            sender: self.sender.clone(),
            open: Rc::clone(&self.open),
            alive: Rc::clone(&self.alive),
            opened_in: None,
        }
    }
}

/// How a stream over HTTP/2 ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) ending: Ending,
    pub(super) at: Instant,
    /// The connection was closing when the request came: the request can be sent again on
    /// another one, the server has not worked on it.
    pub(super) unprocessed: bool,
}

/// Sends the request and feeds the judge until the answer is at its end, the judge has decided,
/// or its deadline passes.
pub(super) async fn exchange<O: Observer>(
    seat: &mut Seat,
    request: &Request,
    judge: &mut Judge<'_, O>,
    scratch: &RefCell<Scratch>,
    mut sleep: Pin<&mut Sleep>,
) -> Ended {
    let mut exchange = match begin(seat, request, judge, sleep.as_mut()).await {
        Ok(exchange) => exchange,
        Err(ended) => return ended,
    };
    poll_fn(|context| {
        if let Poll::Ready(ended) = exchange.poll(context, judge, &mut scratch.borrow_mut()) {
            return Poll::Ready(ended);
        }
        ready!(timer::poll_until(sleep.as_mut(), judge.deadline(), context));
        Poll::Ready(Ended { ending: Ending::Deadline, at: Instant::now(), unprocessed: false })
    })
    .await
}

/// A request that is sent.
struct Exchange {
    response: ResponseFuture,
    body: Option<RecvStream>,
}

async fn begin<O: Observer>(
    seat: &mut Seat,
    request: &Request,
    judge: &Judge<'_, O>,
    sleep: Pin<&mut Sleep>,
) -> Result<Exchange, Ended> {
    let ready = poll_fn(|context| seat.sender.poll_ready(context));
    match timer::until(sleep, judge.deadline(), ready).await {
        Some(Ok(())) => {}
        Some(Err(error)) => return Err(failed(&error, Instant::now())),
        None => {
            let at = Instant::now();
            return Err(Ended { ending: Ending::Deadline, at, unprocessed: false });
        }
    }
    let mut head = http::Request::new(());
    head.method_mut().clone_from(request.http2.method());
    head.uri_mut().clone_from(request.http2.uri());
    head.headers_mut().clone_from(request.http2.headers());
    let has_body = !request.body.is_empty();
    let (response, mut send) = seat
        .sender
        .send_request(head, !has_body)
        .map_err(|error| failed(&error, Instant::now()))?;
    if has_body {
        send.send_data(request.body.clone(), true)
            .map_err(|error| failed(&error, Instant::now()))?;
    }
    Ok(Exchange { response, body: None })
}

impl Exchange {
    fn poll<O: Observer>(
        &mut self,
        context: &mut Context<'_>,
        judge: &mut Judge<'_, O>,
        scratch: &mut Scratch,
    ) -> Poll<Ended> {
        let ended = |ending, at| Poll::Ready(Ended { ending, at, unprocessed: false });
        if self.body.is_none() {
            let response = match ready!(Pin::new(&mut self.response).poll(context)) {
                Ok(response) => response,
                Err(error) => return Poll::Ready(failed(&error, Instant::now())),
            };
            let now = Instant::now();
            let mut reading = judge.at(now, &mut scratch.grammar);
            reading.head(response.status().as_u16(), response.headers());
            if judge.is_decided() {
                return ended(Ending::Stopped, now);
            }
            self.body = Some(response.into_body());
        }
        let Some(body) = &mut self.body else { return Poll::Pending };
        loop {
            let data = ready!(body.poll_data(context));
            let now = Instant::now();
            match data {
                None => return ended(Ending::Clean, now),
                Some(Err(error)) => return Poll::Ready(failed(&error, now)),
                Some(Ok(data)) => {
                    // Refused only for a stream that is over, and then the next poll says why.
                    drop(body.flow_control().release_capacity(data.len()));
                    if !data.is_empty() {
                        judge.at(now, &mut scratch.grammar).data(&data);
                    }
                    if judge.is_decided() {
                        return ended(Ending::Stopped, now);
                    }
                }
            }
        }
    }
}

fn failed(error: &h2::Error, at: Instant) -> Ended {
    let unprocessed = error.reason() == Some(Reason::REFUSED_STREAM)
        || error.is_go_away() && error.reason() == Some(Reason::NO_ERROR)
        || error.get_io().is_some();
    Ended { ending: Ending::Cut(error_detail(error)), at, unprocessed }
}

/// A server that speaks HTTP/1.1 alone answers the preface with an error page or hangs up.
fn handshake_detail(error: &h2::Error) -> Detail {
    format!("no HTTP/2 with this server: {}", error_detail(error)).into()
}

fn error_detail(error: &h2::Error) -> Detail {
    if let Some(error) = error.get_io() {
        return of_io(error);
    }
    match error.reason() {
        Some(reason) => {
            let scope = if error.is_go_away() { "connection" } else { "stream" };
            format!("HTTP/2 {scope} ended by the server with {reason:?}").into()
        }
        None => of_io(&io::Error::other(error.to_string())),
    }
}
