//! A message as a stream of events. Every event has its `event:` line: the official clients skip
//! events without one.

use bytes::BytesMut;
use serde::Serialize;

use super::answer::Answer;
use super::{Head, StopReason, Usage};
use crate::anthropic::error::ApiError;
use crate::json;

/// Writes the events of one answer. A content event repeats nothing of the answer, so that it
/// costs two copies and the escaping of its piece.
#[derive(Debug, Clone, Copy)]
pub struct EventEncoder {
    is_tool_use: bool,
}

#[derive(Serialize)]
struct MessageStart<'a> {
    r#type: &'static str,
    message: Answer<'a>,
}

#[derive(Serialize)]
struct MessageDelta {
    r#type: &'static str,
    delta: Delta,
    usage: Usage,
}

#[derive(Serialize)]
struct Delta {
    stop_reason: StopReason,
    stop_sequence: Option<&'static str>,
}

const CONTENT_BLOCK_STOP: &[u8] =
    b"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
const MESSAGE_STOP: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
const PING: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";
const TEXT: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\
\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"";
const INPUT: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\
\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"";

impl EventEncoder {
    /// An encoder for one answer.
    #[must_use]
    pub fn new(head: &Head<'_>) -> Self {
        Self { is_tool_use: head.tool_use.is_some() }
    }

    /// Appends what opens the answer: message, content block, and a ping as the API sends one.
    pub fn opening(self, head: &Head<'_>, input_tokens: u32, out: &mut BytesMut) {
        message_start(head, input_tokens, out);
        out.extend_from_slice(
            b"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
\"content_block\":",
        );
        match head.tool_use {
            None => out.extend_from_slice(br#"{"type":"text","text":""}"#),
            Some(tool_use) => {
                out.extend_from_slice(br#"{"type":"tool_use","id":"#);
                json::append(&tool_use.id, out);
                out.extend_from_slice(br#","name":"#);
                json::append(&tool_use.name, out);
                out.extend_from_slice(br#","input":{}}"#);
            }
        }
        out.extend_from_slice(b"}\n\n");
        out.extend_from_slice(PING);
    }

    /// Appends an event with a piece of the text, or of the tool use's input.
    pub fn content(self, piece: &str, out: &mut BytesMut) {
        out.extend_from_slice(if self.is_tool_use { INPUT } else { TEXT });
        json::escape(piece, out);
        out.extend_from_slice(b"\"}}\n\n");
    }

    /// Appends what ends the answer: content block, stop reason with usage, message.
    pub fn closing(self, stop_reason: StopReason, usage: Usage, out: &mut BytesMut) {
        out.extend_from_slice(CONTENT_BLOCK_STOP);
        message_delta(stop_reason, usage, out);
        out.extend_from_slice(MESSAGE_STOP);
    }

    /// Appends a whole answer that has no content at all.
    pub fn empty(head: &Head<'_>, usage: Usage, out: &mut BytesMut) {
        message_start(head, usage.input_tokens, out);
        message_delta(StopReason::EndTurn, usage, out);
        out.extend_from_slice(MESSAGE_STOP);
    }

    /// Appends an in-band error.
    pub fn error(error: &ApiError<'_>, request_id: &str, out: &mut BytesMut) {
        out.extend_from_slice(b"event: error\ndata: ");
        out.extend_from_slice(&error.to_body(request_id));
        out.extend_from_slice(b"\n\n");
    }

    /// Appends an event whose data breaks off inside the JSON.
    pub fn malformed(self, out: &mut BytesMut) {
        out.extend_from_slice(if self.is_tool_use { INPUT } else { TEXT });
        out.extend_from_slice(b"\n\n");
    }
}

fn message_start(head: &Head<'_>, input_tokens: u32, out: &mut BytesMut) {
    out.extend_from_slice(b"event: message_start\ndata: ");
    let message = Answer {
        id: head.id,
        r#type: "message",
        role: "assistant",
        model: head.model,
        content: &[],
        stop_reason: None,
        stop_sequence: None,
        usage: Usage::new(input_tokens, 1),
    };
    json::append(&MessageStart { r#type: "message_start", message }, out);
    out.extend_from_slice(b"\n\n");
}

fn message_delta(stop_reason: StopReason, usage: Usage, out: &mut BytesMut) {
    out.extend_from_slice(b"event: message_delta\ndata: ");
    let delta = Delta { stop_reason, stop_sequence: None };
    let usage = Usage { service_tier: None, ..usage };
    json::append(&MessageDelta { r#type: "message_delta", delta, usage }, out);
    out.extend_from_slice(b"\n\n");
}
