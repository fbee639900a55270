//! The chunked transfer coding of HTTP/1.1 (RFC 9112, section 7.1), decoded as it arrives.
//!
//! Strict where leniency would hide a broken server: line ends are CR LF, sizes are plain
//! hexadecimal, and the data must be as long as announced.

use thiserror::Error;

/// Longest chunk extension; no known server sends any.
const MAX_EXTENSION_BYTES: u32 = 1024;

/// Most bytes of trailer fields after the last chunk.
const MAX_TRAILER_BYTES: u32 = 16 * 1024;

/// Sizes beyond 60 bits are refused: no answer is that long, and the sum cannot overflow.
const MAX_SIZE_DIGITS: u8 = 15;

/// The coding is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ChunkError(&'static str);

/// Where the decoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { value: u64, digits: u8 },
    Extension { length: u32 },
    SizeLineFeed { value: u64 },
    Data { remaining: u64 },
    DataReturn,
    DataLineFeed,
    Trailer { length: u32, line_empty: bool },
    TrailerLineFeed { length: u32, line_empty: bool },
    Done,
}

/// The decoder.
#[derive(Debug)]
pub struct Chunked {
    state: State,
    /// Size of the chunk whose extension is being skipped.
    size: u64,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { state: State::Size { value: 0, digits: 0 }, size: 0 }
    }
}

impl Chunked {
    /// Takes the next piece off `input`: data if there is some, `None` once the input is used up
    /// or the body is at its end.
    ///
    /// # Errors
    /// When the coding is broken; what was decoded before stands.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, ChunkError> {
        while let Some((&byte, rest)) = input.split_first() {
            match self.state {
                State::Done => break,
                State::Data { remaining } => {
                    let available = usize::try_from(remaining).unwrap_or(usize::MAX);
                    let (data, rest) = input.split_at(available.min(input.len()));
                    *input = rest;
                    let remaining = remaining - u64::try_from(data.len()).unwrap_or(remaining);
                    self.state =
                        if remaining == 0 { State::DataReturn } else { State::Data { remaining } };
                    return Ok(Some(data));
                }
                _ => {
                    *input = rest;
                    self.state = self.step(byte)?;
                }
            }
        }
        Ok(None)
    }

    /// Whether the last chunk and the trailer have passed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    fn step(&mut self, byte: u8) -> Result<State, ChunkError> {
        match self.state {
            State::Size { value, digits } => self.step_size(byte, value, digits),
            State::Extension { length } => match byte {
                b'\r' => Ok(State::SizeLineFeed { value: self.size }),
                b'\n' => Err(ChunkError("a bare line feed in a chunk's size line")),
                _ if length >= MAX_EXTENSION_BYTES => Err(ChunkError("an endless chunk extension")),
                _ => Ok(State::Extension { length: length + 1 }),
            },
            State::SizeLineFeed { value } => match (byte, value) {
                (b'\n', 0) => Ok(State::Trailer { length: 0, line_empty: true }),
                (b'\n', remaining) => Ok(State::Data { remaining }),
                _ => Err(ChunkError("a chunk's size line does not end with CR LF")),
            },
            State::DataReturn if byte == b'\r' => Ok(State::DataLineFeed),
            State::DataLineFeed if byte == b'\n' => Ok(State::Size { value: 0, digits: 0 }),
            State::DataReturn | State::DataLineFeed => {
                Err(ChunkError("a chunk is longer than its announced size"))
            }
            State::Trailer { length, line_empty } => match byte {
                b'\r' => Ok(State::TrailerLineFeed { length, line_empty }),
                b'\n' => Err(ChunkError("a bare line feed in the trailer")),
                _ if length >= MAX_TRAILER_BYTES => Err(ChunkError("an endless trailer")),
                _ => Ok(State::Trailer { length: length + 1, line_empty: false }),
            },
            State::TrailerLineFeed { length, line_empty } => match (byte, line_empty) {
                (b'\n', true) => Ok(State::Done),
                (b'\n', false) => Ok(State::Trailer { length, line_empty: true }),
                _ => Err(ChunkError("a trailer line does not end with CR LF")),
            },
            State::Data { .. } | State::Done => Ok(self.state),
        }
    }

    fn step_size(&mut self, byte: u8, value: u64, digits: u8) -> Result<State, ChunkError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ if digits == 0 => return Err(ChunkError("a chunk's size is no hexadecimal number")),
            b'\r' => return Ok(State::SizeLineFeed { value }),
            b';' | b' ' | b'\t' => {
                self.size = value;
                return Ok(State::Extension { length: 0 });
            }
            _ => return Err(ChunkError("a chunk's size is no hexadecimal number")),
        };
        if digits >= MAX_SIZE_DIGITS {
            return Err(ChunkError("a chunk's size is out of range"));
        }
        Ok(State::Size { value: value << 4 | u64::from(digit), digits: digits + 1 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> (Vec<u8>, Result<bool, ChunkError>, usize) {
        let mut decoder = Chunked::default();
        let mut body = Vec::new();
        let mut surplus = 0;
        for piece in pieces {
            let mut input = *piece;
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(data)) => body.extend_from_slice(data),
                    Ok(None) => break,
                    Err(error) => return (body, Err(error), surplus),
                }
            }
            surplus += input.len();
        }
        (body, Ok(decoder.is_done()), surplus)
    }

    fn check(coded: &[u8], body: &[u8], end: Result<bool, ChunkError>, surplus: usize) {
        let expected = (body.to_vec(), end, surplus);
        assert_eq!(decode(&[coded]), expected);
        let single: Vec<&[u8]> = coded.chunks(1).collect();
        assert_eq!(decode(&single), expected, "byte by byte");
    }

    #[test]
    fn chunks_extensions_and_trailers_are_understood() {
        check(b"5\r\nhello\r\n0\r\n\r\n", b"hello", Ok(true), 0);
        check(
            b"0A\r\n0123456789\r\n1;x=\"y\"\r\na\r\n00\r\nA: b\r\nC: d\r\n\r\nHTTP",
            b"0123456789a",
            Ok(true),
            4,
        );
        check(b"1 \r\na\r\n0\r\n\r\n", b"a", Ok(true), 0);
    }

    #[test]
    fn a_body_that_stops_early_is_not_done() {
        let whole = b"3\r\nabc\r\n0\r\n\r\n";
        for length in 0..whole.len() {
            assert_eq!(decode(&[&whole[..length]]).1, Ok(false), "after {length} bytes");
        }
    }

    #[test]
    fn broken_coding_is_refused() {
        for coded in [
            &b"x\r\n"[..],
            b"\r\n",
            b"-1\r\n",
            b"0x3\r\n",
            b"3\nabc",
            b"3\r\nabcd\r\n",
            b"3\r\nabc\n",
            b"1000000000000000\r\n",
            b"0\r\n\n",
            b"0\r\nA\n",
            b"0\r\n\rx",
            b"3\rx",
        ] {
            assert!(decode(&[coded]).1.is_err(), "{:?}", String::from_utf8_lossy(coded));
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let extension = |length: u32| {
            let filler = "e".repeat(usize::try_from(length).unwrap());
            decode(&[format!("1;{filler}\r\na\r\n0\r\n\r\n").as_bytes()]).1
        };
        assert_eq!(extension(MAX_EXTENSION_BYTES), Ok(true));
        assert!(extension(MAX_EXTENSION_BYTES + 1).is_err());
        let trailer = |length: u32| {
            let filler = "t".repeat(usize::try_from(length).unwrap());
            decode(&[format!("0\r\n{filler}\r\n\r\n").as_bytes()]).1
        };
        assert_eq!(trailer(MAX_TRAILER_BYTES), Ok(true));
        assert!(trailer(MAX_TRAILER_BYTES + 1).is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_in_any_split(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\n\r\n");
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(coded.len())).collect();
            at.extend([0, coded.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &coded[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(&pieces), (chunks.concat(), Ok(true), 0));
        }

        #[test]
        fn any_bytes_in_any_split_agree(
            pieces in prop::collection::vec(
                prop::collection::vec(prop_oneof![
                    Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'1'), any::<u8>()], 0..12), 0..8),
        ) {
            let whole = pieces.concat();
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let (split, end, surplus) = decode(&slices);
            let (body, whole_end, whole_surplus) = decode(&[&whole]);
            prop_assert_eq!((split, end), (body, whole_end));
            prop_assert!(whole_end.is_err() || surplus == whole_surplus);
        }
    }
}
