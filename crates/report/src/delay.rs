//! Where the time goes that an answer takes longer under load: connecting, the response head, the
//! first event, or the events after it.

use crate::figure::{Figure, Metric};
use crate::number::Kind;
use crate::overview::{LevelView, Overview};

/// Added time below this share of the mean total is not taken apart: it is within what two
/// levels differ by chance.
pub const ADDED_MIN_SHARE: f64 = 0.01;

/// A part of an answer's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Opening the connection.
    Connecting,
    /// From the connection to the first byte of the response head.
    Head,
    /// From the head to the first event.
    FirstEvent,
    /// From the first event to the last: the gaps.
    Streaming,
}

impl Part {
    /// The part as people read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Head => "waiting for the response head",
            Self::FirstEvent => "waiting for the first event after the head",
            Self::Streaming => "gaps between events",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Head => "head",
            Self::FirstEvent => "first_event",
            Self::Streaming => "streaming",
        }
    }
}

/// The mean time that an answer took longer at the highest trusted level than at the lowest.
#[derive(Debug, Clone)]
pub struct Added<'r> {
    /// The lowest trusted level.
    pub base: LevelView<'r>,
    /// The highest trusted level.
    pub top: LevelView<'r>,
    /// Milliseconds added by each part, in the order of an answer; not below zero.
    pub parts: Vec<(Part, f64)>,
}

impl<'r> Added<'r> {
    /// The time added; `None` without two trusted levels or without the means.
    ///
    /// Means are used because only means add up: TTFT's mean is that of connecting, of the head
    /// and of the first event together. Streaming is the growth of the mean gap times the gaps of
    /// an answer, so that longer answers do not count as slower ones.
    #[must_use]
    pub fn of(overview: &Overview<'r>) -> Option<Self> {
        let (base, top) = overview.base_and_top()?;
        let mean = |view: LevelView<'_>, metric: Metric| metric.of(view.level).map(|s| s.mean);
        let grown = |metric| Some(mean(top, metric)? - mean(base, metric)?);
        let (connect, ttfb, ttft) =
            (grown(Metric::Connect), grown(Metric::Ttfb), grown(Metric::Ttft)?);
        let gaps = mean(top, Metric::ChunksPerStream).map_or(0.0, |chunks| (chunks - 1.0).max(0.0));
        let streaming = grown(Metric::Gap).unwrap_or(0.0) * gaps;
        let parts = [
            (Part::Connecting, connect.unwrap_or(0.0)),
            (Part::Head, ttfb.map_or(0.0, |ttfb| ttfb - connect.unwrap_or(0.0))),
            (Part::FirstEvent, ttft - ttfb.unwrap_or(0.0)),
            (Part::Streaming, streaming),
        ];
        let parts = parts.into_iter().map(|(part, ms)| (part, ms.max(0.0))).collect();
        Some(Self { base, top, parts })
    }

    /// All parts together, in milliseconds.
    #[must_use]
    pub fn total_ms(&self) -> f64 {
        self.parts.iter().map(|(_, ms)| ms).sum()
    }

    /// Whether the added time is large enough to be taken apart.
    #[must_use]
    pub fn matters(&self) -> bool {
        let total = Metric::Total.of(self.base.level).map_or(0.0, |summary| summary.mean);
        self.total_ms() > 0.0 && self.total_ms() >= total * ADDED_MIN_SHARE
    }

    /// The part that added most, with its share of all, in percent.
    #[must_use]
    pub fn largest(&self) -> Option<(Part, f64)> {
        let total = self.total_ms();
        self.parts
            .iter()
            .copied()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|_| total > 0.0)
            .map(|(part, ms)| (part, ms / total * 100.0))
    }

    /// A part's time as a number of the report.
    #[must_use]
    pub fn figure(&self, part: Part, ms: f64) -> Figure {
        Figure::derived(&format!("added_ms.{}", part.id()), Kind::Latency, Some(ms))
    }
}
