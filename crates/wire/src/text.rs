//! Text that verifies itself: a tester can tell a lost, doubled, reordered or altered chunk end
//! to end, through any server in between, without knowing what was sent.
//!
//! The text opens with the word [`OPENING`]; its last word is the CRC-32 (ISO-HDLC) of all bytes
//! before that word, the space included, as eight lower-case hexadecimal digits:
//! `weir/1 the river … 9ae0daaf`.

use crc32fast::Hasher;

/// First word of every self-verifying text, with the version of the format.
pub const OPENING: &str = "weir/1";

/// Length of the closing word in bytes.
pub const CLOSING_LENGTH: usize = 8;

/// The closing word for a text so far (which ends with a space).
#[must_use]
pub fn closing_word(text_before: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(text_before))
}

/// Computes the closing word of a text that is written in pieces.
#[derive(Debug, Clone, Default)]
pub struct Sealer {
    hasher: Hasher,
}

impl Sealer {
    /// Takes the next piece of the text.
    pub fn push(&mut self, piece: &str) {
        self.hasher.update(piece.as_bytes());
    }

    /// The closing word for all pieces so far, the last of which ends with a space.
    #[must_use]
    pub fn closing_word(&self) -> String {
        format!("{:08x}", self.hasher.clone().finalize())
    }
}

/// What a finished text turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It opens with [`OPENING`] and its closing word matches.
    Correct,
    /// It opens with [`OPENING`] but its closing word does not match: altered or incomplete.
    Wrong,
    /// It does not open with [`OPENING`]: nothing can be known.
    Unknown,
}

/// Checks a text that arrives in pieces, in constant memory and without allocating.
#[derive(Debug, Clone)]
pub struct Verifier {
    hasher: Hasher,
    /// Bytes of the word that is still open, as long as it could be the closing word.
    word: [u8; CLOSING_LENGTH],
    word_length: u8,
    /// The open word is longer than a closing word: its bytes are hashed already.
    word_overflowed: bool,
    /// How much of `OPENING` and its space has matched; `None` once it did not.
    opening: Option<u8>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            hasher: Hasher::new(),
            word: [0; CLOSING_LENGTH],
            word_length: 0,
            word_overflowed: false,
            opening: Some(0),
        }
    }
}

impl Verifier {
    /// Takes the next piece of the text, of any length.
    pub fn push(&mut self, piece: &[u8]) {
        self.match_opening(piece);
        match memchr::memrchr(b' ', piece) {
            Some(space) => {
                self.flush_word();
                self.hasher.update(&piece[..=space]);
                self.word_overflowed = false;
                self.extend_word(&piece[space + 1..]);
            }
            None => self.extend_word(piece),
        }
    }

    /// Judges the text so far as if it had ended here.
    #[must_use]
    pub fn verdict(&self) -> Verified {
        if self.opening.is_none_or(|matched| usize::from(matched) <= OPENING.len()) {
            return Verified::Unknown;
        }
        let expected = self.hasher.clone().finalize();
        let closing = &self.word[..usize::from(self.word_length)];
        let matches = !self.word_overflowed
            && closing.len() == CLOSING_LENGTH
            && parse_hex(closing) == Some(expected);
        if matches { Verified::Correct } else { Verified::Wrong }
    }

    fn match_opening(&mut self, piece: &[u8]) {
        let opening = OPENING.as_bytes();
        let Some(matched) = self.opening else { return };
        let mut position = usize::from(matched);
        for &byte in piece {
            if position > opening.len() {
                break;
            }
            let expected = opening.get(position).copied().unwrap_or(b' ');
            if byte != expected {
                self.opening = None;
                return;
            }
            position += 1;
        }
        self.opening = u8::try_from(position).ok();
    }

    fn extend_word(&mut self, bytes: &[u8]) {
        let length = usize::from(self.word_length);
        if !self.word_overflowed && length + bytes.len() <= CLOSING_LENGTH {
            self.word[length..length + bytes.len()].copy_from_slice(bytes);
            self.word_length = u8::try_from(length + bytes.len()).unwrap_or(0);
        } else {
            self.flush_word();
            self.hasher.update(bytes);
            self.word_overflowed = true;
        }
    }

    fn flush_word(&mut self) {
        self.hasher.update(&self.word[..usize::from(self.word_length)]);
        self.word_length = 0;
    }
}

fn parse_hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealed(middle: &str) -> String {
        let before = format!("{OPENING} {middle}");
        let closing = closing_word(before.as_bytes());
        before + &closing
    }

    fn check(pieces: &[&str], expected: Verified) {
        let mut verifier = Verifier::default();
        for piece in pieces {
            verifier.push(piece.as_bytes());
        }
        assert_eq!(verifier.verdict(), expected, "{pieces:?}");
    }

    #[test]
    fn a_text_sealed_in_pieces_verifies() {
        let mut sealer = Sealer::default();
        for piece in ["weir/1 ", "the ri", "ver "] {
            sealer.push(piece);
        }
        assert_eq!(sealer.closing_word(), closing_word(b"weir/1 the river "));
        check(&["weir/1 the river ", &sealer.closing_word()], Verified::Correct);
    }

    #[test]
    fn the_shortest_text_is_opening_and_closing() {
        check(&[&sealed("")], Verified::Correct);
    }

    #[test]
    fn a_text_without_the_opening_is_unknown() {
        check(&["The river is wide."], Verified::Unknown);
        check(&["weir/2 something 00000000"], Verified::Unknown);
        check(&[""], Verified::Unknown);
        check(&["weir"], Verified::Unknown);
        check(&["weir/1"], Verified::Unknown);
    }

    #[test]
    fn a_missing_closing_word_is_wrong() {
        check(&["weir/1 the river "], Verified::Wrong);
        check(&["weir/1 "], Verified::Wrong);
    }

    #[test]
    fn an_upper_case_or_long_closing_word_is_wrong() {
        check(&[&sealed("a ").to_uppercase().replace("WEIR", "weir")], Verified::Wrong);
        check(&[&format!("{}0", sealed("a "))], Verified::Wrong);
    }

    proptest! {
        #[test]
        fn any_split_verifies_and_any_loss_does_not(
            words in prop::collection::vec("[a-zäöü,.]{1,12}", 1..40),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let text = sealed(&(words.join(" ") + " "));
            let bytes = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();

            let mut verifier = Verifier::default();
            pieces.iter().for_each(|piece| verifier.push(piece));
            prop_assert_eq!(verifier.verdict(), Verified::Correct);

            for lost in 0..pieces.len() {
                if pieces[lost].is_empty() { continue }
                let mut verifier = Verifier::default();
                pieces.iter().enumerate().filter(|(index, _)| *index != lost)
                    .for_each(|(_, piece)| verifier.push(piece));
                prop_assert_ne!(verifier.verdict(), Verified::Correct, "lost piece {}", lost);
            }
        }
    }
}
