//! The path of every event: upstream's bytes to the client, unchanged, whole events at a time.
//!
//! The body of the response owns the body of the upstream's answer. Hyper polls it in the task of
//! the client's connection, so that reading, judging and writing happen in one turn of one
//! thread, back-pressure reaches the upstream by not being polled, and a client that leaves drops
//! everything at once.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::attempt::{Answer, Answering, Seeking, is_event_stream};
use crate::call::{Call, Outcome};
use crate::deadline::Deadline;
use crate::follow::{Follow, Followed};
use crate::refusal::{Reason, Refusal};

/// A comment: clients skip it, and everything between sees a living connection.
const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// The body of a response to a client.
pub(crate) struct Relay {
    call: Rc<Call>,
    source: Source,
    follow: Follow,
    /// The first piece of the answer, which was waited for before the head.
    first: Option<Bytes>,
    /// When the request was sent to the upstream; before that, when it arrived.
    sent: Instant,
    /// When the last whole event (or piece of a document) came from the upstream.
    last_event: Option<Instant>,
    /// When the client last got anything.
    last_write: Instant,
    /// Fires at the earliest deadline as it was when last looked at. Events move deadlines but
    /// not the timer: it looks again when it fires, and costs an event nothing.
    timer: Pin<Box<Sleep>>,
    cut: Cut,
    /// Why the body breaks off: told a turn later, because hyper forgets what it has not written
    /// when a body fails.
    broken: Option<BrokenOff>,
}

/// How this stream learns that running streams are being cut.
enum Cut {
    /// Not yet: nobody has polled it.
    Unasked(CancellationToken),
    /// It will be woken.
    Registered { _waiting: Pin<Box<WaitForCancellationFutureOwned>> },
}

/// Where the bytes come from.
enum Source {
    /// From nowhere yet: the client has its head, and an answer is still being sought.
    Seeking(Seeking),
    /// From an upstream.
    Reading(Box<Answering>),
    /// From nowhere any more.
    Done,
}

/// The answer breaks off. The client sees a body that ends before its end.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off: {0}")]
pub(crate) struct BrokenOff(&'static str);

impl BrokenOff {
    /// A mounted service's answer broke off.
    pub(crate) fn mounted(error: std::io::Error) -> Self {
        tracing::debug!(%error, "a mounted service's answer broke off");
        Self("the mounted service failed")
    }
}

/// A piece for the client, or the end.
pub(crate) type Piece = Option<Result<Bytes, BrokenOff>>;

impl Relay {
    /// Passes on an answer that has begun, and that is not streamed where its head says so.
    pub(crate) fn of(call: Rc<Call>, answer: Answer) -> Self {
        let limit = call.state.settings.limits.event;
        let streamed = call.streamed
            && answer.head.status.is_success()
            && is_event_stream(&answer.head.headers);
        let follow = if streamed {
            Follow::events(call.endpoint.dialect(), limit)
        } else {
            Follow::document(answer.head.status)
        };
        let mut relay = Self::new(call, Source::Done, follow);
        relay.begin(answer);
        relay
    }

    /// Keeps the client's stream alive until an answer has been found, then passes it on.
    pub(crate) fn while_seeking(call: Rc<Call>, seeking: Seeking) -> Self {
        let limit = call.state.settings.limits.event;
        let follow = Follow::events(call.endpoint.dialect(), limit);
        Self::new(call, Source::Seeking(seeking), follow)
    }

    fn new(call: Rc<Call>, source: Source, follow: Follow) -> Self {
        let now = Instant::now();
        let cut = Cut::Unasked(call.worker.shared.phase.cut.clone());
        let mut relay = Self {
            source,
            follow,
            first: None,
            sent: call.arrived,
            last_event: None,
            last_write: call.arrived,
            timer: Box::pin(sleep_until(now)),
            cut,
            broken: None,
            call,
        };
        relay.rearm();
        relay
    }

    fn begin(&mut self, answer: Answer) {
        self.first = answer.first;
        self.sent = answer.sent;
        self.source = Source::Reading(Box::new(answer.body));
        self.rearm();
        // An empty document is never asked for.
        if self.first.is_none() && self.is_document_read() {
            let nothing = self.upstream_ended();
            debug_assert!(nothing.is_none(), "a document has no terminal event to miss");
        }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Piece> {
        if self.is_cut(context) {
            return Poll::Ready(self.fail(Reason::Deadline(Deadline::Drain).into()));
        }
        loop {
            match &mut self.source {
                Source::Done => return Poll::Ready(None),
                Source::Seeking(seeking) => match seeking.as_mut().poll(context) {
                    Poll::Ready(Ok(answer)) => {
                        if let Err(refusal) = check_late(&answer) {
                            return Poll::Ready(self.fail(refusal));
                        }
                        self.begin(answer);
                    }
                    Poll::Ready(Err(refusal)) => return Poll::Ready(self.fail(refusal)),
                    Poll::Pending => return self.poll_timer(context),
                },
                Source::Reading(answering) => {
                    let next = match self.first.take() {
                        Some(first) => Poll::Ready(Some(Ok(first))),
                        None => answering.body.poll_data(context),
                    };
                    match next {
                        Poll::Ready(Some(Ok(data))) => {
                            if let Some(piece) = self.take(data) {
                                return Poll::Ready(Some(piece));
                            }
                        }
                        Poll::Ready(Some(Err(_))) => return Poll::Ready(self.upstream_broke()),
                        Poll::Ready(None) => return Poll::Ready(self.upstream_ended()),
                        Poll::Pending => return self.poll_timer(context),
                    }
                }
            }
        }
    }

    /// Takes a piece from the upstream; gives what of it can go on now.
    fn take(&mut self, data: Bytes) -> Option<Result<Bytes, BrokenOff>> {
        let events_before = self.call.progress.events.get();
        match self.follow.push(data, &self.call) {
            Ok(whole) if whole.is_empty() => None,
            Ok(whole) => {
                let now = Instant::now();
                self.last_write = now;
                // A comment is no event: an upstream that says no more than that it lives must not
                // keep anybody waiting for ever.
                let came =
                    !self.follow.is_events() || self.call.progress.events.get() > events_before;
                // The first event begins another wait, which may end earlier than the one before.
                if came && self.last_event.replace(now).is_none() {
                    self.rearm();
                }
                if self.is_document_read() {
                    // Hyper does not ask for the end of a body of known length.
                    self.upstream_ended();
                }
                Some(Ok(whole))
            }
            Err(_) => self.fail(Reason::EventTooLong.into()),
        }
    }

    /// Whether nothing can follow of an answer that is not streamed.
    fn is_document_read(&self) -> bool {
        match &self.source {
            Source::Reading(answering) => !self.follow.is_events() && answering.body.is_at_end(),
            Source::Seeking(_) | Source::Done => false,
        }
    }

    fn upstream_ended(&mut self) -> Piece {
        let Source::Reading(answering) = std::mem::replace(&mut self.source, Source::Done) else {
            return None;
        };
        let Answering { body, mut visit } = *answering;
        body.finish();
        match self.follow.finish(&self.call) {
            Followed::Whole(outcome) => {
                // The breaker has been told of refusals already.
                if outcome == Outcome::Complete {
                    visit.succeeded();
                }
                self.call.end(outcome);
                None
            }
            Followed::Failed => {
                visit.broke_off(Instant::now());
                self.call.end(Outcome::UpstreamFailed);
                None
            }
            Followed::Unfinished => {
                visit.broke_off(Instant::now());
                self.tell(&Reason::Broken.into())
            }
        }
    }

    fn upstream_broke(&mut self) -> Piece {
        if matches!(self.follow.finish(&self.call), Followed::Whole(Outcome::Complete))
            && self.follow.is_events()
        {
            // Whatever went wrong came after the terminal event.
            self.source = Source::Done;
            self.call.end(Outcome::Complete);
            return None;
        }
        self.fail(Reason::Broken.into())
    }

    /// Ends the answer: drops the upstream and tells the client.
    fn fail(&mut self, refusal: Refusal) -> Piece {
        if let Source::Reading(answering) = std::mem::replace(&mut self.source, Source::Done)
            && refusal.reason.is_of_upstream()
        {
            let Answering { body, mut visit } = *answering;
            drop(body);
            visit.broke_off(Instant::now());
        }
        self.tell(&refusal)
    }

    fn tell(&mut self, refusal: &Refusal) -> Piece {
        self.call.fail(refusal.reason);
        if self.follow.is_events() {
            let call = &self.call;
            let events = call.progress.events.get();
            Some(Ok(refusal.event(call.endpoint.dialect(), &call.request_id, events)))
        } else {
            Some(Err(BrokenOff(refusal.reason.name())))
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Piece> {
        loop {
            std::task::ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            if let Some((due, deadline)) = self.deadline()
                && now >= due
            {
                return Poll::Ready(self.fail(Reason::Deadline(deadline).into()));
            }
            let every = self.call.state.settings.keep_alive_every;
            if self.follow.is_events() && now >= self.last_write + every {
                self.last_write = now;
                self.rearm();
                self.call.worker.metrics().keep_alives.inc();
                return Poll::Ready(Some(Ok(KEEP_ALIVE)));
            }
            self.rearm();
        }
    }

    /// The earliest deadline. Who seeks has deadlines of its own.
    fn deadline(&self) -> Option<(Instant, Deadline)> {
        let deadlines = &self.call.state.settings.deadlines;
        if !matches!(self.source, Source::Reading(_)) {
            return None;
        }
        let wait = match self.last_event {
            Some(last) => (last + deadlines.idle, Deadline::Idle),
            None if self.follow.is_events() => {
                (self.sent + deadlines.first_event, Deadline::FirstEvent)
            }
            None => {
                (self.last_write.max(self.sent) + deadlines.whole_answer, Deadline::WholeAnswer)
            }
        };
        let total = deadlines.total.map(|total| (self.call.arrived + total, Deadline::Total));
        total.into_iter().chain([wait]).min_by_key(|(due, _)| *due)
    }

    fn rearm(&mut self) {
        let keep_alive = self
            .follow
            .is_events()
            .then(|| self.last_write + self.call.state.settings.keep_alive_every);
        let deadline = self.deadline().map(|(due, _)| due);
        if let Some(due) = keep_alive.into_iter().chain(deadline).min() {
            self.timer.as_mut().reset(due);
        }
    }

    /// Whether running streams are being cut. The token is asked once, in order to be woken by
    /// it; from then on the flag, which is set before, says the same for less.
    fn is_cut(&mut self, context: &mut Context<'_>) -> bool {
        if let Cut::Unasked(token) = &mut self.cut {
            // A body is polled by the one task that drives its stream: one registration lasts.
            let mut waiting = Box::pin(std::mem::take(token).cancelled_owned());
            let _ = waiting.as_mut().poll(context);
            self.cut = Cut::Registered { _waiting: waiting };
        }
        let is_cut = &self.call.worker.shared.phase.is_cut;
        is_cut.load(Ordering::Relaxed) && !matches!(self.source, Source::Done)
    }
}

/// What can be passed on to a client that has been told 200 already.
fn check_late(answer: &Answer) -> Result<(), Refusal> {
    let status = answer.head.status;
    if !status.is_success() {
        return Err(Reason::Refused(status.as_u16()).into());
    }
    if !is_event_stream(&answer.head.headers) {
        return Err(Refusal::because(Reason::Broken, "the provider's answer is no stream"));
    }
    Ok(())
}

impl Relay {
    /// The next piece for the client; `None` at the end. Cancel-safe: nothing is lost between two
    /// calls.
    pub(crate) fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Piece> {
        if let Some(broken) = self.broken.take() {
            return Poll::Ready(Some(Err(broken)));
        }
        let mut polled = self.poll_piece(context);
        if let Poll::Ready(Some(Err(broken))) = polled {
            self.broken = Some(broken);
            context.waker().wake_by_ref();
            polled = Poll::Pending;
        }
        let more = !matches!(self.source, Source::Done);
        self.call.pressure.set_blocked(more && polled.is_ready());
        polled
    }

    /// Whether nothing follows.
    pub(crate) fn is_at_end(&self) -> bool {
        matches!(self.source, Source::Done) && self.broken.is_none()
    }
}
