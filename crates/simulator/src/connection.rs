//! One connection: HTTP/1.1, or HTTP/2 with prior knowledge.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use wire::preface::Protocol;

use crate::answer::Answered;
use crate::arrival::Arrival;
use crate::drain::Watch;
use crate::preface::detect;
use crate::route::handle;
use crate::worker::Worker;

/// How long a client may take to send a request's head, or stay silent between two requests.
const HEAD_DEADLINE: Duration = Duration::from_secs(75);

/// Read and write buffers of an HTTP/1 connection; also the most that a request's head may
/// have. A small one keeps idle streams small; events are a few hundred bytes.
const BUFFER_BYTES: usize = 16 * 1024;

/// Streams of one HTTP/2 connection. Clients learn it at the start; further requests wait there.
const MAX_STREAMS: u32 = 65_536;

/// What an HTTP/2 client may send before it must wait, by stream and by connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// What an HTTP/2 stream may have waiting to be sent before its events wait as well.
const STREAM_SEND_BYTES: usize = 16 * 1024;

/// Streams that a client has opened and reset before they were looked at: more of them close
/// the connection. A tester that gives up all its streams at once is no attacker.
const MAX_EARLY_RESETS: usize = 16_384;

/// Serves one connection until it is closed. After the worker begins to drain, it ends with the
/// requests that are being answered.
pub(crate) async fn serve<IO>(worker: Rc<Worker>, io: IO, arrival: Arrival)
where
    IO: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let mut watch = worker.drain.watch();
    let detected = {
        let mut detecting = pin!(timeout(HEAD_DEADLINE, detect(io)));
        poll_fn(|context| {
            if watch.has_begun(context) {
                return Poll::Ready(None);
            }
            detecting.as_mut().poll(context).map(|detected| detected.ok().and_then(Result::ok))
        })
        .await
    };
    let Some((protocol, io)) = detected else { return };
    let io = TokioIo::new(io);
    let service = {
        let worker = Rc::clone(&worker);
        // Boxed, so that the memory of a request's future is given back once it has answered.
        service_fn(move |request: Request<Incoming>| -> Pin<Box<dyn Future<Output = Answered>>> {
            Box::pin(handle(Rc::clone(&worker), request, arrival.of_request()))
        })
    };
    // That a client leaves or breaks the protocol is no news; the counters know about it.
    let ended = match protocol {
        Protocol::Http1 => {
            let mut connection = pin!(http1_builder().serve_connection(io, service));
            let mut finish = Some(|connection: Pin<&mut _>| {
                http1::Connection::graceful_shutdown(connection);
            });
            poll_fn(|context| drive(connection.as_mut(), &mut watch, &mut finish, context)).await
        }
        Protocol::Http2 => {
            let builder = http2_builder(LocalExecutor(Rc::clone(&worker)));
            let mut connection = pin!(builder.serve_connection(io, service));
            let mut finish = Some(|connection: Pin<&mut _>| {
                http2::Connection::graceful_shutdown(connection);
            });
            poll_fn(|context| drive(connection.as_mut(), &mut watch, &mut finish, context)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Polls a connection, and asks it once to finish when draining has begun.
fn drive<C: Future>(
    mut connection: Pin<&mut C>,
    watch: &mut Watch,
    finish: &mut Option<impl FnOnce(Pin<&mut C>)>,
    context: &mut Context<'_>,
) -> Poll<C::Output> {
    if watch.has_begun(context)
        && let Some(finish) = finish.take()
    {
        finish(connection.as_mut());
    }
    connection.poll(context)
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(BUFFER_BYTES)
        .half_close(false)
        // One copy of a few hundred bytes is cheaper than a vectored write of five parts.
        .writev(false);
    builder
}

fn http2_builder(executor: LocalExecutor) -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(STREAM_SEND_BYTES)
        .max_pending_accept_reset_streams(MAX_EARLY_RESETS);
    builder
}

/// Runs the streams of HTTP/2 connections on the worker's own thread.
#[derive(Clone)]
struct LocalExecutor(Rc<Worker>);

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor
where
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        self.0.tasks.spawn_local(future);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// Each connection holds one such future, and its buffers.
    #[test]
    fn a_connection_is_small() {
        fn size<F>(_: fn(Rc<Worker>, DuplexStream, Arrival) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size(serve::<DuplexStream>);
        assert!(bytes <= 3 * 1024, "{bytes} bytes");
    }
}
