//! A chat completion as a stream of chunks.

use bytes::BytesMut;

use super::{FinishReason, Head, Usage};
use crate::json;
use crate::openai::error::ApiError;

/// Names the backend that answered; constant, so that the same seed gives the same bytes.
pub(super) const FINGERPRINT: &str = "fp_weir";

/// Writes the chunks of one answer. What they all begin with is encoded once; a content chunk
/// then costs three copies and the escaping of its piece.
#[derive(Debug, Clone)]
pub struct ChunkEncoder {
    /// `data: {"id":…,"choices":[`
    prefix: Box<[u8]>,
    tool_call: Option<ToolCallHead>,
    include_usage: bool,
}

#[derive(Debug, Clone)]
struct ToolCallHead {
    id: Box<str>,
    name: Box<str>,
}

impl ChunkEncoder {
    /// An encoder for one answer; with `include_usage` every chunk has a `usage` and one more
    /// chunk than otherwise carries it.
    #[must_use]
    pub fn new(head: &Head<'_>, include_usage: bool) -> Self {
        let mut prefix = BytesMut::with_capacity(256);
        prefix.extend_from_slice(br#"data: {"id":"#);
        json::append(&head.id, &mut prefix);
        prefix.extend_from_slice(br#","object":"chat.completion.chunk","created":"#);
        json::append(&head.created, &mut prefix);
        prefix.extend_from_slice(br#","model":"#);
        json::append(&head.model, &mut prefix);
        prefix.extend_from_slice(br#","service_tier":"default","system_fingerprint":"#);
        json::append(&FINGERPRINT, &mut prefix);
        prefix.extend_from_slice(br#","choices":["#);
        let tool_call =
            head.tool_call.map(|call| ToolCallHead { id: call.id.into(), name: call.name.into() });
        Self { prefix: prefix.as_ref().into(), tool_call, include_usage }
    }

    /// Appends the chunk that opens the answer: the role, and for a tool call its name.
    pub fn opening(&self, out: &mut BytesMut) {
        self.begin(out);
        match &self.tool_call {
            None => {
                out.extend_from_slice(br#"{"role":"assistant","content":"","refusal":null}"#);
            }
            Some(call) => {
                out.extend_from_slice(
                    br#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"#,
                );
                json::append(&call.id, out);
                out.extend_from_slice(br#","type":"function","function":{"name":"#);
                json::append(&call.name, out);
                out.extend_from_slice(br#","arguments":""}}]}"#);
            }
        }
        self.end_unfinished(out);
    }

    /// Appends a chunk with a piece of the text, or of the tool call's arguments.
    pub fn content(&self, piece: &str, out: &mut BytesMut) {
        self.begin(out);
        if self.tool_call.is_none() {
            out.extend_from_slice(br#"{"content":""#);
            json::escape(piece, out);
            out.extend_from_slice(br#""}"#);
        } else {
            out.extend_from_slice(br#"{"tool_calls":[{"index":0,"function":{"arguments":""#);
            json::escape(piece, out);
            out.extend_from_slice(br#""}}]}"#);
        }
        self.end_unfinished(out);
    }

    /// Appends what ends the answer: finish reason, usage if asked for, `[DONE]`.
    pub fn closing(&self, finish_reason: FinishReason, usage: Usage, out: &mut BytesMut) {
        self.begin(out);
        out.extend_from_slice(br#"{},"logprobs":null,"finish_reason":"#);
        json::append(&finish_reason, out);
        out.extend_from_slice(if self.include_usage {
            b"}],\"usage\":null}\n\n"
        } else {
            b"}]}\n\n"
        });
        if self.include_usage {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(br#"],"usage":"#);
            json::append(&usage, out);
            out.extend_from_slice(b"}\n\n");
        }
        Self::done(out);
    }

    /// Appends the terminal event alone.
    pub fn done(out: &mut BytesMut) {
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Appends an in-band error.
    pub fn error(error: &ApiError<'_>, out: &mut BytesMut) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&error.to_body());
        out.extend_from_slice(b"\n\n");
    }

    /// Appends an event whose data breaks off inside the JSON.
    pub fn malformed(&self, out: &mut BytesMut) {
        self.begin(out);
        out.extend_from_slice(b"{\"content\":\n\n");
    }

    fn begin(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(br#"{"index":0,"delta":"#);
    }

    fn end_unfinished(&self, out: &mut BytesMut) {
        out.extend_from_slice(br#","logprobs":null,"finish_reason":null}]"#);
        if self.include_usage {
            out.extend_from_slice(br#","usage":null"#);
        }
        out.extend_from_slice(b"}\n\n");
    }
}
