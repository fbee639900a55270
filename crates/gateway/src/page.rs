//! The live page: what the gateway carries now, once a second, for those who may see metrics.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::call::Outcome;
use crate::metrics::Timing;
use crate::state::Shared;

/// The page itself: no script or style from elsewhere.
pub(crate) const PAGE: &str = include_str!("page.html");

/// What the page may load and do: nothing but itself and its events.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How often it is told anew.
const EVERY: Duration = Duration::from_secs(1);

/// The stream of snapshots behind the page. It ends with the server.
pub(crate) struct Live {
    shared: Arc<Shared>,
    ticks: Interval,
}

/// What the gateway carries now, and what it has carried since its start.
#[derive(Debug, Serialize)]
struct Snapshot {
    uptime_s: f64,
    draining: bool,
    connections: i64,
    open_streams: i64,
    open_streams_limit: i64,
    queue_length: i64,
    events: u64,
    ttft: Sum,
    lateness: Sum,
    outcomes: Vec<(&'static str, u64)>,
    upstreams: Vec<UpstreamSnapshot>,
}

/// A sum of seconds and how many they are: two snapshots give the mean in between.
#[derive(Debug, Serialize)]
struct Sum {
    sum_s: f64,
    count: u64,
}

#[derive(Debug, Serialize)]
struct UpstreamSnapshot {
    name: String,
    well: bool,
    open_streams: i64,
    connections: i64,
}

impl Live {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { shared, ticks }
    }

    /// The next snapshot as a server-sent event, or the end.
    pub(crate) fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        ready!(Pin::new(&mut self.ticks).poll_tick(context));
        if self.shared.phase.is_ended.load(Ordering::Relaxed) {
            return Poll::Ready(None);
        }
        let snapshot = serde_json::to_string(&snapshot(&self.shared)).unwrap_or_default();
        Poll::Ready(Some(Bytes::from(format!("data: {snapshot}\n\n"))))
    }
}

fn snapshot(shared: &Shared) -> Snapshot {
    let (metrics, state, now) = (&shared.metrics, shared.state(), Instant::now());
    let sum = |timing: &Timing| {
        let (sum, count) = timing.so_far();
        Sum { sum_s: sum.as_secs_f64(), count }
    };
    Snapshot {
        uptime_s: now.duration_since(shared.started).as_secs_f64(),
        draining: metrics.draining.get() == 1,
        connections: metrics.connections.get(),
        open_streams: metrics.open_streams.get(),
        open_streams_limit: metrics.open_streams_limit.get(),
        queue_length: metrics.queue_length.get(),
        events: metrics.events.get(),
        ttft: sum(&metrics.first_token),
        lateness: sum(&metrics.lateness),
        outcomes: Outcome::ALL.map(|one| (one.name(), metrics.ended_so_far(one))).to_vec(),
        upstreams: state
            .upstreams
            .iter()
            .map(|upstream| UpstreamSnapshot {
                name: upstream.settings.name.clone(),
                well: upstream.is_well(now),
                open_streams: upstream.live.metrics.open.get(),
                connections: upstream.live.metrics.connections.get(),
            })
            .collect(),
    }
}
