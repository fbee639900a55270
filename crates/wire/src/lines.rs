//! Newline-delimited records (NDJSON, JSON Lines): an incremental splitter over byte slices.
//!
//! A line that lies whole in the pushed slice is handed out as a borrow of it; only a line that
//! is cut by the end of a slice is kept.

use thiserror::Error;

/// Longest line in bytes, without its line feed; the same bound as for an event of SSE.
pub const MAX_LINE_BYTES: usize = crate::sse::MAX_EVENT_BYTES;

/// Why a stream is not split any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LineError {
    /// A line is longer than [`MAX_LINE_BYTES`].
    #[error("a line is longer than {MAX_LINE_BYTES} bytes")]
    LineTooLong,
}

/// The splitter. It accepts any split of the stream and gives the same lines for each.
#[derive(Debug, Default)]
pub struct Splitter {
    carry: Vec<u8>,
}

impl Splitter {
    /// Takes the next bytes and hands every line that they complete to `sink`, without its line
    /// end (`\n` or `\r\n`). Empty lines are handed out, too.
    ///
    /// # Errors
    /// [`LineError::LineTooLong`]; the splitter must not be used any further then.
    pub fn push(&mut self, input: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), LineError> {
        let mut rest = input;
        while let Some(length) = memchr::memchr(b'\n', rest) {
            let line = &rest[..length];
            rest = &rest[length + 1..];
            if self.carry.is_empty() {
                check_length(line.len())?;
                sink(without_return(line));
            } else {
                self.keep(line)?;
                sink(without_return(&std::mem::take(&mut self.carry)));
            }
        }
        self.keep(rest)
    }

    /// Hands out what is left when the stream has ended well: the last line needs no line feed.
    pub fn finish(&mut self, mut sink: impl FnMut(&[u8])) {
        if !self.carry.is_empty() {
            sink(without_return(&std::mem::take(&mut self.carry)));
        }
    }

    /// Bytes of memory that the splitter holds beside itself.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.carry.capacity()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        check_length(self.carry.len() + bytes.len())?;
        self.carry.extend_from_slice(bytes);
        Ok(())
    }
}

fn check_length(length: usize) -> Result<(), LineError> {
    if length > MAX_LINE_BYTES { Err(LineError::LineTooLong) } else { Ok(()) }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece, |line| lines.push(line.to_vec())).unwrap();
        }
        splitter.finish(|line| lines.push(line.to_vec()));
        assert_eq!(splitter.held_bytes(), 0);
        lines
    }

    #[test]
    fn the_last_line_needs_no_line_feed() {
        assert_eq!(split(&[b"a\r\n\nb"]), [&b"a"[..], b"", b"b"]);
        assert_eq!(split(&[b"a\n"]), [b"a"]);
        assert!(split(&[b""]).is_empty());
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        let push = |length: usize| {
            let mut splitter = Splitter::default();
            splitter.push(&vec![b'x'; length], |_| {})
        };
        assert_eq!(push(MAX_LINE_BYTES), Ok(()));
        assert_eq!(push(MAX_LINE_BYTES + 1), Err(LineError::LineTooLong));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(
            pieces in prop::collection::vec(
                prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..30), 0..8),
        ) {
            let whole = pieces.concat();
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(split(&slices), split(&[&whole]));
        }
    }
}
