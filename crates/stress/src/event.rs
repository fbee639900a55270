//! What a run tells while it runs. Events may be lost; results are not.

use std::time::Duration;

use results::Level;
use tokio::sync::mpsc::Sender;

use crate::plan::Plan;

/// Events that wait to be shown; further ones are dropped. A reader that looks every few hundred
/// milliseconds never misses one.
pub const EVENT_QUEUE: usize = 256;

/// Something happened.
#[derive(Debug, Clone)]
pub enum RunEvent {
    /// The target answered its first request as it should.
    WarmedUp {
        /// Request start to the first chunk.
        ttft: Option<Duration>,
        /// What will be done now; `None` where that depends on what is found.
        plan: Option<Plan>,
    },
    /// A level begins.
    LevelStarted {
        /// Its index, from 0.
        index: usize,
        /// How many levels there are; unknown in a capacity search.
        of: Option<usize>,
        /// Its users; in the open loop the most streams that may be open.
        users: u64,
        /// How long it will probably take.
        expected: Option<Duration>,
    },
    /// A level goes on.
    Progress(Progress),
    /// A level ended.
    LevelFinished(Box<Level>),
}

/// How a level goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Its index, from 0.
    pub index: usize,
    /// Its users.
    pub users: u64,
    /// Time since its begin.
    pub elapsed: Duration,
    /// How long it will probably take.
    pub expected: Option<Duration>,
    /// Streams open now.
    pub open: u64,
    /// Streams begun.
    pub started: u64,
    /// Streams ended.
    pub ended: u64,
    /// Streams that ended with any outcome but `ok`.
    pub failed: u64,
    /// Chunks per second since the last report.
    pub chunks_per_s: f64,
    /// 95th percentile of TTFT of the streams ended so far, to within a fifth.
    pub ttft_p95_ms: Option<f64>,
}

/// Tells whoever listens, without waiting: an event that finds the queue full is lost.
pub(crate) fn tell<E>(events: &Sender<E>, event: E) {
    if events.try_send(event).is_err() {
        tracing::debug!("an event was lost: nobody reads them fast enough");
    }
}
