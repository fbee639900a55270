//! OpenAI's error object.

use serde::Serialize;

use crate::json;

/// An error as OpenAI's clients expect it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ApiError<'a> {
    /// For people.
    pub message: &'a str,
    /// The class, e.g. `invalid_request_error`.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// The field that is to blame.
    pub param: Option<&'a str>,
    /// The reason for machines, e.g. `rate_limit_exceeded`.
    pub code: Option<&'a str>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: ApiError<'a>,
}

impl<'a> ApiError<'a> {
    /// An error whose type and code are those OpenAI uses with an HTTP status.
    /// Source: platform.openai.com/docs/guides/error-codes (read, not verified).
    #[must_use]
    pub fn of_status(status: u16, message: &'a str, param: Option<&'a str>) -> Self {
        let (kind, code) = match status {
            401 => ("invalid_request_error", Some("invalid_api_key")),
            403 => ("permission_error", Some("unsupported_country_region_territory")),
            429 => ("requests", Some("rate_limit_exceeded")),
            400..=499 => ("invalid_request_error", None),
            503 => ("service_unavailable_error", Some("server_overloaded")),
            _ => ("server_error", None),
        };
        Self { message, kind, param, code }
    }

    /// The body of an error response.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        json::encode(&Envelope { error: *self })
    }
}
