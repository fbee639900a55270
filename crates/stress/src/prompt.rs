//! What users ask: one prompt for all, or many from a file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Most prompts of a file: each is kept as a whole request.
pub const MAX_PROMPTS: usize = 10_000;

/// Largest file of prompts or body that is read.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// What is asked when nobody says: long enough an answer for most models to stream a while.
pub const DEFAULT_PROMPT: &str =
    "Explain in about three hundred words how a river shapes its valley.";

/// One prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Prompt {
    /// The text of one user message.
    Text(String),
    /// A whole conversation, each message as the provider's API wants it.
    Messages(Vec<Value>),
}

/// Why a file of prompts, a prompt or a body could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file could not be opened or read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is larger than is read.
    #[error("{} is larger than {MAX_FILE_BYTES} bytes", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// The file holds more prompts than are kept.
    #[error("{} holds more than {MAX_PROMPTS} prompts", file.display())]
    TooMany {
        /// The file.
        file: PathBuf,
    },
    /// The file holds no prompt, or a prompt is empty.
    #[error("{} holds no prompt", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// A line that is no prompt.
    #[error(
        "line {line} of {} is no prompt: {reason}; write \"text\", {{\"prompt\": \"text\"}} or {{\"messages\": […]}}",
        file.display()
    )]
    Line {
        /// The file.
        file: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads a file of prompts, one JSON value a line: a string, `{"prompt": …}` or
/// `{"messages": […]}`. Empty lines are skipped, further fields of an object ignored.
///
/// # Errors
/// When it cannot be read, is too large, holds too many or no prompts, or a line is none.
pub fn read_prompts(file: &Path) -> Result<Vec<Prompt>, PromptError> {
    let text = read_text(file)?;
    let mut prompts = Vec::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (index, line) in lines {
        let prompt = parse_line(line).map_err(|reason| PromptError::Line {
            file: file.to_owned(),
            line: index + 1,
            reason,
        })?;
        prompts.push(prompt);
        if prompts.len() > MAX_PROMPTS {
            return Err(PromptError::TooMany { file: file.to_owned() });
        }
    }
    if prompts.is_empty() {
        return Err(PromptError::Empty { file: file.to_owned() });
    }
    Ok(prompts)
}

/// Reads a text file of at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// When it cannot be read, is too large, empty, or not UTF-8.
pub fn read_text(file: &Path) -> Result<String, PromptError> {
    let error = |source| PromptError::Read { file: file.to_owned(), source };
    let mut text = String::new();
    let read = File::open(file)
        .and_then(|opened| opened.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(error)?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_FILE_BYTES) {
        return Err(PromptError::TooLarge { file: file.to_owned() });
    }
    if text.trim().is_empty() {
        return Err(PromptError::Empty { file: file.to_owned() });
    }
    Ok(text)
}

fn parse_line(line: &str) -> Result<Prompt, String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Line {
        Text(String),
        Messages { messages: Vec<Value> },
        Prompt { prompt: String },
    }
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match Line::deserialize(value).map_err(|_| "it is neither of the three forms".to_owned())? {
        Line::Text(text) | Line::Prompt { prompt: text } if text.is_empty() => {
            Err("it is empty".to_owned())
        }
        Line::Text(text) | Line::Prompt { prompt: text } => Ok(Prompt::Text(text)),
        Line::Messages { messages } if messages.is_empty() => Err("it has no message".to_owned()),
        Line::Messages { messages } => Ok(Prompt::Messages(messages)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file_of(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_three_forms_are_read() {
        let file = file_of(
            "\"one\"\n\n{\"prompt\": \"two\", \"id\": 7}\n{\"messages\": [{\"role\": \"user\", \"content\": \"three\"}]}\n",
        );
        let prompts = read_prompts(file.path()).unwrap();
        assert_eq!(prompts[..2], [Prompt::Text("one".into()), Prompt::Text("two".into())]);
        assert!(matches!(&prompts[2], Prompt::Messages(messages) if messages.len() == 1));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for wrong in ["{\"prompt\": 3}", "not json", "\"\"", "{\"messages\": []}", "[1]"] {
            let message = read_prompts(file_of(&format!("\"fine\"\n{wrong}\n")).path())
                .unwrap_err()
                .to_string();
            assert!(message.starts_with("line 2 of "), "{message}");
        }
    }

    #[test]
    fn too_many_none_and_missing_are_told_apart() {
        let many = file_of(&"\"x\"\n".repeat(MAX_PROMPTS + 1));
        assert!(matches!(read_prompts(many.path()), Err(PromptError::TooMany { .. })));
        let most = file_of(&"\"x\"\n".repeat(MAX_PROMPTS));
        assert_eq!(read_prompts(most.path()).unwrap().len(), MAX_PROMPTS);
        assert!(matches!(read_prompts(file_of(" \n").path()), Err(PromptError::Empty { .. })));
        let missing = read_prompts(Path::new("/no/such/file"));
        assert!(matches!(missing, Err(PromptError::Read { .. })));
    }
}
