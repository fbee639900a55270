//! One request from admission to its end: what is known about it, and its one accounting.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use tokio::time::Instant;

use crate::admission::{Counted, Place};
use crate::endpoint::Endpoint;
use crate::makers::{self, Maker};
use crate::rate::PerMinute;
use crate::refusal::Reason;
use crate::slow::Pressure;
use crate::state::{KeyState, State};
use crate::usage::{Tokens, UsageLine};
use crate::worker::Worker;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// Whole.
    Complete,
    /// The upstream refused with a status below 500, and its refusal was passed on.
    UpstreamRefused,
    /// The upstream broke off, failed a deadline, could not be reached, or answered that it failed.
    UpstreamFailed,
    /// No upstream had room; none was asked.
    UpstreamFull,
    /// The client left before the end.
    ClientLeft,
    /// The client was cut off because it did not read.
    ClientSlow,
    /// Cut because the server went down.
    Drained,
}

impl Outcome {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Complete,
        Self::UpstreamRefused,
        Self::UpstreamFailed,
        Self::UpstreamFull,
        Self::ClientLeft,
        Self::ClientSlow,
        Self::Drained,
    ];

    /// What the upstream's refusal with this status is: from 500 on, the provider says itself that
    /// it failed.
    pub(crate) fn of_refusal(status: StatusCode) -> Self {
        if status.is_server_error() { Self::UpstreamFailed } else { Self::UpstreamRefused }
    }

    /// The name in metrics and the usage log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::UpstreamRefused => "upstream_refused",
            Self::UpstreamFailed => "upstream_failed",
            Self::UpstreamFull => "upstream_full",
            Self::ClientLeft => "client_left",
            Self::ClientSlow => "client_slow",
            Self::Drained => "drained",
        }
    }
}

/// Status in the logs for a client that left before it got one: nginx's number for it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// An admitted request. Whoever works for it holds a share; the last one to let go accounts for
/// it, so that no ending can be forgotten.
pub(crate) struct Call {
    pub(crate) worker: Rc<Worker>,
    pub(crate) state: Arc<State>,
    pub(crate) endpoint: Endpoint,
    pub(crate) request_id: HeaderValue,
    pub(crate) model: String,
    pub(crate) streamed: bool,
    /// When the request arrived.
    pub(crate) arrived: Instant,
    pub(crate) key: Option<Arc<KeyState>>,
    pub(crate) pressure: Rc<Pressure>,
    pub(crate) progress: Progress,
    #[cfg(feature = "otel")]
    pub(crate) spans: Option<crate::traces::Spans>,
    pub(crate) _places: (Place, Option<Counted>),
}

/// What happened so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) outcome: Cell<Option<Outcome>>,
    pub(crate) status: Cell<Option<u16>>,
    pub(crate) attempts: Cell<u32>,
    pub(crate) upstream: RefCell<Option<String>>,
    pub(crate) upstream_request_id: RefCell<Option<String>>,
    pub(crate) first_token: Cell<Option<Instant>>,
    pub(crate) events: Cell<u64>,
    pub(crate) chunks: Cell<u64>,
    pub(crate) tokens: Cell<Tokens>,
    /// Why it failed, where it did.
    #[cfg(feature = "otel")]
    pub(crate) failure: Cell<Option<&'static str>>,
}

impl Call {
    /// Notes how it ended; the first word counts.
    pub(crate) fn end(&self, outcome: Outcome) {
        if self.progress.outcome.get().is_none() {
            self.progress.outcome.set(Some(outcome));
        }
    }

    /// Notes that it ended because of `reason`.
    pub(crate) fn fail(&self, reason: Reason) {
        let outcome = match reason {
            Reason::Deadline(crate::deadline::Deadline::Drain) => Outcome::Drained,
            Reason::Refused(_) => Outcome::of_refusal(reason.status()),
            Reason::UpstreamFull => Outcome::UpstreamFull,
            _ => Outcome::UpstreamFailed,
        };
        if let Reason::Deadline(deadline) = reason {
            self.worker.metrics().deadline(deadline.name());
        }
        #[cfg(feature = "otel")]
        self.progress.failure.set(Some(reason.name()));
        self.end(outcome);
        tracing::info!(
            request_id = self.request_id_text(),
            upstream = self.progress.upstream.borrow().as_deref(),
            reason = reason.name(),
            events = self.progress.events.get(),
            "an answer failed"
        );
    }

    /// The first event with content has been passed on.
    pub(crate) fn saw_first_token(&self, now: Instant) {
        if self.progress.first_token.get().is_none() {
            self.progress.first_token.set(Some(now));
            let wait = now.duration_since(self.arrived);
            self.worker.metrics().first_token.observe(wait);
        }
    }

    /// Remembers which upstream has made an OpenAI response, by its first event or as a whole.
    pub(crate) fn remember_maker(&self, answer: &[u8]) {
        if self.endpoint != Endpoint::Responses {
            return;
        }
        if let (Some(id), Some(upstream)) =
            (makers::response_id(answer), self.progress.upstream.borrow().clone())
        {
            let key = self.key.as_ref().map(|key| key.settings.name.clone());
            self.worker.shared.makers.remember(id, Maker { upstream, key });
        }
    }

    /// The request's id as text.
    pub(crate) fn request_id_text(&self) -> &str {
        self.request_id.to_str().unwrap_or("unprintable")
    }

    fn account(&self) {
        let now = Instant::now();
        let metrics = self.worker.metrics();
        let progress = &self.progress;
        let left = if self.pressure.is_cut() { Outcome::ClientSlow } else { Outcome::ClientLeft };
        let outcome = progress.outcome.get().unwrap_or(left);
        metrics.ended(outcome);
        let duration = now.duration_since(self.arrived);
        metrics.duration.observe(duration.as_secs_f64());
        let tokens = progress.tokens.get();
        metrics.tokens(tokens.input_tokens.unwrap_or(0), tokens.output_tokens.unwrap_or(0));
        if let Some(key) = &self.key
            && let Some(rate) = key.settings.tokens_per_minute
        {
            let used = tokens.used(progress.chunks.get());
            key.live.tokens.charge(PerMinute(rate), self.worker.since_start(now), used);
        }
        let millis =
            |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let ttft = progress.first_token.get().map(|at| millis(at.duration_since(self.arrived)));
        let status = progress.status.get().unwrap_or(CLIENT_CLOSED_REQUEST);
        #[cfg(feature = "otel")]
        if let (Some(traces), Some(spans)) = (&self.worker.shared.traces, &self.spans) {
            traces.end(spans, self, outcome, status);
        }
        self.worker.usage().write(&UsageLine {
            at: jiff::Timestamp::now(),
            request_id: self.request_id_text(),
            key: self.key.as_ref().map(|key| key.settings.name.as_str()),
            endpoint: self.endpoint.path(),
            model: &self.model,
            upstream: progress.upstream.borrow().as_deref(),
            upstream_request_id: progress.upstream_request_id.borrow().as_deref(),
            outcome: outcome.name(),
            status,
            attempts: progress.attempts.get(),
            streamed: self.streamed,
            input_tokens: tokens.input_tokens,
            output_tokens: tokens.output_tokens,
            chunks: progress.chunks.get(),
            ttft_ms: ttft,
            duration_ms: millis(duration),
        });
        tracing::debug!(
            request_id = self.request_id_text(),
            outcome = outcome.name(),
            status,
            chunks = progress.chunks.get(),
            duration_ms = millis(duration),
            "an answer ended"
        );
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.worker.metrics().open_streams.dec();
        self.account();
    }
}
