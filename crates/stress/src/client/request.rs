//! A request, serialised once and shared by all users who send it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use thiserror::Error;
use wire::Dialect;

/// What a request is made of. The connection's own headers (`host`, `content-length`,
/// `accept-encoding`, `connection`) are added or replaced.
#[derive(Debug, Clone)]
pub struct RequestParts<'a> {
    /// The dialect by whose grammar the answer is judged.
    pub dialect: Dialect,
    /// `POST`, `GET`, …
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and, unless it is the scheme's own, port; IPv6 in brackets.
    pub authority: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Header names and values.
    pub headers: &'a [(String, String)],
    /// The body; empty for none.
    pub body: Bytes,
}

/// A part that no HTTP request can hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The method is no token.
    #[error("method {0:?} is no HTTP method")]
    Method(String),
    /// Authority or path hold characters that must be percent-encoded.
    #[error("{0:?} is no valid address")]
    Address(String),
    /// The header's name is no token, or its value (never shown: it may be a secret) holds a
    /// line end or another control character.
    #[error("header {0:?} has a name or value that HTTP does not allow")]
    Header(String),
}

/// A request ready to be written. Cloning shares the bytes.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) dialect: Dialect,
    /// Head and body as HTTP/1.1 writes them.
    pub(super) serialised: Bytes,
    /// The same request for HTTP/2, without the headers that it forbids.
    pub(super) http2: http::Request<()>,
    pub(super) body: Bytes,
}

/// Headers that belong to the connection, not to the request, or that we set ourselves.
const OWN_HEADERS: [&str; 9] = [
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl Request {
    /// Checks and serialises a request.
    ///
    /// # Errors
    /// [`RequestError`] for a method, address or header that HTTP does not allow.
    pub fn new(parts: &RequestParts<'_>) -> Result<Self, RequestError> {
        let method = Method::from_bytes(parts.method.as_bytes())
            .map_err(|_| RequestError::Method(parts.method.to_owned()))?;
        let uri = Uri::builder()
            .scheme(parts.scheme)
            .authority(parts.authority)
            .path_and_query(parts.path)
            .build()
            .map_err(|_| RequestError::Address(format!("{}{}", parts.authority, parts.path)))?;
        let mut headers = read_headers(parts.headers)?;
        headers.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if !parts.body.is_empty() || method == Method::POST {
            headers.insert(http::header::CONTENT_LENGTH, parts.body.len().into());
        }
        let serialised = serialise(&method, &uri, &headers, &parts.body);
        let mut http2 = http::Request::new(());
        *http2.method_mut() = method;
        *http2.uri_mut() = uri;
        *http2.headers_mut() = headers;
        Ok(Self { dialect: parts.dialect, serialised, http2, body: parts.body.clone() })
    }

    /// The dialect by whose grammar the answer is judged.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}

fn read_headers(headers: &[(String, String)]) -> Result<HeaderMap, RequestError> {
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        let refuse = || RequestError::Header(name.clone());
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| refuse())?;
        if !OWN_HEADERS.contains(&name.as_str()) {
            map.append(name, value);
        }
    }
    Ok(map)
}

fn serialise(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Bytes {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {authority}\r\n").into_bytes();
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(body);
    Bytes::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(headers: &'a [(String, String)]) -> RequestParts<'a> {
        RequestParts {
            dialect: Dialect::OpenaiChat,
            method: "POST",
            scheme: "http",
            authority: "[::1]:8100",
            path: "/v1/chat/completions?a=b",
            headers,
            body: Bytes::from_static(b"{}"),
        }
    }

    fn header(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn a_request_is_serialised_with_our_own_connection_headers() {
        let mut headers = header("X-Api-Key", "k");
        headers.extend(header("accept-encoding", "gzip"));
        headers.extend(header("Connection", "close"));
        let request = Request::new(&parts(&headers)).unwrap();
        let text = String::from_utf8(request.serialised.to_vec()).unwrap();
        let expected = "POST /v1/chat/completions?a=b HTTP/1.1\r\nhost: [::1]:8100\r\n\
             x-api-key: k\r\naccept-encoding: identity\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(text, expected);
        assert_eq!(request.http2.headers().get("content-length").unwrap(), "2");
    }

    #[test]
    fn nothing_can_be_smuggled_into_the_head() {
        for (name, value) in [("a b", "x"), ("a", "x\r\ny: z"), ("a:", "x"), ("", "x")] {
            let error = Request::new(&parts(&header(name, value))).unwrap_err();
            assert_eq!(error, RequestError::Header(name.to_owned()));
            assert!(!error.to_string().contains("y: z"));
        }
        let bad_path = RequestParts { path: "/a b", ..parts(&[]) };
        assert!(matches!(Request::new(&bad_path), Err(RequestError::Address(_))));
        let bad_method = RequestParts { method: "PO ST", ..parts(&[]) };
        assert!(matches!(Request::new(&bad_method), Err(RequestError::Method(_))));
    }
}
