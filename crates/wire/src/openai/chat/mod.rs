//! Chat completions: request, streamed answer, whole answer.

mod answer;
mod request;
mod stream;

use serde::Serialize;

pub use answer::answer_body;
pub use request::Request;
pub use stream::ChunkEncoder;

/// What every part of an answer repeats.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The answer's id, `chatcmpl-…`.
    pub id: &'a str,
    /// Unix time in seconds.
    pub created: i64,
    /// The model that answers.
    pub model: &'a str,
    /// The tool call that the answer is, if it is one.
    pub tool_call: Option<ToolCall<'a>>,
}

/// A tool call's name and id; its arguments are the answer's content.
#[derive(Debug, Clone, Copy)]
pub struct ToolCall<'a> {
    /// The call's id, `call_…`.
    pub id: &'a str,
    /// The function's name.
    pub name: &'a str,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// It reached the request's limit.
    Length,
    /// It calls a tool.
    ToolCalls,
}

/// Tokens of a request and its answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct PromptDetails {
    cached_tokens: u32,
    audio_tokens: u32,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u32,
    audio_tokens: u32,
    accepted_prediction_tokens: u32,
    rejected_prediction_tokens: u32,
}

impl Usage {
    /// Tokens of the prompt and of the answer; nothing cached, no reasoning, no audio.
    #[must_use]
    pub fn new(prompt_tokens: u32, completion_tokens: u32) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: u64::from(prompt_tokens) + u64::from(completion_tokens),
            prompt_tokens_details: PromptDetails { cached_tokens: 0, audio_tokens: 0 },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: 0,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}
