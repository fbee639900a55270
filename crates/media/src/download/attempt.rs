//! One try to fetch a file, from where the last one ended.

use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use super::head::{content_length, content_range, promised_sha256, strong_etag};
use super::pause::retry_after;
use super::sink::Sink;
use super::{DownloadError, OnProgress, Progress, Request};
use crate::container::NotWhole;
use crate::store::{Sha256, StoreError, Writer, Written};
use crate::upstream::SendError;
use crate::{Limits, Upstream, upstream};

/// How the official clients say which try it is, beginning with 0, for statistics at the other end.
const RETRY_COUNT: HeaderName = HeaderName::from_static("x-stainless-retry-count");

/// Redirections that are followed.
const MAX_REDIRECTS: u32 = 5;

/// What is read of the body of a refusal, for its reason.
const MAX_REASON_BYTES: usize = 16 << 10;

/// How much of a reason is passed on, in characters.
const MAX_REASON: usize = 300;

/// A failed try.
pub(super) struct Failure {
    pub(super) error: DownloadError,
    /// Whether another try may succeed, and the pause that the upstream asks for.
    pub(super) again: Option<Option<Duration>>,
}

impl Failure {
    fn last(error: impl Into<DownloadError>) -> Self {
        Self { error: error.into(), again: None }
    }

    fn passing(error: impl Into<DownloadError>) -> Self {
        Self { error: error.into(), again: Some(None) }
    }
}

/// The state of a download between its tries.
pub(super) struct Attempt<'a> {
    upstream: &'a Upstream,
    limits: &'a Limits,
    request: &'a Request,
    sink: Sink,
    /// What tells whether the file is still the same. Without it there is no going on.
    etag: Option<HeaderValue>,
    /// The length of the whole file.
    total: Option<u64>,
    promised: Option<Sha256>,
    /// How much of the file was there when this try ended.
    reached: u64,
    /// Tries so far.
    tries: u32,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        upstream: &'a Upstream,
        limits: &'a Limits,
        request: &'a Request,
        writer: Writer,
    ) -> Self {
        let (etag, total, promised) = (None, None, None);
        let sink = Sink::new(writer, request.container);
        Self { upstream, limits, request, sink, etag, total, promised, reached: 0, tries: 0 }
    }

    /// How many bytes from the file's first on were there when the last try ended.
    pub(super) fn reached(&self) -> u64 {
        self.reached
    }

    /// Gives the file its name, after a try that has brought all of it.
    pub(super) async fn finish(self) -> Result<Written, DownloadError> {
        let writer = self.sink.into_writer();
        match self.promised {
            Some(promised) => writer.finish_if(promised).await?.ok_or(DownloadError::Digest),
            None => Ok(writer.finish().await?),
        }
    }

    /// Fetches what is missing.
    pub(super) async fn run(&mut self, on_progress: OnProgress<'_>) -> Result<(), Failure> {
        self.reached = 0;
        if self.etag.is_none() && self.sink.accepted_bytes() > 0 {
            self.start_over().await?;
        }
        let response = self.send().await;
        self.tries += 1;
        let response = response?;
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::PARTIAL_CONTENT => self.go_on(&head.headers).await?,
            StatusCode::OK => self.begin(&head.headers).await?,
            // The file has become shorter than what we have of it.
            StatusCode::RANGE_NOT_SATISFIABLE if self.sink.accepted_bytes() > 0 => {
                self.start_over().await?;
                return Err(Failure::passing(DownloadError::OtherPart));
            }
            status => return Err(refusal(status, &head.headers, body).await),
        }
        self.receive(body, on_progress).await
    }

    async fn start_over(&mut self) -> Result<(), Failure> {
        (self.etag, self.total, self.promised) = (None, None, None);
        self.sink.restart().await.map_err(Failure::last)
    }

    /// The whole file comes.
    async fn begin(&mut self, headers: &HeaderMap) -> Result<(), Failure> {
        if self.sink.accepted_bytes() > 0 {
            self.start_over().await?;
        }
        self.etag = strong_etag(headers);
        self.total = content_length(headers);
        self.promised = promised_sha256(headers);
        self.check_total()
    }

    /// The rest of the file comes, if it is what was asked for.
    async fn go_on(&mut self, headers: &HeaderMap) -> Result<(), Failure> {
        let range = content_range(headers);
        let known = (self.total, range.and_then(|range| range.total));
        let same_length = !matches!(known, (Some(before), Some(now)) if before != now);
        match range {
            Some(range) if range.first == self.sink.accepted_bytes() && same_length => {
                self.total = self.total.or(range.total);
                self.check_total()
            }
            _ => {
                self.start_over().await?;
                Err(Failure::passing(DownloadError::OtherPart))
            }
        }
    }

    /// A file that is too large need not be fetched to find out.
    fn check_total(&self) -> Result<(), Failure> {
        let limit_bytes = self.limits.file_bytes;
        match self.total {
            Some(total) if total > limit_bytes => {
                let name = self.request.target.name.to_string();
                Err(Failure::last(StoreError::TooLarge { name, limit_bytes }))
            }
            _ => Ok(()),
        }
    }

    async fn receive(
        &mut self,
        mut body: Incoming,
        on_progress: OnProgress<'_>,
    ) -> Result<(), Failure> {
        let idle = self.limits.idle;
        let total = self.total;
        loop {
            let received = self.sink.accepted_bytes();
            let Ok(frame) = tokio::time::timeout(idle, body.frame()).await else {
                return Err(Failure::passing(DownloadError::Stalled { limit: idle, received }));
            };
            match frame {
                None => break,
                Some(Err(error)) => {
                    let source = Some(error);
                    return Err(Failure::passing(DownloadError::Cut { received, total, source }));
                }
                Some(Ok(frame)) => {
                    // Trailers hold nothing for us.
                    let Ok(bytes) = frame.into_data() else { continue };
                    self.take(&bytes).await?;
                    let bytes = self.sink.accepted_bytes();
                    self.reached = bytes;
                    let total = total.and_then(NonZeroU64::new);
                    on_progress(Progress::Received { bytes, total });
                }
            }
        }
        let received = self.sink.accepted_bytes();
        match total {
            Some(announced) if announced != received => {
                let error = DownloadError::Length { announced, received };
                // More than there should be cannot be a beginning of the file.
                if received > announced {
                    self.start_over().await?;
                }
                Err(Failure::passing(error))
            }
            _ if received == 0 => Err(Failure::passing(DownloadError::Empty)),
            _ => match self.sink.end() {
                Ok(()) => Ok(()),
                Err(not_whole) => self.throw_away(not_whole).await,
            },
        }
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.sink.write(bytes).await.map_err(Failure::last)? {
            Ok(()) => Ok(()),
            Err(not_whole) => self.throw_away(not_whole).await,
        }
    }

    /// Begins again after bytes that are no file. Nobody knows which of them are right, so none
    /// is kept.
    async fn throw_away(&mut self, not_whole: NotWhole) -> Result<(), Failure> {
        self.start_over().await?;
        Err(Failure::passing(not_whole))
    }

    /// Asks for what is missing, and follows redirections.
    async fn send(&self) -> Result<http::Response<Incoming>, Failure> {
        let mut uri = self.request.uri.clone();
        let mut own_host = true;
        for _ in 0..=MAX_REDIRECTS {
            let request = self.ask(&uri, own_host);
            let response = self.upstream.send(request).await.map_err(unsent)?;
            if !is_redirection(response.status()) {
                return Ok(response);
            }
            let next = location(&uri, response.headers())
                .ok_or_else(|| Failure::last(DownloadError::Redirect("to no address")))?;
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(Failure::last(DownloadError::Redirect("from https to http")));
            }
            own_host = own_host && next.authority() == uri.authority();
            uri = next;
        }
        Err(Failure::last(DownloadError::Redirect("too often")))
    }

    fn ask(&self, uri: &Uri, own_host: bool) -> http::Request<upstream::RequestBody> {
        let mut request = http::Request::new(upstream::body(Bytes::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri.clone();
        let headers = request.headers_mut();
        if own_host {
            headers.clone_from(&self.request.headers);
        }
        // What is compressed on the way has another length, and cannot be gone on with.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(RETRY_COUNT, HeaderValue::from(self.tries));
        let received = self.sink.accepted_bytes();
        if let Some(etag) = self.etag.as_ref().filter(|_| received > 0) {
            let range = HeaderValue::from_str(&format!("bytes={received}-"))
                .expect("digits and letters make a header");
            headers.insert(header::RANGE, range);
            headers.insert(header::IF_RANGE, etag.clone());
        }
        request
    }
}

/// Whether asking again may help when nothing came back. A request for a file changes nothing, so
/// it may always be sent again.
fn unsent(error: SendError) -> Failure {
    Failure::passing(error)
}

fn is_redirection(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirection leads. A path alone stays with the host.
fn location(from: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let to: Uri = headers.get(header::LOCATION)?.to_str().ok()?.parse().ok()?;
    if matches!(to.scheme_str(), Some("http" | "https")) {
        return Some(to);
    }
    if to.scheme().is_some() || !to.path().starts_with('/') {
        return None;
    }
    let mut parts = from.clone().into_parts();
    parts.path_and_query = to.path_and_query().cloned();
    Uri::from_parts(parts).ok()
}

/// What an answer means that brings no file.
async fn refusal(status: StatusCode, headers: &HeaderMap, body: Incoming) -> Failure {
    let retry_after = retry_after(headers, jiff::Timestamp::now());
    let reason = Limited::new(body, MAX_REASON_BYTES).collect();
    // The reason is worth waiting for, but not for long.
    let reason = tokio::time::timeout(Duration::from_secs(5), reason).await;
    let message = reason.ok().and_then(Result::ok).and_then(|it| reason_in(&it.to_bytes()));
    let error = DownloadError::Refused { status: status.as_u16(), message, retry_after };
    let passing = status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429);
    Failure { error, again: passing.then_some(retry_after) }
}

/// The message of an error in the manner of OpenAI: `{"error": {"message": "…"}}`.
fn reason_in(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let message = json.pointer("/error/message")?.as_str()?;
    Some(message.chars().filter(|it| !it.is_control()).take(MAX_REASON).collect())
}
