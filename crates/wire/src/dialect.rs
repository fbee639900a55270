//! The dialects in which servers stream answers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How a server streams an answer: which framing, which events, and what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI Chat Completions: SSE, a finish reason, then `data: [DONE]`.
    OpenaiChat,
    /// OpenAI Responses: typed SSE with sequence numbers, ended by `response.completed`.
    OpenaiResponses,
    /// Anthropic Messages: named SSE from `message_start` to `message_stop`.
    Anthropic,
    /// Any server-sent events: each is a chunk; `[DONE]` or a clean end of the body is the end.
    Sse,
    /// One JSON document a line, each a chunk; `"done": true` or a clean end is the end.
    Ndjson,
    /// Plain text: each piece that the HTTP layer hands over is a chunk.
    Text,
}

/// A name that is no dialect's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "unknown api {0:?}: known are openai-chat, openai-responses, anthropic, sse, ndjson and text"
)]
pub struct UnknownDialect(pub String);

impl Dialect {
    /// All dialects, in the order in which they are listed to people.
    pub const ALL: [Self; 6] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::Anthropic,
        Self::Sse,
        Self::Ndjson,
        Self::Text,
    ];

    /// The name on the command line and in `run.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
            Self::Sse => "sse",
            Self::Ndjson => "ndjson",
            Self::Text => "text",
        }
    }

    /// Whether the stream is framed as server-sent events.
    #[must_use]
    pub fn is_sse(self) -> bool {
        !matches!(self, Self::Ndjson | Self::Text)
    }

    /// The content type to ask for.
    #[must_use]
    pub fn accept(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Text => "text/plain",
            _ => "text/event-stream",
        }
    }

    /// Whether an answer of this content type (parameters may follow) can be a stream of this
    /// dialect. NDJSON and plain text go by many names, so only what they cannot be is refused:
    /// a page, or a stream of another framing.
    #[must_use]
    pub fn allows_content_type(self, content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        let is_page = is("text/html") || is("application/xhtml+xml");
        let is_sse = is("text/event-stream");
        if self.is_sse() { is_sse } else { !is_page && !is_sse }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name)
            .ok_or_else(|| UnknownDialect(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back_and_others_are_refused_with_the_list() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        let error = "openai".parse::<Dialect>().unwrap_err();
        assert!(Dialect::ALL.iter().all(|dialect| error.to_string().contains(dialect.name())));
    }

    #[test]
    fn a_page_is_a_stream_of_no_dialect() {
        for dialect in Dialect::ALL {
            assert!(!dialect.allows_content_type("text/html; charset=utf-8"));
            assert!(dialect.allows_content_type(dialect.accept()));
        }
        assert!(Dialect::Sse.allows_content_type("Text/Event-Stream;charset=utf-8"));
        assert!(!Dialect::OpenaiChat.allows_content_type("application/json"));
        assert!(Dialect::Ndjson.allows_content_type("application/json"));
        assert!(!Dialect::Text.allows_content_type("text/event-stream"));
    }
}
