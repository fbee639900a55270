//! The dialects of streamed answers that users can speak.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::notation::NotationError;

/// A dialect: what a request looks like, and by which grammar its answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI Chat Completions.
    OpenAiChat,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Any server-sent events: every event with data is a chunk.
    Sse,
    /// Newline-delimited JSON: every line is a chunk.
    Ndjson,
    /// Plain text: every piece that arrives is a chunk.
    Text,
}

impl Api {
    /// All dialects.
    pub const ALL: [Self; 6] = [
        Self::OpenAiChat,
        Self::OpenAiResponses,
        Self::Anthropic,
        Self::Sse,
        Self::Ndjson,
        Self::Text,
    ];

    /// The name as it is written in `--api` and in a run's file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Sse => "sse",
            Self::Ndjson => "ndjson",
            Self::Text => "text",
        }
    }

    /// The dialect that a URL's path speaks by convention; any SSE where there is none.
    #[must_use]
    pub fn of_path(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
        if path.ends_with("/chat/completions") {
            Self::OpenAiChat
        } else if path.ends_with("/responses") {
            Self::OpenAiResponses
        } else if path.ends_with("/messages") {
            Self::Anthropic
        } else {
            Self::Sse
        }
    }

    /// The `accept` header of a request.
    #[must_use]
    pub fn accept(self) -> &'static str {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::Anthropic | Self::Sse => {
                "text/event-stream"
            }
            Self::Ndjson => "application/x-ndjson, application/json",
            Self::Text => "text/plain, */*",
        }
    }
}

impl FromStr for Api {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        Self::ALL.into_iter().find(|api| api.name() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            NotationError::new("api", text, format!("known are {known}"))
        })
    }
}

impl fmt::Display for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Api {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for api in Api::ALL {
            assert_eq!(api.name().parse::<Api>().unwrap(), api);
        }
        let message = "soap".parse::<Api>().unwrap_err().to_string();
        assert!(message.contains("openai-chat, openai-responses, anthropic"), "{message}");
    }

    #[test]
    fn the_path_tells_the_dialect() {
        assert_eq!(Api::of_path("/v1/chat/completions"), Api::OpenAiChat);
        assert_eq!(Api::of_path("/openai/v1/chat/completions/?api-version=1"), Api::OpenAiChat);
        assert_eq!(Api::of_path("/v1/responses"), Api::OpenAiResponses);
        assert_eq!(Api::of_path("/v1/messages"), Api::Anthropic);
        assert_eq!(Api::of_path("/stream"), Api::Sse);
        assert_eq!(Api::of_path("/"), Api::Sse);
    }
}
