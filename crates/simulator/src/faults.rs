//! Faults on demand, by header or by chance.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use runtime::notation::duration_text;

use crate::delay;

/// What a fault expression may say, for error messages and documentation.
pub const SYNTAX: &str = "status=CODE (400..=599, with retry-after=SECONDS), refuse, \
slow-headers=D, slow-first=D, stall@N=D, cut@N, end@N, error@N, malformed@N, empty, tries=N, \
none; for media also announce=BYTES, pace=BYTES (a second), fail@PERCENT, slow-job=D; joined by \
`;`, N in content events (of a media file: bytes) already sent, D such as 250ms";

/// Most stalls of one stream.
const MAX_STALLS: usize = 16;

/// Everything that shall go wrong with one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// The connection is closed without an answer.
    pub(crate) refuse: bool,
    /// An error answer with this status.
    pub(crate) status: Option<u16>,
    /// Seconds for the error answer's `retry-after`.
    pub(crate) retry_after: Option<u32>,
    /// The response head comes this much later, and all events with it.
    pub(crate) slow_headers: Option<Duration>,
    /// The first event comes this much later, and all others with it.
    pub(crate) slow_first: Option<Duration>,
    /// After so many events the next comes so much later; ascending.
    pub(crate) stalls: Vec<(u32, Duration)>,
    /// After so many events the stream breaks.
    pub(crate) breakage: Option<Breakage>,
    /// After so many events comes one whose data is not JSON.
    pub(crate) malformed: Option<u32>,
    /// The answer has no content.
    pub(crate) empty: bool,
    /// All of this only for the first so many tries of a request, as the official clients count
    /// them in `x-stainless-retry-count`.
    pub(crate) tries: Option<u32>,
    /// What only media can do wrong.
    pub(crate) media: MediaFaults,
}

/// What can go wrong only with the bytes of a media file, or with the job that makes it. Answers
/// of text models pass over it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct MediaFaults {
    /// `Content-Length` says so many bytes, whatever is sent.
    pub(crate) announce: Option<u32>,
    /// Bytes a second at which a file leaves.
    pub(crate) pace: Option<u32>,
    /// The job fails when it has done so many percent.
    pub(crate) fail: Option<u32>,
    /// The job takes this much longer.
    pub(crate) slow_job: Option<Duration>,
}

/// How a stream breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Breakage {
    /// Events before it.
    pub(crate) after: u32,
    /// What happens.
    pub(crate) kind: BreakageKind,
}

/// The ways to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakageKind {
    /// The connection is closed in the middle of the body.
    Cut,
    /// The body ends properly, but without finish reason and terminal event.
    End,
    /// An in-band error event, then the body ends.
    Error,
}

/// Why a fault expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{part}` is not a fault: {reason}; allowed are {SYNTAX}")]
pub struct FaultError {
    part: String,
    reason: String,
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut faults = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            faults.add(part).map_err(|reason| FaultError { part: part.to_owned(), reason })?;
        }
        if faults.retry_after.is_some() && faults.status.is_none() {
            let reason = "it goes with status=CODE".to_owned();
            return Err(FaultError { part: "retry-after".to_owned(), reason });
        }
        faults.stalls.sort_by_key(|(after, _)| *after);
        Ok(faults)
    }
}

impl Faults {
    /// Whether nothing goes wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds faults that happen as well; where both say something, the first one stays.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.refuse |= other.refuse;
        self.empty |= other.empty;
        self.slow_headers = self.slow_headers.or(other.slow_headers);
        self.slow_first = self.slow_first.or(other.slow_first);
        self.breakage = self.breakage.or(other.breakage);
        self.malformed = self.malformed.or(other.malformed);
        self.tries = self.tries.or(other.tries);
        self.media.announce = self.media.announce.or(other.media.announce);
        self.media.pace = self.media.pace.or(other.media.pace);
        self.media.fail = self.media.fail.or(other.media.fail);
        self.media.slow_job = self.media.slow_job.or(other.media.slow_job);
        if self.status.is_none() {
            (self.status, self.retry_after) = (other.status, other.retry_after);
        }
        self.stalls.extend(&other.stalls);
        self.stalls.sort_by_key(|(after, _)| *after);
        self.stalls.truncate(MAX_STALLS);
    }

    fn add(&mut self, part: &str) -> Result<(), String> {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (part, None),
        };
        let (name, after) = match name.split_once('@') {
            Some((name, after)) => (name.trim(), Some(number(after.trim())?)),
            None => (name, None),
        };
        match (name, after, value) {
            ("none", None, None) => {}
            ("refuse", None, None) => self.refuse = true,
            ("empty", None, None) => self.empty = true,
            ("status", None, Some(code)) => self.status = Some(status(code)?),
            ("retry-after", None, Some(value)) => self.retry_after = Some(number(value)?),
            ("tries", None, Some(value)) => self.tries = Some(number(value)?),
            ("slow-headers", None, Some(delay)) => {
                self.slow_headers = Some(delay::parse(delay)?);
            }
            ("slow-first", None, Some(delay)) => self.slow_first = Some(delay::parse(delay)?),
            ("stall", Some(after), Some(delay)) => {
                if self.stalls.len() == MAX_STALLS {
                    return Err(format!("there are at most {MAX_STALLS} stalls"));
                }
                self.stalls.push((after, delay::parse(delay)?));
            }
            ("cut", Some(after), None) => self.break_off(after, BreakageKind::Cut)?,
            ("end", Some(after), None) => self.break_off(after, BreakageKind::End)?,
            ("error", Some(after), None) => self.break_off(after, BreakageKind::Error)?,
            ("malformed", Some(after), None) => self.malformed = Some(after),
            ("announce", None, Some(bytes)) => self.media.announce = Some(number(bytes)?),
            ("pace", None, Some(bytes)) => self.media.pace = Some(pace(bytes)?),
            ("fail", Some(percent), None) => self.media.fail = Some(below_hundred(percent)?),
            ("slow-job", None, Some(delay)) => {
                self.media.slow_job = Some(delay::parse(delay)?);
            }
            _ => return Err("unknown, or its @N or =VALUE is missing or too much".to_owned()),
        }
        Ok(())
    }

    fn break_off(&mut self, after: u32, kind: BreakageKind) -> Result<(), String> {
        match self.breakage.replace(Breakage { after, kind }) {
            None => Ok(()),
            Some(_) => Err("a stream can break only once".to_owned()),
        }
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number"))
}

fn pace(text: &str) -> Result<u32, String> {
    match number(text)? {
        0 => Err("a pace of 0 would never end; use stall@N=D".to_owned()),
        bytes => Ok(bytes),
    }
}

fn below_hundred(percent: u32) -> Result<u32, String> {
    match percent {
        0..=99 => Ok(percent),
        _ => Err(format!("{percent} percent is not before the end of a job; 0 to 99 are")),
    }
}

fn status(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(code) if (400..=599).contains(&code) => Ok(code),
        _ => Err(format!("`{text}` is not an error status")),
    }
}

impl fmt::Display for Faults {
    /// Writes the expression that [`FromStr`] reads back.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        let with = |name: &str, delay: &Duration| format!("{name}={}", duration_text(*delay));
        parts.extend(self.refuse.then(|| "refuse".to_owned()));
        parts.extend(self.status.map(|code| format!("status={code}")));
        parts.extend(self.retry_after.map(|seconds| format!("retry-after={seconds}")));
        parts.extend(self.slow_headers.iter().map(|delay| with("slow-headers", delay)));
        parts.extend(self.slow_first.iter().map(|delay| with("slow-first", delay)));
        parts.extend(
            self.stalls.iter().map(|(after, delay)| with(&format!("stall@{after}"), delay)),
        );
        parts.extend(self.breakage.map(|breakage| {
            let name = match breakage.kind {
                BreakageKind::Cut => "cut",
                BreakageKind::End => "end",
                BreakageKind::Error => "error",
            };
            format!("{name}@{}", breakage.after)
        }));
        parts.extend(self.malformed.map(|after| format!("malformed@{after}")));
        parts.extend(self.empty.then(|| "empty".to_owned()));
        parts.extend(self.tries.map(|tries| format!("tries={tries}")));
        parts.extend(self.media.announce.map(|bytes| format!("announce={bytes}")));
        parts.extend(self.media.pace.map(|bytes| format!("pace={bytes}")));
        parts.extend(self.media.fail.map(|percent| format!("fail@{percent}")));
        parts.extend(self.media.slow_job.iter().map(|delay| with("slow-job", delay)));
        if parts.is_empty() {
            parts.push("none".to_owned());
        }
        formatter.write_str(&parts.join(";"))
    }
}
