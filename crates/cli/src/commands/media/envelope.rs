//! What stdout carries: one JSON envelope for each input.

use std::io::{self, IsTerminal};
use std::time::Duration;

use media::tools::{ErrorKind, ToolError};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::paint;

/// The envelope's version.
const VERSION: u32 = 1;

/// Exit codes of `weir media`: those of sanzaru, which scripts rely on. They are others than the
/// rest of the program has, and documented in the command's help.
pub(super) const OK: u8 = 0;
/// The provider or the network failed.
const RUNTIME: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// The machine is not set up for it.
const CONFIG: u8 = 3;
/// It took too long, and can be taken up again.
const TIMEOUT: u8 = 4;
/// The job itself failed.
const JOB_FAILED: u8 = 5;
/// Some of several inputs failed.
const PARTIAL: u8 = 6;

/// Why an input has no result.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    kind: ErrorKind,
    message: String,
    /// The command that takes it up again.
    pub(super) resume: Option<String>,
    /// Further fields of the envelope.
    pub(super) extra: Map<String, Value>,
}

impl Problem {
    /// A problem of this kind.
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), resume: None, extra: Map::new() }
    }

    /// The command line is wrong.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// The machine is not set up for it.
    pub(super) fn config(error: &anyhow::Error) -> Self {
        Self::new(ErrorKind::Config, format!("{error:#}"))
    }

    /// A defect of this program.
    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// The same as another kind, said in a sentence around it.
    pub(super) fn recast(self, kind: ErrorKind, before: &str) -> Self {
        Self { kind, message: format!("{before}{}", self.message), ..self }
    }

    /// With one more field in the envelope.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// `error.type`.
    pub(super) fn word(&self) -> &'static str {
        self.kind.as_str()
    }

    /// `error.message`.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The exit code for it.
    pub(super) fn code(&self) -> u8 {
        match self.kind {
            ErrorKind::Usage => USAGE,
            ErrorKind::Config => CONFIG,
            ErrorKind::Timeout => TIMEOUT,
            ErrorKind::JobFailed => JOB_FAILED,
            _ => RUNTIME,
        }
    }
}

impl From<ToolError> for Problem {
    fn from(error: ToolError) -> Self {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            let inner_message = inner.to_string();
            if !message.contains(&inner_message) {
                message = format!("{message}: {inner_message}");
            }
            cause = inner.source();
        }
        Self::new(error.kind(), message)
    }
}

#[derive(Debug, Clone, Serialize)]
struct ErrorPart {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
}

/// One input's outcome.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Envelope {
    v: u32,
    ok: bool,
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    elapsed_s: Option<f64>,
    #[serde(flatten)]
    extra: Map<String, Value>,
    #[serde(skip)]
    code: u8,
}

impl Envelope {
    /// It worked.
    pub(super) fn done(command: &'static str, result: impl Into<Value>) -> Self {
        Self {
            v: VERSION,
            ok: true,
            command,
            result: Some(result.into()),
            error: None,
            resume: None,
            elapsed_s: None,
            extra: Map::new(),
            code: OK,
        }
    }

    /// It did not.
    pub(super) fn failed(command: &'static str, problem: &Problem) -> Self {
        Self {
            v: VERSION,
            ok: false,
            command,
            result: None,
            error: Some(ErrorPart { kind: problem.word(), message: problem.message.clone() }),
            resume: problem.resume.clone(),
            elapsed_s: None,
            extra: problem.extra.clone(),
            code: problem.code(),
        }
    }

    /// Either.
    pub(super) fn of(command: &'static str, outcome: Result<Value, Problem>) -> Self {
        match outcome {
            Ok(result) => Self::done(command, result),
            Err(problem) => Self::failed(command, &problem),
        }
    }

    /// With the time that it took, in tenths of a second.
    pub(super) fn took(mut self, elapsed: Duration) -> Self {
        self.elapsed_s = Some((elapsed.as_secs_f64() * 10.0).round() / 10.0);
        self
    }

    /// With one more field.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// Prints it as the only one, for people when stdout is a terminal. Returns the exit code.
    pub(super) fn emit_alone(&self) -> u8 {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(self)
        } else {
            serde_json::to_string(self)
        };
        self.print(text)
    }

    /// Prints it as one line among others. Returns its exit code.
    pub(super) fn emit_line(&self) -> u8 {
        self.print(serde_json::to_string(self))
    }

    fn print(&self, text: serde_json::Result<String>) -> u8 {
        let written = text.map_err(io::Error::from).and_then(|text| paint::data(&(text + "\n")));
        match written {
            Ok(()) => self.code,
            Err(error) => {
                paint::say(format_args!("error: failed to write to stdout: {error}"));
                crate::exit_code::BUG
            }
        }
    }
}

/// The exit code of several inputs: 0 when all are well, 6 when some are; when none is, 4 if one can
/// be taken up again, else the highest.
pub(super) fn code_of_all(codes: &[u8]) -> u8 {
    let failed = codes.iter().filter(|&&code| code != OK).count();
    if failed == 0 {
        OK
    } else if failed < codes.len() {
        PARTIAL
    } else if codes.contains(&TIMEOUT) {
        TIMEOUT
    } else {
        codes.iter().copied().max().unwrap_or(OK)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn several_inputs_have_one_exit_code() {
        for (codes, expected) in
            [(&[][..], 0), (&[0, 0], 0), (&[0, 5], 6), (&[1, 4, 5], 4), (&[1, 5, 3], 5), (&[2], 2)]
        {
            assert_eq!(code_of_all(codes), expected, "{codes:?}");
        }
    }

    #[test]
    fn envelopes_have_the_fields_that_scripts_read_in_their_order() {
        let done =
            Envelope::done("video.create", json!({"id": "v"})).took(Duration::from_millis(1_249));
        assert_eq!(
            serde_json::to_string(&done).unwrap(),
            r#"{"v":1,"ok":true,"command":"video.create","result":{"id":"v"},"elapsed_s":1.2}"#
        );
        let mut problem = Problem::new(ErrorKind::Timeout, "late").with("id", "v");
        problem.resume = Some("weir media video wait v".to_owned());
        let failed = Envelope::failed("video.wait", &problem);
        assert_eq!(failed.code, 4);
        assert_eq!(
            serde_json::to_string(&failed).unwrap(),
            r#"{"v":1,"ok":false,"command":"video.wait","error":{"type":"timeout","message":"late"},"resume":"weir media video wait v","id":"v"}"#
        );
    }
}
