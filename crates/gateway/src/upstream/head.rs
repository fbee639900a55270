//! The head of an HTTP/1.1 answer, and what it says about the body (RFC 9112).

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, StatusCode, response};
use wire::chunked::ChunkError;
use wire::framing::{self, Framed, Framing, FramingError};

/// Longest head of an answer, in bytes. Real ones are below 4 KiB; nginx and hyper stop at 8 to 16.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// Most header fields of an answer; hyper's limit.
const MAX_FIELDS: usize = 100;

/// Why an upstream's bytes are no HTTP/1.1 that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AnswerError {
    /// The first bytes are no HTTP/1 status line, or a header field is broken.
    #[error("the answer is not HTTP/1.1")]
    NotHttp,
    /// The head is longer than [`MAX_HEAD`] or has more than [`MAX_FIELDS`] fields.
    #[error("the answer's head has no end within 64 KiB and 100 fields")]
    HeadTooLong,
    /// The head does not say where the body ends.
    #[error("broken head: {0}")]
    Framing(#[from] FramingError),
    /// The upstream changes the protocol, which nobody asked for.
    #[error("the upstream switches protocols (HTTP 101)")]
    Upgrade,
    /// The chunked coding is broken.
    #[error("broken chunked coding: {0}")]
    Chunk(#[from] ChunkError),
}

/// A head that has come as a whole.
#[derive(Debug)]
pub(super) struct Head {
    /// Status and header fields.
    pub(super) parts: response::Parts,
    /// How the body is framed.
    pub(super) framing: Framing,
    /// Whether the upstream keeps the connection open for another request.
    pub(super) keeps_alive: bool,
}

/// Reads the head that `bytes` open with, past interim (1xx) ones; with its length in bytes, or
/// `None` where it is not whole yet. Never the answer to a `HEAD` or `CONNECT`: we send neither.
///
/// # Errors
/// When they are no such head.
pub(super) fn read(bytes: &[u8]) -> Result<Option<(Head, usize)>, AnswerError> {
    let mut at = 0;
    loop {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let length = match head.parse(&bytes[at..]) {
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
            100..=199 => at += length,
            _ => {
                let block = Bytes::copy_from_slice(&bytes[at..at + length]);
                let start = bytes[at..].as_ptr().addr();
                let parts = parts(status, head.headers, &block, start)?;
                let fields = head.headers.iter().map(|field| (field.name, field.value));
                let Framed { framing, keeps_alive } = framing::of_answer(status, version, fields)?;
                return Ok(Some((Head { parts, framing, keeps_alive }, at + length)));
            }
        }
    }
}

/// Status and fields. The values share `block`, a copy of the head that was read at `start`.
fn parts(
    status: u16,
    fields: &[httparse::Header<'_>],
    block: &Bytes,
    start: usize,
) -> Result<response::Parts, AnswerError> {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = StatusCode::from_u16(status).map_err(|_| AnswerError::NotHttp)?;
    parts.headers.reserve(fields.len());
    for field in fields {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| AnswerError::NotHttp)?;
        // Where the value stands in the head.
        let at = field.value.as_ptr().addr().wrapping_sub(start);
        let shared = match at.checked_add(field.value.len()) {
            Some(end) if end <= block.len() => block.slice(at..end),
            _ => Bytes::copy_from_slice(field.value),
        };
        let value = HeaderValue::from_maybe_shared(shared).map_err(|_| AnswerError::NotHttp)?;
        parts.headers.append(name, value);
    }
    Ok(parts)
}

/// Takes the body's next bytes off `input` and gives its data, in one piece; what is left of
/// `input` comes after the body. `spare` is used where data is spread over several chunks.
///
/// # Errors
/// When the coding is broken.
pub(super) fn decode(
    framing: &mut Framing,
    input: &mut &[u8],
    spare: &mut Vec<u8>,
) -> Result<Bytes, AnswerError> {
    let Some(first) = framing.next(input)? else { return Ok(Bytes::new()) };
    let Some(second) = framing.next(input)? else { return Ok(Bytes::copy_from_slice(first)) };
    spare.clear();
    spare.extend_from_slice(first);
    spare.extend_from_slice(second);
    while let Some(more) = framing.next(input)? {
        spare.extend_from_slice(more);
    }
    Ok(Bytes::copy_from_slice(spare))
}

#[cfg(test)]
mod tests {
    use wire::chunked::Chunked;

    use super::*;

    fn whole(text: &str) -> Head {
        let (head, length) = read(text.as_bytes()).unwrap().expect("a whole head");
        assert_eq!(length, text.len());
        head
    }

    fn check_error(fields: &str, expected: AnswerError) {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        assert_eq!(read(text.as_bytes()).err(), Some(expected), "{fields:?}");
    }

    #[test]
    fn a_head_is_read_past_interim_ones_and_not_before_it_is_whole() {
        let text = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 429 Slow down\r\nA: 1\r\n\
                    a: 2 \r\nContent-Length: 7\r\n\r\n";
        for length in 0..text.len() {
            assert!(read(&text.as_bytes()[..length]).unwrap().is_none(), "{length}");
        }
        let head = whole(text);
        assert_eq!(head.parts.status, 429);
        let values: Vec<_> = head.parts.headers.get_all("a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert!(!head.parts.headers.contains_key("link"));
        assert!(matches!(head.framing, Framing::Length(7)) && head.keeps_alive);
        let (_, length) = read(format!("{text}{{}}").as_bytes()).unwrap().unwrap();
        assert_eq!(length, text.len());
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let two = "content-length: 3\r\ncontent-length: 4\r\n";
        check_error(two, AnswerError::Framing(FramingError::Length));
        let coded = "transfer-encoding: gzip, chunked\r\n";
        check_error(coded, AnswerError::Framing(FramingError::Coding));
        check_error("a b: 3\r\n", AnswerError::NotHttp);
        assert_eq!(read(b"SSH-2.0-x\r\n").err(), Some(AnswerError::NotHttp));
        let upgrade = b"HTTP/1.1 101 Switching\r\n\r\n";
        assert_eq!(read(upgrade).err(), Some(AnswerError::Upgrade));
        let fields = |count| "a: b\r\n".repeat(count);
        whole(&format!("HTTP/1.1 200 OK\r\n{}\r\n", fields(MAX_FIELDS)));
        check_error(&fields(MAX_FIELDS + 1), AnswerError::HeadTooLong);
    }

    #[test]
    fn a_body_is_decoded_to_its_end_and_no_further() {
        let check = |mut framing: Framing, coded: &str, data: &str, rest: &str| {
            let (mut input, mut spare) = (coded.as_bytes(), Vec::new());
            let decoded = decode(&mut framing, &mut input, &mut spare);
            assert_eq!(decoded, Ok(Bytes::from(data.to_owned())));
            assert_eq!((input, framing.is_done()), (rest.as_bytes(), true));
        };
        let chunked = || Framing::Chunked(Chunked::default());
        check(chunked(), "1\r\na\r\n2\r\nbc\r\n1\r\nd\r\n0\r\n\r\nHTTP", "abcd", "HTTP");
        check(chunked(), "1\r\na\r\n0\r\n\r\n", "a", "");
        check(chunked(), "0\r\n\r\n", "", "");
        check(Framing::Length(3), "abcd", "abc", "d");
        let mut open = Framing::UntilClose;
        let mut input = &b"abc"[..];
        let decoded = decode(&mut open, &mut input, &mut Vec::new());
        assert_eq!(decoded, Ok(Bytes::from_static(b"abc")));
        assert!(input.is_empty() && !open.is_done());
    }
}
