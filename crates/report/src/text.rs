//! A sentence of a report: words, and numbers that still know where they came from.

use crate::figure::Figure;
use crate::glossary::Term;

/// A run of words and numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text(pub Vec<Inline>);

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq)]
pub enum Inline {
    /// Words.
    Plain(String),
    /// Words that carry the meaning of the sentence.
    Strong(String),
    /// Something that is typed: a command, a field, a predicate.
    Code(String),
    /// A number with its unit.
    Figure(Figure),
    /// A word that the glossary explains.
    Term(Term),
}

impl From<&str> for Inline {
    fn from(words: &str) -> Self {
        Self::Plain(words.to_owned())
    }
}

impl From<String> for Inline {
    fn from(words: String) -> Self {
        Self::Plain(words)
    }
}

impl From<Figure> for Inline {
    fn from(figure: Figure) -> Self {
        Self::Figure(figure)
    }
}

impl From<Term> for Inline {
    fn from(term: Term) -> Self {
        Self::Term(term)
    }
}

impl Text {
    /// The words and numbers as people read them, without any markup.
    #[must_use]
    pub fn plain(&self) -> String {
        self.0.iter().map(Inline::plain).collect()
    }

    /// Adds the parts of another text.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds one part.
    pub fn push(&mut self, part: impl Into<Inline>) {
        self.0.push(part.into());
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self(vec![words.into()])
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self(vec![words.into()])
    }
}

impl From<Figure> for Text {
    fn from(figure: Figure) -> Self {
        Self(vec![figure.into()])
    }
}

impl From<Term> for Text {
    fn from(term: Term) -> Self {
        Self(vec![term.into()])
    }
}

impl Inline {
    /// Something that is typed.
    #[must_use]
    pub fn code(text: impl Into<String>) -> Self {
        Self::Code(text.into())
    }

    /// Words that carry the meaning.
    #[must_use]
    pub fn strong(text: impl Into<String>) -> Self {
        Self::Strong(text.into())
    }

    /// The part without markup.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Plain(words) | Self::Strong(words) | Self::Code(words) => words.clone(),
            Self::Figure(figure) => figure.show(),
            Self::Term(term) => term.name().to_owned(),
        }
    }
}

/// A [`Text`] from its parts: `text!["carries ", figure, " users"]`.
macro_rules! text {
    ($($part:expr),* $(,)?) => {
        $crate::text::Text(vec![$($crate::text::Inline::from($part)),*])
    };
}
pub(crate) use text;

/// Text of the run (a server's header, an error's detail) made safe to show anywhere: control
/// characters, which could steer a terminal or break a line, become spaces, and it is cut after
/// [`MAX_FOREIGN_CHARS`].
#[must_use]
pub fn foreign(text: &str) -> String {
    let mut clean: String = text
        .chars()
        .map(|c| if c.is_control() || is_direction_mark(c) { ' ' } else { c })
        .take(MAX_FOREIGN_CHARS)
        .collect();
    if text.chars().nth(MAX_FOREIGN_CHARS).is_some() {
        clean.push('…');
    }
    clean
}

/// Longest text of the run that is shown in full; `run.json` keeps all of it.
pub const MAX_FOREIGN_CHARS: usize = 300;

/// Marks that reorder what is shown, so that a text reads as something that it is not.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        assert_eq!(foreign("a\u{1b}[31mb\r\nc\u{202e}d"), "a [31mb  c d");
    }

    #[test]
    fn foreign_text_is_cut_with_a_mark() {
        let long = "x".repeat(MAX_FOREIGN_CHARS + 1);
        assert_eq!(foreign(&long).chars().count(), MAX_FOREIGN_CHARS + 1);
        assert!(foreign(&long).ends_with('…'));
        assert_eq!(foreign(&long[1..]), long[1..]);
    }
}
