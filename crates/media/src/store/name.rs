//! The name of a file beneath a media folder.

use std::fmt;
use std::sync::Arc;

/// Longest part of a name between two slashes, in bytes: what Linux file systems take
/// (`NAME_MAX`), less what the name of a temporary or of a renamed file adds.
pub const MAX_PART_BYTES: usize = 200;

/// Longest name, in bytes. S3 keys end at 1,024.
pub const MAX_NAME_BYTES: usize = 800;

/// Most parts of a name: folders and the file.
pub const MAX_PARTS: usize = 16;

/// A relative name that stays beneath its folder as it is written: no part is empty, `.`, `..` or
/// hidden, and there is neither a control character nor a backslash in it.
///
/// It says nothing about what the file system holds under this name: that links are not followed
/// is the kernel's work, at the moment of opening.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeName(Arc<str>);

/// Why a text is no name. The messages are those that agents know, and name nothing of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing is left of it.
    #[error("Invalid filename: the name is empty")]
    Empty,
    /// Absolute, or with a part `..`.
    #[error("Invalid filename: path traversal detected in '{0}'")]
    Traversal(String),
    /// A NUL, a line break or another control character.
    #[error("Invalid filename: control character in '{0}'")]
    ControlCharacter(String),
    /// A backslash: a separator elsewhere, so never a part of a name here.
    #[error("Invalid filename: write '/' between folders, not '\\', in '{0}'")]
    Backslash(String),
    /// A part that begins with a dot. Such files are not media, and temporaries are called so.
    #[error("Invalid filename: hidden files are not served: '{0}'")]
    Hidden(String),
    /// Longer than [`MAX_NAME_BYTES`], a part longer than [`MAX_PART_BYTES`], or more than
    /// [`MAX_PARTS`] parts.
    #[error("Invalid filename: too long: '{0}…'")]
    TooLong(String),
}

impl SafeName {
    /// Checks a name that somebody has asked for. `./a//b.mp4` is taken as `a/b.mp4`.
    ///
    /// # Errors
    /// See [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong(beginning(text)));
        }
        if text.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter(text.escape_debug().to_string()));
        }
        let parts: Vec<&str> =
            text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if text.starts_with('/') || parts.contains(&"..") {
            return Err(NameError::Traversal(text.to_owned()));
        }
        if text.contains('\\') {
            return Err(NameError::Backslash(text.to_owned()));
        }
        if parts.is_empty() {
            return Err(NameError::Empty);
        }
        if parts.iter().any(|part| part.starts_with('.')) {
            return Err(NameError::Hidden(text.to_owned()));
        }
        if parts.len() > MAX_PARTS || parts.iter().any(|part| part.len() > MAX_PART_BYTES) {
            return Err(NameError::TooLong(beginning(text)));
        }
        Ok(Self(parts.join("/").into()))
    }

    /// The name with `/` between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder in which the file is, relative to the media folder; `None` when directly in it.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(folder, _)| folder)
    }

    /// The last part.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The last part up to its last dot.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.file_name();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// What follows the last dot, in lower case; empty without one.
    #[must_use]
    pub fn extension(&self) -> String {
        self.file_name()
            .rsplit_once('.')
            .map_or_else(String::new, |(_, it)| it.to_ascii_lowercase())
    }

    /// The same name with `-N` before its extension: what a file is called when the name is taken.
    pub(crate) fn numbered(&self, number: u32) -> Self {
        let file = self.file_name();
        let (stem, extension) = match file.rsplit_once('.') {
            Some((stem, extension)) => (stem, format!(".{extension}")),
            None => (file, String::new()),
        };
        let folder = self.folder().map_or_else(String::new, |folder| format!("{folder}/"));
        Self(format!("{folder}{stem}-{number}{extension}").into())
    }

    /// A name read from a folder that holds it: its parts are known to be whole.
    pub(super) fn listed(folder: &str, part: &str) -> Option<Self> {
        let name = if folder.is_empty() { part.to_owned() } else { format!("{folder}/{part}") };
        Self::parse(&name).ok()
    }
}

impl fmt::Display for SafeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Enough of an overlong name to recognise it.
fn beginning(text: &str) -> String {
    text.chars().take(48).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let parsed = SafeName::parse(text);
        match expected {
            Ok(name) => assert_eq!(parsed.unwrap().as_str(), name),
            Err(message) => assert_eq!(parsed.unwrap_err().to_string(), message),
        }
    }

    #[test]
    fn ordinary_names_pass_and_are_tidied() {
        check("clip.mp4", Ok("clip.mp4"));
        check("a/b/clip.MP4", Ok("a/b/clip.MP4"));
        check("./a//clip.mp4", Ok("a/clip.mp4"));
        check("clip..mp4", Ok("clip..mp4"));
        check("café ✓.png", Ok("café ✓.png"));
    }

    #[test]
    fn traversal_is_refused_in_the_words_that_agents_know() {
        for name in ["../x.mp4", "a/../../x.mp4", "/etc/passwd", "..", "a/.."] {
            let message = format!("Invalid filename: path traversal detected in '{name}'");
            check(name, Err(&message));
        }
    }

    #[test]
    fn control_characters_backslashes_and_hidden_names_are_refused() {
        check("a\0.mp4", Err("Invalid filename: control character in 'a\\0.mp4'"));
        check("a\nb.mp4", Err("Invalid filename: control character in 'a\\nb.mp4'"));
        check(
            "..\\x.mp4",
            Err("Invalid filename: write '/' between folders, not '\\', in '..\\x.mp4'"),
        );
        check(".hidden.mp4", Err("Invalid filename: hidden files are not served: '.hidden.mp4'"));
        check("a/.b/c.mp4", Err("Invalid filename: hidden files are not served: 'a/.b/c.mp4'"));
        check("", Err("Invalid filename: the name is empty"));
        check("./", Err("Invalid filename: the name is empty"));
    }

    #[test]
    fn lengths_end_at_their_limits() {
        let part = "x".repeat(MAX_PART_BYTES);
        check(&part, Ok(&part));
        assert!(matches!(SafeName::parse(&format!("{part}x")), Err(NameError::TooLong(_))));
        let deep = vec!["a"; MAX_PARTS].join("/");
        check(&deep, Ok(&deep));
        assert!(matches!(SafeName::parse(&format!("{deep}/a")), Err(NameError::TooLong(_))));
        let long = vec!["y".repeat(99); 8].join("/");
        assert_eq!(long.len(), MAX_NAME_BYTES - 1);
        assert!(SafeName::parse(&long).is_ok());
        assert!(matches!(SafeName::parse(&format!("{long}zz")), Err(NameError::TooLong(_))));
    }

    #[test]
    fn a_name_knows_its_parts() {
        let name = SafeName::parse("a/b/clip.final.MP4").unwrap();
        assert_eq!(name.folder(), Some("a/b"));
        assert_eq!(name.file_name(), "clip.final.MP4");
        assert_eq!(name.stem(), "clip.final");
        assert_eq!(name.extension(), "mp4");
        assert_eq!(name.numbered(2).as_str(), "a/b/clip.final-2.MP4");
        assert_eq!(SafeName::parse("plain").unwrap().numbered(3).as_str(), "plain-3");
        assert_eq!(SafeName::parse("plain").unwrap().extension(), "");
    }

    proptest! {
        #[test]
        fn whatever_passes_stays_beneath_its_folder(text in "[a./\\\\ \u{0}-\u{1f}b]{0,24}") {
            if let Ok(name) = SafeName::parse(&text) {
                for part in name.as_str().split('/') {
                    prop_assert!(!part.is_empty() && !part.starts_with('.'));
                    prop_assert!(!part.contains(['\\', '\0']));
                }
                prop_assert_eq!(SafeName::parse(name.as_str()), Ok(name.clone()));
            }
        }
    }
}
