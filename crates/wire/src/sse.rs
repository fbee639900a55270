//! Server-sent events: an incremental parser over byte slices, after the WHATWG HTML standard,
//! section 9.2.6 "Interpreting an event stream".
//!
//! An event that lies whole in the pushed slice is handed out as a borrow of it: nothing is
//! allocated or copied. Only an event that is cut by the end of a slice is kept, and its buffer
//! is given back as soon as the event is whole, so that a waiting stream holds none.

use thiserror::Error;

/// Longest event, in bytes with its line ends, unless a parser is given another. OpenAI's largest (a partial image in base64) stay
/// below it; anything longer is taken for a stream that never ends its event.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// One dispatched event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; `None` where it is absent or empty (a client would say `message`).
    pub name: Option<&'a [u8]>,
    /// The `data` fields, joined by line feeds.
    pub data: &'a [u8],
    /// The `id` field of this event; ids with a NUL byte are ignored, as the standard demands.
    pub id: Option<&'a [u8]>,
    /// The `retry` field of this event in milliseconds, where it is a number.
    pub retry: Option<u64>,
}

/// Why a stream is not parsed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SseError {
    /// An event is longer than the parser takes.
    #[error("an event is longer than {0} bytes")]
    EventTooLong(usize),
}

/// The parser. It accepts any split of the stream and gives the same events for each.
#[derive(Debug)]
pub struct Parser {
    /// The beginning of an event whose end has not arrived.
    carry: Vec<u8>,
    /// Longest event.
    limit: usize,
    lines: LineState,
    /// Bytes of the byte-order mark that matched; past the stream's beginning it is
    /// [`BEGUN`](Self::BEGUN).
    mark: u8,
}

/// Where the scan for an event's end stands.
#[derive(Debug, Clone, Copy)]
struct LineState {
    /// The current line has no byte so far.
    empty: bool,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_return: bool,
}

impl Default for LineState {
    fn default() -> Self {
        Self { empty: true, after_return: false }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::with_limit(MAX_EVENT_BYTES)
    }
}

impl Parser {
    const BEGUN: u8 = u8::MAX;

    /// A parser for events of at most so many bytes, with their line ends.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { carry: Vec::new(), limit, lines: LineState::default(), mark: 0 }
    }

    /// Takes the next bytes of the stream and hands every event that they complete to `sink`.
    /// Events without data are not handed out, as the standard demands.
    ///
    /// # Errors
    /// [`SseError::EventTooLong`]; the parser must not be used any further then.
    pub fn push(&mut self, input: &[u8], mut sink: impl FnMut(Event<'_>)) -> Result<(), SseError> {
        let mut rest = self.skip_byte_order_mark(input);
        if self.carry.is_empty() && self.lines.empty && !self.lines.after_return {
            rest = dispatch_plain(rest, self.limit, &mut sink)?;
        }
        while let Some(end) = find_end(rest, &mut self.lines) {
            let (block, after) = rest.split_at(end);
            rest = after;
            if self.carry.is_empty() {
                check_length(block.len(), self.limit)?;
                dispatch(block, &mut sink);
            } else {
                self.keep(block)?;
                dispatch(&std::mem::take(&mut self.carry), &mut sink);
            }
        }
        self.keep(rest)
    }

    /// Whether the stream stopped inside an event: what is kept of it is lost.
    #[must_use]
    pub fn is_inside_event(&self) -> bool {
        !self.carry.is_empty()
    }

    /// Bytes of memory that the parser holds beside itself.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.carry.capacity()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        // A line feed that ends a pair begun in the slice before opens no event.
        if self.carry.is_empty() && (bytes.is_empty() || bytes == b"\n" && self.lines.empty) {
            return Ok(());
        }
        check_length(self.carry.len() + bytes.len(), self.limit)?;
        self.carry.extend_from_slice(bytes);
        Ok(())
    }

    fn skip_byte_order_mark<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        if self.mark == Self::BEGUN {
            return input;
        }
        for (index, &byte) in input.iter().enumerate() {
            let matched = usize::from(self.mark);
            if BYTE_ORDER_MARK.get(matched) == Some(&byte) {
                self.mark += 1;
                if usize::from(self.mark) == BYTE_ORDER_MARK.len() {
                    self.mark = Self::BEGUN;
                    return &input[index + 1..];
                }
                continue;
            }
            // No mark after all: the bytes that looked like one belong to the first line.
            if matched > 0 {
                self.carry.extend_from_slice(&BYTE_ORDER_MARK[..matched]);
                self.lines.empty = false;
            }
            self.mark = Self::BEGUN;
            return &input[index..];
        }
        &[]
    }
}

/// Hands out the events at the front of `bytes` that have the one shape nearly all have, a
/// single `data` line and line feeds, in one pass; gives back where another shape begins.
fn dispatch_plain<'a>(
    bytes: &'a [u8],
    limit: usize,
    sink: &mut impl FnMut(Event<'_>),
) -> Result<&'a [u8], SseError> {
    let mut rest = bytes;
    while let Some(value) = rest.strip_prefix(b"data:") {
        let Some(length) = memchr::memchr2(b'\n', b'\r', value) else { break };
        let (value, after) = value.split_at(length);
        let Some(after) = after.strip_prefix(b"\n\n") else { break };
        check_length(rest.len() - after.len(), limit)?;
        let data = value.strip_prefix(b" ").unwrap_or(value);
        sink(Event { name: None, data, id: None, retry: None });
        rest = after;
    }
    Ok(rest)
}

fn check_length(length: usize, limit: usize) -> Result<(), SseError> {
    if length > limit { Err(SseError::EventTooLong(limit)) } else { Ok(()) }
}

/// The end of the event that `bytes` goes on with: the position after its empty line.
fn find_end(bytes: &[u8], state: &mut LineState) -> Option<usize> {
    let mut at = 0;
    loop {
        if let Some(&byte) = bytes.get(at) {
            at += usize::from(state.after_return && byte == b'\n');
            state.after_return = false;
        }
        let Some(length) = memchr::memchr2(b'\n', b'\r', &bytes[at..]) else {
            state.empty &= at == bytes.len();
            return None;
        };
        let blank = state.empty && length == 0;
        at += length + 1;
        *state = LineState { empty: true, after_return: bytes[at - 1] == b'\r' };
        if blank {
            return Some(at);
        }
    }
}

/// Reads the fields of one event, whose last line is empty, and hands it out if it has data.
fn dispatch(block: &[u8], sink: &mut impl FnMut(Event<'_>)) {
    let mut event = Event { name: None, data: &[], id: None, retry: None };
    let mut has_data = false;
    // Only events with several data lines need their own copy.
    let mut joined = Vec::new();
    let mut rest = block;
    while let Some(length) = memchr::memchr2(b'\n', b'\r', rest) {
        let line = &rest[..length];
        let pair = rest[length..].starts_with(b"\r\n");
        rest = &rest[length + 1 + usize::from(pair)..];
        let (field, value) = split_field(line);
        match field {
            b"data" if !has_data => (event.data, has_data) = (value, true),
            b"data" => {
                if joined.is_empty() {
                    joined.extend_from_slice(event.data);
                }
                joined.push(b'\n');
                joined.extend_from_slice(value);
            }
            b"event" => event.name = (!value.is_empty()).then_some(value),
            b"id" if !value.contains(&0) => event.id = Some(value),
            b"retry" => event.retry = parse_retry(value).or(event.retry),
            _ => {}
        }
    }
    if !joined.is_empty() {
        event.data = &joined;
    }
    if has_data {
        sink(event);
    }
}

/// Field name and value of a line. A comment has an empty name.
fn split_field(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', line) {
        Some(colon) => {
            let value = &line[colon + 1..];
            (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
        }
        None => (line, &[]),
    }
}

fn parse_retry(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
