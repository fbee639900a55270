//! How the body of an HTTP/1 message is framed (RFC 9112, section 6), and where it ends.
//!
//! The head's fields go in, what they say about the body comes out; then the body's bytes go in
//! as they arrive, and its data comes out as borrows of them. Whoever reads the other end of the
//! same connection must come to the same end, so that nobody takes a part of one message for
//! another: what can be read in two ways is refused in requests, and ends the connection after
//! answers.

use thiserror::Error;

use crate::chunked::{ChunkError, Chunked};

/// Why a head does not say where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FramingError {
    /// `content-length` is no number, or several of them differ.
    #[error("the content-length is no single number")]
    Length,
    /// A transfer coding other than `chunked` alone.
    #[error("there is a transfer coding other than chunked")]
    Coding,
    /// A request with both of them: whoever stands before us may have believed the other one.
    #[error("there are both a content-length and a transfer-encoding")]
    Both,
}

/// What a head says about its body and its connection.
#[derive(Debug)]
pub struct Framed {
    /// How the body is framed.
    pub framing: Framing,
    /// Whether another message may follow on the connection, if the body is read to its end.
    pub keeps_alive: bool,
}

/// How a body is framed, and how far it has come.
#[derive(Debug)]
pub enum Framing {
    /// By the chunked transfer coding.
    Chunked(Chunked),
    /// So many bytes are to come, at least one.
    Length(u64),
    /// It ends when the connection does.
    UntilClose,
    /// It has ended.
    Done,
}

/// How the body of an answer is framed. Never the answer to a `HEAD` or `CONNECT`. `version` is
/// the number behind `HTTP/1.`, `fields` the names, in any case, and the values of the head.
///
/// # Errors
/// When the fields are broken, or contradict themselves.
pub fn of_answer<'a>(
    status: u16,
    version: u8,
    fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Framed, FramingError> {
    let said = Said::read(fields);
    let framing = match (said.coding, said.length) {
        _ if matches!(status, 204 | 304) => Framing::Done,
        (Some(coding), _) => coding.framing()?,
        (None, Some(length)) => length_framing(length?),
        (None, None) => Framing::UntilClose,
    };
    // A length beside a coding is how answers are smuggled: what follows is not believed.
    let is_clear = said.coding.is_none() || said.length.is_none();
    let has_end = !matches!(framing, Framing::UntilClose);
    let keeps_alive = said.keeps_alive(version) && is_clear && has_end;
    Ok(Framed { framing, keeps_alive })
}

/// How the body of a request is framed; the parameters are those of [`of_answer`].
///
/// # Errors
/// When the fields are broken, or contradict themselves.
pub fn of_request<'a>(
    version: u8,
    fields: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Framed, FramingError> {
    let said = Said::read(fields);
    let framing = match (said.coding, said.length) {
        (Some(_), Some(_)) => return Err(FramingError::Both),
        (Some(coding), None) => coding.framing()?,
        (None, Some(length)) => length_framing(length?),
        (None, None) => Framing::Done,
    };
    Ok(Framed { framing, keeps_alive: said.keeps_alive(version) })
}

/// Whether a head may end in these bytes. Whoever collects one asks this of what is new, with the
/// three bytes before it, and reads the head again only then: reading it again with every byte
/// that drips in would cost the square of its length.
#[must_use]
pub fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// What fields say.
#[derive(Debug, Default)]
struct Said {
    coding: Option<Coding>,
    length: Option<Result<u64, FramingError>>,
    close: bool,
    keep_alive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    Other,
}

impl Said {
    fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut said = Self::default();
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("transfer-encoding") {
                let is_chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                let alone = said.coding.is_none() && is_chunked;
                said.coding = Some(if alone { Coding::Chunked } else { Coding::Other });
            } else if name.eq_ignore_ascii_case("content-length") {
                let length = read_length(value).ok_or(FramingError::Length);
                said.length = Some(match said.length {
                    Some(before) if before != length => Err(FramingError::Length),
                    _ => length,
                });
            } else if name.eq_ignore_ascii_case("connection") {
                for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    said.close |= option.eq_ignore_ascii_case(b"close");
                    said.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
        }
        said
    }

    fn keeps_alive(&self, version: u8) -> bool {
        !self.close && (version > 0 || self.keep_alive)
    }
}

impl Coding {
    fn framing(self) -> Result<Framing, FramingError> {
        match self {
            Self::Chunked => Ok(Framing::Chunked(Chunked::default())),
            Self::Other => Err(FramingError::Coding),
        }
    }
}

fn length_framing(length: u64) -> Framing {
    if length == 0 { Framing::Done } else { Framing::Length(length) }
}

fn read_length(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
}

impl Framing {
    /// Takes the next piece of data off `input`, never an empty one; `None` once the input is used
    /// up or the body is at its end. What is left of the input then comes after the body.
    ///
    /// # Errors
    /// When the chunked coding is broken; what was given before stands.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, ChunkError> {
        let data = match self {
            Self::Chunked(chunked) => {
                let data = chunked.next(input)?;
                if chunked.is_done() {
                    *self = Self::Done;
                }
                data
            }
            Self::Length(remaining) => {
                let most = usize::try_from(*remaining).unwrap_or(usize::MAX);
                let (data, rest) = input.split_at(most.min(input.len()));
                *input = rest;
                *remaining -= u64::try_from(data.len()).unwrap_or(*remaining);
                if *remaining == 0 {
                    *self = Self::Done;
                }
                Some(data)
            }
            Self::UntilClose => Some(std::mem::take(input)),
            Self::Done => None,
        };
        Ok(data.filter(|data| !data.is_empty()))
    }

    /// Whether the body has come to its end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

#[cfg(test)]
mod tests;
