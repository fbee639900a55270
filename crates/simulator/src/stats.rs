//! What was really served: an independent witness for whoever tests a client or a tester.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::lateness::{Lateness, LatenessTotal};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    ChatCompletions,
    Messages,
    CountTokens,
    Responses,
    Embeddings,
    Models,
    Videos,
    VideoContent,
    Images,
    Files,
    Speech,
    Transcriptions,
}

impl Endpoint {
    /// All of them, in the order of their counters.
    pub(crate) const ALL: [Self; 12] = [
        Self::ChatCompletions,
        Self::Messages,
        Self::CountTokens,
        Self::Responses,
        Self::Embeddings,
        Self::Models,
        Self::Videos,
        Self::VideoContent,
        Self::Images,
        Self::Files,
        Self::Speech,
        Self::Transcriptions,
    ];

    /// The name in statistics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat_completions",
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Models => "models",
            Self::Videos => "videos",
            Self::VideoContent => "video_content",
            Self::Images => "images",
            Self::Files => "files",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered to its end.
    Finished,
    /// It was broken on purpose.
    Faulted,
    /// It was not a valid request.
    Rejected,
    /// The client left before the end.
    Cancelled,
}

/// Counters of one worker thread, which alone writes them.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    endpoints: [Counters; Endpoint::ALL.len()],
    /// Events and how late each was.
    pub(crate) lateness: Lateness,
}

#[derive(Debug, Default)]
struct Counters {
    started: AtomicU64,
    finished: AtomicU64,
    faulted: AtomicU64,
    rejected: AtomicU64,
    cancelled: AtomicU64,
}

/// All workers' counters, and those that make sense only together.
#[derive(Debug)]
pub(crate) struct Stats {
    shards: Vec<Shard>,
    active: AtomicU64,
    peak_active: AtomicU64,
}

/// Counts of one endpoint or of all:
/// `started = finished + faulted + rejected + cancelled + active`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) started: u64,
    pub(crate) finished: u64,
    pub(crate) faulted: u64,
    pub(crate) rejected: u64,
    pub(crate) cancelled: u64,
}

impl Stats {
    /// Zeroes for so many workers.
    pub(crate) fn new(workers: usize) -> Self {
        let shards = std::iter::repeat_with(Shard::default).take(workers).collect();
        Self { shards, active: AtomicU64::new(0), peak_active: AtomicU64::new(0) }
    }

    /// A worker's own counters.
    pub(crate) fn shard(&self, worker: usize) -> &Shard {
        &self.shards[worker]
    }

    /// A request begins.
    pub(crate) fn begin(&self, worker: usize, endpoint: Endpoint) {
        self.counters(worker, endpoint).started.fetch_add(1, Ordering::Relaxed);
        let active = self.active.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_active.fetch_max(active, Ordering::Relaxed);
    }

    /// A request that began is over.
    pub(crate) fn end(&self, worker: usize, endpoint: Endpoint, outcome: Outcome) {
        let counters = self.counters(worker, endpoint);
        let counter = match outcome {
            Outcome::Finished => &counters.finished,
            Outcome::Faulted => &counters.faulted,
            Outcome::Rejected => &counters.rejected,
            Outcome::Cancelled => &counters.cancelled,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Requests that have begun and are not over.
    pub(crate) fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    /// The most requests that were active at the same time.
    pub(crate) fn peak_active(&self) -> u64 {
        self.peak_active.load(Ordering::Relaxed)
    }

    /// One endpoint's counts over all workers.
    pub(crate) fn counts(&self, endpoint: Endpoint) -> Counts {
        let mut sum = Counts::default();
        for worker in 0..self.shards.len() {
            let counters = self.counters(worker, endpoint);
            sum.started += counters.started.load(Ordering::Relaxed);
            sum.finished += counters.finished.load(Ordering::Relaxed);
            sum.faulted += counters.faulted.load(Ordering::Relaxed);
            sum.rejected += counters.rejected.load(Ordering::Relaxed);
            sum.cancelled += counters.cancelled.load(Ordering::Relaxed);
        }
        sum
    }

    /// How late events were, over all workers.
    pub(crate) fn lateness(&self) -> LatenessTotal {
        let mut total = LatenessTotal::default();
        self.shards.iter().for_each(|shard| total.add(&shard.lateness));
        total
    }

    /// Zeroes everything but what is active now, from which the peak starts again.
    pub(crate) fn reset(&self) {
        for shard in &self.shards {
            for counters in &shard.endpoints {
                for counter in [
                    &counters.started,
                    &counters.finished,
                    &counters.faulted,
                    &counters.rejected,
                    &counters.cancelled,
                ] {
                    counter.store(0, Ordering::Relaxed);
                }
            }
            shard.lateness.reset();
        }
        self.peak_active.store(self.active(), Ordering::Relaxed);
    }

    fn counters(&self, worker: usize, endpoint: Endpoint) -> &Counters {
        let at = Endpoint::ALL.iter().position(|other| *other == endpoint);
        &self.shards[worker].endpoints[at.expect("ALL has every endpoint")]
    }
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            started: self.started + other.started,
            finished: self.finished + other.finished,
            faulted: self.faulted + other.faulted,
            rejected: self.rejected + other.rejected,
            cancelled: self.cancelled + other.cancelled,
        }
    }
}
