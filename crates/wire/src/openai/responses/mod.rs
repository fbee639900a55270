//! Responses: request, streamed answer, whole answer.

mod answer;
mod request;
mod stream;

use serde::Serialize;
use serde_json::value::RawValue;

pub use answer::{answer_body, image_body, unfinished_body};
pub use request::Request;
pub use stream::EventEncoder;

/// What every form of a response repeats.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The response's id, `resp_…`.
    pub id: &'a str,
    /// Id of its one output item, `msg_…` or `fc_…`.
    pub item_id: &'a str,
    /// Unix time in seconds.
    pub created_at: i64,
    /// The model that answers.
    pub model: &'a str,
    /// The function call that the output is, if it is one.
    pub function_call: Option<FunctionCall<'a>>,
    /// The request's limit, repeated.
    pub max_output_tokens: Option<u32>,
    /// The response that this one follows, repeated.
    pub previous_response_id: Option<&'a str>,
    /// Whether it can be fetched by its id, repeated.
    pub store: bool,
    /// The request's choice, repeated; `"auto"` by default.
    pub tool_choice: Option<&'a RawValue>,
    /// The request's tools, repeated; none by default.
    pub tools: Option<&'a RawValue>,
    /// Whether it is made in the background, repeated.
    pub background: bool,
}

/// A picture that the image generation tool has made.
#[derive(Debug, Clone, Copy)]
pub struct GeneratedImage<'a> {
    /// The file in base64.
    pub result: &'a str,
    /// What the picture shows, in the model's words.
    pub revised_prompt: &'a str,
    /// `WIDTHxHEIGHT`.
    pub size: &'a str,
    /// `low`, `medium` or `high`.
    pub quality: &'a str,
    /// `transparent` or `opaque`.
    pub background: &'a str,
    /// `png`, `jpeg` or `webp`.
    pub output_format: &'a str,
}

/// A response in the background that is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// It has not begun.
    Queued,
    /// It is being made.
    InProgress,
    /// It was given up because the client asked for it.
    Cancelled,
    /// It could not be made.
    Failed,
}

/// A function call's name and id; its arguments are the output's content.
#[derive(Debug, Clone, Copy)]
pub struct FunctionCall<'a> {
    /// The call's id, `call_…`.
    pub call_id: &'a str,
    /// The function's name.
    pub name: &'a str,
}

/// How a response ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was done.
    Completed,
    /// It reached the request's limit.
    MaxOutputTokens,
}

/// Tokens of a request and its answer.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Usage {
    input_tokens: u32,
    input_tokens_details: InputDetails,
    output_tokens: u32,
    output_tokens_details: OutputDetails,
    total_tokens: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct InputDetails {
    cached_tokens: u32,
    cache_write_tokens: u32,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct OutputDetails {
    reasoning_tokens: u32,
}

impl Usage {
    /// Tokens of the prompt and of the answer; nothing cached, no reasoning.
    #[must_use]
    pub fn new(input_tokens: u32, output_tokens: u32) -> Self {
        Self {
            input_tokens,
            input_tokens_details: InputDetails { cached_tokens: 0, cache_write_tokens: 0 },
            output_tokens,
            output_tokens_details: OutputDetails { reasoning_tokens: 0 },
            total_tokens: u64::from(input_tokens) + u64::from(output_tokens),
        }
    }
}
