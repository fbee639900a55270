//! The words of an answer, made as they are needed from a seed.

use rand::RngExt;
use rand_pcg::Pcg64;
use wire::text::{CLOSING_LENGTH, OPENING, Sealer};

use crate::seed::{Purpose, Seed};

/// What the pieces of an answer add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Self-verifying text ([`wire::text`]).
    Text,
    /// JSON: these two with words in between, where the schema has room for any.
    Json {
        /// Up to the place for words.
        before: String,
        /// From there on.
        after: String,
        /// Whether the place is inside a string that takes any words.
        roomy: bool,
    },
}

impl Content {
    /// Fewest characters that it can have.
    pub(crate) fn shortest(&self) -> u32 {
        let characters = match self {
            Self::Text => OPENING.len() + 1 + CLOSING_LENGTH,
            Self::Json { before, after, .. } => before.chars().count() + after.chars().count(),
        };
        u32::try_from(characters).unwrap_or(u32::MAX)
    }

    /// Whether words can make it longer.
    pub(crate) fn is_roomy(&self) -> bool {
        match self {
            Self::Text => true,
            Self::Json { roomy, .. } => *roomy,
        }
    }
}

/// Yields an answer's characters in order, in pieces of any size, in constant memory.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    generator: Pcg64,
    sealer: Sealer,
    part: Part,
    /// What is left of the fixed text that is being written.
    fixed: Box<str>,
    fixed_at: usize,
    /// What is left of the word and of the separator that are being written.
    word: &'static str,
    separator: &'static str,
    /// Characters of words still to be drawn, the last of which is a space.
    words_left: u32,
    /// The end of JSON content; `None` for text, which ends with its checksum.
    after: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Opening,
    Words,
    Closing,
}

impl Text {
    /// Content of exactly `length` characters, which is at least [`Content::shortest`] and,
    /// where the content is not roomy, exactly that.
    pub(crate) fn new(seed: Seed, content: Content, length: u32) -> Self {
        let words_left = length.saturating_sub(content.shortest());
        let (fixed, after) = match content {
            Content::Text => (format!("{OPENING} ").into(), None),
            Content::Json { before, after, .. } => (before.into(), Some(after.into())),
        };
        Self {
            generator: seed.generator(Purpose::TEXT),
            sealer: Sealer::default(),
            part: Part::Opening,
            fixed,
            fixed_at: 0,
            word: "",
            separator: "",
            words_left,
            after,
        }
    }

    /// Appends the next `characters` of the content, or what is left of it.
    pub(crate) fn write(&mut self, mut characters: u32, out: &mut String) {
        while characters > 0 && self.refill() {
            let from = out.len();
            characters -= self.take(characters, out);
            if self.after.is_none() && self.part != Part::Closing {
                self.sealer.push(&out[from..]);
            }
        }
    }

    /// Makes sure that there is something to take; false at the end of the content.
    fn refill(&mut self) -> bool {
        if self.fixed_at < self.fixed.len() || !self.word.is_empty() || !self.separator.is_empty() {
            return true;
        }
        if self.part == Part::Closing {
            return false;
        }
        if self.words_left > 0 {
            self.part = Part::Words;
            (self.word, self.separator) = self.draw_word();
            let drawn = self.word.chars().count() + self.separator.len();
            self.words_left =
                self.words_left.saturating_sub(u32::try_from(drawn).unwrap_or(u32::MAX));
        } else {
            self.part = Part::Closing;
            self.fixed = self.after.clone().unwrap_or_else(|| self.sealer.closing_word().into());
            self.fixed_at = 0;
        }
        true
    }

    /// Appends up to `characters` of what is at hand; returns how many.
    fn take(&mut self, characters: u32, out: &mut String) -> u32 {
        if self.fixed_at < self.fixed.len() {
            let (taken, _, count) = split(&self.fixed[self.fixed_at..], characters);
            out.push_str(taken);
            self.fixed_at += taken.len();
            return count;
        }
        let source = if self.word.is_empty() { &mut self.separator } else { &mut self.word };
        let (taken, rest, count) = split(source, characters);
        out.push_str(taken);
        *source = rest;
        count
    }

    /// The next word with what follows it. The last ones are chosen to fit exactly and to end
    /// with a space, which the checksum needs before it.
    fn draw_word(&mut self) -> (&'static str, &'static str) {
        let left = usize::try_from(self.words_left).unwrap_or(usize::MAX);
        if let Some(last) = LAST_WORDS.get(left.wrapping_sub(1)) {
            return (last, " ");
        }
        let number = self.generator.random::<u32>();
        let word = WORDS[usize::try_from(number % 64).unwrap_or(0)];
        let separator = match (number >> 6) % 64 {
            0 if self.after.is_none() => ".\n\n",
            1..=4 => ". ",
            5..=10 => ", ",
            11 if self.after.is_none() => "\" ",
            _ => " ",
        };
        (word, separator)
    }
}

/// Splits after at most so many characters; also says how many there are.
fn split(text: &str, characters: u32) -> (&str, &str, u32) {
    let wanted = usize::try_from(characters).unwrap_or(usize::MAX);
    let at = text.char_indices().nth(wanted).map_or(text.len(), |(at, _)| at);
    let (taken, rest) = text.split_at(at);
    (taken, rest, u32::try_from(taken.chars().count()).unwrap_or(characters))
}

/// Words of at most seven characters, some of them not ASCII: with the longest separator that is
/// ten, so that [`LAST_WORDS`] can end every text.
const WORDS: [&str; 64] = [
    "a", "the", "water", "river", "stream", "weir", "dam", "flow", "level", "bank", "bridge",
    "mill", "wheel", "stone", "gravel", "reed", "heron", "otter", "trout", "eel", "spring",
    "source", "delta", "mouth", "lake", "pond", "rain", "snow", "flood", "ebb", "tide", "wave",
    "quiet", "deep", "shallow", "wide", "narrow", "slow", "swift", "cold", "clear", "green", "old",
    "runs", "falls", "turns", "carries", "rises", "meets", "holds", "over", "under", "past",
    "through", "between", "and", "or", "when", "where", "Seine", "Rhône", "Öland", "café", "naïve",
];

/// Entry `n - 1` has `n - 1` characters: with its space it fills the last `n`.
const LAST_WORDS: [&str; 10] =
    ["", "a", "by", "the", "weir", "river", "stream", "current", "meanders", "tributary"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::text::{Verified, Verifier};

    use super::*;

    fn all(content: Content, length: u32, sizes: &[u32]) -> String {
        let mut text = Text::new(Seed::pinned(7), content, length);
        let mut out = String::new();
        for &size in sizes {
            text.write(size, &mut out);
        }
        text.write(u32::MAX, &mut out);
        out
    }

    #[test]
    fn every_word_fits_before_the_last_ones() {
        assert!(WORDS.iter().all(|word| (1..=7).contains(&word.chars().count())));
        for (index, last) in LAST_WORDS.iter().enumerate() {
            assert_eq!(last.len(), index);
        }
    }

    #[test]
    fn json_content_is_json() {
        let content = Content::Json {
            before: r#"{"city":""#.to_owned(),
            after: r#"","days":3}"#.to_owned(),
            roomy: true,
        };
        for length in 20..200 {
            let text = all(content.clone(), length, &[3, 4, 5]);
            assert_eq!(text.chars().count(), usize::try_from(length).unwrap());
            serde_json::from_str::<serde_json::Value>(&text).unwrap();
        }
    }

    proptest! {
        #[test]
        fn text_of_any_length_in_any_pieces_verifies(
            length in 15u32..3000,
            sizes in prop::collection::vec(0u32..40, 0..60),
        ) {
            let text = all(Content::Text, length, &sizes);
            prop_assert_eq!(&text, &all(Content::Text, length, &[]));
            prop_assert_eq!(text.chars().count(), usize::try_from(length).unwrap());
            let mut verifier = Verifier::default();
            verifier.push(text.as_bytes());
            prop_assert_eq!(verifier.verdict(), Verified::Correct);
        }
    }
}
