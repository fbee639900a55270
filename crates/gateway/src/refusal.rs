//! Why a request gets no answer, told in the caller's own dialect.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;
use wire::{Dialect, anthropic, openai};

use crate::deadline::Deadline;

/// Why a request gets no answer, or why an answer breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// The request makes no sense.
    BadRequest,
    /// No key, or none that we know.
    Unauthorized,
    /// The key may not use this model.
    Forbidden,
    /// Nothing is served at this path.
    NotFound,
    /// No route takes the model, or nobody lists it.
    ModelNotFound,
    /// Right path, wrong method.
    WrongMethod,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body is longer than `limits.body`.
    BodyTooLarge,
    /// The key's requests per minute are used up.
    RequestRate,
    /// The key's tokens per minute are used up.
    TokenRate,
    /// The key has its number of streams open.
    KeyFull,
    /// All places are taken.
    Full,
    /// A place did not come free in time.
    QueueTimeout,
    /// The server is going down.
    Draining,
    /// No upstream that could answer is well.
    NoUpstream,
    /// Those that are well have as many answers under way as they may.
    UpstreamFull,
    /// The upstream could not be reached, or hung up before its answer.
    Unreachable,
    /// A deadline passed.
    Deadline(Deadline),
    /// The upstream's answer broke off.
    Broken,
    /// The upstream sent an event longer than `limits.event`.
    EventTooLong,
    /// The upstream refused, after the client had its status already.
    Refused(u16),
}

impl Reason {
    /// Reasons before any upstream work that say that there is too much of it.
    pub(crate) const OF_LOAD: [Self; 6] = [
        Self::RequestRate,
        Self::TokenRate,
        Self::KeyFull,
        Self::Full,
        Self::QueueTimeout,
        Self::Draining,
    ];

    /// Whether an answer that has begun broke off through its upstream's fault.
    pub(crate) fn is_of_upstream(self) -> bool {
        match self {
            Self::Broken | Self::EventTooLong => true,
            Self::Deadline(deadline) => !matches!(deadline, Deadline::Total | Deadline::Drain),
            _ => false,
        }
    }

    /// The name in metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::ModelNotFound => "model_not_found",
            Self::WrongMethod => "wrong_method",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyTooLarge => "body_too_large",
            Self::RequestRate => "request_rate",
            Self::TokenRate => "token_rate",
            Self::KeyFull => "key_full",
            Self::Full => "full",
            Self::QueueTimeout => "queue_timeout",
            Self::Draining => "draining",
            Self::NoUpstream => "no_upstream",
            Self::UpstreamFull => "upstream_full",
            Self::Unreachable => "unreachable",
            Self::Deadline(deadline) => deadline.name(),
            Self::Broken => "broken",
            Self::EventTooLong => "event_too_long",
            Self::Refused(_) => "refused",
        }
    }

    /// The HTTP status while no byte has been passed on.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::ModelNotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RequestRate | Self::TokenRate | Self::KeyFull => StatusCode::TOO_MANY_REQUESTS,
            Self::Full
            | Self::QueueTimeout
            | Self::Draining
            | Self::NoUpstream
            | Self::UpstreamFull => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::Broken | Self::EventTooLong => StatusCode::BAD_GATEWAY,
            Self::Deadline(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Refused(status) => {
                StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
            }
        }
    }

    fn message(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::BadRequest => "the request body is not valid",
            Self::Unauthorized => "the API key is missing or not known",
            Self::Forbidden => "this API key may not use this model",
            Self::NotFound => "there is nothing here",
            Self::ModelNotFound => "there is no such model here",
            Self::WrongMethod => "this path does not take this method",
            Self::BodyTooSlow => "the request body did not arrive in time",
            Self::BodyTooLarge => "the request body is too large",
            Self::RequestRate => "this API key has used its requests of the minute",
            Self::TokenRate => "this API key has used its tokens of the minute",
            Self::KeyFull => "this API key has as many answers under way as it may",
            Self::Full => "as many answers are under way as this server carries",
            Self::QueueTimeout => "no place came free in time",
            Self::Draining => "this server is going down",
            Self::NoUpstream => "no provider for this model can take a request now",
            Self::UpstreamFull => {
                "the providers of this model have as many answers under way as they may"
            }
            Self::Unreachable => "the provider cannot be reached",
            Self::Deadline(deadline) => deadline.message(),
            Self::Broken => "the provider's answer broke off",
            Self::EventTooLong => "the provider sent an event that is too long",
            Self::Refused(status) => {
                return Cow::Owned(format!("the provider refused with status {status}"));
            }
        })
    }
}

/// A reason together with what the caller needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Why.
    pub(crate) reason: Reason,
    /// What exactly, where the reason alone does not say it.
    pub(crate) detail: Option<Cow<'static, str>>,
    /// When to come again.
    pub(crate) retry_after: Option<Duration>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        // Who meets a full server may come again soon; who meets one that goes down finds
        // another in its place.
        let retry_after = match reason {
            Reason::Full
            | Reason::QueueTimeout
            | Reason::KeyFull
            | Reason::NoUpstream
            | Reason::UpstreamFull => 1,
            Reason::Draining => 5,
            _ => return Self { reason, detail: None, retry_after: None },
        };
        Self { reason, detail: None, retry_after: Some(Duration::from_secs(retry_after)) }
    }
}

impl Refusal {
    /// A reason with its particulars.
    pub(crate) fn because(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: Some(detail.into()), ..Self::from(reason) }
    }

    /// The whole response.
    pub(crate) fn response(&self, dialect: Dialect, request_id: &HeaderValue) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.document(dialect, request_id)));
        *response.status_mut() = self.reason.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        if self.reason == Reason::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// The event that says it in a stream whose status has been sent. It is never a terminal
    /// event: the answer stays recognisably incomplete. `events` have been passed on before it.
    pub(crate) fn event(&self, dialect: Dialect, request_id: &HeaderValue, events: u64) -> Bytes {
        let (opening, document) = match dialect {
            Dialect::Anthropic => ("event: error\ndata: ", self.document(dialect, request_id)),
            Dialect::OpenaiResponses => {
                // OpenAI counts the events of an answer from 0.
                let event = json!({
                    "type": "error",
                    "code": self.reason.name(),
                    "message": self.message(),
                    "param": null,
                    "sequence_number": events,
                });
                ("event: error\ndata: ", event.to_string().into_bytes())
            }
            _ => ("data: ", self.document(dialect, request_id)),
        };
        [opening.as_bytes(), &document, b"\n\n"].concat().into()
    }

    /// The error object: a full server writes thousands of these a second, so it is encoded from
    /// borrows, without a tree of values in between.
    fn document(&self, dialect: Dialect, request_id: &HeaderValue) -> Vec<u8> {
        let message = &*self.message();
        if dialect == Dialect::Anthropic {
            let request_id = String::from_utf8_lossy(request_id.as_bytes());
            let kind = self.anthropic_type();
            return anthropic::error::ApiError { kind, message }.to_body(&request_id);
        }
        let (kind, code) = (self.openai_type(), Some(self.reason.name()));
        openai::error::ApiError { message, kind, param: None, code }.to_body()
    }

    fn message(&self) -> Cow<'_, str> {
        self.detail.as_deref().map_or_else(|| self.reason.message(), Cow::Borrowed)
    }

    /// Anthropic's error types by status: see their documentation, "Errors".
    fn anthropic_type(&self) -> &'static str {
        match self.reason.status().as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 | 529 => "overloaded_error",
            504 => "timeout_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        }
    }

    /// OpenAI's error types by status, as their server sends them.
    fn openai_type(&self) -> &'static str {
        match self.reason.status().as_u16() {
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        }
    }
}

/// Seconds, rounded up and at least one: a client that comes too early is refused again.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}
