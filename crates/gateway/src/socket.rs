//! A client's connection as hyper reads it: when its requests arrived, and whether they are clear.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use wire::framing::FramingError;
use wire::preface::Protocol;

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

/// So much is read where less is asked for, in bytes. Most requests are there as a whole, and are
/// read as a whole.
const READ_AHEAD: usize = 4 * 1024;

/// The connection. Notes when the first byte of a request arrived, so that what it waits before it
/// is served is part of its time.
pub(crate) struct Socket<S> {
    stream: S,
    arrivals: Rc<Arrivals>,
    /// What was read and not asked for yet.
    ahead: Bytes,
}

impl<S> Socket<S> {
    pub(crate) fn new(stream: S, arrivals: Rc<Arrivals>) -> Self {
        Self { stream, arrivals, ahead: Bytes::new() }
    }

    fn take_ahead(&mut self, buffer: &mut ReadBuf<'_>) {
        let taken = self.ahead.split_to(self.ahead.len().min(buffer.remaining()));
        buffer.put_slice(&taken);
    }
}

impl<S: AsyncRead + Unpin> Socket<S> {
    /// Which HTTP is spoken, where what is there already says so; nothing is taken from it. Hyper
    /// finds it out itself, too, but reads the beginning of every request twice for it.
    pub(crate) fn spoken(&mut self, context: &mut Context<'_>) -> Option<Protocol> {
        if self.ahead.is_empty() {
            // Whatever is wrong with the connection is told again.
            let _ = self.poll_read_ahead(context);
        }
        Protocol::of(&self.ahead)
    }

    fn poll_read_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_AHEAD];
        let mut ahead = ReadBuf::new(&mut bytes);
        ready!(self.poll_stream(context, &mut ahead))?;
        self.ahead = Bytes::copy_from_slice(ahead.filled());
        Poll::Ready(Ok(()))
    }

    /// Reads from the connection, and notes it.
    fn poll_stream(
        &mut self,
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

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            if buffer.remaining() >= READ_AHEAD {
                return self.poll_stream(context, buffer);
            }
            ready!(self.poll_read_ahead(context))?;
        }
        self.take_ahead(buffer);
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use wire::preface::HTTP2_PREFACE;

    use super::*;

    #[tokio::test]
    async fn what_is_read_ahead_is_given_in_its_order_and_in_any_sizes() {
        let sent: Vec<u8> = (0..3 * READ_AHEAD).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for size in [1, 24, READ_AHEAD - 1, READ_AHEAD, sent.len()] {
            let (mut client, stream) = tokio::io::duplex(sent.len());
            client.write_all(&sent).await.unwrap();
            drop(client);
            let arrivals = Rc::new(Arrivals::new(Instant::now(), READ_AHEAD));
            let mut socket = Socket::new(stream, arrivals);
            let mut buffer = vec![0; size];
            let mut read = Vec::new();
            loop {
                let length = socket.read(&mut buffer).await.unwrap();
                if length == 0 {
                    break;
                }
                read.extend_from_slice(&buffer[..length]);
            }
            assert_eq!(read, sent, "{size} bytes at a time");
        }
    }

    #[tokio::test]
    async fn a_request_is_read_at_once_however_little_is_asked_for() {
        let request = b"GET /healthz HTTP/1.1\r\nhost: weir\r\n\r\n";
        let (mut client, stream) = tokio::io::duplex(1000);
        client.write_all(request).await.unwrap();
        let arrivals = Rc::new(Arrivals::new(Instant::now(), 1000));
        let mut socket = Socket::new(stream, arrivals);
        let mut first = [0; 24];
        socket.read_exact(&mut first).await.unwrap();
        assert_eq!(socket.ahead, request[24..].to_vec());
        let mut rest = [0; 1000];
        let length = socket.read(&mut rest).await.unwrap();
        assert_eq!(rest[..length], request[24..]);
        assert!(socket.ahead.is_empty());
    }

    #[tokio::test]
    async fn which_http_is_spoken_is_known_from_the_first_byte_that_tells_and_not_before() {
        let cases: [(&[u8], Option<Protocol>); 6] = [
            (b"", None),
            (b"G", Some(Protocol::Http1)),
            (b"PRI * HTTP/1.1\r\n", Some(Protocol::Http1)),
            (b"PRI * HT", None),
            (HTTP2_PREFACE, Some(Protocol::Http2)),
            (&[&HTTP2_PREFACE[..], b"\0\0"].concat(), Some(Protocol::Http2)),
        ];
        for (sent, expected) in cases {
            let (mut client, stream) = tokio::io::duplex(1000);
            client.write_all(sent).await.unwrap();
            let arrivals = Rc::new(Arrivals::new(Instant::now(), 1000));
            let mut socket = Socket::new(stream, arrivals);
            let spoken = poll_fn(|context| Poll::Ready(socket.spoken(context))).await;
            assert_eq!(spoken, expected, "{sent:?}");
            client.write_all(b"more").await.unwrap();
            drop(client);
            let mut read = Vec::new();
            socket.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, [sent, b"more"].concat(), "nothing is taken");
        }
    }
}
