//! Anthropic's error object.

use serde::Serialize;

use crate::json;

/// An error as Anthropic's clients expect it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ApiError<'a> {
    /// The class, e.g. `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// For people.
    pub message: &'a str,
}

#[derive(Serialize)]
struct Envelope<'a> {
    r#type: &'static str,
    error: ApiError<'a>,
    request_id: &'a str,
}

impl<'a> ApiError<'a> {
    /// An error whose type is the one Anthropic uses with an HTTP status.
    /// Source: docs.anthropic.com/en/api/errors (read, not verified).
    #[must_use]
    pub fn of_status(status: u16, message: &'a str) -> Self {
        let kind = match status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            400..=499 => "invalid_request_error",
            _ => "api_error",
        };
        Self { kind, message }
    }

    /// The body of an error response, or the data of an in-band error event.
    #[must_use]
    pub fn to_body(&self, request_id: &str) -> Vec<u8> {
        json::encode(&Envelope { r#type: "error", error: *self, request_id })
    }
}
