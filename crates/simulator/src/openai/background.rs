//! Responses that are made later, and responses whose output is a picture.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::StatusCode;
use tokio::time::Instant;
use wire::openai::responses::{
    GeneratedImage, Unfinished, Usage, answer_body, image_body, unfinished_body,
};

use super::responses::{Response, ending};
use crate::answer::{Answered, serve_body};
use crate::api::Problem;
use crate::media::{Digests, ImageOrder, Job, Stage, image_events, send_events};
use crate::plan::Plan;
use crate::script::{Outline, Script};
use crate::text::Content;
use crate::wheel::Alarm;
use crate::worker::{InFlight, Shared, Worker};

/// What the model is said to have made of the request's prompt.
const REVISED_PROMPT: &str = "vertical bars of plain colour";

/// An order for such a response.
#[derive(Debug)]
pub(crate) struct LaterOrder {
    pub(crate) response: Response,
    /// What it says; with a picture nothing but its time matters.
    pub(crate) content: Content,
    /// Most events of the answer.
    pub(crate) limit: Option<u32>,
    pub(crate) image: Option<ImageOrder>,
    pub(crate) delivery: Delivery,
}

/// How the client gets a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It asks for it again and again.
    Background,
    /// In one piece, when it is done.
    Whole,
    /// As events, with so many partial pictures among them.
    Stream(u32),
}

/// A response with the job that makes it.
#[derive(Debug)]
pub(crate) struct Later {
    response: Response,
    job: Job,
    output: Output,
    cancelled: AtomicBool,
    /// Length and digests of its picture, computed when they are first asked for.
    digests: OnceLock<(u64, Digests)>,
}

#[derive(Debug)]
enum Output {
    Text(Outline, String),
    Image(ImageOrder),
}

/// Answers an order.
pub(crate) async fn answer(
    worker: &Rc<Worker>,
    mut plan: Plan,
    order: LaterOrder,
    in_flight: InFlight,
) -> Answered {
    let LaterOrder { response, content, limit, image, delivery } = order;
    let shared = &worker.shared;
    // Faults for the job do not touch the answer that says it has begun.
    let of_job = std::mem::take(&mut plan.faults.media);
    let load = plan.profile.load_factor(&shared.stats);
    let script = Script::new(Arc::clone(&plan.profile), plan.seed, limit, content, load);
    let waits = script.due().unwrap_or_default();
    let works = script.outline().ideal.saturating_sub(waits);
    let works = works.saturating_add(of_job.slow_job.unwrap_or_default());
    let job = Job { started: plan.started, waits, works, fails_at: of_job.fail };
    let output = match image {
        Some(image) => Output::Image(image),
        None => Output::Text(script.outline(), script.content()),
    };
    let later = Arc::new(Later {
        response,
        job,
        output,
        cancelled: AtomicBool::new(false),
        digests: OnceLock::new(),
    });
    if plan.faults.status.is_none() && !plan.faults.refuse {
        if later.response.store {
            shared.responses.insert_later(&later.response.id, &later);
        }
        match delivery {
            Delivery::Stream(partial) => {
                let events = later.events(shared, partial).await;
                return send_events(plan, in_flight, events).await;
            }
            Delivery::Whole => {
                plan.started = Instant::now() + later.job.left(Instant::now());
                Alarm::new(&worker.wheel).until(plan.started).await;
            }
            Delivery::Background => {}
        }
    }
    let body = later.body(shared).await;
    plan.profile = Arc::clone(&shared.instant);
    serve_body(plan, body.into(), in_flight).await
}

/// `POST /v1/responses/{id}/cancel`.
///
/// # Errors
/// When there is no such response, or it is not made in the background.
pub(crate) async fn cancel(id: &str, shared: &Shared) -> Result<Bytes, Problem> {
    let Some(later) = shared.responses.later(id).filter(|later| later.response.background) else {
        return Err(match shared.responses.contains(id) {
            true => Problem::new(
                StatusCode::BAD_REQUEST,
                "only a response that is made in the background can be cancelled",
            ),
            false => super::responses::not_found(id, StatusCode::NOT_FOUND),
        });
    };
    if !later.job.left(Instant::now()).is_zero() {
        later.cancelled.store(true, Ordering::Relaxed);
    }
    Ok(later.body(shared).await)
}

impl Later {
    /// Length and digests of its picture, if it has one and is done. Takes time the first time.
    pub(crate) fn picture(&self) -> Option<&(u64, Digests)> {
        let Output::Image(order) = &self.output else { return None };
        let done = self.job.stage(Instant::now()) == Stage::Completed;
        let there = done && !self.cancelled.load(Ordering::Relaxed);
        there.then(|| self.digests.get_or_init(|| order.digests()))
    }

    /// The response as it is now.
    pub(crate) async fn body(self: &Arc<Self>, shared: &Shared) -> Bytes {
        let head = self.response.head();
        let state = match self.job.stage(Instant::now()) {
            _ if self.cancelled.load(Ordering::Relaxed) => Unfinished::Cancelled,
            Stage::Queued => Unfinished::Queued,
            Stage::InProgress(_) => Unfinished::InProgress,
            Stage::Failed(_) => Unfinished::Failed,
            Stage::Completed => {
                let later = Arc::clone(self);
                return match &self.output {
                    Output::Text(outline, content) => {
                        let usage = self.response.usage(*outline);
                        answer_body(&head, content, ending(outline.extent), usage).into()
                    }
                    Output::Image(_) => shared.media.work(move || later.image_body()).await.into(),
                };
            }
        };
        unfinished_body(&head, state).into()
    }

    /// The response with its picture. Takes time.
    fn image_body(&self) -> Vec<u8> {
        let Output::Image(order) = &self.output else { return Vec::new() };
        let (result, size) = (order.whole_picture(0), order.size_text());
        let image = GeneratedImage {
            result: &result,
            revised_prompt: REVISED_PROMPT,
            size: &size,
            quality: order.quality,
            background: order.background,
            output_format: order.output_format,
        };
        let usage = Usage::new(self.response.input_tokens, order.tokens());
        image_body(&self.response.head(), &image, usage)
    }

    /// The response as events, each with the time at which it is due.
    async fn events(self: &Arc<Self>, shared: &Shared, partial: u32) -> Vec<image_events::Event> {
        let later = Arc::clone(self);
        let made = shared.media.work(move || {
            let Output::Image(order) = later.output else { return Vec::new() };
            let begun = unfinished_body(&later.response.head(), Unfinished::InProgress);
            let item_id = &later.response.item_id;
            image_events::all(item_id, &order, partial, &begun, &later.image_body())
        });
        let (first, last) = (self.job.waits, self.job.waits + self.job.works);
        image_events::timed(made.await, first, last)
    }
}
