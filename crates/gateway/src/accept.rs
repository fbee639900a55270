//! Client connections: accepting, TLS, HTTP/1.1 or HTTP/2, limits, closing.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use wire::preface::Protocol;

use crate::door::Door;
use crate::idle::{Idle, Idled, Requests};
use crate::round;
use crate::service::{self, Connection};
use crate::settings::Settings;
use crate::slow::{Guarded, GuardedStreams, Pressure};
use crate::socket::{Arrivals, Socket};
use crate::worker::Worker;

/// Pause after a refused accept: out of descriptors, most likely, and they do not come back by
/// asking at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Requests that one HTTP/2 client connection may have under way.
const CLIENT_STREAMS: u32 = 1000;

/// How often an HTTP/2 client is asked whether it lives, and how long it may take to answer.
const PING_EVERY: Duration = Duration::from_secs(15);

/// Accepts connections until dropped.
pub(crate) async fn serve(worker: &Rc<Worker>, listener: Option<TcpListener>) -> io::Result<()> {
    let listener = listener.ok_or_else(|| io::Error::other("a worker without a listener"))?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let door = Rc::<Door<Newcomer>>::default();
    loop {
        let state = worker.shared.state();
        if worker.shared.connections.load(Ordering::Relaxed) >= state.settings.limits.connections {
            // Whoever comes now waits in the kernel's backlog.
            sleep(ACCEPT_PAUSE).await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (accepted, open) = (Instant::now(), Open::new(worker));
                arrive(worker, &door, Newcomer { stream, peer, accepted, open });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that was accepted and not yet looked at.
struct Newcomer {
    stream: TcpStream,
    peer: SocketAddr,
    accepted: Instant,
    open: Open,
}

/// Serves a newcomer as soon as the door lets it in.
fn arrive(worker: &Rc<Worker>, door: &Rc<Door<Newcomer>>, newcomer: Newcomer) {
    if let Some(newcomer) = door.knock(newcomer, worker.shared.may_refuse()) {
        enter(worker, newcomer);
    }
    if door.needs_keeper() {
        let (door, keeper) = (Rc::clone(door), Rc::clone(worker));
        worker.tasks.spawn(async move {
            let is_wide = || keeper.shared.may_refuse();
            door.keep(is_wide, round::worked, |newcomer| enter(&keeper, newcomer)).await;
        });
    }
}

fn enter(worker: &Rc<Worker>, newcomer: Newcomer) {
    let Newcomer { stream, peer, accepted, open } = newcomer;
    let of_task = Rc::clone(worker);
    worker.tasks.spawn(async move {
        let _open = open;
        drive(of_task, stream, peer, accepted).await;
    });
}

/// Counts an open client connection.
struct Open(Rc<Worker>);

impl Open {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.shared.connections.fetch_add(1, Ordering::Relaxed);
        worker.metrics().connections.inc();
        Self(Rc::clone(worker))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.shared.connections.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics().connections.dec();
    }
}

async fn drive(worker: Rc<Worker>, stream: TcpStream, peer: SocketAddr, accepted: Instant) {
    let state = worker.shared.state();
    match &state.settings.tls {
        None => converse(worker, stream, peer, accepted, &state.settings).await,
        Some(identity) => {
            let acceptor = TlsAcceptor::from(std::sync::Arc::clone(&identity.0));
            let limit = state.settings.deadlines.client_head;
            if let Ok(Ok(stream)) = timeout(limit, acceptor.accept(stream)).await {
                // Boxed: cleartext connections should not carry the size of a session.
                Box::pin(converse(worker, stream, peer, accepted, &state.settings)).await;
            }
        }
    }
}

async fn converse<S>(
    worker: Rc<Worker>,
    stream: S,
    peer: SocketAddr,
    accepted: Instant,
    settings: &Settings,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limit = settings.deadlines.client_write;
    let mut builder = builder(&worker, settings);
    let shared = std::sync::Arc::clone(&worker.shared);
    let pressure = Rc::new(Pressure::default());
    let arrivals = Rc::new(Arrivals::new(accepted, settings.limits.head));
    let connection = Rc::new(Connection { worker, peer, pressure: Rc::clone(&pressure) });
    let mut socket = Socket::new(stream, Rc::clone(&arrivals));
    let spoken = poll_fn(|context| Poll::Ready(socket.spoken(context))).await;
    builder = match spoken {
        Some(Protocol::Http1) => builder.http1_only(),
        Some(Protocol::Http2) => builder.http2_only(),
        // Too little has come yet.
        None => builder,
    };
    let requests = Rc::<Requests>::default();
    let of_service = Rc::clone(&requests);
    let service = service_fn(move |request| {
        let request_of = Requests::begin(&of_service);
        let (connection, arrived) = (Rc::clone(&connection), arrivals.take());
        // Boxed: what a request needs until its head is sent goes when that is done, instead of
        // being a part of the connection as long as that lasts.
        Box::pin(async move {
            let response = service::serve(connection, request, arrived).await;
            Ok::<_, std::convert::Infallible>(response.map(|body| request_of.until_end_of(body)))
        })
    });
    let served = builder.serve_connection(TokioIo::new(socket), service);
    let mut guarded = pin!(Guarded::connection(served, pressure, limit));
    let mut end = pin!(shared.phase.end.cancelled());
    let (mut registered, mut ending) = (false, false);
    // Hyper's own deadline for heads begins only when it knows which HTTP is spoken. Most clients
    // have sent their request before we look: only who has not gets a timer.
    let mut idle = Idle::new(settings.deadlines.client_head, spoken);
    poll_fn(|context| {
        // One registration lasts: this future stays in one task. From then on the flag, which is
        // set before the token, says the same for less; this is the path of every event.
        if !registered {
            registered = true;
            let _ = end.as_mut().poll(context);
        }
        if !ending && shared.phase.is_ended.load(Ordering::Relaxed) {
            ending = true;
            guarded.as_mut().inner().graceful_shutdown();
        }
        if guarded.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        match idle.poll(&requests, context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Idled::WithoutRequest) => Poll::Ready(()),
            Poll::Ready(Idled::Afterwards) => {
                guarded.as_mut().inner().graceful_shutdown();
                guarded.as_mut().poll(context).map(drop)
            }
        }
    })
    .await;
}

fn builder(worker: &Worker, settings: &Settings) -> Builder<GuardedStreams> {
    let deadlines = &settings.deadlines;
    let mut builder =
        Builder::new(GuardedStreams { tasks: worker.tasks.clone(), limit: deadlines.client_write });
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(deadlines.client_head)
        // Also the bound of what waits to be written to one client.
        .max_buf_size(settings.limits.head);
    let head = u32::try_from(settings.limits.head).unwrap_or(u32::MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(CLIENT_STREAMS)
        .max_header_list_size(head)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY)
        .max_send_buf_size(settings.limits.head);
    builder
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::io::AsyncReadExt;

    use super::*;

    /// When a request arrived whose bytes were sent `early`, before the connection was accepted,
    /// or after; and when the connection was accepted.
    async fn arrival(early: bool) -> (Instant, Instant) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        if early {
            client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        }
        let (stream, _) = listener.accept().await.unwrap();
        let accepted = Instant::now();
        let arrivals = Rc::new(Arrivals::new(accepted, 1000));
        let mut socket = Socket::new(stream, Rc::clone(&arrivals));
        let mut buffer = [0; 100];
        let mut reading = Box::pin(socket.read(&mut buffer));
        let first = std::future::poll_fn(|context| Poll::Ready(reading.as_mut().poll(context)));
        assert_eq!(first.await.is_ready(), early);
        if !early {
            client.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            assert!(reading.await.unwrap() > 0);
        }
        (arrivals.take().at, accepted)
    }

    #[tokio::test]
    async fn a_request_that_was_there_came_with_its_connection_and_a_later_one_did_not() {
        let (arrived, accepted) = arrival(true).await;
        assert_eq!(arrived, accepted);
        let (arrived, accepted) = arrival(false).await;
        assert!(arrived > accepted);
    }

    /// Each connection holds one such future, and its buffers.
    #[test]
    fn a_connection_is_small() {
        fn size<F>(_: fn(Rc<Worker>, TcpStream, SocketAddr, Instant) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size(drive);
        assert!(bytes <= 4 * 1024, "{bytes} bytes");
    }
}
