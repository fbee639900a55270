//! The client: one thread, one epoll, one connection for each user.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use tokio::time::Instant;

use crate::measured::{Measured, Stream};
use crate::scan::{Found, Response};
use crate::target::Target;
use crate::wheel::Wheel;

/// Sockets that one poll reports at most; the rest is reported by the next.
const EVENTS: usize = 4096;
/// A load ends when nothing at all has arrived for this long.
const SILENCE: Duration = Duration::from_secs(30);

/// Holds one stream for each user, and returns when all have ended.
///
/// # Errors
/// When the operating system refuses to poll.
pub(crate) fn load(target: &Target, users: u32, spread: Duration) -> Result<Measured> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(EVENTS);
    let mut load = Load::new(target, users, spread);
    let mut heard = Instant::now();
    while load.measured.ended() < u64::from(users) {
        load.start_due(&poll);
        let now = Instant::now();
        let wait = load.starts.idle(now).unwrap_or(SILENCE).min(SILENCE);
        match poll.poll(&mut events, Some(wait)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => result.context("poll")?,
        }
        if !events.is_empty() {
            heard = Instant::now();
        } else if heard.elapsed() >= SILENCE {
            load.give_up();
        }
        for event in &events {
            load.ready(event.token().0);
        }
    }
    Ok(load.measured)
}

struct Load<'a> {
    target: &'a Target,
    request: Vec<u8>,
    users: Vec<Option<User>>,
    starts: Wheel<u32>,
    due: Vec<u32>,
    measured: Measured,
    buffer: Vec<u8>,
}

struct User {
    socket: TcpStream,
    asked: bool,
    done: bool,
    response: Response,
    stream: Stream,
}

impl<'a> Load<'a> {
    fn new(target: &'a Target, users: u32, spread: Duration) -> Self {
        let begin = Instant::now();
        let mut starts = Wheel::new(begin);
        for user in 0..users {
            starts.insert(begin + spread * user / users.max(1), user);
        }
        Self {
            target,
            request: target.request(),
            users: (0..users).map(|_| None).collect(),
            starts,
            due: Vec::new(),
            measured: Measured::new(),
            buffer: vec![0; 64 * 1024],
        }
    }

    fn start_due(&mut self, poll: &Poll) {
        let mut due = std::mem::take(&mut self.due);
        self.starts.advance(Instant::now(), &mut due);
        for user in due.drain(..) {
            if let Err(error) = self.start(user, poll) {
                self.measured.broken(format!("{error:#}"));
            }
        }
        self.due = due;
    }

    fn start(&mut self, user: u32, poll: &Poll) -> Result<()> {
        let stream = Stream::start(Instant::now());
        let mut socket = TcpStream::from_std(self.target.connect(user)?);
        let place = usize::try_from(user)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut socket, Token(place), both)?;
        let response = Response::default();
        self.users[place] = Some(User { socket, asked: false, done: false, response, stream });
        Ok(())
    }

    fn ready(&mut self, place: usize) {
        let Some(Some(user)) = self.users.get_mut(place) else { return };
        match user.ready(&self.request, &mut self.buffer, &mut self.measured) {
            Ok(false) => return,
            Ok(true) if user.done => self.measured.whole(&user.stream, Instant::now()),
            Ok(true) => self.measured.broken("ended without its terminal event"),
            Err(error) => self.measured.broken(format!("{error:#}")),
        }
        self.users[place] = None;
    }

    /// Counts every open stream as broken.
    fn give_up(&mut self) {
        for user in &mut self.users {
            if user.take().is_some() {
                self.measured.broken("silence");
            }
        }
    }
}

impl User {
    /// Sends the request once connected, and reads what has come; true when the response has ended.
    fn ready(
        &mut self,
        request: &[u8],
        buffer: &mut [u8],
        measured: &mut Measured,
    ) -> Result<bool> {
        if !self.asked {
            if let Some(error) = self.socket.take_error()? {
                return Err(error).context("connect");
            }
            match self.socket.write(request) {
                // A new socket's buffer takes a request of some hundred bytes as a whole.
                Ok(length) if length == request.len() => self.asked = true,
                Ok(_) => anyhow::bail!("the socket took half a request"),
                // Not connected yet.
                Err(error) if not_yet(error.kind()) => return Ok(false),
                Err(error) => return Err(error).context("connect"),
            }
        }
        loop {
            let length = match self.socket.read(buffer) {
                Ok(0) => return Ok(true),
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("read"),
            };
            let now = Instant::now();
            measured.received(length);
            let (stream, done) = (&mut self.stream, &mut self.done);
            let ended = self.response.push(&buffer[..length], &mut |found| match found {
                Found::Chunk => measured.chunk(stream, now),
                Found::Done => *done = true,
            })?;
            if ended {
                return Ok(true);
            }
            // A short read has emptied the socket: the next bytes make a new edge.
            if length < buffer.len() {
                return Ok(false);
            }
        }
    }
}

fn not_yet(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted)
}
