//! One call of the API: built, sent, repeated where that is safe, and its answer read within a
//! bound.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use runtime::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::multipart::Form;
use super::retry::{Safety, TRIES, is_worth_another, pause};
use crate::Upstream;
use crate::container::Container;
use crate::provider::{ProviderError, Source};
use crate::upstream::{self, RequestBody, SendError};

/// Deadline of one try at a call that only starts or asks about something.
pub(super) const QUICK: Duration = Duration::from_secs(60);

/// Deadline of one try at a call that is answered when the work is done: drawing at the highest
/// quality takes minutes (the SDKs' own deadline).
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Largest answer that is read: a picture of 3840x2160 in base64 stays below 45 MB.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// An answer larger than this is parsed on a thread where no other call waits for it.
const PARSED_APART: usize = 256 * 1024;

/// Longest message of a provider that is passed on.
const LONGEST_MESSAGE: usize = 500;

/// Where an API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Scheme and authority, as `http://127.0.0.1:8100`.
    origin: String,
    /// What every path begins with, as `/v1`; no slash at its end.
    prefix: String,
}

/// Why a text is no base URL of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} is no base URL: {reason}; write it as https://host/v1")]
pub struct BaseError {
    url: String,
    reason: &'static str,
}

impl Base {
    /// The API that is used when none is named.
    pub const OPENAI: &str = "https://api.openai.com/v1";

    /// Reads a base URL as the official SDKs take it. One without a path gets `/v1`.
    ///
    /// # Errors
    /// When it is no `http` or `https` URL, or holds a user or a query.
    pub fn parse(url: &str) -> Result<Self, BaseError> {
        let wrong = |reason| BaseError { url: url.to_owned(), reason };
        let uri: Uri = url.trim().parse().map_err(|_| wrong("it cannot be read"))?;
        let scheme = match uri.scheme_str() {
            Some(scheme @ ("http" | "https")) => scheme,
            _ => return Err(wrong("it does not begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it holds a user"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let path = uri.path().trim_end_matches('/');
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            prefix: if path.is_empty() { "/v1".to_owned() } else { path.to_owned() },
        })
    }

    fn uri(&self, path: &str) -> Result<Uri, ProviderError> {
        format!("{}{}{path}", self.origin, self.prefix)
            .parse()
            .map_err(|_| ProviderError::Malformed { reason: "its address is no URL".to_owned() })
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    body: Bytes,
    content_type: Option<String>,
    safety: Safety,
    within: Duration,
}

impl Call {
    /// A call that only reads.
    pub(super) fn get(path: String, within: Duration) -> Self {
        Self::empty(Method::GET, path, Safety::Repeatable, within)
    }

    /// A call without a body.
    pub(super) fn empty(method: Method, path: String, safety: Safety, within: Duration) -> Self {
        Self { method, path, body: Bytes::new(), content_type: None, safety, within }
    }

    /// A call that makes something, told in JSON.
    pub(super) fn json(path: String, body: &Value, within: Duration) -> Self {
        Self {
            method: Method::POST,
            path,
            body: Bytes::from(body.to_string()),
            content_type: Some("application/json".to_owned()),
            safety: Safety::Once,
            within,
        }
    }

    /// A call that makes something, told in a form.
    pub(super) fn form(method: Method, path: &str, form: Form, within: Duration) -> Self {
        let (content_type, body) = form.finish();
        Self {
            method,
            path: path.to_owned(),
            body,
            content_type: Some(content_type),
            safety: Safety::Once,
            within,
        }
    }
}

/// The API with everything that every call needs.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    client: Upstream,
    base: Arc<Base>,
    /// Marked sensitive, so that no log shows it.
    authorization: Option<HeaderValue>,
}

impl Exchange {
    pub(super) fn new(client: Upstream, base: Base, key: Option<Secret>) -> Self {
        // A key that is no header value could not be sent by anybody.
        let authorization = key.and_then(|key| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose())).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self { client, base: Arc::new(base), authorization }
    }

    /// Where something is that is downloaded rather than called.
    pub(super) fn source(&self, path: &str, container: Container) -> Result<Source, ProviderError> {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(Source { uri: self.base.uri(path)?, headers, container: Some(container) })
    }

    /// A call whose answer is JSON.
    pub(super) async fn json<T>(&self, call: Call) -> Result<T, ProviderError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let bytes = self.bytes(call).await?;
        if bytes.len() <= PARSED_APART {
            return parse(&bytes);
        }
        let parsed = runtime::background::spawn(move || parse(&bytes)).await;
        parsed.map_err(|_| malformed("it could not be parsed"))?
    }

    /// A call whose answer is taken as it is.
    pub(super) async fn bytes(&self, call: Call) -> Result<Bytes, ProviderError> {
        let mut number = 0;
        loop {
            let is_last = number + 1 >= TRIES;
            let wait = match self.attempt(&call).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer.body),
                Ok(answer) => {
                    if is_last || !is_worth_another(call.safety, answer.status, &answer.headers) {
                        return Err(refused(&answer));
                    }
                    pause(number, Some(&answer.headers))
                }
                Err(failure) => {
                    let is_safe = failure.never_sent || call.safety == Safety::Repeatable;
                    if is_last || !is_safe {
                        return Err(failure.error);
                    }
                    pause(number, None)
                }
            };
            tracing::debug!(method = %call.method, ?wait, "a call is made again");
            sleep(wait).await;
            number += 1;
        }
    }

    /// One try, within the call's deadline.
    async fn attempt(&self, call: &Call) -> Result<WholeAnswer, Failure> {
        let request = self.request(call).map_err(Failure::never_sent)?;
        let late = || Failure::maybe_sent(ProviderError::Late { within: call.within });
        timeout(call.within, self.send(request, call.within)).await.map_err(|_| late())?
    }

    async fn send(
        &self,
        request: Request<RequestBody>,
        within: Duration,
    ) -> Result<WholeAnswer, Failure> {
        let response = self.client.send_within(request, within).await.map_err(|error| Failure {
            never_sent: matches!(error, SendError::Connect(_)),
            error: unreachable(&error),
        })?;
        let (head, body) = response.into_parts();
        let collected = Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| {
            Failure::maybe_sent(if error.is::<LengthLimitError>() {
                ProviderError::TooLarge { limit: MAX_ANSWER }
            } else {
                unreachable(error.as_ref())
            })
        })?;
        Ok(WholeAnswer { status: head.status, headers: head.headers, body: collected.to_bytes() })
    }

    fn request(&self, call: &Call) -> Result<Request<RequestBody>, ProviderError> {
        let mut request = Request::new(upstream::body(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = self.base.uri(&call.path)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(content_type) = &call.content_type {
            let value = HeaderValue::try_from(content_type);
            headers.insert(CONTENT_TYPE, value.map_err(|_| malformed("no content type"))?);
        }
        Ok(request)
    }
}

/// An answer that was read to its end.
struct WholeAnswer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Why a try brought no answer.
struct Failure {
    /// The provider cannot have begun: no connection stood.
    never_sent: bool,
    error: ProviderError,
}

impl Failure {
    fn never_sent(error: ProviderError) -> Self {
        Self { never_sent: true, error }
    }

    fn maybe_sent(error: ProviderError) -> Self {
        Self { never_sent: false, error }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProviderError> {
    // What serde says may quote the answer, so it stays out of the message.
    serde_json::from_slice(bytes).map_err(|error| {
        tracing::debug!(%error, "an answer of the provider is not what its API says");
        malformed("it is not the JSON that this API promises")
    })
}

fn malformed(reason: &str) -> ProviderError {
    ProviderError::Malformed { reason: reason.to_owned() }
}

/// An error with its causes: what a person needs in order to mend the way to the provider.
fn unreachable(error: &(dyn std::error::Error + 'static)) -> ProviderError {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_message = next.to_string();
        if !message.contains(&next_message) {
            message.push_str(": ");
            message.push_str(&next_message);
        }
        cause = next.source();
    }
    ProviderError::Unreachable { message }
}

/// What a refusal says.
fn refused(answer: &WholeAnswer) -> ProviderError {
    let message = message_in(&answer.body).unwrap_or_else(|| {
        answer.status.canonical_reason().unwrap_or("no reason given").to_owned()
    });
    match answer.status {
        StatusCode::NOT_FOUND => ProviderError::NotFound { message },
        StatusCode::UNAUTHORIZED => ProviderError::Unauthorized { message },
        status => ProviderError::Refused { status: status.as_u16(), message },
    }
}

/// `error.message` of a refusal, cut to [`LONGEST_MESSAGE`] characters.
fn message_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    Some(refusal.error.message.chars().take(LONGEST_MESSAGE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_as_the_official_sdks_take_it() {
        for (url, expected) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/videos"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/videos"),
            ("http://127.0.0.1:8100", "http://127.0.0.1:8100/v1/videos"),
            ("http://[::1]:80/a/b", "http://[::1]:80/a/b/videos"),
        ] {
            let base = Base::parse(url).unwrap();
            assert_eq!(base.uri("/videos").unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_base_url_is_refused_with_a_remedy() {
        for wrong in ["", "host", "ftp://host", "http://u:p@host", "http://h/?a=b"] {
            let message = Base::parse(wrong).unwrap_err().to_string();
            assert!(message.ends_with("write it as https://host/v1"), "{message}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_provider_says_within_a_bound() {
        let long = "x".repeat(LONGEST_MESSAGE + 1);
        let body = format!(r#"{{"error":{{"message":"{long}","code":null}}}}"#);
        assert_eq!(message_in(body.as_bytes()).unwrap().len(), LONGEST_MESSAGE);
        assert_eq!(message_in(b"<html>"), None);
    }
}
