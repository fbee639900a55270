//! The server: one thread, one epoll, one wheel, one write for each event.

use std::io::{ErrorKind, Read, Write};

use anyhow::{Context, Result};
use memchr::memmem;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use serde_json::json;
use tokio::time::Instant;

use crate::answer::{Answer, Schedule};
use crate::measured::Times;
use crate::wheel::Wheel;

const LISTENER: Token = Token(usize::MAX);
/// Sockets that one poll reports at most; the rest is reported by the next.
const EVENTS: usize = 4096;
/// Longest request; a longer one is cut off.
const REQUEST_LIMIT: usize = 1024 * 1024;

/// Serves until the process is ended.
///
/// # Errors
/// When the operating system refuses to poll.
pub(crate) fn serve(listener: std::net::TcpListener, schedule: Schedule) -> Result<()> {
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(EVENTS);
    let mut server = Server::new(listener, schedule);
    loop {
        match poll.poll(&mut events, server.wheel.idle(Instant::now())) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => result.context("poll")?,
        }
        for event in &events {
            match event.token() {
                LISTENER => server.accept(&poll)?,
                Token(index) => server.ready(index),
            }
        }
        server.send_due();
    }
}

struct Server {
    listener: TcpListener,
    schedule: Schedule,
    answer: Answer,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    wheel: Wheel<Due>,
    due: Vec<Due>,
    lateness: Times,
    buffer: Vec<u8>,
    accepted: u64,
}

struct Connection {
    socket: TcpStream,
    /// Tells this connection from others that had the same index.
    number: u64,
    /// What has come of a request that is not whole yet.
    request: Vec<u8>,
    /// When the answer that is under way was asked for.
    asked: Option<Instant>,
    /// What the socket did not take yet. Bounded by the length of the answer.
    unsent: Vec<u8>,
}

/// An event that waits for its moment.
struct Due {
    index: usize,
    number: u64,
    event: u32,
}

impl Server {
    fn new(listener: TcpListener, schedule: Schedule) -> Self {
        Self {
            listener,
            answer: Answer::new(&schedule),
            schedule,
            connections: Vec::new(),
            free: Vec::new(),
            wheel: Wheel::new(Instant::now()),
            due: Vec::new(),
            lateness: Times::new(),
            buffer: vec![0; 64 * 1024],
            accepted: 0,
        }
    }

    fn accept(&mut self, poll: &Poll) -> Result<()> {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client has gone, or there are too many files: it sees a closed connection.
                Err(_) => continue,
            };
            socket.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or(self.connections.len());
            // Edge-triggered, so that a socket that can always be written costs nothing.
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut socket, Token(index), both)?;
            self.accepted += 1;
            let connection = Connection {
                socket,
                number: self.accepted,
                request: Vec::new(),
                asked: None,
                unsent: Vec::new(),
            };
            match self.connections.get_mut(index) {
                Some(place) => *place = Some(connection),
                None => self.connections.push(Some(connection)),
            }
        }
    }

    /// Reads what has come and writes what had to wait.
    fn ready(&mut self, index: usize) {
        let Some(Some(connection)) = self.connections.get_mut(index) else { return };
        let open = connection.read(&mut self.buffer) && connection.write(&[]);
        if !open {
            self.close(index);
            return;
        }
        let Some(request) = connection.take_request() else { return };
        if request.starts_with(b"GET /weir/stats") {
            let stats = json!({ "lateness_ms": self.lateness.to_json() }).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{stats}", stats.len());
            if !connection.write(answer.as_bytes()) {
                self.close(index);
            }
            return;
        }
        let now = Instant::now();
        connection.asked = Some(now);
        let number = connection.number;
        if connection.write(&self.answer.head) {
            self.wheel.insert(now + self.schedule.first, Due { index, number, event: 0 });
        } else {
            self.close(index);
        }
    }

    fn send_due(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.advance(Instant::now(), &mut due);
        for due in due.drain(..) {
            self.send(due);
        }
        self.due = due;
    }

    /// Sends one event, and lets the next one wait for its own absolute moment.
    fn send(&mut self, due: Due) {
        let Some(Some(connection)) = self.connections.get_mut(due.index) else { return };
        if connection.number != due.number {
            return;
        }
        let Some(asked) = connection.asked else { return };
        let last = due.event + 1 >= self.schedule.events;
        let lateness = asked.elapsed().saturating_sub(self.schedule.due(due.event));
        let open = if last {
            connection.asked = None;
            connection.write(&[&self.answer.event[..], &self.answer.end[..]].concat())
        } else {
            connection.write(&self.answer.event)
        };
        self.lateness.record(lateness);
        if !open {
            self.close(due.index);
        } else if !last {
            let event = due.event + 1;
            self.wheel.insert(asked + self.schedule.due(event), Due { event, ..due });
        }
    }

    fn close(&mut self, index: usize) {
        if let Some(place) = self.connections.get_mut(index) {
            *place = None;
            self.free.push(index);
        }
    }
}

impl Connection {
    /// Reads all that has come; false when the client has left.
    fn read(&mut self, buffer: &mut [u8]) -> bool {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return false,
                Ok(length) => self.request.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
            if self.request.len() > REQUEST_LIMIT {
                return false;
            }
        }
    }

    /// The next request, when it is whole and no answer is under way.
    fn take_request(&mut self) -> Option<Vec<u8>> {
        if self.asked.is_some() {
            return None;
        }
        let head = memmem::find(&self.request, b"\r\n\r\n")? + 4;
        let whole = head + content_length(&self.request[..head]);
        if self.request.len() < whole {
            return None;
        }
        // A fresh vector, so that a waiting connection holds no memory.
        let rest = self.request.split_off(whole);
        Some(std::mem::replace(&mut self.request, rest))
    }

    /// Writes, or keeps what the socket does not take; false when the client has left.
    fn write(&mut self, bytes: &[u8]) -> bool {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            let unsent = std::mem::take(&mut self.unsent);
            return self.write(&unsent);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.socket.write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unsent = rest.to_vec();
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }
}

fn content_length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::target::{Target, listen};
    use crate::{client, http2};

    const EVENTS: u32 = 20;
    /// How long a test waits for an answer that is due at once.
    const TEST_LIMIT: Duration = Duration::from_secs(20);

    /// A server in a thread of its own, which ends with the test's process.
    fn start() -> Target {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (first, gap) = (Duration::from_millis(100), Duration::from_millis(10));
        std::thread::spawn(move || serve(listener, Schedule { first, gap, events: EVENTS }));
        Target { address, path: "/v1/chat/completions".to_owned() }
    }

    #[test]
    fn server_and_client_agree_on_every_chunk_and_time() {
        let target = start();
        let measured = client::load(&target, 50, Duration::from_millis(50)).unwrap().to_json();
        assert_eq!(measured["whole"], 50, "{measured}");
        assert_eq!(measured["chunks"], 50 * EVENTS);
        assert_eq!(measured["gap_ms"]["count"], 50 * (EVENTS - 1));
        let ttft = measured["ttft_ms"]["p50"].as_f64().unwrap();
        assert!((100.0..200.0).contains(&ttft), "{measured}");
        let gap = measured["gap_ms"]["mean"].as_f64().unwrap();
        assert!((9.0..12.0).contains(&gap), "{measured}");
    }

    #[test]
    fn a_refused_connection_is_a_broken_stream() {
        let closed = listen("127.0.0.1:0".parse().unwrap()).unwrap().local_addr().unwrap();
        let target = Target { address: closed, path: "/".to_owned() };
        let measured = client::load(&target, 3, Duration::ZERO).unwrap().to_json();
        assert_eq!(measured["whole"], 0);
        assert_eq!(measured["broken"].as_object().unwrap().len(), 1, "{measured}");
    }

    #[test]
    fn a_server_without_http2_breaks_every_stream_of_it() {
        let measured = http2::load(&start(), 4, Duration::ZERO, 2).map(|it| it.to_json());
        // The handshake may fail at once or with the first stream: no stream is whole either way.
        assert!(measured.is_err() || measured.is_ok_and(|it| it["whole"] == 0));
    }

    #[test]
    fn lateness_is_told_while_streams_run() {
        let target = start();
        client::load(&target, 5, Duration::ZERO).unwrap();
        let mut socket = std::net::TcpStream::connect(target.address).unwrap();
        socket.set_read_timeout(Some(TEST_LIMIT)).unwrap();
        socket.write_all(b"GET /weir/stats HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = [0; 1024];
        let length = socket.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.contains(&format!("\"count\":{}", 5 * EVENTS)), "{answer}");
    }
}
