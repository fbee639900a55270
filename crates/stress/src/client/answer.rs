//! An HTTP/1.1 answer taken apart as it arrives: head, body by its transfer coding, end.
//!
//! No I/O and no clock: bytes go in, and a [`Sink`] gets the head and the body's data as borrows
//! of them. Only a head that is cut by the end of a read is kept, up to [`MAX_HEAD_BYTES`].

use thiserror::Error;
use wire::chunked::{ChunkError, Chunked};
use wire::grammar::BodyEnd;

/// Longest response head, in bytes. Real ones are below 4 KiB; nginx and hyper stop at 8 to 16.
pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Most header fields in a head.
const MAX_FIELDS: usize = 128;

/// Most interim (1xx) heads before the final one.
const MAX_INTERIM_HEADS: u8 = 16;

/// Why an answer is no HTTP that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum AnswerError {
    /// The first bytes are no HTTP/1 status line, or a header field is broken.
    #[error("the answer is not HTTP/1.1")]
    NotHttp,
    /// The head is longer than [`MAX_HEAD_BYTES`] or has more than [`MAX_FIELDS`] fields.
    #[error("the response head has no end within 64 KiB and 128 fields")]
    HeadTooLong,
    /// `content-length` is no number, or several of them differ.
    #[error("the content-length is no single number")]
    Length,
    /// A transfer coding other than `chunked`.
    #[error("a transfer coding other than chunked")]
    Coding,
    /// The server changes the protocol, which nobody asked for.
    #[error("the server switches protocols (HTTP 101)")]
    Upgrade,
    /// The chunked coding is broken.
    #[error("broken chunked coding: {0}")]
    Chunk(#[from] ChunkError),
}

/// Looks up header fields; the first of a name counts.
pub(super) trait Fields {
    /// The value of the field with this (lower-case) name.
    fn field(&self, name: &str) -> Option<&[u8]>;
}

impl Fields for [httparse::Header<'_>] {
    fn field(&self, name: &str) -> Option<&[u8]> {
        fields_named(self, name).next()
    }
}

impl Fields for http::HeaderMap {
    fn field(&self, name: &str) -> Option<&[u8]> {
        self.get(name).map(http::HeaderValue::as_bytes)
    }
}

/// Receives an answer's parts.
pub(super) trait Sink {
    /// Bytes of a head arrived, interim or final.
    fn head_bytes(&mut self);
    /// That head was an interim one (1xx); another follows.
    fn interim(&mut self);
    /// The final head.
    fn head<F: Fields + ?Sized>(&mut self, status: u16, fields: &F);
    /// Data of the body, never empty.
    fn data(&mut self, data: &[u8]);
}

/// The incremental reader of one answer.
#[derive(Debug)]
pub(super) struct Answer {
    state: State,
    /// The beginning of a head whose end has not arrived.
    carry: Vec<u8>,
    interim_heads: u8,
    /// The server keeps the connection open, and nothing came after the body.
    reusable: bool,
}

#[derive(Debug)]
enum State {
    Head,
    Chunked(Chunked),
    Length(u64),
    UntilClose,
    Done,
}

impl Answer {
    pub(super) fn new() -> Self {
        Self { state: State::Head, carry: Vec::new(), interim_heads: 0, reusable: false }
    }

    /// Takes what was read.
    pub(super) fn push(
        &mut self,
        mut input: &[u8],
        sink: &mut impl Sink,
    ) -> Result<(), AnswerError> {
        while !input.is_empty() {
            match &mut self.state {
                State::Head => input = self.push_head(input, sink)?,
                State::Chunked(chunked) => {
                    while let Some(data) = chunked.next(&mut input)? {
                        sink.data(data);
                    }
                    if chunked.is_done() {
                        self.state = State::Done;
                    }
                }
                State::Length(remaining) => {
                    let most = usize::try_from(*remaining).unwrap_or(usize::MAX);
                    let (data, rest) = input.split_at(most.min(input.len()));
                    *remaining -= u64::try_from(data.len()).unwrap_or(*remaining);
                    input = rest;
                    sink.data(data);
                    if matches!(self.state, State::Length(0)) {
                        self.state = State::Done;
                    }
                }
                State::UntilClose => {
                    sink.data(input);
                    input = &[];
                }
                State::Done => {
                    // Bytes that nobody asked for: whatever comes next on it is not our answer.
                    self.reusable = false;
                    input = &[];
                }
            }
        }
        Ok(())
    }

    /// How the body ended, if the connection closes (or is given up) now.
    pub(super) fn end(&self) -> BodyEnd {
        match self.state {
            State::UntilClose | State::Done => BodyEnd::Clean,
            State::Head | State::Chunked(_) | State::Length(_) => BodyEnd::Cut,
        }
    }

    /// Whether the whole answer has arrived.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Whether another request may follow on the connection.
    pub(super) fn is_reusable(&self) -> bool {
        self.is_done() && self.reusable
    }

    fn push_head<'a>(
        &mut self,
        input: &'a [u8],
        sink: &mut impl Sink,
    ) -> Result<&'a [u8], AnswerError> {
        sink.head_bytes();
        if self.carry.is_empty() {
            return match self.read_head(input, sink)? {
                Some(length) => Ok(&input[length..]),
                None => self.keep_head(input).map(|()| &input[input.len()..]),
            };
        }
        // Parse again only when the head's end may be there: an empty line that the new bytes
        // complete. Without that a slow drip would cost the square of its length.
        let kept = self.carry.len();
        let tail = kept.saturating_sub(3);
        // What lies beyond the bound can only be body, or the head is too long.
        let room = (MAX_HEAD_BYTES - kept).min(input.len());
        self.carry.extend_from_slice(&input[..room]);
        if !has_empty_line(&self.carry[tail..]) {
            let full = room < input.len();
            return if full { Err(AnswerError::HeadTooLong) } else { Ok(&[]) };
        }
        let carry = std::mem::take(&mut self.carry);
        match self.read_head(&carry, sink)? {
            Some(length) => Ok(&input[length.saturating_sub(kept)..]),
            None => {
                self.carry = carry;
                Ok(&[])
            }
        }
    }

    fn keep_head(&mut self, input: &[u8]) -> Result<(), AnswerError> {
        if self.carry.len() + input.len() > MAX_HEAD_BYTES {
            return Err(AnswerError::HeadTooLong);
        }
        self.carry.extend_from_slice(input);
        Ok(())
    }

    /// Reads the head that `bytes` opens with; its length, or `None` if it is not whole.
    fn read_head(
        &mut self,
        bytes: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Option<usize>, AnswerError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let length = match head.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(AnswerError::HeadTooLong),
            Err(_) => return Err(AnswerError::NotHttp),
        };
        let (Some(status), Some(version)) = (head.code, head.version) else {
            return Err(AnswerError::NotHttp);
        };
        match status {
            101 => return Err(AnswerError::Upgrade),
            100..=199 if self.interim_heads >= MAX_INTERIM_HEADS => {
                return Err(AnswerError::HeadTooLong);
            }
            100..=199 => {
                self.interim_heads += 1;
                sink.interim();
                return Ok(Some(length));
            }
            _ => {}
        }
        self.state = body_state(status, head.headers)?;
        self.reusable = keeps_alive(version, head.headers);
        sink.head(status, &*head.headers);
        Ok(Some(length))
    }
}

/// Which coding the body has (RFC 9112, section 6.3). We never send `HEAD` or `CONNECT`.
fn body_state(status: u16, fields: &[httparse::Header<'_>]) -> Result<State, AnswerError> {
    if matches!(status, 204 | 304) {
        return Ok(State::Done);
    }
    let mut codings = fields_named(fields, "transfer-encoding");
    if let Some(coding) = codings.next() {
        let is_chunked = coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
        return if is_chunked && codings.next().is_none() {
            Ok(State::Chunked(Chunked::default()))
        } else {
            Err(AnswerError::Coding)
        };
    }
    let mut length = None;
    for value in fields_named(fields, "content-length") {
        let value = read_length(value).ok_or(AnswerError::Length)?;
        if length.is_some_and(|length| length != value) {
            return Err(AnswerError::Length);
        }
        length = Some(value);
    }
    Ok(match length {
        Some(0) => State::Done,
        Some(length) => State::Length(length),
        None => State::UntilClose,
    })
}

fn read_length(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
}

fn keeps_alive(version: u8, fields: &[httparse::Header<'_>]) -> bool {
    let says = |option: &[u8]| {
        fields_named(fields, "connection")
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(option))
    };
    if version == 0 { says(b"keep-alive") } else { !says(b"close") }
}

fn fields_named<'a, 'n>(
    fields: &'a [httparse::Header<'a>],
    name: &'n str,
) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.value)
}

fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

#[cfg(test)]
mod tests;
