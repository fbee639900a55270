//! One request and its answer over one HTTP/1.1 connection.
//!
//! The whole exchange is one `poll_fn`: it reads into a buffer that all streams of a worker
//! share and judges the bytes on the spot, so that a waiting stream owns no read buffer, and the
//! clock is read once per read.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use wire::grammar::{self, BodyEnd};

use super::answer::{Answer, AnswerError};
use super::detail::of_io;
use super::judge::{Ending, Judge};
use super::{Observer, timer};

/// Size of a worker's read buffer: the most that one read takes from a socket.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Memory that all streams of one worker share, borrowed for the time of one poll only.
#[derive(Debug)]
pub(super) struct Scratch {
    buffer: Box<[u8]>,
    pub(super) grammar: grammar::Scratch,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            buffer: vec![0; READ_BUFFER_BYTES].into_boxed_slice(),
            grammar: grammar::Scratch::default(),
        }
    }
}

/// How an exchange ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) ending: Ending,
    pub(super) at: Instant,
    /// Another request may follow on the connection.
    pub(super) reusable: bool,
}

/// Whoever an answer is for: it takes the bytes, and says how long it waits for more.
pub(super) trait Reader {
    /// A connection stands. `took` is the time that opening it cost; `None` for one that was open
    /// already.
    fn connected(&mut self, took: Option<Duration>);

    /// Takes what was read at `now`, by way of the answer's framing.
    fn take(
        &mut self,
        answer: &mut Answer,
        read: &[u8],
        now: Instant,
        scratch: &mut grammar::Scratch,
    ) -> Result<(), AnswerError>;

    /// Whether any byte of an answer has arrived.
    fn has_answer(&self) -> bool;

    /// Whether nothing that may still come matters.
    fn is_decided(&self) -> bool;

    /// The moment at which the answer is given up, as things stand.
    fn deadline(&self) -> Instant;
}

impl<O: Observer> Reader for Judge<'_, O> {
    fn connected(&mut self, took: Option<Duration>) {
        Judge::connected(self, took);
    }

    fn take(
        &mut self,
        answer: &mut Answer,
        read: &[u8],
        now: Instant,
        scratch: &mut grammar::Scratch,
    ) -> Result<(), AnswerError> {
        answer.push(read, &mut self.at(now, scratch))
    }

    fn has_answer(&self) -> bool {
        Judge::has_answer(self)
    }

    fn is_decided(&self) -> bool {
        Judge::is_decided(self)
    }

    fn deadline(&self) -> Instant {
        Judge::deadline(self)
    }
}

/// An exchange under way.
struct Exchange<'b, S, R> {
    stream: &'b mut S,
    /// What of the request has not been written.
    unwritten: &'b [u8],
    flushed: bool,
    /// Why writing stopped; the server may have answered all the same.
    write_error: Option<io::Error>,
    answer: Answer,
    reader: &'b mut R,
}

/// Writes `unwritten`, reads the answer and feeds the reader until the answer is at its end, the
/// reader has decided, or its deadline passes. `sleep` is the exchange's one timer.
pub(super) async fn exchange<S, R>(
    stream: &mut S,
    unwritten: &[u8],
    reader: &mut R,
    scratch: &RefCell<Scratch>,
    mut sleep: Pin<&mut Sleep>,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: Reader,
{
    let mut exchange = Exchange {
        stream,
        unwritten,
        flushed: false,
        write_error: None,
        answer: Answer::new(),
        reader,
    };
    poll_fn(|context| {
        exchange.poll_write(context);
        if let Poll::Ready(ended) = exchange.poll_read(context, &mut scratch.borrow_mut()) {
            return Poll::Ready(ended);
        }
        ready!(timer::poll_until(sleep.as_mut(), exchange.reader.deadline(), context));
        Poll::Ready(exchange.ended(Ending::Deadline, Instant::now()))
    })
    .await
}

impl<S, R> Exchange<'_, S, R>
where
    S: AsyncRead + AsyncWrite + Unpin,
    R: Reader,
{
    /// Writes as much as the connection takes. An error is kept until reading has shown whether
    /// the server answered before it stopped listening (a 413, for example).
    fn poll_write(&mut self, context: &mut Context<'_>) {
        while !self.unwritten.is_empty() && self.write_error.is_none() {
            match Pin::new(&mut *self.stream).poll_write(context, self.unwritten) {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => self.write_error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => self.unwritten = &self.unwritten[written..],
                Poll::Ready(Err(error)) => self.write_error = Some(error),
            }
        }
        if !self.flushed && self.write_error.is_none() {
            match Pin::new(&mut *self.stream).poll_flush(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => self.write_error = Some(error),
            }
        }
    }

    /// Reads all that is there.
    fn poll_read(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Ended> {
        loop {
            let mut buffer = ReadBuf::new(&mut scratch.buffer);
            let read = ready!(Pin::new(&mut *self.stream).poll_read(context, &mut buffer));
            let now = Instant::now();
            let read = match read {
                Ok(()) => buffer.filled(),
                Err(error) => return Poll::Ready(self.broke_off(&error, now)),
            };
            if read.is_empty() {
                return Poll::Ready(self.closed(now));
            }
            let taken = self.reader.take(&mut self.answer, read, now, &mut scratch.grammar);
            if let Err(error) = taken {
                return Poll::Ready(self.ended(Ending::Broken(error.to_string().into()), now));
            }
            if self.reader.is_decided() {
                return Poll::Ready(self.ended(Ending::Stopped, now));
            }
            if self.answer.is_done() {
                return Poll::Ready(self.ended(Ending::Clean, now));
            }
        }
    }

    fn broke_off(&self, error: &io::Error, now: Instant) -> Ended {
        // The write error came first and says more, unless the server answered.
        let error =
            self.write_error.as_ref().filter(|_| !self.reader.has_answer()).unwrap_or(error);
        self.ended(Ending::Cut(of_io(error)), now)
    }

    fn closed(&self, now: Instant) -> Ended {
        match (&self.write_error, self.answer.end()) {
            (_, BodyEnd::Clean) => self.ended(Ending::Clean, now),
            (Some(error), BodyEnd::Cut) if !self.reader.has_answer() => {
                self.ended(Ending::Cut(of_io(error)), now)
            }
            (_, BodyEnd::Cut) => self.ended(Ending::Cut("connection closed".into()), now),
        }
    }

    fn ended(&self, ending: Ending, at: Instant) -> Ended {
        let reusable = ending == Ending::Clean
            && self.answer.is_reusable()
            && self.unwritten.is_empty()
            && self.flushed;
        Ended { ending, at, reusable }
    }
}
