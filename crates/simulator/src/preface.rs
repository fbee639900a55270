//! Tells HTTP/2 with prior knowledge from HTTP/1 by a connection's first bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use wire::preface::{HTTP2_PREFACE as PREFACE, Protocol};

/// A connection whose first bytes have been looked at, and are read again.
#[derive(Debug)]
pub(crate) struct Replayed<IO> {
    first: [u8; PREFACE.len()],
    at: u8,
    end: u8,
    io: IO,
}

/// Reads until the protocol is certain: one read for every real client.
///
/// # Errors
/// When the connection breaks or ends before.
pub(crate) async fn detect<IO>(mut io: IO) -> io::Result<(Protocol, Replayed<IO>)>
where
    IO: AsyncRead + Unpin,
{
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    let protocol = loop {
        let read = io.read(&mut first[length..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        length += read;
        if let Some(protocol) = Protocol::of(&first[..length]) {
            break protocol;
        }
    };
    let end = u8::try_from(length).expect("at most 24 bytes were read");
    Ok((protocol, Replayed { first, at: 0, end, io }))
}

impl<IO: AsyncRead + Unpin> AsyncRead for Replayed<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at == self.end {
            return Pin::new(&mut self.io).poll_read(context, buffer);
        }
        let rest = &self.first[usize::from(self.at)..usize::from(self.end)];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        self.at += u8::try_from(count).expect("at most 24 bytes are left");
        // What else has arrived is taken along, so that a request still costs one read.
        if self.at == self.end && buffer.remaining() > 0 {
            let more = Pin::new(&mut self.io).poll_read(context, buffer);
            if more.is_ready() {
                ready!(more)?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Replayed<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that arrive in these pieces are seen as this protocol, and read again as they were.
    async fn check(pieces: &[&[u8]], expected: Protocol) {
        let mut script = tokio_test_io(pieces);
        let (protocol, mut replayed) = detect(&mut script).await.unwrap();
        assert_eq!(protocol, expected);
        let mut all = Vec::new();
        replayed.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, pieces.concat());
    }

    /// A reader that yields one piece for each read.
    fn tokio_test_io(pieces: &[&[u8]]) -> impl AsyncRead + Unpin {
        let empty: Box<dyn AsyncRead + Unpin> = Box::new(tokio::io::empty());
        pieces
            .iter()
            .rev()
            .fold(empty, |rest, piece| Box::new(std::io::Cursor::new(piece.to_vec()).chain(rest)))
    }

    #[tokio::test]
    async fn requests_are_http_1_however_they_are_cut() {
        check(&[b"POST / HTTP/1.1\r\n\r\n"], Protocol::Http1).await;
        check(&[b"P", b"OST / HTTP/1.1\r\n\r\n"], Protocol::Http1).await;
        check(&[b"PRI", b" * HTTP/1.1\r\n\r\n"], Protocol::Http1).await;
        check(&[b"G"], Protocol::Http1).await;
    }

    #[tokio::test]
    async fn the_preface_is_http_2_however_it_is_cut() {
        check(&[PREFACE, b"rest"], Protocol::Http2).await;
        check(&[&PREFACE[..1], &PREFACE[1..20], &PREFACE[20..]], Protocol::Http2).await;
    }

    #[tokio::test]
    async fn a_connection_that_ends_first_is_an_error() {
        assert!(detect(tokio::io::empty()).await.is_err());
        assert!(detect(&PREFACE[..5]).await.is_err());
    }
}
