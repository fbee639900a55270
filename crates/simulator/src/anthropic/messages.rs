//! `POST /v1/messages` and `POST /v1/messages/count_tokens`.

use bytes::BytesMut;
use wire::anthropic::error::ApiError;
use wire::anthropic::messages::{
    CountRequest, EventEncoder, Head, Request, StopReason, ToolUse, Usage, answer_body, count_body,
};
use wire::json::FieldError;

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
    let message = Message {
        id: plan.identity.id("msg_", 24),
        model: request.model.into_owned(),
        tool_use: request
            .forced_tool
            .map(|tool| (plan.identity.id("toolu_", 24), tool.name.into_owned())),
        input_tokens: Api::tokens_of(request.messages.get().len()),
    };
    let form = if request.stream {
        Form::Stream(Box::new(MessageEvents {
            encoder: EventEncoder::new(&message.head()),
            message,
            request_id: plan.request_id.clone(),
        }))
    } else {
        Form::Whole(Box::new(move |outline, content| message.body(outline, content)))
    };
    Ok(Order { form, content, limit: Some(request.max_tokens) })
}

/// Answers a request to count tokens.
///
/// # Errors
/// Names the field that is missing or wrong.
pub(crate) fn count_tokens(body: &[u8]) -> Result<Vec<u8>, FieldError> {
    let request = CountRequest::parse(body)?;
    let parts = [Some(request.messages), request.system, request.tools];
    let bytes = parts.into_iter().flatten().map(|part| part.get().len()).sum();
    Ok(count_body(Api::tokens_of(bytes)))
}

/// What an answer says of itself.
struct Message {
    id: String,
    model: String,
    /// Id and name of the tool use that it is.
    tool_use: Option<(String, String)>,
    input_tokens: u32,
}

impl Message {
    fn head(&self) -> Head<'_> {
        Head {
            id: &self.id,
            model: &self.model,
            tool_use: self.tool_use.as_ref().map(|(id, name)| ToolUse { id, name }),
        }
    }

    fn usage(&self, outline: Outline) -> Usage {
        Usage::new(self.input_tokens, outline.events)
    }

    fn body(&self, outline: Outline, content: &str) -> Vec<u8> {
        let stop_reason = self.stop_reason(outline.extent);
        answer_body(&self.head(), content, stop_reason, self.usage(outline))
    }

    fn stop_reason(&self, extent: Extent) -> StopReason {
        match (extent, &self.tool_use) {
            (Extent::Capped, _) => StopReason::MaxTokens,
            (Extent::Whole, Some(_)) => StopReason::ToolUse,
            (Extent::Whole, None) => StopReason::EndTurn,
        }
    }
}

/// An answer as a stream of events.
struct MessageEvents {
    encoder: EventEncoder,
    message: Message,
    request_id: String,
}

impl Events for MessageEvents {
    fn opening(&mut self, out: &mut BytesMut) {
        self.encoder.opening(&self.message.head(), self.message.input_tokens, out);
    }

    fn content(&mut self, piece: &str, out: &mut BytesMut) {
        self.encoder.content(piece, out);
    }

    fn closing(&mut self, ended: &Ended<'_>, out: &mut BytesMut) {
        let stop_reason = self.message.stop_reason(ended.outline.extent);
        self.encoder.closing(stop_reason, self.message.usage(ended.outline), out);
    }

    fn empty(&mut self, out: &mut BytesMut) {
        let usage = Usage::new(self.message.input_tokens, 0);
        EventEncoder::empty(&self.message.head(), usage, out);
    }

    fn error(&mut self, out: &mut BytesMut) {
        // What the API sends when it is overloaded in the middle of an answer.
        let error = ApiError::of_status(529, "simulated fault: overloaded");
        EventEncoder::error(&error, &self.request_id, out);
    }

    fn malformed(&mut self, out: &mut BytesMut) {
        self.encoder.malformed(out);
    }
}
