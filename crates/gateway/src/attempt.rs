//! Getting an answer to begin: which upstream, how often, how long.
//!
//! Everything here happens before the first byte has been passed on. After that nothing is tried
//! again: the client holds a part of one answer, and another one's would not fit to it.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, response};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::call::Call;
use crate::deadline::Deadline;
use crate::endpoint::Endpoint;
use crate::refusal::{Reason, Refusal};
use crate::request;
use crate::upstream::answer::AnswerBody;
use crate::upstream::pool::{Exchange, Outgoing, SendError};
use crate::upstream::{Upstream, Visit};

/// First pause before the same upstream is asked again; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Most bytes of a request's state while an answer is sought: thousands wait at once, and what is
/// large is also moved about. With the handshakes in it, it was 60 KiB.
const MAX_SEEKING: usize = 4096;

/// Most bytes of comments that are held back until an event comes: minutes of what providers send.
const MAX_COMMENTS: usize = 16 << 10;

/// An answer that has begun.
pub(crate) struct Answer {
    pub(crate) head: response::Parts,
    pub(crate) body: Answering,
    /// The first piece of a streamed answer, which has been waited for.
    pub(crate) first: Option<Bytes>,
    /// When the request was sent.
    pub(crate) sent: Instant,
}

/// The body of an answer, together with all that its upstream spends on it. Dropping it ends the
/// upstream's work.
pub(crate) struct Answering {
    pub(crate) body: AnswerBody,
    pub(crate) visit: Visit,
}

/// An answer that is being sought.
pub(crate) type Seeking = Pin<Box<dyn Future<Output = Result<Answer, Refusal>>>>;

/// Seeks an answer at the upstreams of `groups`, in their order.
pub(crate) fn seek(call: Rc<Call>, outgoing: Outgoing, groups: Vec<Vec<usize>>) -> Seeking {
    let seeking = async move {
        let cut = call.worker.shared.phase.cut.clone();
        let total = call.state.settings.deadlines.total.map(|total| call.arrived + total);
        let spare = speaking(&call, &groups) > 1;
        let tries =
            Tries { call: &call, outgoing: &outgoing, groups: &groups, spare, tried: Vec::new() };
        let bounded = async {
            match total {
                Some(total) => timeout_at(total, tries.run())
                    .await
                    .unwrap_or_else(|_| Err(Reason::Deadline(Deadline::Total).into())),
                None => tries.run().await,
            }
        };
        tokio::select! {
            biased;
            found = bounded => found,
            () = cut.cancelled() => Err(Reason::Deadline(Deadline::Drain).into()),
        }
    };
    debug_assert!(size_of_val(&seeking) <= MAX_SEEKING, "{} bytes", size_of_val(&seeking));
    Box::pin(seeking)
}

/// The tries for one request.
struct Tries<'a> {
    call: &'a Call,
    outgoing: &'a Outgoing,
    groups: &'a [Vec<usize>],
    /// Upstreams that are not well are spared: others can take over. A single one is asked all
    /// the same, because its own refusal tells the client more than ours.
    spare: bool,
    /// Positions of upstreams that have been asked.
    tried: Vec<usize>,
}

/// What to do next.
enum Next {
    /// Ask this upstream.
    Ask(usize),
    /// Ask again those that have been asked.
    Again,
    /// There is nobody to ask.
    Nobody,
}

impl Tries<'_> {
    async fn run(mut self) -> Result<Answer, Refusal> {
        let retry = self.call.state.settings.retry;
        let latest = self.call.arrived + retry.budget;
        let mut last = Err(Reason::NoUpstream.into());
        let mut pause = FIRST_PAUSE;
        let mut before: Option<usize> = None;
        loop {
            match self.next(Instant::now()) {
                Next::Ask(position) => {
                    self.tried.push(position);
                    let upstream = &self.call.state.upstreams[position];
                    let Some(visit) = upstream.visit(Instant::now(), self.spare) else { continue };
                    let from = before.replace(position).or_else(|| self.preferred(position));
                    // Who does not know what is asked for has not failed.
                    if let Some(from) = from
                        && from != position
                        && !is_unknown(self.call, &last)
                    {
                        self.call.state.upstreams[from].live.metrics.failovers.inc();
                    }
                    // The answer before is given up only now that another one is sought.
                    drop(std::mem::replace(&mut last, Err(Reason::NoUpstream.into())));
                    last = self.ask(visit).await;
                }
                // Nobody knows it: asking again makes nobody know more.
                Next::Again if is_unknown(self.call, &last) => return last,
                Next::Again => {
                    let wait = last_wait(&last).unwrap_or(pause);
                    if Instant::now() + wait > latest {
                        return last;
                    }
                    pause *= 2;
                    self.tried.clear();
                    sleep(wait).await;
                    continue;
                }
                Next::Nobody if self.tried.is_empty() && self.is_full(Instant::now()) => {
                    return Err(Reason::UpstreamFull.into());
                }
                Next::Nobody => return last,
            }
            let enough = self.call.progress.attempts.get() >= retry.attempts;
            let enough = enough && !is_unknown(self.call, &last);
            if enough || !is_worth_another(self.call, &last) || Instant::now() > latest {
                return last;
            }
        }
    }

    /// The upstream with the least open streams for its weight in the first group that has any
    /// that is well, has room, and was not asked yet.
    fn next(&self, now: Instant) -> Next {
        let dialect = self.call.endpoint.dialect();
        let upstreams = &self.call.state.upstreams;
        let mut asked_one_is_available = false;
        // Who asked to be left alone is asked only when there is nobody else.
        for rests in [false, true] {
            for group in self.groups {
                let turn = self.call.worker.turn();
                let candidates = (0..group.len())
                    .map(|at| group[(at + turn) % group.len()])
                    .filter(|&at| upstreams[at].settings.speaks(dialect))
                    .filter(|&at| upstreams[at].has_room())
                    .filter(|&at| !self.spare || upstreams[at].is_well(now))
                    .filter(|&at| upstreams[at].rests(now) == rests);
                let mut best: Option<usize> = None;
                for at in candidates {
                    if self.tried.contains(&at) {
                        asked_one_is_available = true;
                    } else if best
                        .is_none_or(|best| is_less_loaded(&upstreams[at], &upstreams[best]))
                    {
                        best = Some(at);
                    }
                }
                if let Some(best) = best {
                    return Next::Ask(best);
                }
            }
        }
        if asked_one_is_available { Next::Again } else { Next::Nobody }
    }

    /// Whether one that could be asked is well, and only has no room.
    fn is_full(&self, now: Instant) -> bool {
        let dialect = self.call.endpoint.dialect();
        self.groups.iter().flatten().map(|&at| &self.call.state.upstreams[at]).any(|upstream| {
            upstream.settings.speaks(dialect)
                && !upstream.has_room()
                && (!self.spare || upstream.is_well(now))
        })
    }

    /// Whom a request would have gone to that begins at one of the fallbacks: all before it were
    /// unwell or full.
    fn preferred(&self, asked: usize) -> Option<usize> {
        let dialect = self.call.endpoint.dialect();
        let first = self.groups.first()?;
        let speaking = |&&at: &&usize| self.call.state.upstreams[at].settings.speaks(dialect);
        first.iter().find(speaking).copied().filter(|_| !first.contains(&asked))
    }

    async fn ask(&self, mut visit: Visit) -> Result<Answer, Refusal> {
        let progress = &self.call.progress;
        progress.attempts.set(progress.attempts.get() + 1);
        let upstream = visit.upstream().clone();
        *progress.upstream.borrow_mut() = Some(upstream.settings.name.clone());
        let sent = Instant::now();
        let asked = self.exchange(&upstream, sent).await;
        let now = Instant::now();
        match asked {
            Ok((exchange, first)) => {
                let status = exchange.head.status;
                let result = if status.is_success() { "ok" } else { status_class(status) };
                upstream.live.metrics.count(result);
                if status.is_server_error() {
                    visit.failed(now);
                } else {
                    visit.answered(now);
                }
                if matches!(status.as_u16(), 429 | 503 | 529)
                    && let Some(wait) = wait_of(&exchange.head.headers)
                {
                    upstream.rest(now, wait);
                }
                let Exchange { head, body } = exchange;
                *progress.upstream_request_id.borrow_mut() =
                    request::upstream_request_id(&head.headers);
                let body = Answering { body, visit };
                Ok(Answer { head, body, first, sent })
            }
            Err(reason) => {
                upstream.live.metrics.count(reason.name());
                visit.failed(now);
                Err(reason.into())
            }
        }
    }

    /// Sends the request; of a streamed answer it also waits for the first piece, because until
    /// then another upstream can take over.
    async fn exchange(
        &self,
        upstream: &Upstream,
        sent: Instant,
    ) -> Result<(Exchange, Option<Bytes>), Reason> {
        let deadlines = &self.call.state.settings.deadlines;
        let (limit, deadline) = if self.call.streamed {
            (deadlines.upstream_head, Deadline::UpstreamHead)
        } else {
            (deadlines.whole_answer, Deadline::WholeAnswer)
        };
        let pool = self.call.worker.pool(upstream);
        let mut exchange = timeout(limit, pool.send(self.outgoing, deadlines.connect))
            .await
            .map_err(|_| Reason::Deadline(deadline))?
            .map_err(|error| self.explain(upstream, &error))?;
        if !is_event_stream(&exchange.head.headers) || !exchange.head.status.is_success() {
            return Ok((exchange, None));
        }
        let first = timeout_at(sent + deadlines.first_event, first_piece(&mut exchange))
            .await
            .map_err(|_| Reason::Deadline(Deadline::FirstEvent))?;
        first.map(|first| (exchange, Some(first))).ok_or(Reason::Broken)
    }

    fn explain(&self, upstream: &Upstream, error: &SendError) -> Reason {
        tracing::info!(
            request_id = self.call.request_id_text(),
            upstream = upstream.settings.name,
            %error,
            "a try failed"
        );
        match error {
            SendError::ConnectTimeout(_) => Reason::Deadline(Deadline::Connect),
            SendError::Connect(_)
            | SendError::Stillborn
            | SendError::Http1(_)
            | SendError::Http2(_)
            | SendError::Request(_) => Reason::Unreachable,
        }
    }
}

/// How many upstreams of a route speak the request's dialect.
fn speaking(call: &Call, groups: &[Vec<usize>]) -> usize {
    let dialect = call.endpoint.dialect();
    let mut positions: Vec<usize> = groups.iter().flatten().copied().collect();
    positions.sort_unstable();
    positions.dedup();
    positions.retain(|&at| call.state.upstreams[at].settings.speaks(dialect));
    positions.len()
}

/// The first bytes of a body up to the first that are more than comments; `None` when there are
/// none. Some providers send comments while a request waits, and until an event comes another one
/// can take over; what the client gets meanwhile are our own.
async fn first_piece(exchange: &mut Exchange) -> Option<Bytes> {
    let mut held = Vec::new();
    loop {
        let piece = poll_fn(|context| exchange.body.poll_data(context)).await?.ok()?;
        let more = is_comment(&piece) && held.len() + piece.len() <= MAX_COMMENTS;
        if held.is_empty() && !more {
            return Some(piece);
        }
        held.extend_from_slice(&piece);
        if !more {
            return Some(held.into());
        }
    }
}

/// Whether these are whole lines without a word of an event.
fn is_comment(piece: &[u8]) -> bool {
    let is_silent = |line: &[u8]| matches!(line.first(), None | Some(b':' | b'\r'));
    piece.ends_with(b"\n") && piece.split(|byte| *byte == b'\n').all(is_silent)
}

fn is_less_loaded(one: &Upstream, other: &Upstream) -> bool {
    let ((one_open, one_weight), (other_open, other_weight)) = (one.load(), other.load());
    let weighted = |open: usize, weight: u32| {
        u64::try_from(open).unwrap_or(u64::MAX).saturating_mul(u64::from(weight))
    };
    weighted(one_open, other_weight) < weighted(other_open, one_weight)
}

/// Whether the answer is one that another try may better.
fn is_worth_another(call: &Call, last: &Result<Answer, Refusal>) -> bool {
    match last {
        Ok(_) if is_unknown(call, last) => true,
        Ok(answer) => {
            let status = answer.head.status.as_u16();
            let told_not_to = answer
                .head
                .headers
                .get("x-should-retry")
                .is_some_and(|value| value.as_bytes() == b"false");
            !told_not_to && matches!(status, 429 | 500 | 502 | 503 | 504 | 529)
        }
        Err(refusal) => !matches!(refusal.reason, Reason::NoUpstream),
    }
}

/// Whether this upstream does not know the response that is asked for, which another one may.
fn is_unknown(call: &Call, last: &Result<Answer, Refusal>) -> bool {
    call.endpoint == Endpoint::StoredResponse
        && matches!(last, Ok(answer) if answer.head.status == StatusCode::NOT_FOUND)
}

/// How long the upstream asks to be left alone.
fn last_wait(last: &Result<Answer, Refusal>) -> Option<Duration> {
    wait_of(&last.as_ref().ok()?.head.headers)
}

fn wait_of(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name| text(name)?.parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|millis| millis / 1000.0)
        .or_else(|| number(header::RETRY_AFTER.as_str()))
        .or_else(|| seconds_until(text(header::RETRY_AFTER.as_str())?, jiff::Timestamp::now()))?;
    // An endless or senseless wait is one that no budget allows.
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX / 4))
}

/// Seconds until a date as HTTP writes it (RFC 9110, section 5.6.7); 0 for one that has passed.
fn seconds_until(date: &str, now: jiff::Timestamp) -> Option<f64> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(date.duration_since(now).as_secs_f64().max(0.0))
}

/// Whether an answer is a stream of server-sent events.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| wire::Dialect::Sse.allows_content_type(value))
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        429 => "429",
        529 => "529",
        500..=599 => "5xx",
        400..=499 => "4xx",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_no_event() {
        for silent in [": waiting\n\n", ":\n", "\n", "\r\n: a\r\n\r\n"] {
            assert!(is_comment(silent.as_bytes()), "{silent:?}");
        }
        for more in ["", ": cut", ": a\ndata: 1\n\n", "data: 1\n\n", "event: ping\n", " \n"] {
            assert!(!is_comment(more.as_bytes()), "{more:?}");
        }
    }

    #[test]
    fn a_wait_may_be_told_as_a_date() {
        let now: jiff::Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        assert_eq!(seconds_until("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(30.0));
        assert_eq!(seconds_until("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(0.0));
        assert_eq!(seconds_until("soon", now), None);
    }
}
