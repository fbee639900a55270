//! Counts the files on their way, so that a tester can witness that they overlapped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters of all transfers. Written once a piece of some ten KiB, read rarely.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    open: AtomicU64,
    peak_open: AtomicU64,
    started: AtomicU64,
    finished: AtomicU64,
    cut: AtomicU64,
    bytes: AtomicU64,
}

/// Counts: `started = finished + cut + open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct TransferCounts {
    /// On their way now.
    pub(crate) open: u64,
    /// The most at once.
    pub(crate) peak_open: u64,
    pub(crate) started: u64,
    /// Sent to the last byte that was asked for.
    pub(crate) finished: u64,
    /// Ended before: by a fault, or because the client left.
    pub(crate) cut: u64,
    /// Bytes handed to the network.
    pub(crate) bytes: u64,
}

impl Transfers {
    /// Counts a beginning; the returned guard counts the end.
    pub(crate) fn begin(self: &Arc<Self>) -> Open {
        self.started.fetch_add(1, Ordering::Relaxed);
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_open.fetch_max(open, Ordering::Relaxed);
        Open { counters: Arc::clone(self), finished: false }
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> TransferCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        TransferCounts {
            open: read(&self.open),
            peak_open: read(&self.peak_open),
            started: read(&self.started),
            finished: read(&self.finished),
            // Counted rather than computed from the others, between whose changes it would go
            // down for a moment: a counter in `/metrics` that goes down has begun anew.
            cut: read(&self.cut),
            bytes: read(&self.bytes),
        }
    }

    /// Zeroes everything but what is open now, which counts as just started.
    pub(crate) fn reset(&self) {
        let open = self.open.load(Ordering::Relaxed);
        self.peak_open.store(open, Ordering::Relaxed);
        self.started.store(open, Ordering::Relaxed);
        self.finished.store(0, Ordering::Relaxed);
        self.cut.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }
}

/// One transfer that is open as long as this is kept.
#[derive(Debug)]
pub(crate) struct Open {
    counters: Arc<Transfers>,
    finished: bool,
}

impl Open {
    /// Counts bytes that have been sent.
    pub(crate) fn sent(&self, bytes: u64) {
        self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The last byte has been sent.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let ended = if self.finished { &self.counters.finished } else { &self.counters.cut };
        ended.fetch_add(1, Ordering::Relaxed);
        self.counters.open.fetch_sub(1, Ordering::Relaxed);
    }
}
