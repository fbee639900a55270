//! The tester's own error: streams whose truth it knows, carried beside the users.
//!
//! A small server in this process ([`server`]) answers on a fixed schedule and notes when it
//! received each request and wrote each chunk, on the clock that the users are measured with.
//! A few control users start among the level's users, on the same workers, through the same
//! client; what they measure is compared with what was true.
//!
//! The schedule follows the target's own cadence (from the warm-up), so that control chunks come
//! at the moments when the users' chunks come, storms included.

pub mod server;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use results::units::micros;
use results::{Control, LatencyHistogram, Outcome};
use tokio::sync::Notify;

use crate::carrier::Carrier;
use crate::client::{Observer, StreamReport};

pub use server::{ControlServer, Script, Truth, TruthLog};

/// One control user for so many users: one per cent of the load.
const USERS_PER_CONTROL: u64 = 100;
/// Fewest control users of a level.
const MIN_CONTROLS: u64 = 4;
/// Most control users of a level.
pub const MAX_CONTROLS: u64 = 30;

/// How many control users run beside so many users; never more than the users themselves.
#[must_use]
pub fn control_users(users: u64) -> u64 {
    (users / USERS_PER_CONTROL).clamp(MIN_CONTROLS, MAX_CONTROLS).min(users.max(1))
}

/// Whether a control user starts with the user of this number: evenly among them all.
#[must_use]
pub fn starts_with(number: u64, users: u64) -> bool {
    let users = users.max(1);
    let controls = control_users(users);
    // The k-th control starts with the first user at or after k · users / controls.
    number == 0 || number * controls / users != (number - 1) * controls / users
}

/// Measured minus true, of one worker or several.
#[derive(Debug, Default)]
pub struct Errors {
    /// Of the time to the first chunk.
    pub ttft: LatencyHistogram,
    /// Of every gap, its size.
    pub gap: LatencyHistogram,
}

impl Errors {
    /// Adds what another worker measured.
    pub fn merge(&mut self, other: &Self) {
        self.ttft.merge(&other.ttft);
        self.gap.merge(&other.gap);
    }

    /// The summaries that a run holds.
    #[must_use]
    pub fn summary(&self) -> Control {
        Control { ttft_error_ms: self.ttft.summary_ms(), gap_error_ms: self.gap.summary_ms() }
    }

    /// Compares one stream's report and gaps with its truth.
    ///
    /// True TTFT is what the server took from the request's arrival to the first write; true gaps
    /// are those between writes. Everything else (connecting, the kernel, the tester's threads
    /// being elsewhere) is the tester's error. The later the server's own thread runs, the more
    /// counts against the tester, never less.
    fn compare(&mut self, report: &StreamReport, gaps: &[Duration], truth: &Truth) {
        let (Some(ttft), Some(first)) = (report.ttft, truth.writes.first()) else { return };
        let true_ttft = first.saturating_duration_since(truth.received);
        self.ttft.record_micros(micros(ttft).abs_diff(micros(true_ttft)));
        for (gap, writes) in gaps.iter().zip(truth.writes.windows(2)) {
            let true_gap = writes[1].saturating_duration_since(writes[0]);
            self.gap.record_micros(micros(*gap).abs_diff(micros(true_gap)));
        }
    }
}

/// The control users of one worker.
#[derive(Debug)]
pub struct Controls<C> {
    carrier: C,
    truths: Arc<TruthLog>,
    errors: RefCell<Errors>,
    /// Control users that have not yet ended one stream.
    unproven: Cell<usize>,
    proven: Notify,
    stopping: Cell<bool>,
}

/// The gaps of one control stream.
#[derive(Debug, Default)]
struct Gaps(RefCell<Vec<Duration>>);

impl Observer for Gaps {
    fn connected(&self, _took: Duration) {}
    fn received(&self, _bytes: usize) {}
    fn chunk(&self, gap: Option<Duration>) {
        self.0.borrow_mut().extend(gap);
    }
}

impl<C: Carrier> Controls<C> {
    /// Control users whose carrier sends each request to the control server, under its index as
    /// the number of its truth.
    #[must_use]
    pub fn new(carrier: C, truths: Arc<TruthLog>) -> Self {
        Self {
            carrier,
            truths,
            errors: RefCell::default(),
            unproven: Cell::new(0),
            proven: Notify::new(),
            stopping: Cell::new(false),
        }
    }

    /// One control user: streams, one after the other, until [`Self::stop`].
    pub fn user(self: Rc<Self>) -> impl Future<Output = ()> {
        // Counted now and not when it first runs: `stop` may come before that.
        self.unproven.set(self.unproven.get() + 1);
        async move {
            self.stream().await;
            self.unproven.set(self.unproven.get() - 1);
            self.proven.notify_one();
            while !self.stopping.get() {
                self.stream().await;
            }
        }
    }

    async fn stream(&self) {
        let number = self.truths.next_number();
        let gaps = Gaps::default();
        let report = self.carrier.carry(number, &mut None, None, &gaps).await;
        let truth = self.truths.take(number);
        if report.outcome != Outcome::Ok {
            tracing::warn!(outcome = report.outcome.name(), detail = %report.detail, "a control stream failed");
            return;
        }
        if let Some(truth) = truth {
            self.errors.borrow_mut().compare(&report, &gaps.0.borrow(), &truth);
        }
    }

    /// Asks control users to begin no further stream, and waits until each has ended one, or
    /// until `patience` is over.
    pub async fn stop(&self, patience: Duration) {
        self.stopping.set(true);
        let all_proven = async {
            while self.unproven.get() > 0 {
                self.proven.notified().await;
            }
        };
        if tokio::time::timeout(patience, all_proven).await.is_err() {
            tracing::warn!("control streams did not end in time");
        }
    }

    /// What was measured.
    #[must_use]
    pub fn errors(&self) -> Errors {
        self.errors.take()
    }
}

#[cfg(test)]
mod tests;
