//! A recorded trace: one arrival a line.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Most arrivals that a trace may list (16 MB in memory).
pub const MAX_TRACE_ARRIVALS: usize = 1_000_000;

/// Largest trace file that is read.
const MAX_TRACE_BYTES: u64 = 256 << 20;

/// Arrivals of a recorded trace, as offsets from its first one, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    arrivals: Arc<[Duration]>,
}

/// Why a trace could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file could not be opened or read.
    #[error("cannot read the trace {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is larger, or lists more arrivals, than is read.
    #[error("the trace has more than {MAX_TRACE_ARRIVALS} arrivals or {MAX_TRACE_BYTES} bytes")]
    TooLong,
    /// The file has no arrival.
    #[error(
        "the trace lists no arrival; write one a line, in seconds (12.5) or as a time (2026-11-21 18:15:46.68)"
    )]
    Empty,
    /// A line that is no arrival.
    #[error(
        "line {line} of the trace, {text:?}, is no arrival; write seconds (12.5) or a time (2026-11-21 18:15:46.68)"
    )]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// Its first field.
        text: String,
    },
}

impl Trace {
    /// Reads a trace file.
    ///
    /// # Errors
    /// When it cannot be read, is too long, or holds a line that is no arrival.
    pub fn read(file: &Path) -> Result<Self, TraceError> {
        let error = |source| TraceError::Read { file: file.to_owned(), source };
        if std::fs::metadata(file).map_err(error)?.len() > MAX_TRACE_BYTES {
            return Err(TraceError::TooLong);
        }
        Self::parse(&std::fs::read_to_string(file).map_err(error)?)
    }

    /// Reads the text of a trace: the first comma-separated field of each line is the arrival, as
    /// seconds or as a time (`2023-11-16 18:15:46.68`, RFC 3339). Empty lines, lines after `#`
    /// and a first line of column names are skipped; the order does not matter.
    ///
    /// # Errors
    /// When a line is no arrival, or there is none, or there are too many.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut times: Vec<f64> = Vec::new();
        let fields = text
            .lines()
            .map(|line| line.split(',').next().unwrap_or("").trim())
            .enumerate()
            .filter(|(_, field)| !field.is_empty() && !field.starts_with('#'));
        let mut heading_allowed = true;
        for (index, field) in fields {
            match seconds(field) {
                Some(time) => times.push(time),
                None if heading_allowed => {}
                None => {
                    let text = field.chars().take(40).collect();
                    return Err(TraceError::Line { line: index + 1, text });
                }
            }
            heading_allowed = false;
            if times.len() > MAX_TRACE_ARRIVALS {
                return Err(TraceError::TooLong);
            }
        }
        times.sort_by(f64::total_cmp);
        let first = *times.first().ok_or(TraceError::Empty)?;
        let offset = |time: &f64| Duration::try_from_secs_f64(time - first).unwrap_or_default();
        Ok(Self { arrivals: times.iter().map(offset).collect() })
    }

    /// All arrivals, as offsets from the first.
    #[must_use]
    pub fn arrivals(&self) -> Arc<[Duration]> {
        Arc::clone(&self.arrivals)
    }

    /// The last arrival's offset.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.arrivals.last().copied().unwrap_or_default()
    }
}

/// Seconds of a field: a number, a timestamp with its zone, or a time without one.
fn seconds(field: &str) -> Option<f64> {
    if let Ok(number) = field.parse::<f64>() {
        return (number.is_finite() && number.abs() < 1e12).then_some(number);
    }
    let timestamp = field.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = field.parse().ok()?;
        civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })?;
    Some(timestamp.as_duration().as_secs_f64())
}
