//! A streamed answer: each event leaves when it is due.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::Instant;

use crate::answer::{Ended, Events};
use crate::body::Cut;
use crate::faults::{BreakageKind, Faults};
use crate::script::Script;
use crate::stats::Outcome;
use crate::wheel::Alarm;
use crate::worker::{InFlight, Scratch};

/// Time between what was sent last and a break, so that it has left the buffers.
pub(crate) const BEFORE_BREAK: Duration = Duration::from_millis(2);

/// An answer on its way. Dropping it before its end is how a client that left shows.
pub(crate) struct EventStream {
    in_flight: InFlight,
    alarm: Alarm,
    started: Instant,
    script: Script,
    events: Box<dyn Events>,
    /// Only where something shall go wrong.
    faults: Option<Box<Faults>>,
    /// Only for answers that repeat their whole content at the end.
    replay: Option<Box<Script>>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Events,
    /// Nothing but the end, at the time of the first event.
    Empty,
    /// Breaks at this instant.
    Breaking(BreakageKind, Instant),
    Over,
}

impl fmt::Debug for EventStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventStream")
            .field("script", &self.script)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

impl EventStream {
    /// The stream of an answer whose request came at `started`.
    pub(crate) fn new(
        in_flight: InFlight,
        started: Instant,
        script: Script,
        events: Box<dyn Events>,
        faults: Faults,
    ) -> Self {
        let alarm = Alarm::new(&in_flight.worker().wheel);
        let replay = events.repeats_content().then(|| Box::new(script.clone()));
        let phase = if faults.empty { Phase::Empty } else { Phase::Opening };
        let faults = (!faults.is_none()).then(|| Box::new(faults));
        Self { in_flight, alarm, started, script, events, faults, replay, phase }
    }

    /// Whether everything has been said.
    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// The next frame, once it is due.
    pub(crate) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.phase {
            Phase::Opening => {
                self.phase = Phase::Events;
                let frame = self.compose(|stream, scratch| {
                    stream.events.opening(&mut scratch.out);
                    stream.malformed_after(0, scratch);
                });
                self.stall_after(0);
                self.break_after(0);
                data(frame)
            }
            Phase::Events => {
                let due = self.started + self.script.due().unwrap_or_default();
                let Poll::Ready(now) = self.alarm.poll(due, context) else { return Poll::Pending };
                self.in_flight.worker().record_lateness(now.saturating_duration_since(due));
                data(self.event())
            }
            Phase::Empty => {
                let due = self.started + self.script.due().unwrap_or_default();
                if self.alarm.poll(due, context).is_pending() {
                    return Poll::Pending;
                }
                self.over(Outcome::Faulted);
                data(self.compose(|stream, scratch| stream.events.empty(&mut scratch.out)))
            }
            Phase::Breaking(kind, at) => {
                if self.alarm.poll(at, context).is_pending() {
                    return Poll::Pending;
                }
                self.over(Outcome::Faulted);
                match kind {
                    BreakageKind::Cut => Poll::Ready(Some(Err(Cut))),
                    BreakageKind::End => Poll::Ready(None),
                    BreakageKind::Error => {
                        data(self.compose(|stream, scratch| stream.events.error(&mut scratch.out)))
                    }
                }
            }
            Phase::Over => Poll::Ready(None),
        }
    }

    /// The next event, with what follows at once.
    fn event(&mut self) -> Bytes {
        let load = self.load();
        self.compose(|stream, scratch| {
            scratch.piece.clear();
            stream.script.write_next(load, &mut scratch.piece);
            stream.events.content(&scratch.piece, &mut scratch.out);
            let written = stream.script.written();
            stream.malformed_after(written, scratch);
            stream.stall_after(written);
            stream.break_after(written);
            if stream.phase == Phase::Events && stream.script.due().is_none() {
                let replay = stream.replay.take();
                let content = || replay.as_ref().map(|replay| replay.as_ref().clone().content());
                let ended = Ended { outline: stream.script.outline(), content: &content };
                stream.events.closing(&ended, &mut scratch.out);
                let faulted = stream.faults.is_some();
                stream.over(if faulted { Outcome::Faulted } else { Outcome::Finished });
            }
        })
    }

    fn over(&mut self, outcome: Outcome) {
        self.phase = Phase::Over;
        self.in_flight.set_outcome(outcome);
    }

    /// Delays' factor by the number of active streams now.
    fn load(&self) -> f64 {
        self.script.load(&self.in_flight.worker().shared.stats)
    }

    fn malformed_after(&mut self, written: u32, scratch: &mut Scratch) {
        if self.faults.as_ref().is_some_and(|faults| faults.malformed == Some(written)) {
            self.events.malformed(&mut scratch.out);
        }
    }

    fn stall_after(&mut self, written: u32) {
        let Some(faults) = &self.faults else { return };
        for (after, delay) in &faults.stalls {
            if *after == written {
                self.script.postpone(*delay);
            }
        }
    }

    /// A stream breaks when its next event would be due.
    fn break_after(&mut self, written: u32) {
        let Some(breakage) = self.faults.as_ref().and_then(|faults| faults.breakage) else {
            return;
        };
        if breakage.after == written {
            let next = self.script.due().map(|due| self.started + due);
            let soonest = Instant::now() + BEFORE_BREAK;
            let at = next.map_or(soonest, |next| next.max(soonest));
            self.phase = Phase::Breaking(breakage.kind, at);
        }
    }

    fn compose(&mut self, write: impl FnOnce(&mut Self, &mut Scratch)) -> Bytes {
        let worker = std::rc::Rc::clone(self.in_flight.worker());
        worker.compose(|scratch| write(self, scratch))
    }
}

fn data(frame: Bytes) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
    Poll::Ready(Some(Ok(Frame::data(frame))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a stream holds beside its connection's buffers.
    #[test]
    fn a_stream_is_small() {
        assert!(size_of::<EventStream>() <= 512, "{} bytes", size_of::<EventStream>());
    }
}
