//! What the client measured.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::time::Instant;

/// Everything about all streams of one load.
pub(crate) struct Measured {
    whole: u64,
    broken: BTreeMap<String, u64>,
    chunks: u64,
    bytes: u64,
    ttft: Times,
    gap: Times,
    total: Times,
    begun: Instant,
}

/// The times of one stream so far.
#[derive(Clone, Copy)]
pub(crate) struct Stream {
    started: Instant,
    last_chunk: Option<Instant>,
}

impl Stream {
    /// A stream whose user starts now, before connecting.
    pub(crate) fn start(now: Instant) -> Self {
        Self { started: now, last_chunk: None }
    }
}

impl Measured {
    pub(crate) fn new() -> Self {
        Self {
            whole: 0,
            broken: BTreeMap::new(),
            chunks: 0,
            bytes: 0,
            ttft: Times::new(),
            gap: Times::new(),
            total: Times::new(),
            begun: Instant::now(),
        }
    }

    /// Bytes arrived on any stream.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// A chunk arrived.
    pub(crate) fn chunk(&mut self, stream: &mut Stream, now: Instant) {
        self.chunks += 1;
        match stream.last_chunk.replace(now) {
            Some(before) => self.gap.record(now - before),
            None => self.ttft.record(now - stream.started),
        }
    }

    /// A stream reached its terminal event.
    pub(crate) fn whole(&mut self, stream: &Stream, now: Instant) {
        self.whole += 1;
        self.total.record(now - stream.started);
    }

    /// A stream ended otherwise.
    pub(crate) fn broken(&mut self, why: impl Into<String>) {
        *self.broken.entry(why.into()).or_default() += 1;
    }

    /// Streams that have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.whole + self.broken.values().sum::<u64>()
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "whole": self.whole,
            "broken": self.broken,
            "chunks": self.chunks,
            "bytes": self.bytes,
            "duration_s": self.begun.elapsed().as_secs_f64(),
            "ttft_ms": self.ttft.to_json(),
            "gap_ms": self.gap.to_json(),
            "total_ms": self.total.to_json(),
        })
    }
}

/// Longest time that is told apart, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;

/// A distribution of times: microseconds, three significant digits.
pub(crate) struct Times(Histogram<u64>);

impl Times {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, 3);
        Self(histogram.expect("one to an hour, at three digits, is within the allowed bounds"))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Milliseconds; null without samples.
    pub(crate) fn to_json(&self) -> Value {
        if self.0.is_empty() {
            return Value::Null;
        }
        let at = |quantile: f64| millis(self.0.value_at_quantile(quantile));
        json!({
            "count": self.0.len(),
            "mean": self.0.mean() / 1000.0,
            "p50": at(0.5),
            "p90": at(0.9),
            "p95": at(0.95),
            "p99": at(0.99),
            "max": millis(self.0.max()),
        })
    }
}

/// Exact: times here are far below 2^53 µs.
#[expect(clippy::cast_precision_loss, reason = "times here are far below 2^53 µs")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
