//! `POST /v1/chat/completions`.

use bytes::BytesMut;
use wire::json::FieldError;
use wire::openai::chat::{ChunkEncoder, FinishReason, Head, Request, ToolCall, Usage, answer_body};
use wire::openai::error::ApiError;

use crate::answer::{Ended, Events, Form, Order};
use crate::api::Api;
use crate::arguments;
use crate::plan::Plan;
use crate::script::{Extent, Outline};
use crate::text::Content;

/// Reads a request body as an order.
///
/// # Errors
/// Names the field that is missing or wrong.
pub(crate) fn order(body: &[u8], plan: &mut Plan) -> Result<Order, FieldError> {
    let request = Request::parse(body)?;
    let content = match &request.forced_tool {
        None => Content::Text,
        Some(tool) => arguments::for_schema(tool.parameters.map(|schema| schema.get())),
    };
    let completion = Completion {
        id: plan.identity.id("chatcmpl-", 29),
        created: plan.identity.created(),
        model: request.model.into_owned(),
        call: request
            .forced_tool
            .map(|tool| (plan.identity.id("call_", 24), tool.name.into_owned())),
        prompt_tokens: Api::tokens_of(request.messages.get().len()),
    };
    let form = if request.stream {
        Form::Stream(Box::new(Chunks {
            encoder: ChunkEncoder::new(&completion.head(), request.include_usage),
            prompt_tokens: completion.prompt_tokens,
            is_tool_call: completion.call.is_some(),
        }))
    } else {
        Form::Whole(Box::new(move |outline, content| completion.body(outline, content)))
    };
    Ok(Order { form, content, limit: request.max_tokens })
}

/// What an answer says of itself.
struct Completion {
    id: String,
    created: i64,
    model: String,
    /// Id and name of the tool call that it is.
    call: Option<(String, String)>,
    prompt_tokens: u32,
}

impl Completion {
    fn head(&self) -> Head<'_> {
        Head {
            id: &self.id,
            created: self.created,
            model: &self.model,
            tool_call: self.call.as_ref().map(|(id, name)| ToolCall { id, name }),
        }
    }

    fn body(&self, outline: Outline, content: &str) -> Vec<u8> {
        let finish_reason = finish_reason(outline.extent, self.call.is_some());
        let usage = Usage::new(self.prompt_tokens, outline.events);
        answer_body(&self.head(), content, finish_reason, usage)
    }
}

fn finish_reason(extent: Extent, is_tool_call: bool) -> FinishReason {
    match (extent, is_tool_call) {
        (Extent::Capped, _) => FinishReason::Length,
        (Extent::Whole, true) => FinishReason::ToolCalls,
        (Extent::Whole, false) => FinishReason::Stop,
    }
}

/// An answer as a stream of chunks.
struct Chunks {
    encoder: ChunkEncoder,
    prompt_tokens: u32,
    is_tool_call: bool,
}

impl Events for Chunks {
    fn opening(&mut self, out: &mut BytesMut) {
        self.encoder.opening(out);
    }

    fn content(&mut self, piece: &str, out: &mut BytesMut) {
        self.encoder.content(piece, out);
    }

    fn closing(&mut self, ended: &Ended<'_>, out: &mut BytesMut) {
        let finish_reason = finish_reason(ended.outline.extent, self.is_tool_call);
        let usage = Usage::new(self.prompt_tokens, ended.outline.events);
        self.encoder.closing(finish_reason, usage, out);
    }

    fn empty(&mut self, out: &mut BytesMut) {
        ChunkEncoder::done(out);
    }

    fn error(&mut self, out: &mut BytesMut) {
        ChunkEncoder::error(&ApiError::of_status(500, "simulated fault: error", None), out);
    }

    fn malformed(&mut self, out: &mut BytesMut) {
        self.encoder.malformed(out);
    }
}
