//! From an order to a response: the path that chat completions, messages and responses share.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderValue, Response, StatusCode};

use crate::api::{Api, IDEAL, Problem};
use crate::body::Body;
use crate::faults::{BreakageKind, Faults};
use crate::plan::Plan;
use crate::script::{Outline, Script};
use crate::stats::Outcome;
use crate::stream::EventStream;
use crate::text::Content;
use crate::wheel::Alarm;
use crate::worker::InFlight;

/// Writes one streamed answer in its dialect.
pub(crate) trait Events {
    /// Whether [`Ended::content`] must be there at the end.
    fn repeats_content(&self) -> bool {
        false
    }
    /// Appends what comes before all content.
    fn opening(&mut self, out: &mut BytesMut);
    /// Appends the event for one piece of the content.
    fn content(&mut self, piece: &str, out: &mut BytesMut);
    /// Appends what comes after all content, the terminal event included.
    fn closing(&mut self, ended: &Ended<'_>, out: &mut BytesMut);
    /// Appends a whole answer without any content.
    fn empty(&mut self, out: &mut BytesMut);
    /// Appends an in-band error.
    fn error(&mut self, out: &mut BytesMut);
    /// Appends an event that is not well-formed.
    fn malformed(&mut self, out: &mut BytesMut);
}

/// How an answer is given.
pub(crate) enum Form {
    /// As a stream of events.
    Stream(Box<dyn Events>),
    /// In one piece: from the outline and the whole content.
    Whole(WholeBody),
}

/// Makes the body of an answer in one piece.
pub(crate) type WholeBody = Box<dyn FnOnce(Outline, &str) -> Vec<u8>>;

/// What is known at the end of a stream.
pub(crate) struct Ended<'a> {
    pub(crate) outline: Outline,
    /// The whole content, for answers that repeat it.
    pub(crate) content: &'a dyn Fn() -> Option<String>,
}

/// What a request ordered.
pub(crate) struct Order {
    pub(crate) form: Form,
    pub(crate) content: Content,
    /// Most events of the answer.
    pub(crate) limit: Option<u32>,
}

/// The client gets no response at all; its connection is closed.
#[derive(Debug, thiserror::Error)]
#[error("refused on purpose")]
pub(crate) struct Refused {
    /// HTTP/2 clients read from this that they may try again (RFC 9113, section 8.7).
    #[source]
    source: h2::Error,
}

impl Default for Refused {
    fn default() -> Self {
        Self { source: h2::Reason::REFUSED_STREAM.into() }
    }
}

/// A response, or none.
pub(crate) type Answered = Result<Response<Body>, Refused>;

/// Answers an order. Dropped at any point, the answer counts as cancelled.
pub(crate) async fn serve(plan: Plan, order: Order, mut in_flight: InFlight) -> Answered {
    if let Some(early) = before_the_answer(&plan, &mut in_flight).await {
        return early;
    }
    let worker = in_flight.worker();
    let load = plan.profile.load_factor(&worker.shared.stats);
    let mut script =
        Script::new(Arc::clone(&plan.profile), plan.seed, order.limit, order.content, load);
    let ideal = script.outline().ideal;
    let (api, started) = (plan.api, plan.started);
    let late_by = [plan.faults.slow_headers, plan.faults.slow_first];
    late_by.into_iter().flatten().for_each(|delay| script.postpone(delay));
    let mut response = match order.form {
        Form::Stream(events) => {
            let stream = EventStream::new(in_flight, plan.started, script, events, plan.faults);
            plan.api.event_stream(Body::Stream(Box::new(stream)), &plan.request_id)
        }
        Form::Whole(body) => in_one_piece(&plan, script, body, in_flight).await,
    };
    let took = started.elapsed();
    api.add_processing_time(response.headers_mut(), took);
    let ideal = HeaderValue::from(u64::try_from(ideal.as_micros()).unwrap_or(u64::MAX));
    response.headers_mut().insert(IDEAL, ideal);
    Ok(response)
}

/// Answers a request whose body is known at once, after the profile's time to the first event.
pub(crate) async fn serve_body(plan: Plan, body: Vec<u8>, mut in_flight: InFlight) -> Answered {
    if let Some(early) = before_the_answer(&plan, &mut in_flight).await {
        return early;
    }
    let content = Content::Text;
    let script = Script::new(Arc::clone(&plan.profile), plan.seed, Some(1), content, 1.0);
    let late_by = [plan.faults.slow_headers, plan.faults.slow_first];
    let late_by: Duration = late_by.into_iter().flatten().chain([stalls(&plan.faults, 1)]).sum();
    wait(&plan, script.outline().ideal + late_by, &in_flight).await;
    let mut response = faulty_body(&plan, 1, body, &mut in_flight);
    plan.api.add_processing_time(response.headers_mut(), plan.started.elapsed());
    Ok(response)
}

/// The faults that come before any answer: no response, a late head, an error status.
pub(crate) async fn before_the_answer(plan: &Plan, in_flight: &mut InFlight) -> Option<Answered> {
    if plan.faults.refuse {
        in_flight.set_outcome(Outcome::Faulted);
        return Some(Err(Refused::default()));
    }
    if let Some(delay) = plan.faults.slow_headers {
        wait(plan, delay, in_flight).await;
    }
    let status = StatusCode::from_u16(plan.faults.status?).ok()?;
    in_flight.set_outcome(Outcome::Faulted);
    let problem = Problem {
        retry_after: plan.faults.retry_after,
        ..Problem::new(status, format!("simulated fault: status {}", status.as_u16()))
    };
    Some(Ok(plan.api.error(&problem, &plan.request_id)))
}

async fn in_one_piece(
    plan: &Plan,
    mut script: Script,
    body: WholeBody,
    mut in_flight: InFlight,
) -> Response<Body> {
    let outline = script.outline();
    let whole = script.clone().content();
    // The schedule is run to its end for its last deadline, load included.
    let mut last = Duration::ZERO;
    let mut piece = String::new();
    while let Some(due) = script.due() {
        last = due;
        piece.clear();
        let load = script.load(&in_flight.worker().shared.stats);
        script.write_next(load, &mut piece);
    }
    let stalls = stalls(&plan.faults, outline.events);
    wait(plan, last.saturating_add(stalls), &in_flight).await;
    faulty_body(plan, outline.events, body(outline, &whole), &mut in_flight)
}

/// A whole body of so many events, unless a fault breaks it as a body in one piece can break.
fn faulty_body(
    plan: &Plan,
    events: u32,
    body: Vec<u8>,
    in_flight: &mut InFlight,
) -> Response<Body> {
    let Plan { api, faults, request_id, .. } = plan;
    in_flight.set_outcome(if faults.is_none() { Outcome::Finished } else { Outcome::Faulted });
    let half = body.len() / 2;
    let breakage = faults.breakage.filter(|breakage| breakage.after <= events);
    let malformed = faults.malformed.is_some_and(|after| after <= events);
    match breakage.map(|breakage| breakage.kind) {
        Some(BreakageKind::Error) => {
            let problem = Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "simulated fault: an error instead of the answer",
            );
            api.error(&problem, request_id)
        }
        Some(BreakageKind::Cut) => {
            let body = Body::first_half(body, &in_flight.worker().wheel);
            api.json(body, request_id)
        }
        None if faults.empty => api.json(Body::whole(Vec::new()), request_id),
        Some(BreakageKind::End) => api.json(Body::whole(body[..half].to_vec()), request_id),
        None if malformed => api.json(Body::whole(body[..half].to_vec()), request_id),
        None => api.json(Body::whole(body), request_id),
    }
}

/// What stalls add to an answer of so many events.
fn stalls(faults: &Faults, events: u32) -> Duration {
    faults.stalls.iter().filter(|(after, _)| *after < events).map(|(_, delay)| *delay).sum()
}

async fn wait(plan: &Plan, delay: Duration, in_flight: &InFlight) {
    Alarm::new(&in_flight.worker().wheel).until(plan.started + delay).await;
}

impl Plan {
    /// An error response for this request, counted as a rejection.
    pub(crate) fn reject(&self, problem: &Problem, in_flight: &mut InFlight) -> Answered {
        in_flight.set_outcome(Outcome::Rejected);
        Ok(self.api.error(problem, &self.request_id))
    }
}

impl Api {
    /// Estimates tokens as the usual four bytes each; at least one.
    pub(crate) fn tokens_of(bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX).max(1)
    }
}
