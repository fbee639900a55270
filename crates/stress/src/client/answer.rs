//! An HTTP/1.1 answer taken apart as it arrives: head, body by its transfer coding, end.
//!
//! No I/O and no clock: bytes go in, and a [`Sink`] gets the head and the body's data as borrows
//! of them. Only a head that is cut by the end of a read is kept, up to [`MAX_HEAD_BYTES`].

use thiserror::Error;
use wire::chunked::ChunkError;
use wire::framing::{self, Framed, Framing, FramingError, has_empty_line};
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
    /// The head does not say where the body ends.
    #[error("broken head: {0}")]
    Framing(#[from] FramingError),
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
    Body(Framing),
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
                State::Body(framing) => {
                    while let Some(data) = framing.next(&mut input)? {
                        sink.data(data);
                    }
                    // Bytes that nobody asked for: whatever comes next on it is not our answer.
                    self.reusable &= input.is_empty();
                    input = &[];
                }
            }
        }
        Ok(())
    }

    /// How the body ended, if the connection closes (or is given up) now.
    pub(super) fn end(&self) -> BodyEnd {
        match self.state {
            State::Body(Framing::UntilClose | Framing::Done) => BodyEnd::Clean,
            State::Head | State::Body(_) => BodyEnd::Cut,
        }
    }

    /// Whether the whole answer has arrived.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Body(Framing::Done))
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
        let fields = head.headers.iter().map(|field| (field.name, field.value));
        let Framed { framing, keeps_alive } = framing::of_answer(status, version, fields)?;
        self.state = State::Body(framing);
        self.reusable = keeps_alive;
        sink.head(status, &*head.headers);
        Ok(Some(length))
    }
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

#[cfg(test)]
mod tests;
