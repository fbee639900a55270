//! Answers that are errors already by their head: status, redirect, content type. Their detail
//! is drawn from the head and a bounded part of the body.

use serde_json::Value;
use wire::Dialect;

use super::answer::Fields;
use super::detail::{Detail, Wording, generalise};

/// How much of an error's body is read: a provider's error object has some hundred bytes.
pub(super) const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;

/// An answer with an error status, whose body is being read for its reason.
#[derive(Debug)]
pub(super) struct HttpError {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl HttpError {
    pub(super) fn new<F: Fields + ?Sized>(status: u16, fields: &F) -> Self {
        Self { status, content_type: essence(fields), body: Vec::new() }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// What was kept of the body.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Keeps a piece of the body, up to [`MAX_ERROR_BODY_BYTES`] in all; false when that is full.
    pub(super) fn push(&mut self, data: &[u8]) -> bool {
        let room = MAX_ERROR_BODY_BYTES - self.body.len();
        self.body.extend_from_slice(&data[..data.len().min(room)]);
        data.len() < room
    }

    /// `HTTP 429 rate_limit_error: slow down`.
    pub(super) fn detail(&self, wording: Wording) -> Detail {
        let reason = match serde_json::from_slice::<Value>(&self.body) {
            Ok(body) => json_reason(&body),
            Err(_) => self.text_reason(),
        };
        let text = format!("HTTP {}", self.status);
        match reason {
            Some(reason) => format!("{text} {}", wording.of(&reason)).into(),
            None => text.into(),
        }
    }

    fn text_reason(&self) -> Option<String> {
        match self.content_type.as_str() {
            "text/plain" => {
                let text = String::from_utf8_lossy(&self.body);
                text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
            }
            "" => None,
            content_type => Some(format!("({content_type})")),
        }
    }
}

/// Type (or code) and message, as OpenAI, Anthropic, FastAPI and most others place them.
fn json_reason(body: &Value) -> Option<String> {
    let error = body.get("error").unwrap_or(body);
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let kind = text(error.get("type")).or_else(|| text(error.get("code")));
    let message = text(error.get("message"))
        .or_else(|| text(Some(error)))
        .or_else(|| text(body.get("detail")))
        .or_else(|| text(body.get("message")));
    match (kind, message) {
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        (kind, message) => kind.or(message),
    }
}

/// Why a head cannot open a stream of this dialect; `None` if it can, or if the body is needed to
/// tell (an error status other than a redirect).
pub(super) fn refusal<F: Fields + ?Sized>(
    dialect: Dialect,
    status: u16,
    fields: &F,
) -> Option<Detail> {
    if (300..400).contains(&status) {
        return Some(redirect(status, fields));
    }
    if !(200..300).contains(&status) {
        return None;
    }
    let coding = fields.field("content-encoding").map(String::from_utf8_lossy);
    if let Some(coding) = coding.filter(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
        let coding = generalise(&coding);
        return Some(
            format!("HTTP {status} with content-encoding {coding}, though identity was asked for")
                .into(),
        );
    }
    // Without a content type the grammar decides alone.
    let content_type = essence(fields);
    if content_type.is_empty() || dialect.allows_content_type(&content_type) {
        return None;
    }
    let content_type = generalise(&content_type);
    Some(format!("HTTP {status} with {content_type} instead of a stream of {dialect}").into())
}

pub(super) fn redirect<F: Fields + ?Sized>(status: u16, fields: &F) -> Detail {
    let location = fields.field("location").map(String::from_utf8_lossy).unwrap_or_default();
    let without_query = location.split(['?', '#']).next().unwrap_or_default();
    if without_query.is_empty() {
        format!("HTTP {status} without a location").into()
    } else {
        // A host and its port are what the reader needs, so the numbers stay.
        let bounded: String = without_query.chars().take(200).collect();
        format!("HTTP {status}: redirect to {bounded}").into()
    }
}

/// The content type without its parameters, in lower case and bounded.
fn essence<F: Fields + ?Sized>(fields: &F) -> String {
    let value = fields.field("content-type").map(String::from_utf8_lossy).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.chars().take(80).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> http::HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn check(status: u16, content_type: &str, body: &str, expected: &str) {
        let mut error = HttpError::new(status, &headers(&[("content-type", content_type)]));
        assert!(error.push(body.as_bytes()));
        assert_eq!(error.detail(Wording::General), expected);
    }

    #[test]
    fn every_provider_s_error_object_gives_its_reason() {
        let json = "application/json";
        check(
            429,
            json,
            r#"{"error":{"message":"Limit 3 reached","type":"tokens","code":"rate"}}"#,
            "HTTP 429 tokens: Limit # reached",
        );
        check(
            529,
            json,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
            "HTTP 529 overloaded_error: Overloaded",
        );
        check(422, json, r#"{"detail":"no such field"}"#, "HTTP 422 no such field");
        check(404, json, r#"{"error":"model 'x' not found"}"#, "HTTP 404 model 'x' not found");
        check(500, json, "{}", "HTTP 500");
        check(500, json, "{broken", "HTTP 500 (application/json)");
        check(502, "text/html", "<html>", "HTTP 502 (text/html)");
        check(
            503,
            "text/plain; charset=utf-8",
            "\n busy, 12 waiting\nmore",
            "HTTP 503 busy, # waiting",
        );
    }

    #[test]
    fn an_error_body_is_kept_up_to_its_bound() {
        let mut error = HttpError::new(500, &headers(&[]));
        assert!(error.push(&[b' '; MAX_ERROR_BODY_BYTES - 1]));
        assert!(!error.push(b"ab"));
        assert_eq!(error.body.len(), MAX_ERROR_BODY_BYTES);
        assert!(!error.push(b"c"));
    }

    #[test]
    fn a_head_that_opens_no_stream_is_refused_with_its_reason() {
        let refuse = |status, fields: &[(&'static str, &str)]| {
            refusal(Dialect::Anthropic, status, &headers(fields)).unwrap_or_default().into_owned()
        };
        assert_eq!(
            refuse(200, &[("content-type", "Text/HTML; charset=x")]),
            "HTTP 200 with text/html instead of a stream of anthropic"
        );
        assert_eq!(
            refuse(200, &[("content-type", "text/event-stream"), ("content-encoding", "gzip")]),
            "HTTP 200 with content-encoding gzip, though identity was asked for"
        );
        assert_eq!(
            refuse(302, &[("location", "https://login.example:8443/a?token=1")]),
            "HTTP 302: redirect to https://login.example:8443/a"
        );
        assert_eq!(refuse(304, &[]), "HTTP 304 without a location");
        assert_eq!(
            refuse(
                200,
                &[
                    ("content-type", "text/event-stream;charset=utf-8"),
                    ("content-encoding", "identity")
                ]
            ),
            ""
        );
        assert_eq!(refuse(200, &[]), "");
        assert_eq!(refuse(500, &[("content-type", "text/html")]), "");
    }
}
