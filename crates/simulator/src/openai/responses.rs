//! `POST /v1/responses` and `GET /v1/responses/{id}`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use serde_json::value::RawValue;
use wire::json::compact;
use wire::openai::responses::{
    Ending, EventEncoder, FunctionCall, Head, Request, Usage, answer_body,
};

use crate::answer::{Ended, Events, Form, Order};
use crate::api::{Api, Problem};
use crate::arguments;
use crate::plan::Plan;
use crate::script::{Extent, Outline};
use crate::text::Content;
use crate::worker::Shared;

/// Reads a request body as an order.
///
/// # Errors
/// Names the field that is missing or wrong; also when the previous response is not kept.
pub(crate) fn order(body: &[u8], plan: &mut Plan, shared: &Arc<Shared>) -> Result<Order, Problem> {
    let request = Request::parse(body)?;
    let previous_response_id = request.previous_response_id.map(|id| id.into_owned());
    if let Some(id) = &previous_response_id
        && shared.responses.get(id).is_none()
    {
        return Err(Problem {
            field: Some("previous_response_id"),
            code: Some("previous_response_not_found"),
            ..not_found(id, StatusCode::BAD_REQUEST)
        });
    }
    let content = match &request.forced_tool {
        None => Content::Text,
        Some(tool) => arguments::for_schema(tool.parameters.map(|schema| schema.get())),
    };
    let is_call = request.forced_tool.is_some();
    let response = Response {
        id: plan.identity.id("resp_", 48),
        item_id: plan.identity.id(if is_call { "fc_" } else { "msg_" }, 48),
        created_at: plan.identity.created(),
        model: request.model.into_owned(),
        call: request
            .forced_tool
            .map(|tool| (plan.identity.id("call_", 24), tool.name.into_owned())),
        max_output_tokens: request.max_output_tokens,
        previous_response_id,
        store: request.store.then(|| Arc::clone(shared)),
        tool_choice: request.tool_choice.map(compact),
        tools: request.tools.map(compact),
        input_tokens: Api::tokens_of(request.input.get().len()),
    };
    let form = if request.stream {
        let encoder = EventEncoder::new(&response.head());
        Form::Stream(Box::new(TypedEvents { encoder, response }))
    } else {
        Form::Whole(Box::new(move |outline, content| response.body(outline, content)))
    };
    Ok(Order { form, content, limit: request.max_output_tokens })
}

/// The response of an id.
///
/// # Errors
/// When it is not kept (any longer).
pub(crate) fn retrieve(id: &str, shared: &Shared) -> Result<Bytes, Problem> {
    shared.responses.get(id).ok_or_else(|| not_found(id, StatusCode::NOT_FOUND))
}

fn not_found(id: &str, status: StatusCode) -> Problem {
    Problem::new(status, format!("response with id '{id}' not found"))
}

/// What an answer says of itself.
struct Response {
    id: String,
    item_id: String,
    created_at: i64,
    model: String,
    /// Id and name of the function call that it is.
    call: Option<(String, String)>,
    max_output_tokens: Option<u32>,
    previous_response_id: Option<String>,
    /// Where to keep it, if it shall be kept.
    store: Option<Arc<Shared>>,
    tool_choice: Option<Box<RawValue>>,
    tools: Option<Box<RawValue>>,
    input_tokens: u32,
}

impl Response {
    fn head(&self) -> Head<'_> {
        Head {
            id: &self.id,
            item_id: &self.item_id,
            created_at: self.created_at,
            model: &self.model,
            function_call: self.call.as_ref().map(|(call_id, name)| FunctionCall { call_id, name }),
            max_output_tokens: self.max_output_tokens,
            previous_response_id: self.previous_response_id.as_deref(),
            store: self.store.is_some(),
            tool_choice: self.tool_choice.as_deref(),
            tools: self.tools.as_deref(),
        }
    }

    fn usage(&self, outline: Outline) -> Usage {
        Usage::new(self.input_tokens, outline.events)
    }

    /// The whole response, which is kept from now on.
    fn body(&self, outline: Outline, content: &str) -> Vec<u8> {
        let body = answer_body(&self.head(), content, ending(outline.extent), self.usage(outline));
        if let Some(shared) = &self.store {
            shared.responses.insert(&self.id, Bytes::copy_from_slice(&body));
        }
        body
    }
}

fn ending(extent: Extent) -> Ending {
    match extent {
        Extent::Capped => Ending::MaxOutputTokens,
        Extent::Whole => Ending::Completed,
    }
}

/// An answer as a stream of typed events.
struct TypedEvents {
    encoder: EventEncoder,
    response: Response,
}

impl Events for TypedEvents {
    fn repeats_content(&self) -> bool {
        true
    }

    fn opening(&mut self, out: &mut BytesMut) {
        self.encoder.opening(&self.response.head(), out);
    }

    fn content(&mut self, piece: &str, out: &mut BytesMut) {
        self.encoder.content(piece, out);
    }

    fn closing(&mut self, ended: &Ended<'_>, out: &mut BytesMut) {
        let content = (ended.content)().unwrap_or_default();
        let outline = ended.outline;
        let (ending, usage) = (ending(outline.extent), self.response.usage(outline));
        self.encoder.closing(&self.response.head(), &content, ending, usage, out);
        if self.response.store.is_some() {
            self.response.body(outline, &content);
        }
    }

    fn empty(&mut self, out: &mut BytesMut) {
        let usage = Usage::new(self.response.input_tokens, 0);
        self.encoder.empty(&self.response.head(), usage, out);
    }

    fn error(&mut self, out: &mut BytesMut) {
        self.encoder.error("server_error", "simulated fault: error", out);
    }

    fn malformed(&mut self, out: &mut BytesMut) {
        self.encoder.malformed(out);
    }
}
