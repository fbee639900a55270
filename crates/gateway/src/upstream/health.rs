//! Asking upstreams whether they are well, beside the traffic.

use std::time::Duration;

use bytes::Bytes;
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
    let mut asked: Vec<(String, Instant)> = Vec::new();
    loop {
        let now = Instant::now();
        let state = worker.shared.state();
        asked.retain(|(name, _)| state.upstreams.iter().any(|one| one.settings.name == *name));
        let due: Vec<&Upstream> = state
            .upstreams
            .iter()
            .filter(|upstream| {
                let last = asked.iter().find(|(name, _)| *name == upstream.settings.name);
                last.is_none_or(|(_, at)| now.duration_since(*at) >= upstream.settings.health_every)
            })
            .collect();
        for upstream in &due {
            asked.retain(|(name, _)| *name != upstream.settings.name);
            asked.push((upstream.settings.name.clone(), now));
        }
        futures_util::future::join_all(due.into_iter().map(|upstream| check(worker, upstream)))
            .await;
        tokio::time::sleep_until(now + LOOK_EVERY).await;
    }
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
