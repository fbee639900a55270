//! HTTP/1.1 with an upstream: one request at a time, read by whoever waits for the answer.
//!
//! A connection has neither a task nor buffers of its own. The task of the client's connection
//! reads the upstream's socket itself, into a buffer that all answers of a worker share, and takes
//! a copy of just what came. An event costs one wake-up, and a stream that waits holds no memory
//! for bytes. (Through hyper's client it was two tasks with a channel between them, and some
//! 30 KiB for each stream.)

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use http::response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wire::framing::{Framing, has_empty_line};

use super::connect::OpenConnection;
use super::head::{self, AnswerError, Head, MAX_HEAD};
use super::transport::Transport;

/// The most that one read takes from a socket.
const READ_BUFFER: usize = 64 * 1024;

/// What all answers of a worker are read into, borrowed for the time of one poll only.
#[derive(Debug)]
pub(crate) struct Reading {
    buffer: Box<[u8]>,
    /// Where data that is spread over several chunks is put together.
    spare: Vec<u8>,
}

impl Default for Reading {
    fn default() -> Self {
        Self { buffer: vec![0; READ_BUFFER].into_boxed_slice(), spare: Vec::new() }
    }
}

/// Why there is no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Http1Error {
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The upstream closed the connection.
    #[error("the connection was closed before the answer's end")]
    Closed,
    /// The upstream's bytes cannot be read.
    #[error("{0}")]
    Answer(#[from] AnswerError),
}

/// Why a request was not answered.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Http1Error,
    /// Whether the upstream has seen anything of the request, as far as we know.
    pub(super) sent: bool,
    /// Whether it has said anything.
    pub(super) heard: bool,
}

/// A connection that waits for a request.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    _open: OpenConnection,
}

/// The body of an answer, which owns its connection: dropping it early closes that.
#[derive(Debug)]
pub(crate) struct Body {
    connection: Connection,
    framing: Framing,
    /// What came together with the head.
    first: Bytes,
    /// What of the request the upstream has not taken, although it answers already.
    unwritten: Unwritten,
    keeps_alive: bool,
    reading: Rc<RefCell<Reading>>,
}

/// A request on its way.
#[derive(Debug)]
struct Unwritten {
    head: Bytes,
    body: Bytes,
    flushed: bool,
    any: bool,
    /// Why writing stopped; the upstream may have answered all the same.
    error: Option<io::Error>,
}

/// A request under way, and what has come of its answer.
struct Exchange {
    connection: Connection,
    unwritten: Unwritten,
    /// The beginning of a head that has no end yet.
    carry: Vec<u8>,
}

impl Connection {
    pub(super) fn new(transport: Transport, open: OpenConnection) -> Self {
        Self { transport, _open: open }
    }

    /// Whether a connection that no request uses stands, as far as is known by now. It is dead
    /// when there is anything to be read: nobody asked for it.
    pub(super) fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        let mut buffer = ReadBuf::new(&mut byte);
        Pin::new(&mut self.transport).poll_read(&mut context, &mut buffer).is_pending()
    }

    /// Sends a request, its head as it goes over the wire, and waits for the head of its answer.
    /// Cancel-safe: dropping it closes the connection.
    pub(super) async fn exchange(
        self,
        head: Bytes,
        body: Bytes,
        reading: &Rc<RefCell<Reading>>,
    ) -> Result<(response::Parts, Body), Failed> {
        let unwritten = Unwritten { head, body, flushed: false, any: false, error: None };
        let mut exchange = Exchange { connection: self, unwritten, carry: Vec::new() };
        let answered = poll_fn(|context| {
            exchange.unwritten.poll(&mut exchange.connection.transport, context);
            exchange.poll_head(context, &mut reading.borrow_mut())
        });
        let result = answered.await;
        let Exchange { connection, mut unwritten, carry } = exchange;
        match result {
            Ok((head, first, keeps_alive)) => {
                let Head { parts, framing, .. } = head;
                let reading = Rc::clone(reading);
                Ok((parts, Body { connection, framing, first, unwritten, keeps_alive, reading }))
            }
            Err(error) => {
                // The write error came first and says more, unless the upstream answered.
                let heard = !carry.is_empty() || matches!(error, Http1Error::Answer(_));
                let error = match unwritten.error.take() {
                    Some(first) if !heard => Http1Error::Io(first),
                    _ => error,
                };
                Err(Failed { error, sent: unwritten.any, heard })
            }
        }
    }
}

impl Unwritten {
    fn is_done(&self) -> bool {
        self.flushed && self.error.is_none()
    }

    /// Writes as much as the connection takes.
    fn poll(&mut self, transport: &mut Transport, context: &mut Context<'_>) {
        while !self.flushed && self.error.is_none() {
            let mut transport = Pin::new(&mut *transport);
            if !self.head.has_remaining() && !self.body.has_remaining() {
                match transport.poll_flush(context) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(())) => self.flushed = true,
                    Poll::Ready(Err(error)) => self.error = Some(error),
                }
                return;
            }
            let pieces = [IoSlice::new(&self.head), IoSlice::new(&self.body)];
            match transport.as_mut().poll_write_vectored(context, &pieces) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => self.error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.any = true;
                    let of_head = written.min(self.head.len());
                    self.head.advance(of_head);
                    self.body.advance(written - of_head);
                }
                Poll::Ready(Err(error)) => self.error = Some(error),
            }
        }
    }
}

impl Exchange {
    /// The head of the answer, what of the body came with it, and whether the connection can be
    /// kept.
    fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        reading: &mut Reading,
    ) -> Poll<Result<(Head, Bytes, bool), Http1Error>> {
        loop {
            let Reading { buffer, spare } = reading;
            let read = ready!(self.connection.poll_read(context, buffer))?;
            if read.is_empty() {
                return Poll::Ready(Err(Http1Error::Closed));
            }
            if let Some((mut head, mut rest)) = self.take(read)? {
                let first = head::decode(&mut head.framing, &mut rest, spare)?;
                let keeps_alive = head.keeps_alive && rest.is_empty();
                return Poll::Ready(Ok((head, first, keeps_alive)));
            }
        }
    }

    /// Takes bytes of the head; when it is whole, it and what came behind it.
    fn take<'a>(&mut self, read: &'a [u8]) -> Result<Option<(Head, &'a [u8])>, AnswerError> {
        let kept = self.carry.len();
        // What lies beyond the bound can only be body, or the head is too long.
        let room = (MAX_HEAD - kept).min(read.len());
        let found = if kept == 0 {
            head::read(&read[..room])?
        } else {
            self.carry.extend_from_slice(&read[..room]);
            // It is read again only when its end may be there: a slow drip would cost the square
            // of its length otherwise.
            let new = &self.carry[kept.saturating_sub(3)..];
            if has_empty_line(new) { head::read(&self.carry)? } else { None }
        };
        match found {
            Some((head, length)) => Ok(Some((head, &read[length.saturating_sub(kept)..]))),
            None if kept + read.len() > MAX_HEAD => Err(AnswerError::HeadTooLong),
            None => {
                if kept == 0 {
                    self.carry.extend_from_slice(read);
                }
                Ok(None)
            }
        }
    }
}

impl Connection {
    /// Reads what is there; nothing means that the upstream closes.
    fn poll_read<'a>(
        &mut self,
        context: &mut Context<'_>,
        buffer: &'a mut [u8],
    ) -> Poll<io::Result<&'a [u8]>> {
        let mut read = ReadBuf::new(&mut *buffer);
        ready!(Pin::new(&mut self.transport).poll_read(context, &mut read))?;
        let length = read.filled().len();
        Poll::Ready(Ok(&buffer[..length]))
    }
}

impl Body {
    /// The body's next bytes, never none; `None` at its end. Cancel-safe: nothing is lost between
    /// two calls.
    pub(super) fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Http1Error>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.first))));
        }
        self.unwritten.poll(&mut self.connection.transport, context);
        while !self.framing.is_done() {
            match ready!(self.poll_piece(context)) {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(Some(Ok(data))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(None)
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, Http1Error>> {
        let mut reading = self.reading.borrow_mut();
        let Reading { buffer, spare } = &mut *reading;
        let mut read = ready!(self.connection.poll_read(context, buffer))?;
        if read.is_empty() {
            if matches!(self.framing, Framing::UntilClose) {
                self.framing = Framing::Done;
                return Poll::Ready(Ok(Bytes::new()));
            }
            return Poll::Ready(Err(Http1Error::Closed));
        }
        let data = head::decode(&mut self.framing, &mut read, spare)?;
        // Bytes that nobody asked for: whatever comes next is not ours.
        self.keeps_alive &= read.is_empty();
        Poll::Ready(Ok(data))
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.first.is_empty() && self.framing.is_done()
    }

    /// The connection, if the body was read to its end and another request may follow.
    pub(super) fn into_idle(self) -> Option<Connection> {
        let reusable = self.is_at_end() && self.keeps_alive && self.unwritten.is_done();
        reusable.then_some(self.connection)
    }
}

#[cfg(test)]
mod tests;
