//! What belongs to one worker thread, and what all of them share.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use tokio_util::task::TaskTracker;

use crate::config::Settings;
use crate::drain::Drain;
use crate::media::Media;
use crate::openai::ResponseStore;
use crate::profile::Profile;
use crate::stats::{Endpoint, Outcome, Stats};
use crate::wheel::Wheel;

/// Shared by all workers of a server.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) stats: Stats,
    pub(crate) responses: ResponseStore,
    pub(crate) media: Media,
    /// The profile for requests that no model has to think about.
    pub(crate) instant: Arc<Profile>,
    requests: AtomicU64,
}

impl Shared {
    pub(crate) fn new(settings: Settings, workers: usize) -> Self {
        let media = Media::new(settings.seed, settings.video_bytes);
        Self {
            settings,
            stats: Stats::new(workers),
            responses: ResponseStore::default(),
            media,
            instant: Arc::new(Profile::built_in("instant").expect("a test finds it there")),
            requests: AtomicU64::new(0),
        }
    }

    /// The number of the next request, from 0; requests that pin their seed count as well.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }
}

/// One thread's part of the server. Never shared, so that the hot path takes no lock.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) wheel: Rc<Wheel>,
    pub(crate) drain: Drain,
    /// Connections, and the streams of HTTP/2 connections.
    pub(crate) tasks: TaskTracker,
    index: usize,
    scratch: RefCell<Scratch>,
}

/// Where events are put together before they leave; kept, so that it is allocated once.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) piece: String,
    pub(crate) out: BytesMut,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Rc<Self> {
        Rc::new(Self {
            shared,
            wheel: Rc::new(Wheel::new()),
            drain: Drain::default(),
            tasks: TaskTracker::new(),
            index,
            scratch: RefCell::default(),
        })
    }

    /// Counts the beginning of a request; the returned guard counts its end.
    pub(crate) fn begin(self: &Rc<Self>, endpoint: Endpoint) -> InFlight {
        self.shared.stats.begin(self.index, endpoint);
        InFlight { worker: Rc::clone(self), endpoint, outcome: Outcome::Cancelled }
    }

    /// Counts an event that left so much later than it was due.
    pub(crate) fn record_lateness(&self, lateness: std::time::Duration) {
        self.shared.stats.shard(self.index).lateness.record(lateness);
    }

    /// Puts bytes together in the worker's scratch space and returns a copy of their exact size:
    /// a frame that a slow client leaves behind holds on to nothing else.
    pub(crate) fn compose(&self, write: impl FnOnce(&mut Scratch)) -> Bytes {
        let mut scratch = self.scratch.borrow_mut();
        scratch.out.clear();
        write(&mut scratch);
        Bytes::copy_from_slice(&scratch.out)
    }
}

/// A request that is being answered. Unless it is told otherwise before it is dropped, the
/// client has left: dropping the answer is how that shows.
#[derive(Debug)]
pub(crate) struct InFlight {
    worker: Rc<Worker>,
    endpoint: Endpoint,
    outcome: Outcome,
}

impl InFlight {
    /// What to count when this is dropped.
    pub(crate) fn set_outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }

    pub(crate) fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.worker.shared.stats.end(self.worker.index, self.endpoint, self.outcome);
    }
}
