//! Answers that are a list of events known beforehand, each sent when it is due.

use std::fmt;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::Instant;
use wire::openai::error::ApiError;

use super::Ask;
use crate::answer::{Answered, before_the_answer};
use crate::body::{Body, Cut};
use crate::faults::{BreakageKind, Faults};
use crate::plan::Plan;
use crate::stats::Outcome;
use crate::stream::BEFORE_BREAK;
use crate::wheel::Alarm;
use crate::worker::InFlight;

/// Events in their order, each with the time from the request at which it is due. It may make
/// them as they are asked for.
pub(crate) type Due = Box<dyn Iterator<Item = (Duration, Bytes)>>;

/// An event that is not well-formed.
const MALFORMED: &[u8] = b"data: {\"malformed\n\n";

/// The body of such an answer. Dropping it before its end is how a client that left shows.
pub(crate) struct EventList {
    in_flight: InFlight,
    alarm: Alarm,
    started: Instant,
    due: Due,
    /// The next event and when it leaves.
    next: Option<(Instant, Bytes)>,
    sent: u32,
    /// What faults have added to all that is still to come.
    late_by: Duration,
    faults: Faults,
    breaking: Option<Instant>,
    over: bool,
}

impl fmt::Debug for EventList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventList").field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// Answers with events.
pub(crate) async fn send(ask: Ask<'_>, due: Due) -> Answered {
    answer(ask.plan, ask.in_flight, due).await
}

/// The same with a list.
pub(crate) async fn send_events(
    plan: Plan,
    in_flight: InFlight,
    events: Vec<(Duration, Bytes)>,
) -> Answered {
    answer(plan, in_flight, Box::new(events.into_iter())).await
}

async fn answer(plan: Plan, mut in_flight: InFlight, due: Due) -> Answered {
    if let Some(early) = before_the_answer(&plan, &mut in_flight).await {
        return early;
    }
    let list = EventList::new(in_flight, plan.started, due, plan.faults);
    let mut response = plan.api.event_stream(Body::Events(Box::new(list)), &plan.request_id);
    plan.api.add_processing_time(response.headers_mut(), plan.started.elapsed());
    Ok(response)
}

/// One event of a type, with its data as JSON.
pub(crate) fn event(kind: &str, data: &impl serde::Serialize) -> Bytes {
    let data = super::json(data);
    let mut event = Vec::with_capacity(data.len() + kind.len() + 16);
    for part in [b"event: ", kind.as_bytes(), b"\ndata: ", &data, b"\n\n"] {
        event.extend_from_slice(part);
    }
    event.into()
}

impl EventList {
    fn new(in_flight: InFlight, started: Instant, due: Due, faults: Faults) -> Self {
        let alarm = Alarm::new(&in_flight.worker().wheel);
        let late_by = [faults.slow_headers, faults.slow_first].into_iter().flatten().sum();
        let mut list = Self {
            in_flight,
            alarm,
            started,
            due,
            next: None,
            sent: 0,
            late_by,
            faults,
            breaking: None,
            over: false,
        };
        list.prepare();
        list
    }

    /// Whether everything has been said.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// The next frame, once it is due.
    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let breakage = self.faults.breakage.filter(|breakage| breakage.after == self.sent);
        if let Some(breakage) = breakage {
            let at = *self.breaking.get_or_insert_with(|| Instant::now() + BEFORE_BREAK);
            ready!(self.alarm.poll(at, context));
            self.end(Outcome::Faulted);
            return Poll::Ready(match breakage.kind {
                BreakageKind::Cut => Some(Err(Cut)),
                BreakageKind::End => None,
                BreakageKind::Error => Some(Ok(Frame::data(error()))),
            });
        }
        let Some((at, _)) = self.next else {
            self.end(Outcome::Faulted);
            return Poll::Ready(None);
        };
        let now = ready!(self.alarm.poll(at, context));
        self.in_flight.worker().record_lateness(now.saturating_duration_since(at));
        let mut frame = self.next.take().map(|(_, event)| event).unwrap_or_default();
        self.sent += 1;
        self.prepare();
        if self.faults.malformed == Some(self.sent) {
            frame = [&frame, MALFORMED].concat().into();
        }
        let breaks = self.faults.breakage.is_some_and(|breakage| breakage.after == self.sent);
        if self.next.is_none() && !breaks {
            let faulted = !self.faults.is_none();
            self.end(if faulted { Outcome::Faulted } else { Outcome::Finished });
        }
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    /// Takes the next event from the list.
    fn prepare(&mut self) {
        for (after, delay) in &self.faults.stalls {
            if *after == self.sent {
                self.late_by += *delay;
            }
        }
        let next = if self.faults.empty { None } else { self.due.next() };
        self.next = next.map(|(due, event)| (self.started + due + self.late_by, event));
    }

    fn end(&mut self, outcome: Outcome) {
        self.over = true;
        self.in_flight.set_outcome(outcome);
    }
}

/// An in-band error, which the official clients raise.
fn error() -> Bytes {
    let body = ApiError::of_status(500, "simulated fault: error", None).to_body();
    [b"event: error\ndata: ", body.as_slice(), b"\n\n"].concat().into()
}
