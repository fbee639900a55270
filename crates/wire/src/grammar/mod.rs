//! The grammar of streamed answers: what each event is, and whether the whole was complete.
//!
//! A [`Decoder`] takes the body of an answer as it arrives, in any split, and says for every
//! event what it is ([`Step`]); at the end of the body it gives its [`Verdict`]. Every event is
//! validated as JSON where the dialect is JSON, nothing is allocated for an event that lies whole
//! in the pushed slice, and memory is bounded by [`MAX_EVENT_BYTES`](crate::sse::MAX_EVENT_BYTES).

mod anthropic;
mod chat;
mod decoder;
mod generic;
mod responses;

use std::fmt;

pub use decoder::Decoder;
use thiserror::Error;

use crate::scan::{JsonError, RawString, Scanner};

/// Memory that is reused from event to event and stream to stream: text without its escapes.
#[derive(Debug, Default)]
pub struct Scratch {
    text: String,
}

/// Content for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The answer's own text in this event, without JSON escapes. Empty where the chunk holds
    /// reasoning or tool arguments only: they are content, but no part of the text.
    pub text: &'a [u8],
    /// Characters of content (Unicode scalar values): text, reasoning and tool arguments.
    pub chars: u64,
}

/// What one event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// It carries content for the user.
    Chunk(Chunk<'a>),
    /// It ends the answer. In NDJSON the last line may carry content as well.
    Terminal(Option<Chunk<'a>>),
    /// The server reports an error inside the stream; nothing after it is looked at.
    Error(ErrorEvent),
    /// Neither content nor end: roles, pings, usage, finish reasons.
    Neutral,
    /// The grammar does not allow it; nothing after it is looked at.
    Malformed(Malformed),
}

/// An error that the server reported inside the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorEvent {
    /// The provider's type or code (`overloaded_error`), at most [`Self::MAX_CHARS`].
    pub kind: String,
    /// The provider's message, at most [`Self::MAX_CHARS`].
    pub message: String,
}

impl ErrorEvent {
    /// Longest kind and message kept, in characters: enough to recognise an error, and no
    /// server can fill the tester's memory with them.
    pub const MAX_CHARS: usize = 200;

    fn new(kind: &str, message: &str) -> Self {
        let bounded = |text: &str| text.chars().take(Self::MAX_CHARS).collect();
        Self { kind: bounded(kind), message: bounded(message) }
    }
}

impl fmt::Display for ErrorEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind.as_str(), self.message.as_str()) {
            ("", "") => formatter.write_str("unnamed error"),
            (one, "") | ("", one) => formatter.write_str(one),
            (kind, message) => write!(formatter, "{kind}: {message}"),
        }
    }
}

impl std::error::Error for ErrorEvent {}

/// How an event breaks the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    /// Bytes that are no UTF-8.
    #[error("an event is not UTF-8")]
    NotUtf8,
    /// JSON that does not parse.
    #[error("an event is not valid JSON")]
    NotJson,
    /// An event or line without end.
    #[error("an event is longer than 1 MiB")]
    TooLong,
    /// Something after the terminal event.
    #[error("data after the terminal event")]
    AfterTerminal,
    /// Valid JSON that lacks a field or has one of another type.
    #[error("{0}")]
    Shape(&'static str),
    /// An event that may not come here.
    #[error("{0}")]
    Order(&'static str),
}

impl From<JsonError> for Malformed {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Syntax => Self::NotJson,
            JsonError::Type(reason) => Self::Shape(reason),
        }
    }
}

/// How the body came to its end, as far as the transport can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// As announced: the last chunk, the announced length, or a close where nothing else marks
    /// the end.
    Clean,
    /// Before that: connection reset, closed early, or broken transfer coding.
    Cut,
}

/// What was missing in a truncated answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Truncation {
    /// The body ended cleanly, but its terminal event never came.
    #[error("ended without its terminal event")]
    NoTerminalEvent,
    /// The terminal event came, but no finish reason before it.
    #[error("ended without a finish reason")]
    NoFinishReason,
    /// The body ended cleanly in the middle of an event.
    #[error("ended inside an event")]
    InsideEvent,
    /// The transport broke off before the terminal event.
    #[error("cut before its terminal event")]
    Cut,
}

/// What a whole answer turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The grammar is satisfied, and there was at least one chunk.
    Complete,
    /// It ended well without a single chunk.
    Empty,
    /// It ended before it was complete.
    Truncated(Truncation),
    /// The server reported an error inside it.
    ErrorEvent(ErrorEvent),
    /// An event broke the grammar.
    Malformed(Malformed),
}

/// Characters in a piece of UTF-8: bytes that are no continuation, so that a character which is
/// split between two pieces counts once.
fn count_chars(text: &[u8]) -> u64 {
    let count = text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Characters of a JSON string once its escapes are gone.
fn count_string(string: RawString<'_>, scratch: &mut Scratch) -> u64 {
    count_chars(string.unescape(&mut scratch.text).as_bytes())
}

fn utf8(data: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(data).map_err(|_| Malformed::NotUtf8)
}

/// Type (or code) and message of a provider's error object, or of an error that is a bare string.
fn read_error(scanner: &mut Scanner<'_>) -> Result<ErrorEvent, JsonError> {
    let (mut kind, mut code, mut message) = (None, None, None);
    if scanner.at_object() {
        scanner.object(|scanner, key| {
            match key {
                "type" => kind = scanner.string_or_skip()?,
                "code" => code = scanner.string_or_skip()?,
                "message" => message = scanner.string_or_skip()?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
    } else {
        message = scanner.string_or_skip()?;
    }
    Ok(error_event(kind.or(code), message))
}

fn error_event(kind: Option<RawString<'_>>, message: Option<RawString<'_>>) -> ErrorEvent {
    let (mut first, mut second) = (String::new(), String::new());
    ErrorEvent::new(
        kind.unwrap_or_default().unescape(&mut first),
        message.unwrap_or_default().unescape(&mut second),
    )
}

#[cfg(test)]
mod tests;
