//! Counters that may be read while a level runs: by the live view, and for the time line.
//!
//! Each worker writes its own block with plain stores (it is the only writer), so that counting a
//! chunk costs no locked instruction; readers add the blocks up and may be a moment behind.

use std::sync::atomic::{AtomicU64, Ordering};

use results::units::millis_from_micros;

/// Streams open over all workers, now and at most. Touched once at a stream's begin and end.
#[derive(Debug, Default)]
pub struct OpenStreams {
    now: AtomicU64,
    peak: AtomicU64,
}

impl OpenStreams {
    /// A stream began.
    pub fn open(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(now, Ordering::Relaxed);
    }

    /// A stream ended.
    pub fn close(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }

    /// Streams open now.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Most streams that were open at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// Steps of the live TTFT distribution: four for each doubling, from 1 µs to 71 minutes.
const TTFT_STEPS: usize = 128;

/// What one worker counts for others to read.
#[derive(Debug)]
pub struct WorkerCounters {
    started: AtomicU64,
    ended: AtomicU64,
    failed: AtomicU64,
    chunks: AtomicU64,
    ttft: [AtomicU64; TTFT_STEPS],
}

impl Default for WorkerCounters {
    fn default() -> Self {
        Self {
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            ttft: [const { AtomicU64::new(0) }; TTFT_STEPS],
        }
    }
}

/// Adds one to a counter that no other thread writes.
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl WorkerCounters {
    /// A stream began. Only for the worker that owns the block, as all that count.
    pub fn count_start(&self) {
        bump(&self.started);
    }

    /// A chunk arrived.
    pub fn count_chunk(&self) {
        bump(&self.chunks);
    }

    /// A stream ended, whole or not, with its TTFT in microseconds if it had one.
    pub fn count_end(&self, whole: bool, ttft_micros: Option<u64>) {
        bump(&self.ended);
        if !whole {
            bump(&self.failed);
        }
        if let Some(micros) = ttft_micros {
            bump(&self.ttft[step_of(micros)]);
        }
    }
}

/// The sums over all workers at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LiveTotals {
    /// Streams begun.
    pub started: u64,
    /// Streams ended.
    pub ended: u64,
    /// Streams that ended with any outcome but `ok`.
    pub failed: u64,
    /// Chunks received.
    pub chunks: u64,
    /// 95th percentile of TTFT of the ended streams in milliseconds, to within a fifth.
    pub ttft_p95_ms: Option<f64>,
}

/// Adds up what all workers counted so far.
#[must_use]
pub fn totals(workers: &[WorkerCounters]) -> LiveTotals {
    let sum = |field: fn(&WorkerCounters) -> &AtomicU64| {
        workers.iter().map(|worker| field(worker).load(Ordering::Relaxed)).sum()
    };
    LiveTotals {
        started: sum(|worker| &worker.started),
        ended: sum(|worker| &worker.ended),
        failed: sum(|worker| &worker.failed),
        chunks: sum(|worker| &worker.chunks),
        ttft_p95_ms: ttft_p95_ms(workers),
    }
}

fn ttft_p95_ms(workers: &[WorkerCounters]) -> Option<f64> {
    let steps: Vec<u64> = (0..TTFT_STEPS)
        .map(|step| workers.iter().map(|worker| worker.ttft[step].load(Ordering::Relaxed)).sum())
        .collect();
    let total: u64 = steps.iter().sum();
    let wanted = (total * 95).div_ceil(100);
    let mut seen = 0;
    let step = steps.iter().position(|count| {
        seen += count;
        total > 0 && seen >= wanted
    })?;
    Some(millis_from_micros(upper_micros(step)))
}

/// Four steps for each power of two.
fn step_of(micros: u64) -> usize {
    let micros = micros.max(4);
    let power = micros.ilog2();
    let quarter = (micros >> (power - 2)) & 3;
    usize::try_from(u64::from(power - 2) * 4 + quarter).unwrap_or(TTFT_STEPS).min(TTFT_STEPS - 1)
}

/// The largest value of a step.
fn upper_micros(step: usize) -> u64 {
    let step = u64::try_from(step).unwrap_or(0) + 1;
    (4 + step % 4) << (step / 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_peak_is_the_most_that_were_open() {
        let open = OpenStreams::default();
        open.open();
        open.open();
        open.close();
        open.open();
        assert_eq!((open.now(), open.peak()), (2, 2));
    }

    #[test]
    fn totals_add_all_workers_up() {
        let workers = [WorkerCounters::default(), WorkerCounters::default()];
        assert_eq!(totals(&workers), LiveTotals::default());
        workers[0].count_start();
        workers[1].count_start();
        workers[1].count_chunk();
        workers[1].count_end(false, Some(1_100_000));
        let sum = totals(&workers);
        assert_eq!((sum.started, sum.ended, sum.failed, sum.chunks), (2, 1, 1, 1));
        let p95 = sum.ttft_p95_ms.unwrap();
        assert!((1100.0..1320.0).contains(&p95), "{p95}");
    }

    proptest! {
        #[test]
        fn a_step_holds_its_value_within_a_quarter(micros in 4u64..4_000_000_000) {
            let step = step_of(micros);
            let upper = upper_micros(step);
            prop_assert!(step == TTFT_STEPS - 1 || (upper > micros && upper <= micros + micros / 4 + 1), "{upper} for {micros}");
            prop_assert!(step == 0 || upper_micros(step - 1) <= micros);
        }
    }
}
