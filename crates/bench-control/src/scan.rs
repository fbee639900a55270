//! The least that tells a whole answer from a broken one: HTTP's chunked coding and the lines of
//! server-sent events, byte by byte where they are split and by `memchr` where they are not.

use anyhow::{Result, bail, ensure};
use memchr::memmem;

/// Longest response head, and longest line of an event; more is refused.
const LIMIT: usize = 64 * 1024;

/// What a piece of an answer held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// An event with content.
    Chunk,
    /// The terminal event.
    Done,
}

/// Reads the lines of an event stream that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The begin of a line whose end has not arrived; empty and unallocated as a rule.
    open: Vec<u8>,
}

impl Lines {
    /// Takes the next piece of the stream.
    pub(crate) fn push(&mut self, mut piece: &[u8], found: &mut impl FnMut(Found)) -> Result<()> {
        while let Some(end) = memchr::memchr(b'\n', piece) {
            if self.open.is_empty() {
                line(&piece[..end], found);
            } else {
                self.open.extend_from_slice(&piece[..end]);
                line(&self.open, found);
                self.open = Vec::new();
            }
            piece = &piece[end + 1..];
        }
        self.open.extend_from_slice(piece);
        ensure!(self.open.len() <= LIMIT, "a line without end");
        Ok(())
    }
}

fn line(line: &[u8], found: &mut impl FnMut(Found)) {
    const CONTENT: &[u8] = b"\"content\":\"";
    let Some(data) = line.strip_prefix(b"data: ") else { return };
    if data.starts_with(b"[DONE]") {
        found(Found::Done);
        return;
    }
    let content = memmem::find(data, CONTENT).map(|at| at + CONTENT.len());
    if content.and_then(|at| data.get(at)).is_some_and(|&first| first != b'"') {
        found(Found::Chunk);
    }
}

/// Reads one HTTP/1.1 response in chunked coding that arrives in pieces.
#[derive(Debug)]
pub(crate) struct Response {
    state: State,
    lines: Lines,
}

#[derive(Debug)]
enum State {
    /// Collecting the head.
    Head(Vec<u8>),
    /// In the line with a chunk's size; the size so far, and whether its digits have ended.
    Size(usize, bool),
    /// So many bytes of the chunk are to come.
    Data(usize),
    /// The line break after a chunk.
    Break,
    /// After the last chunk: the byte before, of the closing empty line. Trailers are refused.
    Last(u8),
    /// The whole body has come.
    End,
}

impl Default for Response {
    fn default() -> Self {
        Self { state: State::Head(Vec::new()), lines: Lines::default() }
    }
}

impl Response {
    /// Takes the next piece from the socket; true when the response has ended with it.
    ///
    /// # Errors
    /// When it is no 200 in chunked coding, or the coding is broken.
    pub(crate) fn push(&mut self, bytes: &[u8], found: &mut impl FnMut(Found)) -> Result<bool> {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            match &mut self.state {
                State::Head(head) => {
                    let seen = head.len();
                    head.extend_from_slice(rest);
                    // The empty line may have begun in the piece before.
                    let from = seen.saturating_sub(3);
                    match memmem::find(&head[from..], b"\r\n\r\n") {
                        Some(at) => {
                            check_head(&head[..from + at])?;
                            rest = &rest[from + at + 4 - seen..];
                            self.state = State::Size(0, false);
                        }
                        None => {
                            ensure!(head.len() <= LIMIT, "a head without end");
                            return Ok(false);
                        }
                    }
                    continue;
                }
                State::Data(left) => {
                    let (data, after) = rest.split_at((*left).min(rest.len()));
                    self.lines.push(data, found)?;
                    *left -= data.len();
                    if *left == 0 {
                        self.state = State::Break;
                    }
                    rest = after;
                    continue;
                }
                State::Size(size, _) if byte == b'\n' => {
                    self.state = if *size == 0 { State::Last(0) } else { State::Data(*size) };
                }
                State::Size(size, digits_ended) => match char::from(byte).to_digit(16) {
                    Some(digit) if !*digits_ended && *size <= usize::MAX >> 8 => {
                        *size = *size << 4 | usize::try_from(digit)?;
                    }
                    Some(_) if !*digits_ended => bail!("a chunk larger than any memory"),
                    _ => *digits_ended = true,
                },
                State::Break if byte == b'\n' => self.state = State::Size(0, false),
                State::Break => ensure!(byte == b'\r', "a chunk is longer than it said"),
                State::Last(b'\r') if byte == b'\n' => self.state = State::End,
                State::Last(before) => *before = byte,
                State::End => bail!("bytes after the end"),
            }
            rest = &rest[1..];
        }
        Ok(matches!(self.state, State::End))
    }
}

fn check_head(head: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    ensure!(status.starts_with("http/1.1 200"), "{status}");
    ensure!(lines.any(|line| line.trim() == "transfer-encoding: chunked"), "not chunked");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::answer::{Answer, Schedule};

    fn answer(events: u32) -> Vec<u8> {
        let schedule = Schedule { first: Duration::ZERO, gap: Duration::ZERO, events };
        let answer = Answer::new(&schedule);
        let mut bytes = answer.head;
        (0..events).for_each(|_| bytes.extend_from_slice(&answer.event));
        bytes.extend(answer.end);
        bytes
    }

    fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(usize, usize, bool)> {
        let (mut chunks, mut done, mut ended) = (0, 0, false);
        let mut response = Response::default();
        for piece in pieces {
            ended = response.push(piece, &mut |found| match found {
                Found::Chunk => chunks += 1,
                Found::Done => done += 1,
            })?;
        }
        Ok((chunks, done, ended))
    }

    #[test]
    fn a_cut_answer_has_not_ended() {
        let bytes = answer(3);
        let (chunks, done, ended) = scan([&bytes[..bytes.len() - 30]]).unwrap();
        assert_eq!((chunks, done, ended), (3, 0, false));
        assert!(!scan([&bytes[..bytes.len() - 1]]).unwrap().2);
    }

    #[test]
    fn other_statuses_and_codings_are_refused() {
        let refused = |head: &str| scan([head.as_bytes()]).unwrap_err().to_string();
        assert_eq!(refused("HTTP/1.1 429 Too Many\r\n\r\n"), "http/1.1 429 too many");
        assert_eq!(refused("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"), "not chunked");
    }

    #[test]
    fn broken_coding_is_refused() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        for body in ["1\r\nab\r\n", "ffffffffffffffffff\r\n", "0\r\n\r\n0"] {
            assert!(scan([head.as_bytes(), body.as_bytes()]).is_err(), "{body:?}");
        }
    }

    #[test]
    fn events_without_content_are_no_chunks() {
        let mut chunks = 0;
        let lines =
            b"data: {\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}\n: ping\ndata: {}\n";
        Lines::default().push(lines, &mut |_| chunks += 1).unwrap();
        assert_eq!(chunks, 0);
    }

    proptest! {
        #[test]
        fn any_split_reads_alike(
            events in 0u32..20,
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let bytes = answer(events);
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            let expected = (usize::try_from(events).unwrap(), 1, true);
            prop_assert_eq!(scan(pieces).unwrap(), expected);
        }

        #[test]
        fn any_bytes_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = scan([&bytes[..]]);
            let _ = scan([&head[..], &bytes[..]]);
        }
    }
}
