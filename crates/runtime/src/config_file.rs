//! A configuration file on its way in, and how it is refused: file, line, a caret under the place,
//! key, and what to do.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::secret::Secret;

/// An environment variable; `None` where it is not set.
pub type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file's name as it was given.
    pub file: String,
    /// Line and column, both from 1, with the line's text; `None` where no place is to blame.
    pub place: Option<Place>,
    /// The key in question; empty where the file cannot even be parsed.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Characters to mark, at least one.
    pub length: usize,
    /// The whole line.
    pub text: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, key, message, remedy } = self;
        formatter.write_str(file)?;
        if let Some(place) = place {
            write!(formatter, ":{}:{}", place.line, place.column)?;
        }
        if !key.is_empty() {
            write!(formatter, ": {key}")?;
        }
        write!(formatter, ": {message}")?;
        if let Some(Place { line, column, length, text }) = place {
            let margin = " ".repeat(line.to_string().len());
            let (indent, marks) = (" ".repeat(column - 1), "^".repeat(*length));
            write!(formatter, "\n{margin} |\n{line} | {text}\n{margin} | {indent}{marks}")?;
        }
        if remedy.is_empty() { Ok(()) } else { write!(formatter, "\n{remedy}") }
    }
}

/// The file that is being read: makes values from it, and errors that point into it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name, for errors.
    pub file: &'a str,
    /// What it says.
    pub text: &'a str,
}

impl Source<'_> {
    /// What the file says, as TOML.
    ///
    /// # Errors
    /// When it is no TOML or does not fit. A key or a word that is not known is told together with
    /// the known one that is nearest.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, Box<ConfigError>> {
        toml::from_str(self.text).map_err(|error| {
            let message = error.message().trim().replace('\n', "; ");
            let remedy = meant(&message).map(|known| format!("did you mean `{known}`?"));
            let is_unknown = message.starts_with("unknown field");
            let mut refused = self.error(error.span(), "", message, remedy.unwrap_or_default());
            if let Some(place) = refused.place.as_mut().filter(|_| is_unknown) {
                hide_value(&mut place.text);
            }
            refused
        })
    }

    /// What a check says about a place in the file; boxed because it is large and rare.
    #[must_use]
    pub fn error(
        self,
        span: Option<Range<usize>>,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Box<ConfigError> {
        Box::new(ConfigError {
            file: self.file.to_owned(),
            place: span.and_then(|span| place(self.text, &span)),
            key: key.to_owned(),
            message: message.into(),
            remedy: remedy.into(),
        })
    }

    /// The value of the environment variable that `key` names: secrets never stand in a file.
    ///
    /// # Errors
    /// When it is not set, or empty.
    pub fn secret(
        self,
        key: &str,
        name: &Spanned<String>,
        variable: Variable<'_>,
    ) -> Result<Secret, Box<ConfigError>> {
        match variable(name.get_ref()) {
            Some(value) if !value.is_empty() => Ok(Secret::new(value)),
            _ => {
                let message = format!("the environment variable {} is not set", name.get_ref());
                Err(self.error(Some(name.span()), key, message, "set it before you start weir"))
            }
        }
    }

    /// As [`Source::secret`], for one that is sent in a header.
    ///
    /// # Errors
    /// When it is not set or empty, or holds what no header can.
    pub fn header_secret(
        self,
        key: &str,
        name: &Spanned<String>,
        variable: Variable<'_>,
    ) -> Result<Secret, Box<ConfigError>> {
        let secret = self.secret(key, name, variable)?;
        // What RFC 9110 lets clients send: the visible characters, spaces and tabs.
        let may_stand = |byte| matches!(byte, b' '..=b'~' | b'\t');
        if secret.expose().bytes().all(may_stand) {
            return Ok(secret);
        }
        let message = format!("the value of {} cannot be sent in a header", name.get_ref());
        Err(self.error(Some(name.span()), key, message, "remove line ends from it"))
    }
}

fn place(text: &str, span: &Range<usize>) -> Option<Place> {
    let before = text.get(..span.start)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let marked_end = span.end.min(line_start + line.len());
    let length = text.get(span.start..marked_end).map_or(1, |marked| marked.chars().count());
    Some(Place {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        length: length.max(1),
        text: line.to_owned(),
    })
}

/// Shows a line without its value: whoever writes a key into a file uses a name that there is not.
fn hide_value(line: &mut String) {
    if let Some(at) = line.find('=') {
        line.truncate(at);
        line.push_str("= …");
    }
}

/// The known word that somebody meant, in serde's own sentences about unknown fields and variants
/// ("unknown field `x`, expected one of `a`, `b`").
fn meant(message: &str) -> Option<&str> {
    let rest =
        message.strip_prefix("unknown field `").or(message.strip_prefix("unknown variant `"));
    let (unknown, expected) = rest?.split_once("`, expected ")?;
    nearest(unknown, expected.split('`').skip(1).step_by(2))
}

/// The word that `written` is a slip of: at most two letters away or, for long words, a third of
/// them, and not all of its letters.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    let most = (length / 3).max(2).min(length.saturating_sub(1));
    let apart = known.into_iter().map(|word| (distance(written, word), word));
    apart.min_by_key(|(apart, _)| *apart).filter(|(apart, _)| *apart <= most).map(|(_, word)| word)
}

/// How many letters must be put in, left out or changed to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut diagonal = row;
        above[0] = row + 1;
        for (column, &its) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != its);
            diagonal = above[column + 1];
            above[column + 1] = changed.min(diagonal + 1).min(above[column] + 1);
        }
    }
    above[other.len()]
}

#[cfg(test)]
mod tests;
