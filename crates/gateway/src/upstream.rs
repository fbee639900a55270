//! Upstreams: what is known about each, over all workers, and the way to them.

pub(crate) mod answer;
pub(crate) mod breaker;
pub(crate) mod connect;
mod head;
pub(crate) mod health;
pub(crate) mod http1;
mod http2;
pub(crate) mod pool;
mod transport;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::admission::{Count, Counted};
use crate::metrics::{Metrics, UpstreamMetrics};
use crate::settings;
use breaker::{Breaker, Permission};

/// An upstream as configured now, with what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) settings: Arc<settings::Upstream>,
    pub(crate) live: Arc<Live>,
}

/// What is known about an upstream; outlives a change of its settings.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) open: Arc<Count>,
    pub(crate) metrics: UpstreamMetrics,
    breaker: Mutex<Breaker>,
    /// Until when it asked to be left alone.
    rests: Mutex<Option<Instant>>,
    well: AtomicBool,
}

/// Longest time for which an upstream's wish to be left alone (`retry-after`) counts for the requests
/// that come after: it may be well again earlier, and one request a minute finds that out.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// One request at an upstream: holds its place and tells the breaker how it went.
#[derive(Debug)]
pub(crate) struct Visit {
    upstream: Upstream,
    _open: Counted,
    reported: bool,
}

impl Upstream {
    pub(crate) fn new(settings: Arc<settings::Upstream>, metrics: &Metrics) -> Self {
        let metrics = metrics.upstream(&settings.name);
        metrics.up.set(1);
        let live = Live {
            open: Arc::default(),
            metrics,
            breaker: Mutex::default(),
            rests: Mutex::default(),
            // Until a check says otherwise: the first requests must not wait for it.
            well: AtomicBool::new(true),
        };
        Self { settings, live: Arc::new(live) }
    }

    /// Whether it has a place for a request.
    pub(crate) fn has_room(&self) -> bool {
        self.live.open.get() < self.settings.open_streams
    }

    /// Whether it is thought to be well, however full.
    pub(crate) fn is_well(&self, now: Instant) -> bool {
        self.live.well.load(Ordering::Relaxed) && self.breaker().would_allow(now)
    }

    /// Whether it has asked to be left alone for now.
    pub(crate) fn rests(&self, now: Instant) -> bool {
        self.live.rests.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|end| now < end)
    }

    /// Leaves it alone for so long, as it asks, where another one can be asked.
    pub(crate) fn rest(&self, now: Instant, wait: Duration) {
        let end = now + wait.min(LONGEST_REST);
        *self.live.rests.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// What decides between upstreams that share the work: the less, the better.
    pub(crate) fn load(&self) -> (usize, u32) {
        (self.live.open.get() + 1, self.settings.weight)
    }

    /// Takes a place there; `None` when it has none, or when the breaker is open and `spare`.
    pub(crate) fn visit(&self, now: Instant, spare: bool) -> Option<Visit> {
        let open = self.live.open.enter(self.settings.open_streams)?;
        if self.breaker().allow(now) == Permission::Refused && spare {
            return None;
        }
        self.live.metrics.open.inc();
        Some(Visit { upstream: self.clone(), _open: open, reported: false })
    }

    /// What a health check found.
    pub(crate) fn set_well(&self, well: bool, now: Instant) {
        if self.live.well.swap(well, Ordering::Relaxed) != well {
            if well {
                tracing::info!(upstream = self.settings.name, "the upstream is well again");
            } else {
                tracing::warn!(
                    upstream = self.settings.name,
                    "the upstream fails its health check"
                );
            }
        }
        self.show_up(now);
    }

    fn show_up(&self, now: Instant) {
        self.live.metrics.up.set(i64::from(self.is_well(now)));
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.live.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The upstream has begun to answer.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.reported = true;
        self.upstream.breaker().answered();
        self.upstream.show_up(now);
    }

    /// The upstream did its work.
    pub(crate) fn succeeded(&mut self) {
        self.reported = true;
        self.upstream.breaker().succeeded();
    }

    /// The upstream failed: not the client, and not a refusal that the client earned.
    pub(crate) fn failed(&mut self, now: Instant) {
        self.reported = true;
        let settings = &self.upstream.settings;
        let opened = self.upstream.breaker().failed(
            now,
            settings.breaker_failures,
            settings.breaker_open_for,
        );
        if opened {
            tracing::warn!(upstream = settings.name, "the breaker opens");
        }
        self.upstream.show_up(now);
    }

    /// An answer that had begun broke off, and it was not the client. A failure like any other: an
    /// upstream whose answers all die after their first byte is as bad as one that gives none.
    pub(crate) fn broke_off(&mut self, now: Instant) {
        self.upstream.live.metrics.broken.inc();
        self.failed(now);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.upstream.live.metrics.open.dec();
        if !self.reported {
            self.upstream.breaker().undecided();
        }
    }
}
