//! One stream before the load: a target that cannot answer is told at once, and the cadence of
//! one that can is learnt. It is read for as long as that takes, and not to its end.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use results::Outcome;
use runtime::workers::{Batching, Workers};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::client::{
    Connector, Deadlines, HttpVersion, Minimum, Observer, Request, StreamReport, Target, Wording,
};
use crate::dialect;
use crate::error::Error;
use crate::settings::Settings;

/// Streams that are tried until one is whole: a target may fail now and then, and that is what
/// the levels measure.
const ATTEMPTS: usize = 2;

/// After a failure that took this long there is no second attempt.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a stream is read on after its first chunk. By then the dialect is understood and the
/// cadence known, and most short answers have ended by themselves; an answer of a minute is left,
/// which its server sees as a client that goes away. The first chunk has the run's own deadline.
pub const READ_ON: Duration = Duration::from_secs(3);

/// What the warm-up learnt from its last stream: one that was well, or that failed in a way that the
/// levels shall measure.
#[derive(Debug)]
pub struct WarmUp {
    /// Request start to the first chunk.
    pub ttft: Option<Duration>,
    /// First chunk to the last that was read.
    pub streaming: Option<Duration>,
    /// Chunks that were read.
    pub chunks: u64,
    /// How long a whole stream takes: as it was measured where the stream ended within [`READ_ON`],
    /// else as the server announced; `None` where it did neither.
    pub takes: Option<Duration>,
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
    match warmed.failed.as_ref().and_then(|report| Some((report, hopeless(report)?))) {
        None => Ok(warmed.learnt),
        Some((report, hint)) => Err(Error::NotAStream {
            target: settings.url.to_string(),
            api: settings.api.name(),
            reason: report.detail.clone().into_owned(),
            hint: if dialect::has_requests(settings.api) { hint } else { "; check --api" },
        }),
    }
}

/// What came of the attempts.
#[derive(Debug)]
struct Attempted {
    learnt: WarmUp,
    /// The last stream, if it failed.
    failed: Option<StreamReport>,
}

async fn attempt(probe: &Probe) -> Result<Attempted, String> {
    let connector = Connector::new(&probe.target).map_err(|error| error.to_string())?;
    let connector = connector.wording(Wording::Exact);
    let mut attempts = 1;
    loop {
        let (began, glimpse) = (Instant::now(), Glimpse::default());
        let Probe { request, deadlines, minimum, .. } = probe;
        let mut kept = None;
        let stream =
            connector.stream(request, &mut kept, Some(began), deadlines, *minimum, &glimpse);
        let ended = enough(stream, &glimpse).await;
        let failed = ended.as_ref().filter(|report| report.outcome != Outcome::Ok);
        if failed.is_none() || attempts == ATTEMPTS || began.elapsed() > PATIENCE {
            let learnt = WarmUp {
                ttft: glimpse.first.get().map(|first| first - began),
                streaming: glimpse.streaming(),
                chunks: glimpse.chunks.get(),
                takes: ended.as_ref().and_then(|report| report.total).or(connector.ideal()),
                server: connector.server().map(str::to_owned),
                version: connector.http_version(),
            };
            return Ok(Attempted { learnt, failed: failed.cloned() });
        }
        attempts += 1;
    }
}

/// Reads a stream to its end, or for [`READ_ON`] after its first chunk: then it is given up, and there
/// is no report.
async fn enough(
    stream: impl Future<Output = StreamReport>,
    glimpse: &Glimpse,
) -> Option<StreamReport> {
    let read_on = async {
        glimpse.began.notified().await;
        let first = glimpse.first.get().unwrap_or_else(Instant::now);
        sleep_until(first + READ_ON).await;
    };
    tokio::select! {
        biased;
        report = stream => Some(report),
        () = read_on => None,
    }
}

/// What is seen of a stream while it runs.
#[derive(Debug, Default)]
struct Glimpse {
    first: Cell<Option<Instant>>,
    last: Cell<Option<Instant>>,
    chunks: Cell<u64>,
    /// The first chunk has come.
    began: Notify,
}

impl Glimpse {
    fn streaming(&self) -> Option<Duration> {
        Some(self.last.get()? - self.first.get()?)
    }
}

impl Observer for Glimpse {
    fn connected(&self, _took: Duration) {}
    fn received(&self, _bytes: usize) {}
    fn chunk(&self, _gap: Option<Duration>) {
        let now = Instant::now();
        if self.first.get().is_none() {
            self.first.set(Some(now));
            self.began.notify_one();
        }
        self.last.set(Some(now));
        self.chunks.set(self.chunks.get() + 1);
    }
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

    /// A stream with chunks at these times after now, which ends so long after the first of them.
    async fn read(chunks_ms: &[u64], ends_after: Duration) -> (bool, Glimpse) {
        let (glimpse, now) = (Glimpse::default(), Instant::now());
        let at = |ms: u64| now + Duration::from_millis(ms);
        let stream = async {
            for &ms in chunks_ms {
                sleep_until(at(ms)).await;
                glimpse.chunk(None);
            }
            sleep_until(at(chunks_ms[0]) + ends_after).await;
            failed(Outcome::Ok, Some(200), "")
        };
        let whole = enough(stream, &glimpse).await.is_some();
        assert!(Instant::now() <= at(chunks_ms[0]) + READ_ON, "read on too long");
        (whole, glimpse)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_read_to_its_end_or_for_as_long_as_it_takes_to_know_it() {
        let chunks = [40_000, 40_500, 41_500];
        let (whole, glimpse) = read(&chunks, READ_ON).await;
        assert!(whole, "an end at the very bound is seen");
        assert_eq!(glimpse.streaming(), Some(Duration::from_millis(1_500)));
        let (whole, glimpse) = read(&chunks, READ_ON + Duration::from_millis(1)).await;
        assert!(!whole, "a later one is not waited for");
        assert_eq!(
            (glimpse.chunks.get(), glimpse.streaming()),
            (3, Some(Duration::from_millis(1_500)))
        );
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
