//! Whether a client's requests say clearly where their bodies end, read beside hyper.
//!
//! Hyper takes a request with both a `content-length` and a `transfer-encoding` for a chunked one,
//! and drops the length before anybody can see that it was there. A proxy before us may have
//! believed the length: then the two of us disagree about where the next request begins, which is
//! how requests are smuggled. So the bytes are followed here as well, head by head, and hyper is
//! given them unchanged; what we cannot follow, hyper refuses itself.

use wire::framing::{self, Framed, Framing, FramingError, has_empty_line};

/// Most fields of a head that are read: hyper's own limit, beyond which it refuses.
const MAX_FIELDS: usize = 100;

/// Follows the bytes of one connection, as far as they are HTTP/1.
#[derive(Debug)]
pub(crate) struct Heads {
    state: State,
    /// The beginning of a head whose end has not come, shorter than `limit`.
    carry: Vec<u8>,
    /// So many bytes without the end of a head are none, as hyper is told.
    limit: usize,
    /// How many heads were clear.
    clear: u64,
    unclear: Option<FramingError>,
}

#[derive(Debug)]
enum State {
    Head,
    Body(Framing),
    /// A head was unclear, or these are not the bytes of HTTP/1: nothing is followed any more.
    Lost,
}

/// What bytes open with.
enum Opening {
    /// A head of so many bytes.
    Whole(usize, Result<Framed, FramingError>),
    /// A part of one.
    Part,
    /// Something else.
    Other,
}

impl Heads {
    /// Follows a connection from its first byte on.
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: State::Head, carry: Vec::new(), limit, clear: 0, unclear: None }
    }

    /// Why the request with this number, from 0, is unclear, where it is. Its bytes have been
    /// pushed.
    pub(crate) fn unclear(&self, number: u64) -> Option<FramingError> {
        self.unclear.filter(|_| number >= self.clear)
    }

    /// Takes what was read from the connection.
    pub(crate) fn push(&mut self, mut input: &[u8]) {
        while !input.is_empty() {
            match &mut self.state {
                State::Lost => return,
                State::Head => match self.take_head(input) {
                    Some(length) => input = &input[length..],
                    None => return,
                },
                State::Body(framing) => {
                    let skipped = loop {
                        match framing.next(&mut input) {
                            Ok(Some(_)) => {}
                            Ok(None) => break Ok(()),
                            Err(broken) => break Err(broken),
                        }
                    };
                    if skipped.is_err() {
                        self.lose();
                    } else if framing.is_done() {
                        self.state = State::Head;
                    }
                }
            }
        }
    }

    /// Takes bytes of a head; when it is whole, how many of `input` belong to it.
    fn take_head(&mut self, input: &[u8]) -> Option<usize> {
        let kept = self.carry.len();
        let opening = if kept == 0 {
            read(input)
        } else {
            self.carry.extend_from_slice(input);
            let new = &self.carry[kept.saturating_sub(3)..];
            if has_empty_line(new) { read(&self.carry) } else { Opening::Part }
        };
        match opening {
            Opening::Whole(length, Ok(Framed { framing, .. })) => {
                self.carry = Vec::new();
                self.clear += 1;
                self.state = if framing.is_done() { State::Head } else { State::Body(framing) };
                return Some(length.saturating_sub(kept));
            }
            Opening::Whole(_, Err(error)) => {
                self.unclear = Some(error);
                self.lose();
            }
            // Like hyper, which looks at the length only of what has no end yet.
            Opening::Part if kept + input.len() < self.limit => {
                if kept == 0 {
                    self.carry.extend_from_slice(input);
                }
            }
            Opening::Part | Opening::Other => self.lose(),
        }
        None
    }

    fn lose(&mut self) {
        self.state = State::Lost;
        self.carry = Vec::new();
    }
}

fn read(bytes: &[u8]) -> Opening {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Request::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Opening::Part,
        Err(_) => return Opening::Other,
    };
    let fields = head.headers.iter().map(|field| (field.name, field.value));
    Opening::Whole(length, framing::of_request(head.version.unwrap_or(1), fields))
}

#[cfg(test)]
mod tests;
