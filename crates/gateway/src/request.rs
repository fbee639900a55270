//! What a request asks for, and how it is sent on.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::Dialect;

use runtime::secret::Secret;

/// What the gateway must know of a request's body; everything else goes through unread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The model's name, as the client says it.
    pub(crate) model: String,
    /// Whether the answer is to be streamed.
    pub(crate) stream: bool,
    /// The OpenAI response that this one continues.
    pub(crate) previous_response: Option<String>,
    /// Where the model's value stands in the body.
    model_at: std::ops::Range<usize>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    previous_response_id: Option<String>,
}

impl Asked {
    /// Reads the body: a JSON object with a model. A key that is there twice is refused, so that
    /// we and the upstream cannot read it differently.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        // What is skipped is not looked at closely: an upstream may refuse it, or repair it.
        if let Err(error) = std::str::from_utf8(body) {
            return Err(format!("the request body is not valid: {error}"));
        }
        // An array would do for the derived reader, too.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err("the request body is not valid: it is no JSON object".to_owned());
        }
        let fields: Fields<'_> = serde_json::from_slice(body)
            .map_err(|error| format!("the request body is not valid: {error}"))?;
        let raw = fields.model.get();
        let model: String = serde_json::from_str(raw)
            .map_err(|_| "the request body is not valid: `model` is no text".to_owned())?;
        // The raw value is a part of `body`: this is its distance from the beginning.
        let start = raw.as_ptr().addr() - body.as_ptr().addr();
        let model_at = start..start + raw.len();
        let stream = fields.stream == Some(true);
        Ok(Self { model, stream, previous_response: fields.previous_response_id, model_at })
    }

    /// What a request without a body asks for: no model.
    pub(crate) fn nothing() -> Self {
        Self { model: String::new(), stream: false, previous_response: None, model_at: 0..0 }
    }

    /// The body with another model's name in it, and everything else as it was.
    pub(crate) fn with_model(&self, body: &[u8], model: &str) -> Bytes {
        let name = serde_json::Value::from(model).to_string();
        let mut renamed = BytesMut::with_capacity(body.len() + name.len());
        renamed.extend_from_slice(&body[..self.model_at.start]);
        renamed.extend_from_slice(name.as_bytes());
        renamed.extend_from_slice(&body[self.model_at.end..]);
        renamed.freeze()
    }
}

/// Headers of one connection only (RFC 9110, section 7.6.1), and those that say how the next hop
/// is to be spoken to.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// What of a request stays here: who the client is, how it and we frame and compress.
const NOT_SENT: [HeaderName; 9] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    header::COOKIE,
    header::HOST,
    header::CONTENT_LENGTH,
    // A compressed stream would be buffered by the compressor and could not be followed.
    header::ACCEPT_ENCODING,
    header::EXPECT,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("x-forwarded-for"),
];

/// What of an answer stays here: it speaks of the upstream's origin, not of ours.
const NOT_PASSED_ON: [HeaderName; 4] = [
    header::SET_COOKIE,
    HeaderName::from_static("alt-svc"),
    header::STRICT_TRANSPORT_SECURITY,
    HeaderName::from_static("proxy-connection"),
];

/// The id of a request: the client's in, the upstream's out, ours where they have none.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The same in Anthropic's dialect.
const ANTHROPIC_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The id under which our logs know a request.
const OUR_REQUEST_ID: HeaderName = HeaderName::from_static("x-weir-request-id");

/// Longest request id of a client that is taken over.
const MAX_REQUEST_ID: usize = 128;

/// The headers to send on, without any key.
pub(crate) fn headers_to_upstream(mut headers: HeaderMap, request_id: &HeaderValue) -> HeaderMap {
    remove_hop_by_hop(&mut headers);
    for name in &NOT_SENT {
        headers.remove(name);
    }
    headers.insert(REQUEST_ID, request_id.clone());
    headers
}

/// Shows an upstream its key as the dialect has it.
pub(crate) fn show_key(headers: &mut HeaderMap, dialect: Dialect, key: &Secret) {
    let (name, value) = if dialect == Dialect::Anthropic {
        (HeaderName::from_static("x-api-key"), HeaderValue::from_str(key.expose()))
    } else {
        (header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", key.expose())))
    };
    let mut value = value.expect("settings refuse keys that no header can hold");
    value.set_sensitive(true);
    headers.insert(name, value);
}

/// Makes an upstream's headers ours.
pub(crate) fn headers_to_client(headers: &mut HeaderMap, request_id: &HeaderValue, streamed: bool) {
    remove_hop_by_hop(headers);
    for name in &NOT_PASSED_ON {
        headers.remove(name);
    }
    insert_request_id(headers, request_id);
    if streamed {
        headers.remove(header::CONTENT_LENGTH);
        insert_stream_headers(headers);
    }
}

/// Tells our id; in the usual place, too, unless an upstream's stands there.
pub(crate) fn insert_request_id(headers: &mut HeaderMap, request_id: &HeaderValue) {
    headers.insert(OUR_REQUEST_ID, request_id.clone());
    headers.entry(REQUEST_ID).or_insert_with(|| request_id.clone());
}

/// The upstream's own id of a request.
pub(crate) fn upstream_request_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(ANTHROPIC_REQUEST_ID).or_else(|| headers.get(REQUEST_ID))?;
    Some(id.to_str().ok()?.chars().take(MAX_REQUEST_ID).collect())
}

/// What keeps proxies and browsers from buffering or keeping a stream.
pub(crate) fn insert_stream_headers(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
}

/// The client's request id where it has a usable one, or a new one.
pub(crate) fn request_id(client: &HeaderMap, new: impl FnOnce() -> String) -> HeaderValue {
    client
        .get(REQUEST_ID)
        .filter(|id| {
            let bytes = id.as_bytes();
            (1..=MAX_REQUEST_ID).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
        })
        .cloned()
        .unwrap_or_else(|| {
            HeaderValue::from_str(&new()).expect("new ids are made of hexadecimal digits")
        })
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // Whatever `connection` names is of this connection only, too.
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_and_replaced_and_nothing_else_changes() {
        let body =
            br#" {"a":[1, "model"], "model" : "f\u0061st", "stream":true,"z":{"model":"x"}}"#;
        let asked = Asked::read(body).unwrap();
        assert_eq!((asked.model.as_str(), asked.stream), ("fast", true));
        let renamed = asked.with_model(body, "slow \"1\"");
        let expected =
            br#" {"a":[1, "model"], "model" : "slow \"1\"", "stream":true,"z":{"model":"x"}}"#;
        assert_eq!(renamed, expected.as_slice());
    }

    #[test]
    fn a_body_that_can_be_read_in_two_ways_is_refused() {
        let check = |body: &[u8], part: &str| {
            let error = Asked::read(body).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        check(br#"{"model":"a","model":"b"}"#, "duplicate field `model`");
        check(br#"{"model":"a","stream":true,"stream":false}"#, "duplicate field `stream`");
        check(br#"{"stream":true}"#, "missing field `model`");
        check(br#"{"model":7}"#, "`model` is no text");
        check(br#"{"model":"a"} {}"#, "trailing characters");
        check(br#"["model"]"#, "not valid");
        check(b"{\"model\":\"\xff\"}", "not valid");
        check(b"{\"model\":\"m\",\"x\":\"\xff\"}", "invalid utf-8");
        check(b"", "not valid");
    }

    #[test]
    fn credentials_and_connection_headers_stay_here() {
        let mut client = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer client"),
            ("x-api-key", "client"),
            ("cookie", "a=b"),
            ("connection", "close, x-private"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("accept-encoding", "gzip"),
            ("anthropic-version", "2023-06-01"),
            ("user-agent", "sdk"),
        ] {
            client.insert(name, HeaderValue::from_static(value));
        }
        let sent = headers_to_upstream(client, &HeaderValue::from_static("id-1"));
        let mut names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["anthropic-version", "user-agent", "x-request-id"]);
    }

    #[test]
    fn only_a_harmless_request_id_is_taken_over() {
        let id = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            request_id(&headers, || "new".to_owned())
        };
        assert_eq!(id(b"abc-1"), "abc-1");
        for wrong in [&b""[..], b"a b", b"\xff", &[b'a'; MAX_REQUEST_ID + 1]] {
            assert_eq!(id(wrong), "new");
        }
        assert_eq!(id(&[b'a'; MAX_REQUEST_ID]).len(), MAX_REQUEST_ID);
    }
}
