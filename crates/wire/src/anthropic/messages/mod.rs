//! Messages: request, streamed answer, whole answer.

mod answer;
mod request;
mod stream;

use serde::Serialize;

pub use answer::{answer_body, count_body};
pub use request::{CountRequest, Request};
pub use stream::EventEncoder;

/// What an answer says of itself before its content.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The answer's id, `msg_…`.
    pub id: &'a str,
    /// The model that answers.
    pub model: &'a str,
    /// The tool use that the answer is, if it is one.
    pub tool_use: Option<ToolUse<'a>>,
}

/// A tool use's name and id; its input is the answer's content.
#[derive(Debug, Clone, Copy)]
pub struct ToolUse<'a> {
    /// The use's id, `toolu_…`.
    pub id: &'a str,
    /// The tool's name.
    pub name: &'a str,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It was done.
    EndTurn,
    /// It reached the request's limit.
    MaxTokens,
    /// It calls a tool.
    ToolUse,
}

/// Tokens of a request and its answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Usage {
    input_tokens: u32,
    cache_creation_input_tokens: u32,
    cache_read_input_tokens: u32,
    output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

impl Usage {
    /// Tokens of the prompt and of the answer; nothing cached.
    #[must_use]
    pub fn new(input_tokens: u32, output_tokens: u32) -> Self {
        Self {
            input_tokens,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens,
            service_tier: Some("standard"),
        }
    }
}
