//! A number on its way into a report: its raw value, what kind it is, and where it came from.

use results::level::Level;
use results::summary::{Statistic, Summary};

use crate::number::{self, Kind};

/// One number of the run, or one drawn from it.
///
/// The renderers write [`Figure::show`] for people and keep the raw value and the source beside
/// it, so that a machine can read every number of a page back against `run.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The raw value in the unit of its kind; `None` when not measured or with too few samples.
    pub value: Option<f64>,
    /// How it is written.
    pub kind: Kind,
    /// Path of the value in `run.json`, dots between the keys, relative to the level where
    /// [`Figure::level`] names one; begins with [`DERIVED`] when it was computed here.
    pub metric: String,
    /// Index of its level in `levels`, for numbers of one level.
    pub level: Option<usize>,
    /// Number of samples behind it, where it stands for a distribution.
    pub samples: Option<u64>,
}

/// Begins the metric of a number that stands nowhere in `run.json` but was computed from it.
pub const DERIVED: &str = "derived.";

impl Figure {
    /// A number that stands in the run itself.
    #[must_use]
    pub fn of_run(metric: &str, kind: Kind, value: Option<f64>) -> Self {
        Self { value, kind, metric: metric.to_owned(), level: None, samples: None }
    }

    /// A number computed from the run as a whole.
    #[must_use]
    pub fn derived(name: &str, kind: Kind, value: Option<f64>) -> Self {
        Self::of_run(&format!("{DERIVED}{name}"), kind, value)
    }

    /// One statistic of a summary that stands in the run under `path`.
    #[must_use]
    pub fn of_summary(
        path: &str,
        kind: Kind,
        summary: Option<Summary>,
        statistic: Statistic,
    ) -> Self {
        Self {
            value: summary.and_then(|summary| summary.supported(statistic)),
            kind,
            metric: format!("{path}.{}", statistic.name()),
            level: None,
            samples: summary.map(|summary| summary.count),
        }
    }

    /// The same number, as one of a level.
    #[must_use]
    pub fn at_level(self, index: usize) -> Self {
        Self { level: Some(index), ..self }
    }

    /// The number with its unit, or a dash.
    #[must_use]
    pub fn show(&self) -> String {
        number::show(self.kind, self.value)
    }
}

/// A distribution that a level holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the level's field of the same name")]
pub enum Metric {
    Connect,
    Ttfb,
    Ttft,
    Gap,
    Total,
    Stretch,
    ChunksPerStream,
    BytesPerStream,
    CharsPerStream,
}

impl Metric {
    /// The field's name in `run.json`.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Connect => "connect_ms",
            Self::Ttfb => "ttfb_ms",
            Self::Ttft => "ttft_ms",
            Self::Gap => "gap_ms",
            Self::Total => "total_ms",
            Self::Stretch => "stretch",
            Self::ChunksPerStream => "chunks_per_stream",
            Self::BytesPerStream => "bytes_per_stream",
            Self::CharsPerStream => "chars_per_stream",
        }
    }

    /// How its values are written.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Connect | Self::Ttfb | Self::Ttft | Self::Gap | Self::Total => Kind::Latency,
            Self::Stretch => Kind::Ratio,
            Self::ChunksPerStream | Self::CharsPerStream => Kind::Quantity,
            Self::BytesPerStream => Kind::Bytes,
        }
    }

    /// The level's summary of it.
    #[must_use]
    pub fn of(self, level: &Level) -> Option<Summary> {
        match self {
            Self::Connect => level.connect_ms,
            Self::Ttfb => level.ttfb_ms,
            Self::Ttft => level.ttft_ms,
            Self::Gap => level.gap_ms,
            Self::Total => level.total_ms,
            Self::Stretch => level.stretch,
            Self::ChunksPerStream => level.chunks_per_stream,
            Self::BytesPerStream => level.bytes_per_stream,
            Self::CharsPerStream => level.chars_per_stream,
        }
    }
}
