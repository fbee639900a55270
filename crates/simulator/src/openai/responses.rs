//! `POST /v1/responses` and `GET /v1/responses/{id}`.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use serde_json::value::RawValue;
use wire::json::{FieldError, compact};
use wire::openai::responses::{
    Ending, EventEncoder, FunctionCall, Head, Request, Usage, answer_body,
};

use super::background::{Delivery, LaterOrder};
use super::response_store::Stored;
use crate::answer::{self, Ended, Events, Order};
use crate::api::{Api, Problem};
use crate::arguments;
use crate::media::{Form, ImageOrder, MAX_PARTIAL, Wishes};
use crate::plan::Plan;
use crate::script::{Extent, Outline};
use crate::text::Content;
use crate::worker::Shared;

/// What a request ordered.
pub(crate) enum Ordered {
    /// An answer whose events, or whose end, the client waits for.
    Now(Order),
    /// One that is made in the background, or that is a picture.
    Later(Box<LaterOrder>),
}

/// Reads a request body as an order.
///
/// # Errors
/// Names the field that is missing or wrong; also when the previous response is not kept.
pub(crate) fn order(
    body: &[u8],
    plan: &mut Plan,
    shared: &Arc<Shared>,
) -> Result<Ordered, Problem> {
    let request = Request::parse(body)?;
    let previous_response_id = request.previous_response_id.clone().map(Cow::into_owned);
    if let Some(id) = &previous_response_id
        && !shared.responses.contains(id)
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
    // A forced function is called instead of the image tool.
    let image_tool = request.image_tool.filter(|_| request.forced_tool.is_none());
    let item_prefix = match (&request.forced_tool, image_tool) {
        (Some(_), _) => "fc_",
        (None, Some(_)) => "ig_",
        (None, None) => "msg_",
    };
    let response = Response {
        id: plan.identity.id("resp_", 48),
        item_id: plan.identity.id(item_prefix, 48),
        created_at: plan.identity.created(),
        model: request.model.clone().into_owned(),
        call: request
            .forced_tool
            .as_ref()
            .map(|tool| (plan.identity.id("call_", 24), tool.name.clone().into_owned())),
        max_output_tokens: request.max_output_tokens,
        previous_response_id,
        store: request.store,
        keep_in: request.store.then(|| Arc::clone(shared)),
        background: request.background,
        tool_choice: request.tool_choice.map(compact),
        tools: request.tools.map(compact),
        input_tokens: Api::tokens_of(request.input.get().len()),
    };
    if image_tool.is_some() || request.background {
        let later = later(&request, image_tool, plan, content, response)?;
        return Ok(Ordered::Later(Box::new(later)));
    }
    let form = if request.stream {
        let encoder = EventEncoder::new(&response.head());
        answer::Form::Stream(Box::new(TypedEvents { encoder, response }))
    } else {
        answer::Form::Whole(Box::new(move |outline, content| response.body(outline, content)))
    };
    Ok(Ordered::Now(Order { form, content, limit: request.max_output_tokens }))
}

/// An order for a response that is made later, or that is a picture.
fn later(
    request: &Request<'_>,
    image_tool: Option<&RawValue>,
    plan: &mut Plan,
    content: Content,
    response: Response,
) -> Result<LaterOrder, Problem> {
    let wishes = Wishes::of_prompt(request.input.get())
        .map_err(|error| FieldError::invalid("input", error))?;
    plan.faults.merge(&wishes.faults);
    let mut delivery = if request.background { Delivery::Background } else { Delivery::Whole };
    let mut image = None;
    if let Some(tool) = image_tool {
        let settings = Form::of_json(tool.get())?;
        image = Some(ImageOrder::read(&settings, plan.seed)?);
        let partial = settings.number("partial_images", 0..=MAX_PARTIAL)?.unwrap_or(0);
        if request.stream {
            delivery = Delivery::Stream(partial);
        }
    }
    // It is kept as what it is now, and not when it is done.
    let response = Response { keep_in: None, ..response };
    let limit = request.max_output_tokens;
    Ok(LaterOrder { response, content, limit, image, delivery })
}

/// The response of an id.
///
/// # Errors
/// When it is not kept (any longer).
pub(crate) async fn retrieve(id: &str, shared: &Shared) -> Result<Bytes, Problem> {
    match shared.responses.get(id) {
        Some(Stored::Whole(body)) => Ok(body),
        Some(Stored::Later(later)) => Ok(later.body(shared).await),
        None => Err(not_found(id, StatusCode::NOT_FOUND)),
    }
}

pub(super) fn not_found(id: &str, status: StatusCode) -> Problem {
    Problem::new(status, format!("response with id '{id}' not found"))
}

/// What an answer says of itself.
#[derive(Debug)]
pub(crate) struct Response {
    pub(super) id: String,
    pub(super) item_id: String,
    created_at: i64,
    model: String,
    /// Id and name of the function call that it is.
    call: Option<(String, String)>,
    max_output_tokens: Option<u32>,
    previous_response_id: Option<String>,
    /// Whether it can be fetched by its id.
    pub(super) store: bool,
    /// Where to keep it when it is done.
    keep_in: Option<Arc<Shared>>,
    pub(super) background: bool,
    tool_choice: Option<Box<RawValue>>,
    tools: Option<Box<RawValue>>,
    pub(super) input_tokens: u32,
}

impl Response {
    pub(super) fn head(&self) -> Head<'_> {
        Head {
            id: &self.id,
            item_id: &self.item_id,
            created_at: self.created_at,
            model: &self.model,
            function_call: self.call.as_ref().map(|(call_id, name)| FunctionCall { call_id, name }),
            max_output_tokens: self.max_output_tokens,
            previous_response_id: self.previous_response_id.as_deref(),
            store: self.store,
            background: self.background,
            tool_choice: self.tool_choice.as_deref(),
            tools: self.tools.as_deref(),
        }
    }

    pub(super) fn usage(&self, outline: Outline) -> Usage {
        Usage::new(self.input_tokens, outline.events)
    }

    /// The whole response, which is kept from now on.
    fn body(&self, outline: Outline, content: &str) -> Vec<u8> {
        let body = answer_body(&self.head(), content, ending(outline.extent), self.usage(outline));
        if let Some(shared) = &self.keep_in {
            shared.responses.insert(&self.id, Bytes::copy_from_slice(&body));
        }
        body
    }
}

pub(super) fn ending(extent: Extent) -> Ending {
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
        if self.response.keep_in.is_some() {
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
