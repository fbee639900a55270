//! A client's connection as hyper reads it: when its requests arrived, and whether they are clear.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use wire::framing::FramingError;

use crate::heads::Heads;

/// What a connection knows about the requests that were read from it.
pub(crate) struct Arrivals {
    at: Cell<Option<ArrivedAt>>,
    heads: RefCell<Heads>,
    /// Requests that were taken.
    taken: Cell<u64>,
}

/// What is known of a request's arrival.
#[derive(Debug, Clone, Copy)]
enum ArrivedAt {
    /// It may have been there since the connection was accepted.
    Accepted(Instant),
    /// Its last bytes were read.
    Read(Instant),
}

/// A request that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived {
    /// When it arrived.
    pub(crate) at: Instant,
    /// Why it does not say where its body ends, where it does not.
    pub(crate) unclear: Option<FramingError>,
}

impl Arrivals {
    /// Of a connection whose heads may have `head_limit` bytes.
    pub(crate) fn new(accepted: Instant, head_limit: usize) -> Self {
        Self {
            at: Cell::new(Some(ArrivedAt::Accepted(accepted))),
            heads: RefCell::new(Heads::new(head_limit)),
            taken: Cell::new(0),
        }
    }

    /// The next request. To be asked when hyper has read its head, once for each.
    pub(crate) fn take(&self) -> Arrived {
        let at = match self.at.take() {
            Some(ArrivedAt::Accepted(at) | ArrivedAt::Read(at)) => at,
            None => Instant::now(),
        };
        let number = self.taken.replace(self.taken.get() + 1);
        Arrived { at, unclear: self.heads.borrow().unclear(number) }
    }
}

/// The connection. Notes when the first byte of a request arrived, so that what it waits before it
/// is served is part of its time.
pub(crate) struct Socket<S> {
    stream: S,
    arrivals: Rc<Arrivals>,
}

impl<S> Socket<S> {
    pub(crate) fn new(stream: S, arrivals: Rc<Arrivals>) -> Self {
        Self { stream, arrivals }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let arrivals = &self.arrivals;
        match (&polled, arrivals.at.get()) {
            // What was there already has waited since the connection was accepted.
            (Poll::Ready(_), Some(ArrivedAt::Accepted(_))) => {}
            (Poll::Ready(_), _) => arrivals.at.set(Some(ArrivedAt::Read(Instant::now()))),
            (Poll::Pending, Some(ArrivedAt::Accepted(_))) => arrivals.at.set(None),
            (Poll::Pending, _) => {}
        }
        arrivals.heads.borrow_mut().push(&buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
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
