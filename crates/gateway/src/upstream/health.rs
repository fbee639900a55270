//! Asking upstreams whether they are well, beside the traffic.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::{HeaderMap, Method};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wire::Dialect;

use super::Upstream;
use super::pool::Outgoing;
use crate::config::Provider;
use crate::worker::Worker;

/// How often it is looked whose turn it is: the resolution of `health.every`.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Asks all upstreams of the configuration in force, each as often as it says. Runs until
/// dropped; one worker does it for all.
pub(crate) async fn watch(worker: &Worker) {
    // When each was last asked; for ever, while the answer is waited for.
    let mut asked: HashMap<String, Option<Instant>> = HashMap::new();
    let mut checks = FuturesUnordered::new();
    loop {
        let now = Instant::now();
        let state = worker.shared.state();
        asked.retain(|name, _| state.upstreams.iter().any(|one| one.settings.name == *name));
        for upstream in &state.upstreams {
            let is_due = asked.get(&upstream.settings.name).is_none_or(|last| {
                last.is_some_and(|at| now.duration_since(at) >= upstream.settings.health_every)
            });
            if is_due {
                asked.insert(upstream.settings.name.clone(), None);
                checks.push(checked(worker, upstream.clone(), now));
            }
        }
        // One that does not answer keeps nobody else from being asked.
        let look = tokio::time::sleep_until(now + LOOK_EVERY);
        tokio::pin!(look);
        loop {
            tokio::select! {
                () = &mut look => break,
                Some((name, began)) = checks.next() => {
                    asked.entry(name).and_modify(|last| *last = Some(began));
                }
            }
        }
    }
}

/// Checks an upstream; says which, and when it began.
async fn checked(worker: &Worker, upstream: Upstream, began: Instant) -> (String, Instant) {
    check(worker, &upstream).await;
    (upstream.settings.name.clone(), began)
}

async fn check(worker: &Worker, upstream: &Upstream) {
    let limit = worker.shared.state().settings.deadlines.connect;
    let well = match &upstream.settings.health_path {
        Some(path) => answers(worker, upstream, path, limit).await,
        None => {
            let origin = &upstream.settings.origin;
            let connecting = TcpStream::connect((origin.host.as_str(), origin.port));
            matches!(timeout(limit, connecting).await, Ok(Ok(_)))
        }
    };
    upstream.set_well(well, Instant::now());
}

async fn answers(worker: &Worker, upstream: &Upstream, path: &str, limit: Duration) -> bool {
    let anthropic = upstream.settings.provider == Provider::Anthropic;
    let outgoing = Outgoing {
        method: Method::GET,
        path: path.to_owned(),
        headers: HeaderMap::new(),
        dialect: if anthropic { Dialect::Anthropic } else { Dialect::OpenaiChat },
        body: Bytes::new(),
    };
    let pool = worker.pool(upstream);
    match timeout(limit, pool.send(&outgoing, limit)).await {
        Ok(Ok(exchange)) => !exchange.head.status.is_server_error(),
        _ => false,
    }
}
