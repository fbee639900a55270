//! One stream before the load: a target that cannot answer is told at once, and the cadence of
//! one that can is learnt.

use std::sync::Arc;
use std::time::Duration;

use results::Outcome;
use runtime::workers::{Batching, Workers};
use tokio_util::sync::CancellationToken;

use crate::client::{
    Connector, Deadlines, HttpVersion, Minimum, Observer, Request, StreamReport, Target,
};
use crate::dialect;
use crate::error::Error;
use crate::settings::Settings;

/// Streams that are tried until one is whole: a target may fail now and then, and that is what
/// the levels measure.
const ATTEMPTS: usize = 2;

/// After a failure that took this long there is no second attempt.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the warm-up learnt.
#[derive(Debug)]
pub struct WarmUp {
    /// The last stream: whole, or failed in a way that the levels shall measure.
    pub report: StreamReport,
    /// The `server` header of its answer.
    pub server: Option<String>,
    /// The version of HTTP spoken.
    pub version: Option<HttpVersion>,
}

/// What one stream is asked for.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Where it goes.
    pub target: Target,
    /// What it asks.
    pub request: Request,
    /// Its deadlines.
    pub deadlines: Deadlines,
    /// What makes it complete.
    pub minimum: Minimum,
}

/// Runs the warm-up on a thread like those of the workers.
///
/// # Errors
/// When the target's answer cannot become a stream by trying again: TLS failures, pages, redirects,
/// statuses that say the request is wrong. Or when `stop` is cancelled first.
pub async fn warm_up(
    probe: Probe,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<WarmUp, Error> {
    let (probe, stopped) = (Arc::new(probe), stop.clone());
    let thread = Workers::start("warm-up", 1, &Batching::default(), move |_| {
        let (probe, stopped) = (Arc::clone(&probe), stopped.clone());
        async move { stopped.run_until_cancelled(attempt(&probe)).await }
    })
    .map_err(|source| Error::System { what: "the warm-up's thread cannot start", source })?;
    let warmed = tokio::task::spawn_blocking(move || thread.join())
        .await
        .map_err(|panic| Error::Bug(format!("the warm-up panicked: {panic}")))?
        .map_err(|source| Error::System { what: "the warm-up's runtime cannot start", source })?
        .pop()
        .flatten()
        .ok_or(Error::Interrupted)?
        .map_err(Error::Tls)?;
    match hopeless(&warmed.report) {
        None => Ok(warmed),
        Some(hint) => Err(Error::NotAStream {
            target: settings.url.to_string(),
            api: settings.api.name(),
            reason: warmed.report.detail.into_owned(),
            hint: if dialect::has_requests(settings.api) { hint } else { "; check --api" },
        }),
    }
}

async fn attempt(probe: &Probe) -> Result<WarmUp, String> {
    let connector = Connector::new(&probe.target).map_err(|error| error.to_string())?;
    let mut attempts = 1;
    loop {
        let report = connector
            .stream(&probe.request, &mut None, None, &probe.deadlines, probe.minimum, &Unobserved)
            .await;
        let settled = report.outcome == Outcome::Ok
            || attempts == ATTEMPTS
            || report.ended_at - report.started_at > PATIENCE;
        if settled {
            let server = connector.server().map(str::to_owned);
            return Ok(WarmUp { report, server, version: connector.http_version() });
        }
        attempts += 1;
    }
}

struct Unobserved;

impl Observer for Unobserved {
    fn connected(&self, _took: Duration) {}
    fn received(&self, _bytes: usize) {}
    fn chunk(&self, _gap: Option<Duration>) {}
}

/// Whether a failure will be the same for every user, whatever the load; with a hint.
///
/// Not hopeless are statuses of overload (408, 425, 429, 5xx), connections that break although
/// the address answers, deadlines, and streams that are broken: the levels count them.
fn hopeless(report: &StreamReport) -> Option<&'static str> {
    match (report.outcome, report.status) {
        (Outcome::HttpError, Some(408 | 425 | 429 | 500..=599)) => None,
        (Outcome::HttpError, Some(401 | 403)) => Some("; give a key with --api-key-env"),
        (Outcome::HttpError, Some(404)) => Some("; check the URL's path and --model"),
        (Outcome::HttpError, Some(200..=299)) => Some("; check the URL's path and --api"),
        (Outcome::HttpError, _) => Some(""),
        (Outcome::ConnectError, _) if is_tls(&report.detail) => Some(""),
        _ => None,
    }
}

/// The client's details of failed handshakes name TLS or the certificate.
fn is_tls(detail: &str) -> bool {
    detail.contains("TLS") || detail.contains("certificate")
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tokio::time::Instant;

    use super::*;

    fn failed(outcome: Outcome, status: Option<u16>, detail: &'static str) -> StreamReport {
        let now = Instant::now();
        StreamReport {
            outcome,
            detail: Cow::Borrowed(detail),
            started_at: now,
            ended_at: now,
            ttfb: None,
            ttft: None,
            streaming: None,
            total: None,
            ideal: None,
            status,
            chunks: 0,
            bytes: 0,
            chars: 0,
            correct: None,
        }
    }

    #[test]
    fn what_no_second_try_can_change_is_hopeless() {
        for status in [200, 301, 400, 401, 404] {
            assert!(hopeless(&failed(Outcome::HttpError, Some(status), "")).is_some(), "{status}");
        }
        for status in [408, 429, 500, 503, 529] {
            assert!(hopeless(&failed(Outcome::HttpError, Some(status), "")).is_none(), "{status}");
        }
        let tls = failed(Outcome::ConnectError, None, "the server does not speak TLS");
        assert!(hopeless(&tls).is_some());
        assert!(hopeless(&failed(Outcome::ConnectError, None, "connection reset")).is_none());
        assert!(hopeless(&failed(Outcome::Timeout, None, "first")).is_none());
        assert!(hopeless(&failed(Outcome::Truncated, Some(200), "")).is_none());
    }
}
