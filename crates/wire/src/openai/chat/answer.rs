//! A chat completion in one piece.

use serde::Serialize;

use super::{FinishReason, Head, Usage};
use crate::json;

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: Usage,
    service_tier: &'static str,
    system_fingerprint: &'static str,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: FinishReason,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<()>,
    annotations: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// The body of an answer; `content` is its text, or the arguments of its tool call.
#[must_use]
pub fn answer_body(
    head: &Head<'_>,
    content: &str,
    finish_reason: FinishReason,
    usage: Usage,
) -> Vec<u8> {
    let tool_calls = head.tool_call.map(|call| {
        [ToolCall {
            id: call.id,
            r#type: "function",
            function: Function { name: call.name, arguments: content },
        }]
    });
    json::encode(&Answer {
        id: head.id,
        object: "chat.completion",
        created: head.created,
        model: head.model,
        choices: [Choice {
            index: 0,
            message: Message {
                role: "assistant",
                content: tool_calls.is_none().then_some(content),
                refusal: None,
                annotations: [],
                tool_calls,
            },
            logprobs: None,
            finish_reason,
        }],
        usage,
        service_tier: "default",
        system_fingerprint: super::stream::FINGERPRINT,
    })
}
