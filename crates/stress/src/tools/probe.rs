//! The trivial call: how long a server takes over nothing, idle and under load.

use std::rc::Rc;
use std::time::Duration;

use results::LatencyHistogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::session::{Session, Trivial};

/// Most trivial calls that wait at once: a server that is stuck is not buried. Further ones that
/// are due count as failed.
pub const MAX_OPEN_PROBES: usize = 64;

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
    /// How often.
    pub every: Duration,
    /// When one is given up.
    pub limit: Duration,
}

impl Prober {
    /// So many calls one after the other, each in its own time, without load.
    pub async fn idle(&self, count: u32) -> LatencyHistogram {
        let mut times = LatencyHistogram::default();
        let begin = Instant::now();
        for number in 0..count {
            sleep_until(begin + self.every * number).await;
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
