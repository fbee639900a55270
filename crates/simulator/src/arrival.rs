//! When a request came, by the kernel's clock rather than by when a worker got to it.
//!
//! The provider that is stood in for has its own machine. Here a burst of thousands shares two
//! cores with whoever sends it, and a request can lie in its socket for tens of milliseconds
//! before it is read. That wait is the simulator's, not the model's: the model's delays count from
//! the arrival, so that only what really comes late is late, and it is counted (see `lateness`).

use std::cell::Cell;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use nix::sys::socket::sockopt::ReceiveTimestampns;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The longest wait in a socket that is believed. More than that is a wall clock that was set
/// between arrival and reading, or a process that was stopped.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Room for one control message with a time stamp: a header and two numbers, 32 bytes, aligned as
/// the kernel aligns them.
#[repr(align(8))]
struct Control([u8; 64]);

/// Asks the kernel to note when bytes come; connections inherit it, so that also those bytes are
/// stamped that come before a connection is accepted.
///
/// # Errors
/// When the kernel does not know how.
pub(crate) fn stamp(listener: &TcpListener) -> io::Result<()> {
    Ok(setsockopt(listener, ReceiveTimestampns, &true)?)
}

/// When the last bytes that were read from a connection came. Shared by the connection, which
/// reads them, and its requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrival(Rc<Cell<Option<Instant>>>);

impl Arrival {
    /// The arrival of a request that has just been read; now, where nothing stamps what comes.
    ///
    /// Of several requests in one read it is that of the last: none seems to come too early.
    pub(crate) fn of_request(&self) -> Instant {
        self.0.get().unwrap_or_else(Instant::now)
    }
}

/// A socket that remembers when the bytes came that it gave last.
#[derive(Debug)]
pub(crate) struct Stamped {
    stream: TcpStream,
    arrival: Arrival,
}

impl Stamped {
    /// The socket, and where its requests find their arrival.
    pub(crate) fn new(stream: TcpStream) -> (Self, Arrival) {
        let arrival = Arrival::default();
        (Self { stream, arrival: arrival.clone() }, arrival)
    }

    /// Reads what is there, once.
    fn receive(&self, buffer: &mut ReadBuf<'_>) -> io::Result<()> {
        let unfilled = buffer.initialize_unfilled();
        let wanted = unfilled.len();
        let mut received = None;
        let done = self.stream.try_io(Interest::READABLE, || {
            let (length, waited) = receive(&self.stream, unfilled)?;
            received = Some((length, waited));
            // Less than there was room for: the socket is empty, and saying so saves the call that
            // would find it out.
            if 0 < length && length < wanted {
                return Err(ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        let Some((length, waited)) = received else { return done };
        buffer.advance(length);
        if let Some(waited) = waited {
            self.arrival.0.set(Instant::now().checked_sub(waited));
        }
        Ok(())
    }
}

/// Bytes read, and how long the last of them had been there, if the kernel says so.
fn receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<(usize, Option<Duration>)> {
    let mut control = Control([0; 64]);
    let mut slices = [IoSliceMut::new(buffer)];
    let control = Some(control.0.as_mut_slice());
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut slices, control, MsgFlags::empty())?;
    let stamp = message.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
        _ => None,
    });
    Ok((message.bytes, stamp.map(waited_since)))
}

/// How long ago this was, by the wall clock. Nothing is from the future.
fn waited_since(stamp: Duration) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let waited = now.saturating_sub(stamp);
    if waited > LONGEST_WAIT { Duration::ZERO } else { waited }
}

impl AsyncRead for Stamped {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.receive(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl AsyncWrite for Stamped {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since_epoch() -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_wall_clock_that_was_set_makes_no_request_early_or_old() {
        let hour = Duration::from_secs(3600);
        assert_eq!(waited_since(since_epoch() + hour), Duration::ZERO);
        assert_eq!(waited_since(since_epoch().checked_sub(hour).unwrap()), Duration::ZERO);
        let second = Duration::from_secs(1);
        let waited = waited_since(since_epoch().checked_sub(second).unwrap());
        assert!(waited >= second && waited < LONGEST_WAIT, "{waited:?}");
    }
}
