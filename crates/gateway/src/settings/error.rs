//! A refused configuration: file, line, a caret under the place, key, and what to do.

use std::fmt;
use std::ops::Range;

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

/// The file that is being read: makes errors that point into it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// What the TOML parser says.
    pub(super) fn syntax(self, error: &toml::de::Error) -> ConfigError {
        let message = error.message().trim().replace('\n', "; ");
        self.error(error.span(), "", message, "")
    }

    /// What a check says.
    pub(super) fn error(
        self,
        span: Option<Range<usize>>,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            place: span.and_then(|span| place(self.text, &span)),
            key: key.to_owned(),
            message: message.into(),
            remedy: remedy.into(),
        }
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
