//! The trivial call: how long a server takes over nothing, idle and under load.

use std::rc::Rc;
use std::time::Duration;

use results::LatencyHistogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::session::{Session, Trivial};
use super::settings::MIN_PROBE_EVERY;

/// Most trivial calls that wait at once: a server that is stuck is not buried. Further ones that
/// are due count as failed.
pub const MAX_OPEN_PROBES: usize = 64;

/// Trivial calls before each level: enough for a p99.
pub const IDLE_PROBES: u32 = 100;

/// Trivial calls before each level that are made however long they take: enough for a p95.
pub const LEAST_IDLE_PROBES: u32 = 20;

/// No trivial call beyond [`LEAST_IDLE_PROBES`] begins when those before took so long, so that a
/// slow server does not hold up its levels.
pub const IDLE_FOR: Duration = Duration::from_secs(1);

/// How long trivial calls that were due under load are awaited once the load is over.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the trivial calls of a level took.
#[derive(Debug, Default)]
pub struct Probing {
    /// Before the load.
    pub idle: LatencyHistogram,
    /// During it: when each was due, and what it took; `None` when it failed.
    pub during: Vec<(Instant, Option<Duration>)>,
    /// Those that failed, or had no place.
    pub failed: u64,
}

/// Makes trivial calls.
#[derive(Debug, Clone)]
pub struct Prober {
    /// Over this session.
    pub session: Rc<Session>,
    /// Which call.
    pub which: Trivial,
    /// How often beside the load.
    pub every: Duration,
    /// When one is given up.
    pub limit: Duration,
}

impl Prober {
    /// [`IDLE_PROBES`] calls one after the other, one every [`MIN_PROBE_EVERY`], without load;
    /// fewer, but [`LEAST_IDLE_PROBES`], of a server that needs longer than [`IDLE_FOR`] for them.
    pub async fn idle(&self) -> LatencyHistogram {
        let mut times = LatencyHistogram::default();
        let begin = Instant::now();
        for number in 0..IDLE_PROBES {
            if number >= LEAST_IDLE_PROBES && begin.elapsed() >= IDLE_FOR {
                break;
            }
            sleep_until(begin + MIN_PROBE_EVERY * number).await;
            if let Some(took) = self.probe(Instant::now()).await {
                times.record(took);
            }
        }
        times
    }

    /// Calls from `begin` until `loaded` is cancelled. Each is due at its own time and counts from
    /// it, whether or not the one before has been answered: a server that stalls is seen to stall
    /// as long as it does.
    pub async fn beside(
        &self,
        begin: Instant,
        loaded: &CancellationToken,
    ) -> (Vec<(Instant, Option<Duration>)>, u64) {
        let mut open = JoinSet::new();
        let mut ended: Vec<(Instant, Option<Duration>)> = Vec::new();
        let mut due = begin;
        let mut number = 0u32;
        while loaded.run_until_cancelled(sleep_until(due)).await.is_some() {
            while let Some(probe) = open.try_join_next() {
                ended.extend(probe.ok());
            }
            if open.len() < MAX_OPEN_PROBES {
                let (prober, at) = (self.clone(), due);
                open.spawn_local(async move { (at, prober.probe(at).await) });
            } else {
                ended.push((due, None));
            }
            number += 1;
            due = begin + self.every * number;
        }
        let patience = Instant::now() + PATIENCE;
        while let Ok(Some(probe)) = timeout_at(patience, open.join_next()).await {
            ended.extend(probe.ok());
        }
        let abandoned = open.len();
        open.shutdown().await;
        ended.sort_by_key(|(at, _)| *at);
        let failed = ended.iter().filter(|(_, took)| took.is_none()).count() + abandoned;
        (ended, u64::try_from(failed).unwrap_or(u64::MAX))
    }

    async fn probe(&self, due: Instant) -> Option<Duration> {
        let reply = self.session.trivial(self.which, due, Instant::now() + self.limit).await;
        match reply.result {
            Ok(_) => Some(reply.phases.total()),
            Err(failure) => {
                tracing::debug!(detail = %failure.detail(), "a trivial call failed");
                None
            }
        }
    }
}
