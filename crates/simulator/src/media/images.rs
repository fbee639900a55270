//! `POST /v1/images/generations` and `POST /v1/images/edits`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use wire::json::FieldError;

use super::events::{Due, event};
use super::form::Form;
use super::image_order::{ImageOrder, ImageUsage, MAX_IMAGES, check_sources};
use super::wishes::Wishes;
use super::{Ask, Upload, events, json};
use crate::answer::{Answered, serve_body};
use crate::api::Problem;
use crate::plan::Plan;
use crate::script::Script;
use crate::text::Content;

/// Most pictures that show what is being made.
pub(crate) const MAX_PARTIAL: u32 = 3;

/// Which of the two endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Generation,
    Edit,
}

impl Kind {
    /// The types of its events: with a partial picture, with the whole one.
    fn events(self) -> (&'static str, &'static str) {
        match self {
            Self::Generation => ("image_generation.partial_image", "image_generation.completed"),
            Self::Edit => ("image_edit.partial_image", "image_edit.completed"),
        }
    }
}

#[derive(Serialize)]
struct Answer {
    created: i64,
    background: &'static str,
    data: Vec<Datum>,
    output_format: &'static str,
    quality: &'static str,
    size: String,
    usage: ImageUsage,
}

#[derive(Serialize)]
struct Datum {
    b64_json: String,
}

#[derive(Serialize)]
struct ImageEvent<'a> {
    r#type: &'static str,
    b64_json: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial_image_index: Option<u32>,
    created_at: i64,
    size: &'a str,
    quality: &'static str,
    background: &'static str,
    output_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<ImageUsage>,
}

struct Request {
    order: ImageOrder,
    usage: ImageUsage,
    count: u32,
    /// With how many partial pictures, if it shall be streamed.
    partial: Option<u32>,
}

/// Answers a request for pictures.
pub(super) async fn answer(mut ask: Ask<'_>, kind: Kind, upload: Upload<'_>) -> Answered {
    let request = read(&mut ask, kind, &upload);
    drop(upload);
    let request = match request {
        Ok(request) => request,
        Err(problem) => return ask.reject(problem),
    };
    let created = ask.plan.identity.created();
    let media = &ask.worker.shared.media;
    let Request { order, usage, count, partial } = request;
    if let Some(partial) = partial {
        let made = media.work(move || events_of(kind, &order, usage, created, partial)).await;
        let due = on_schedule(&ask.plan, made);
        return events::send(ask, due).await;
    }
    let body = media.work(move || {
        let data = (0..count).map(|number| Datum { b64_json: order.whole_picture(number) });
        json(&Answer {
            created,
            background: order.background,
            data: data.collect(),
            output_format: order.output_format,
            quality: order.quality,
            size: order.size_text(),
            usage,
        })
    });
    let body = body.await;
    serve_body(ask.plan, body, ask.in_flight).await
}

fn read(ask: &mut Ask<'_>, kind: Kind, body: &[u8]) -> Result<Request, Problem> {
    let form = Form::parse(&ask.head.headers, body)?;
    let prompt = form.required("prompt")?;
    let wishes = Wishes::of_prompt(prompt).map_err(|error| FieldError::invalid("prompt", error))?;
    ask.plan.faults.merge(&wishes.faults);
    let order = ImageOrder::read(&form, ask.plan.seed)?;
    let count = form.number("n", 1..=MAX_IMAGES)?.unwrap_or(1);
    form.number("output_compression", 0..=100)?;
    form.one_of("moderation", &["auto", "low"])?;
    form.one_of("response_format", &["b64_json"])?;
    let sources = match kind {
        Kind::Generation => 0,
        Kind::Edit => {
            form.one_of("input_fidelity", &["low", "high"])?;
            check_sources(&form)?
        }
    };
    let partial = form.number("partial_images", 0..=MAX_PARTIAL)?;
    let partial = form.flag("stream")?.then_some(partial.unwrap_or(0));
    if partial.is_some() && count > 1 {
        return Err(FieldError::invalid("n", "only one picture can be streamed").into());
    }
    let usage = ImageUsage::new(&order, count, prompt, sources);
    Ok(Request { order, usage, count, partial })
}

fn events_of(
    kind: Kind,
    order: &ImageOrder,
    usage: ImageUsage,
    created_at: i64,
    partial: u32,
) -> Vec<Bytes> {
    let (of_partial, of_whole) = kind.events();
    let size = order.size_text();
    let base = |kind, b64_json| ImageEvent {
        r#type: kind,
        b64_json,
        partial_image_index: None,
        created_at,
        size: &size,
        quality: order.quality,
        background: order.background,
        output_format: order.output_format,
        usage: None,
    };
    let mut all: Vec<Bytes> = (0..partial)
        .map(|index| {
            let picture = order.partial_picture(index, partial);
            let base = base(of_partial, picture);
            event(of_partial, &ImageEvent { partial_image_index: Some(index), ..base })
        })
        .collect();
    let base = base(of_whole, order.whole_picture(0));
    all.push(event(of_whole, &ImageEvent { usage: Some(usage), ..base }));
    all
}

/// Events at the times of a text answer's.
pub(super) fn on_schedule(plan: &Plan, events: Vec<Bytes>) -> Due {
    let times = schedule(plan, events.len());
    Box::new(times.into_iter().zip(events))
}

/// When the first so many events of a text answer would be due; after its last one, all at once.
pub(super) fn schedule(plan: &Plan, count: usize) -> Vec<Duration> {
    let content = Content::Text;
    let mut script = Script::new(Arc::clone(&plan.profile), plan.seed, None, content, 1.0);
    let mut piece = String::new();
    let mut last = Duration::ZERO;
    let next = || {
        if let Some(due) = script.due() {
            last = due;
            piece.clear();
            script.write_next(1.0, &mut piece);
        }
        last
    };
    std::iter::repeat_with(next).take(count).collect()
}
