//! Counts and histograms of one worker, merged once at the end of a level.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use results::level::MAX_ERROR_GROUPS;
use results::units::{float, micros};
use results::{ErrorGroup, Ideal, LatencyHistogram, Outcome, Outcomes, Summary};
use tokio::time::Instant;

use crate::client::{Observer, StreamReport};
use crate::live::{OpenStreams, WorkerCounters};

/// Longest detail of an error group, in characters.
const MAX_DETAIL_CHARS: usize = 200;

/// Under what all details beyond [`MAX_ERROR_GROUPS`] of a class are counted.
pub const OTHER_DETAILS: &str = "other";

/// What all workers of a level share.
#[derive(Debug)]
pub struct Gauges {
    /// Streams open.
    pub open: OpenStreams,
    /// One block for each worker.
    pub workers: Vec<WorkerCounters>,
}

impl Gauges {
    /// Gauges at zero for this many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        let blocks = std::iter::repeat_with(WorkerCounters::default).take(workers).collect();
        Self { open: OpenStreams::default(), workers: blocks }
    }
}

/// Records the streams of one worker. Shared by its users (`Rc`), never between threads.
#[derive(Debug)]
pub struct Recorder {
    gauges: Arc<Gauges>,
    worker: usize,
    stall: Duration,
    ideal: Option<Ideal>,
    open: Cell<u64>,
    tally: RefCell<Tally>,
}

/// What one worker counted, or several together.
#[derive(Debug, Default)]
pub struct Tally {
    /// Streams begun.
    pub started: u64,
    /// Arrivals that were refused because too many streams were open.
    pub refused: u64,
    /// Streams that were cut off by an interruption.
    pub interrupted: u64,
    /// Ended streams by outcome.
    pub outcomes: Outcomes,
    /// Streams that reached their end with a 2xx status and without an error.
    pub succeeded: u64,
    /// Streams whose grammar was satisfied, with enough chunks and bytes.
    pub complete: u64,
    /// Streams whose text verified itself, and those where it could be known at all.
    pub correct: u64,
    /// Streams whose text could be verified.
    pub verifiable: u64,
    /// First and last begin of a stream.
    pub starts: Option<(Instant, Instant)>,
    /// Opening connections.
    pub connect: LatencyHistogram,
    /// Time to the first byte.
    pub ttfb: LatencyHistogram,
    /// Time to the first chunk.
    pub ttft: LatencyHistogram,
    /// Every gap.
    pub gap: LatencyHistogram,
    /// Totals of complete streams.
    pub total: LatencyHistogram,
    /// Total over ideal, of complete streams.
    pub stretch: Distribution,
    /// Until a refusal (a status other than 2xx) was read to its end.
    pub refusal: LatencyHistogram,
    /// Gaps that were stalls.
    pub stalls: u64,
    /// Chunks of each complete stream.
    pub chunks_per_stream: Distribution,
    /// Bytes of each complete stream.
    pub bytes_per_stream: Distribution,
    /// Characters of each complete stream.
    pub chars_per_stream: Distribution,
    /// Pace of complete streams.
    pub fairness: Fairness,
    /// Chunks of all streams.
    pub chunks: u64,
    /// Bytes of all streams.
    pub bytes: u64,
    errors: HashMap<(Outcome, String), u64>,
}

impl Recorder {
    /// A recorder for the worker of this index.
    #[must_use]
    pub fn new(gauges: Arc<Gauges>, worker: usize, stall: Duration, ideal: Option<Ideal>) -> Self {
        let (open, tally) = (Cell::new(0), RefCell::default());
        Self { gauges, worker, stall, ideal, open, tally }
    }

    /// A stream begins.
    pub fn started(&self, at: Instant) {
        self.open.set(self.open.get() + 1);
        self.gauges.open.open();
        self.counters().count_start();
        let mut tally = self.tally.borrow_mut();
        tally.started += 1;
        let (first, last) = tally.starts.unwrap_or((at, at));
        tally.starts = Some((first.min(at), last.max(at)));
    }

    /// A stream ended, whatever became of it.
    pub fn ended(&self, report: &StreamReport) {
        self.open.set(self.open.get() - 1);
        self.gauges.open.close();
        self.counters().count_end(report.outcome == Outcome::Ok, report.ttft.map(micros));
        self.tally.borrow_mut().add_stream(report, self.ideal.as_ref());
    }

    /// An arrival was refused because too many streams were open.
    pub fn refused(&self) {
        self.tally.borrow_mut().refused += 1;
    }

    /// Ends the recording. Streams still open were cut off.
    #[must_use]
    pub fn finish(&self) -> Tally {
        let mut tally = self.tally.take();
        tally.interrupted = self.open.take();
        for _ in 0..tally.interrupted {
            self.gauges.open.close();
        }
        tally
    }

    fn counters(&self) -> &WorkerCounters {
        &self.gauges.workers[self.worker]
    }
}

impl Observer for Recorder {
    fn connected(&self, took: Duration) {
        self.tally.borrow_mut().connect.record(took);
    }

    fn received(&self, bytes: usize) {
        self.tally.borrow_mut().bytes += u64::try_from(bytes).unwrap_or(0);
    }

    fn chunk(&self, gap: Option<Duration>) {
        self.counters().count_chunk();
        let mut tally = self.tally.borrow_mut();
        tally.chunks += 1;
        if let Some(gap) = gap {
            tally.gap.record(gap);
            tally.stalls += u64::from(gap > self.stall);
        }
    }
}

impl Tally {
    fn add_stream(&mut self, report: &StreamReport, ideal: Option<&Ideal>) {
        self.outcomes.count(report.outcome);
        if let Some(ttfb) = report.ttfb {
            self.ttfb.record(ttfb);
        }
        if let Some(ttft) = report.ttft {
            self.ttft.record(ttft);
        }
        if let Some(correct) = report.correct {
            self.verifiable += 1;
            self.correct += u64::from(correct);
        }
        if reached_its_end(report.outcome) {
            self.succeeded += 1;
        }
        if is_complete(report.outcome) {
            self.complete += 1;
            self.add_complete(report, ideal);
        }
        if report.outcome == Outcome::HttpError && report.status.is_some_and(is_refusal) {
            self.refusal.record(report.ended_at.saturating_duration_since(report.started_at));
        }
        if report.outcome != Outcome::Ok {
            self.add_error(report.outcome, &report.detail, 1);
        }
    }

    /// Distributions over streams are of complete ones alone: a cut stream is not a fast one.
    fn add_complete(&mut self, report: &StreamReport, ideal: Option<&Ideal>) {
        if let Some(total) = report.total {
            self.total.record(total);
            let ideal = report.ideal.or_else(|| ideal.map(|ideal| course(ideal, report.chunks)));
            if let Some(ideal) = ideal.filter(|ideal| !ideal.is_zero()) {
                self.stretch.add_thousandths(total.as_secs_f64() / ideal.as_secs_f64());
            }
        }
        self.chunks_per_stream.add(report.chunks);
        self.bytes_per_stream.add(report.bytes);
        self.chars_per_stream.add(report.chars);
        if let Some(streaming) = report.streaming.filter(|streaming| !streaming.is_zero()) {
            self.fairness.add(float(report.chunks.saturating_sub(1)) / streaming.as_secs_f64());
        }
    }

    fn add_error(&mut self, class: Outcome, detail: &str, count: u64) {
        let detail: String = detail.chars().take(MAX_DETAIL_CHARS).collect();
        let full = self.errors.len() >= MAX_ERROR_GROUPS - Outcome::ALL.len();
        let key = (class, detail);
        let key = if full && !self.errors.contains_key(&key) {
            (class, OTHER_DETAILS.to_owned())
        } else {
            key
        };
        *self.errors.entry(key).or_default() += count;
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: &Self) {
        self.started += other.started;
        self.refused += other.refused;
        self.interrupted += other.interrupted;
        self.outcomes.merge(&other.outcomes);
        self.succeeded += other.succeeded;
        self.complete += other.complete;
        self.correct += other.correct;
        self.verifiable += other.verifiable;
        self.starts = match (self.starts, other.starts) {
            (Some(ours), Some(theirs)) => Some((ours.0.min(theirs.0), ours.1.max(theirs.1))),
            (ours, theirs) => ours.or(theirs),
        };
        self.connect.merge(&other.connect);
        self.ttfb.merge(&other.ttfb);
        self.ttft.merge(&other.ttft);
        self.gap.merge(&other.gap);
        self.total.merge(&other.total);
        self.stretch.merge(&other.stretch);
        self.refusal.merge(&other.refusal);
        self.stalls += other.stalls;
        self.chunks_per_stream.merge(&other.chunks_per_stream);
        self.bytes_per_stream.merge(&other.bytes_per_stream);
        self.chars_per_stream.merge(&other.chars_per_stream);
        self.fairness.merge(&other.fairness);
        self.chunks += other.chunks;
        self.bytes += other.bytes;
        for ((class, detail), count) in &other.errors {
            self.add_error(*class, detail, *count);
        }
    }

    /// Failures by class and detail, most frequent first, then in the order of classes and text.
    #[must_use]
    pub fn errors(&self) -> Vec<ErrorGroup> {
        let mut groups: Vec<ErrorGroup> = self
            .errors
            .iter()
            .map(|((class, detail), &count)| ErrorGroup {
                class: *class,
                detail: detail.clone(),
                count,
            })
            .collect();
        groups.sort_by(|left, right| {
            (right.count, left.class, &left.detail).cmp(&(left.count, right.class, &right.detail))
        });
        groups
    }
}

/// Success: a 2xx answer that came to its proper end without an error, however short or wrong.
fn reached_its_end(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Ok | Outcome::Short | Outcome::Empty | Outcome::WrongText => true,
        Outcome::Truncated
        | Outcome::Malformed
        | Outcome::ErrorEvent
        | Outcome::HttpError
        | Outcome::ConnectError
        | Outcome::Timeout => false,
    }
}

/// Refused: any status but 2xx, unlike an answer that has another content type than asked for.
fn is_refusal(status: u16) -> bool {
    !(200..300).contains(&status)
}

/// Complete: whole by its grammar, with enough chunks and bytes; the text is another matter.
fn is_complete(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Ok | Outcome::WrongText)
}

/// The ideal total of an answer of so many chunks.
fn course(ideal: &Ideal, chunks: u64) -> Duration {
    let millis = ideal.first_ms + ideal.gap_ms * float(chunks.saturating_sub(1));
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
}

/// A distribution of whole numbers: percentiles to three digits, the mean exact.
#[derive(Debug, Default)]
pub struct Distribution {
    histogram: LatencyHistogram,
    sum: f64,
}

impl Distribution {
    /// Counts one number.
    pub fn add(&mut self, value: u64) {
        self.histogram.record_micros(value);
        self.sum += float(value);
    }

    /// Counts one ratio, told apart to a thousandth.
    pub fn add_thousandths(&mut self, ratio: f64) {
        let micros = Duration::try_from_secs_f64(ratio / 1000.0).map_or(u64::MAX, micros);
        self.histogram.record_micros(micros);
        self.sum += ratio * 1000.0;
    }

    /// Adds another distribution.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.merge(&other.histogram);
        self.sum += other.sum;
    }

    /// Summary of numbers counted by [`Self::add`].
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        self.scaled(1.0)
    }

    /// Summary of ratios counted by [`Self::add_thousandths`].
    #[must_use]
    pub fn summary_of_ratios(&self) -> Option<Summary> {
        self.scaled(1000.0)
    }

    fn scaled(&self, units: f64) -> Option<Summary> {
        let summary = self.histogram.summary_ms()?;
        let scale = |value: f64| value * 1000.0 / units;
        Some(Summary {
            count: summary.count,
            mean: self.sum / float(summary.count) / units,
            p50: scale(summary.p50),
            p90: scale(summary.p90),
            p95: scale(summary.p95),
            p99: scale(summary.p99),
            max: scale(summary.max),
        })
    }
}

/// Jain's fairness index, from running sums: (Σx)² / (n Σx²). It is 1 when all are alike and
/// 1/n when one has everything. (Jain, Chiu, Hawe: DEC-TR-301, 1984.)
#[derive(Debug, Default, Clone, Copy)]
pub struct Fairness {
    count: u64,
    sum: f64,
    sum_of_squares: f64,
}

impl Fairness {
    /// Takes one share.
    pub fn add(&mut self, share: f64) {
        self.count += 1;
        self.sum += share;
        self.sum_of_squares += share * share;
    }

    /// Adds other shares.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.sum_of_squares += other.sum_of_squares;
    }

    /// The index, or `None` without shares.
    #[must_use]
    pub fn index(&self) -> Option<f64> {
        (self.sum_of_squares > 0.0)
            .then(|| self.sum * self.sum / (float(self.count) * self.sum_of_squares))
    }
}

#[cfg(test)]
mod tests;
