//! Finished files over HTTP: `GET /media/{video|audio|image}/NAME`, whole or a part, streamed piece
//! by piece; and the metrics.

use std::future::Future;
use std::io;
use std::pin::Pin;

use futures_util::stream::try_unfold;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, StreamBody};

use super::http::range::{Wanted, wanted};
use super::http::service::{Beside, Body, text};
use crate::store::{FileInfo, Kind, Reader, SafeName, StoreError};
use crate::tools::Live;

/// The content type of `/metrics`, as the OpenMetrics specification names it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where files are.
const FILES: &str = "/media/";

/// Serves finished files and the metrics.
pub struct Files(Live);

impl Files {
    /// Of these folders.
    #[must_use]
    pub fn new(media: Live) -> Self {
        Self(media)
    }

    fn metrics(&self) -> Response<Body> {
        let media = self.0.get();
        let transfers = &media.admission.transfers;
        let queued = u64::try_from(transfers.waiting()).unwrap_or(u64::MAX);
        let mut response = text(StatusCode::OK, &media.metrics.text(transfers.in_use(), queued));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
        response
    }

    async fn file(&self, path: &str, request: &Parts) -> Response<Body> {
        let Some((kind, name)) = path.split_once('/') else {
            return text(StatusCode::NOT_FOUND, "Not Found\n");
        };
        let Some(kind) = Kind::ALL.into_iter().find(|known| known.as_str() == kind) else {
            return text(StatusCode::BAD_REQUEST, "Bad Request: use video, audio or image\n");
        };
        match self.answer(kind, name, request).await {
            Ok(response) => response,
            Err(Refusal::Missing) => text(StatusCode::NOT_FOUND, "Not Found\n"),
            Err(Refusal::Busy) => {
                text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable: try again later\n")
            }
        }
    }

    async fn answer(
        &self,
        kind: Kind,
        name: &str,
        request: &Parts,
    ) -> Result<Response<Body>, Refusal> {
        let name = decoded(name).ok_or(Refusal::Missing)?;
        let name = SafeName::parse(&name).map_err(|_| Refusal::Missing)?;
        let media = self.0.get();
        let store = media.store(kind).map_err(|_| Refusal::Missing)?;
        let info = store.info(&name).await?;
        let etag = info.etag.clone();
        if has(&request.headers, &etag) {
            return Ok(with_facts(StatusCode::NOT_MODIFIED, kind, &info, None));
        }
        // A part of another version than the client knows would make a file that never was.
        let same = request.headers.get(IF_RANGE).is_none_or(|it| it.as_bytes() == etag.as_bytes());
        let range = request.headers.get(RANGE).filter(|_| same).and_then(|it| it.to_str().ok());
        let (status, part) = match wanted(range, info.bytes) {
            Wanted::Whole => (StatusCode::OK, 0..info.bytes),
            Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
            Wanted::Nothing => {
                let mut response = text(StatusCode::RANGE_NOT_SATISFIABLE, "no such part\n");
                let range = format!("bytes */{}", info.bytes);
                response.headers_mut().insert(CONTENT_RANGE, header(&range));
                return Ok(response);
            }
        };
        if request.method == Method::HEAD {
            return Ok(with_facts(status, kind, &info, Some(part)));
        }
        let reader = store.reader(&name, part.start, part.end - part.start).await?;
        // Opened again: another file may have taken the name between the two.
        if reader.info().etag != etag {
            return Err(Refusal::Busy);
        }
        let mut response = with_facts(status, kind, &info, Some(part));
        *response.body_mut() = body(reader);
        Ok(response)
    }
}

impl Beside for Files {
    fn serve<'a>(
        &'a self,
        request: &'a Parts,
    ) -> Option<Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>> {
        let path = request.uri.path();
        if path == "/metrics" {
            return Some(Box::pin(async { self.metrics() }));
        }
        let name = path.strip_prefix(FILES)?;
        Some(Box::pin(self.file(name, request)))
    }
}

/// Why a file is not sent. Which of the reasons it is, is nobody's business.
enum Refusal {
    Missing,
    Busy,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io { .. } | StoreError::Stopping => Self::Busy,
            _ => Self::Missing,
        }
    }
}

/// Whether the client has this very version.
fn has(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get(IF_NONE_MATCH)
        .and_then(|it| it.to_str().ok())
        .is_some_and(|known| known.split(',').any(|it| it.trim() == etag || it.trim() == "*"))
}

/// A response without a body that says what the file is.
fn with_facts(
    status: StatusCode,
    kind: Kind,
    info: &FileInfo,
    part: Option<std::ops::Range<u64>>,
) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ETAG, header(&info.etag));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind.mime_type(&info.name)));
    // Nothing in a media folder is ever run by a browser, whatever it holds.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    if let Some(part) = part {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
        if status == StatusCode::PARTIAL_CONTENT {
            let last = part.end.saturating_sub(1);
            let range = format!("bytes {}-{last}/{}", part.start, info.bytes);
            headers.insert(CONTENT_RANGE, header(&range));
        }
    }
    response
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("digits, quotes and words make a header value")
}

/// One piece in memory at a time, read when the client has taken the one before.
fn body(reader: Reader) -> Body {
    let pieces = try_unfold(reader, |mut reader| async move {
        match reader.next().await {
            Ok(piece) => Ok(piece.map(|piece| (Frame::data(piece), reader))),
            Err(error) => Err(io::Error::other(error)),
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// Undoes percent-encoding. `None` when it is broken or the result is no text.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone_or_refused() {
        assert_eq!(decoded("a%20b%2Fc").as_deref(), Some("a b/c"));
        assert_eq!(decoded("%E2%82%AC.mp4").as_deref(), Some("€.mp4"));
        for broken in ["%", "%2", "%zz", "%+1", "%FF"] {
            assert_eq!(decoded(broken), None, "{broken}");
        }
    }
}
