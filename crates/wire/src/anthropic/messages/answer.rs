//! A message in one piece.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Head, StopReason, Usage};
use crate::json;

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) id: &'a str,
    pub(super) r#type: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: &'a [Block<'a>],
    pub(super) stop_reason: Option<StopReason>,
    pub(super) stop_sequence: Option<&'a str>,
    pub(super) usage: Usage,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text { text: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: &'a RawValue },
}

#[derive(Serialize)]
struct Count {
    input_tokens: u32,
}

/// The body of an answer; `content` is its text, or the input of its tool use.
///
/// # Panics
/// When `content` is to be the input of a tool use and is not JSON.
#[must_use]
pub fn answer_body(
    head: &Head<'_>,
    content: &str,
    stop_reason: StopReason,
    usage: Usage,
) -> Vec<u8> {
    let block = match head.tool_use {
        None => Block::Text { text: content },
        Some(tool_use) => Block::ToolUse {
            id: tool_use.id,
            name: tool_use.name,
            input: serde_json::from_str(content).expect("documented: a tool's input is JSON"),
        },
    };
    json::encode(&Answer {
        id: head.id,
        r#type: "message",
        role: "assistant",
        model: head.model,
        content: &[block],
        stop_reason: Some(stop_reason),
        stop_sequence: None,
        usage,
    })
}

/// The body of an answer to count_tokens.
#[must_use]
pub fn count_body(input_tokens: u32) -> Vec<u8> {
    json::encode(&Count { input_tokens })
}
