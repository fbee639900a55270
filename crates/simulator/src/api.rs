//! What the two providers do differently around an answer: headers and errors.

use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SERVER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use wire::json::FieldError;

use crate::body::Body;

/// Whose dialect a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    OpenAi,
    Anthropic,
}

/// The announced ideal: integer microseconds from request to terminal event.
pub(crate) const IDEAL: HeaderName = HeaderName::from_static("x-weir-ideal-us");

/// Milliseconds from request to head; only OpenAI's answers have it.
const PROCESSING: HeaderName = HeaderName::from_static("openai-processing-ms");

/// Names this program and its version.
const SERVER_NAME: HeaderValue =
    HeaderValue::from_static(concat!("weir-simulator/", env!("CARGO_PKG_VERSION")));

/// Limits that no simulated key comes near; the names and forms are the providers'.
/// Source: platform.openai.com/docs/guides/rate-limits (read, not verified).
const OPENAI_LIMITS: [(&str, &str); 6] = [
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-reset-requests", "6ms"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-tokens", "1999000"),
    ("x-ratelimit-reset-tokens", "30ms"),
];

/// Source: docs.anthropic.com/en/api/rate-limits (read, not verified); remaining tokens are
/// rounded to the thousand.
const ANTHROPIC_LIMITS: [(&str, &str); 8] = [
    ("anthropic-ratelimit-requests-limit", "4000"),
    ("anthropic-ratelimit-requests-remaining", "3999"),
    ("anthropic-ratelimit-tokens-limit", "480000"),
    ("anthropic-ratelimit-tokens-remaining", "479000"),
    ("anthropic-ratelimit-input-tokens-limit", "400000"),
    ("anthropic-ratelimit-input-tokens-remaining", "399000"),
    ("anthropic-ratelimit-output-tokens-limit", "80000"),
    ("anthropic-ratelimit-output-tokens-remaining", "79000"),
];

const ANTHROPIC_RESETS: [&str; 4] = [
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-output-tokens-reset",
];

/// Why a request gets an error instead of an answer.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// The field that is to blame, where the provider names one.
    pub(crate) field: Option<&'static str>,
    /// The machine-readable reason, where it is not the status's usual one.
    pub(crate) code: Option<&'static str>,
    pub(crate) retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), field: None, code: None, retry_after: None }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        let code = match &error {
            FieldError::NotJson(_) | FieldError::NotAnObject => None,
            FieldError::Missing(_) => Some("missing_required_parameter"),
            FieldError::Invalid { .. } => Some("invalid_value"),
        };
        Self { field: error.field(), code, ..Self::new(StatusCode::BAD_REQUEST, error.to_string()) }
    }
}

impl Api {
    /// The error response for a problem.
    pub(crate) fn error(self, problem: &Problem, request_id: &str) -> Response<Body> {
        let status = problem.status.as_u16();
        let message = &problem.message;
        let body = match self {
            Self::OpenAi => {
                let error =
                    wire::openai::error::ApiError::of_status(status, message, problem.field);
                let code = problem.code.or(error.code);
                wire::openai::error::ApiError { code, ..error }.to_body()
            }
            Self::Anthropic => {
                wire::anthropic::error::ApiError::of_status(status, message).to_body(request_id)
            }
        };
        let mut response = self.json(Body::whole(body), request_id);
        *response.status_mut() = problem.status;
        if let Some(seconds) = problem.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.status == StatusCode::TOO_MANY_REQUESTS {
            self.spend_limits(response.headers_mut());
        }
        response
    }

    /// A JSON answer with the provider's headers.
    pub(crate) fn json(self, body: Body, request_id: &str) -> Response<Body> {
        let mut response = json_response(body);
        self.add_headers(response.headers_mut(), request_id);
        response
    }

    /// A stream of events with the provider's headers.
    pub(crate) fn event_stream(self, body: Body, request_id: &str) -> Response<Body> {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        let event_stream = HeaderValue::from_static("text/event-stream; charset=utf-8");
        headers.insert(CONTENT_TYPE, event_stream);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(SERVER, SERVER_NAME);
        self.add_headers(headers, request_id);
        response
    }

    /// Adds how long the head took.
    pub(crate) fn add_processing_time(self, headers: &mut HeaderMap, took: Duration) {
        if self == Self::OpenAi {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            headers.insert(PROCESSING, HeaderValue::from(millis));
        }
    }

    fn add_headers(self, headers: &mut HeaderMap, request_id: &str) {
        // An id of letters and digits is always a valid header value.
        let id = HeaderValue::from_str(request_id).ok();
        let limits: &[(&'static str, &'static str)] = match self {
            Self::OpenAi => {
                headers.extend(id.map(|id| (HeaderName::from_static("x-request-id"), id)));
                &OPENAI_LIMITS
            }
            Self::Anthropic => {
                headers.extend(id.map(|id| (HeaderName::from_static("request-id"), id)));
                &ANTHROPIC_LIMITS
            }
        };
        for (name, value) in limits {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        match self {
            Self::OpenAi => {
                for (name, value) in
                    [("openai-version", "2020-10-01"), ("openai-organization", "weir")]
                {
                    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
                }
            }
            Self::Anthropic => self.add_resets(headers),
        }
    }

    /// The reset times of Anthropic's limits: RFC 3339, the next whole second.
    fn add_resets(self, headers: &mut HeaderMap) {
        let next = Timestamp::now().as_second() + 1;
        let Ok(time) = Timestamp::from_second(next) else { return };
        if let Ok(value) = HeaderValue::from_str(&time.to_string()) {
            for name in ANTHROPIC_RESETS {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
    }

    /// A key that is told to wait has no requests left.
    fn spend_limits(self, headers: &mut HeaderMap) {
        let name = match self {
            Self::OpenAi => "x-ratelimit-remaining-requests",
            Self::Anthropic => "anthropic-ratelimit-requests-remaining",
        };
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("0"));
    }
}

/// A JSON answer without any provider's headers.
pub(crate) fn json_response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(SERVER, SERVER_NAME);
    response
}
