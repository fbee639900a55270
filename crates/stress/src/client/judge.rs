//! Watches one stream from its first byte to its end and writes its report.
//!
//! No I/O: whoever reads the bytes says what came and when. Head and body arrive through
//! [`Sink`], for HTTP/1.1 and HTTP/2 alike.

use std::cell::OnceCell;
use std::time::Duration;

use results::Outcome;
use tokio::time::Instant;
use wire::Dialect;
use wire::grammar::{self, BodyEnd, Decoder, Step, Verdict};
use wire::text::{Verified, Verifier};

use super::answer::{Fields, Sink};
use super::detail::{Detail, Wording};
use super::http_error::{HttpError, refusal};
use super::{Deadlines, Minimum, Observer, StreamReport};

/// How long the rest of the body is awaited once the terminal event has arrived. The answer is
/// complete by then; it only decides whether the connection can be used again, and lets data
/// after the terminal event be found.
pub(super) const DRAIN_LIMIT: Duration = Duration::from_millis(250);

/// How long the body of an HTTP error is awaited for its reason.
pub(super) const ERROR_BODY_LIMIT: Duration = Duration::from_secs(1);

/// Longest `server` header that is kept, in characters.
const MAX_SERVER_CHARS: usize = 80;

/// How a stream's transport came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// No connection could be made.
    NotConnected(Detail),
    /// The body ended as announced, or the connection closed where only that marks the end.
    Clean,
    /// The connection broke or closed before that.
    Cut(Detail),
    /// The answer is no HTTP, or its framing is broken.
    Broken(Detail),
    /// The current deadline passed.
    Deadline,
    /// The judge needs nothing more: the stream has failed already.
    Stopped,
}

/// What a stream is measured against and where observations go.
#[derive(Debug)]
pub(super) struct Terms<'a, O> {
    pub(super) dialect: Dialect,
    pub(super) deadlines: Deadlines,
    pub(super) minimum: Minimum,
    pub(super) observer: &'a O,
    /// Receives what the first heads of all say.
    pub(super) heads: &'a Heads,
    /// How failures are told.
    pub(super) wording: Wording,
}

/// What the heads of a target's answers say about it.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The first `server` header.
    pub(super) server: OnceCell<Box<str>>,
    /// The first ideal total that was announced (`x-weir-ideal-us`).
    pub(super) ideal: OnceCell<Duration>,
}

/// The judge of one stream.
#[derive(Debug)]
pub(super) struct Judge<'a, O> {
    terms: &'a Terms<'a, O>,
    started_at: Instant,
    connected: bool,
    decoder: Decoder,
    meter: Meter,
    head_at: Option<Instant>,
    status: Option<u16>,
    ideal: Option<Duration>,
    bytes: u64,
    /// Set by a head that opens no stream.
    refused: Option<Detail>,
    http_error: Option<Box<HttpError>>,
}

impl<'a, O: Observer> Judge<'a, O> {
    pub(super) fn new(terms: &'a Terms<'a, O>, started_at: Instant) -> Self {
        Self {
            terms,
            started_at,
            connected: false,
            decoder: Decoder::new(terms.dialect),
            meter: Meter::default(),
            head_at: None,
            status: None,
            ideal: None,
            bytes: 0,
            refused: None,
            http_error: None,
        }
    }

    /// A connection stands. `took` is the time that opening it cost this stream; `None` for one
    /// that was open already.
    pub(super) fn connected(&mut self, took: Option<Duration>) {
        self.connected = true;
        if let Some(took) = took {
            self.terms.observer.connected(took);
        }
    }

    /// Binds the judge to the moment of a read, to be fed with what was read.
    pub(super) fn at<'b>(
        &'b mut self,
        now: Instant,
        scratch: &'b mut grammar::Scratch,
    ) -> Reading<'a, 'b, O> {
        Reading { judge: self, now, scratch }
    }

    /// The moment at which the stream is given up, as things stand. Before the first chunk it is
    /// fixed; later it only moves on.
    pub(super) fn deadline(&self) -> Instant {
        let deadlines = &self.terms.deadlines;
        if let Some(terminal) = self.meter.terminal {
            return terminal + DRAIN_LIMIT;
        }
        let phase = match self.meter.last_chunk {
            Some(last) => last + deadlines.idle,
            None => self.started_at + deadlines.first,
        };
        let phase = match deadlines.total {
            Some(total) => phase.min(self.started_at + total),
            None => phase,
        };
        match (&self.http_error, self.head_at) {
            (Some(_), Some(head_at)) => phase.min(head_at + ERROR_BODY_LIMIT),
            _ => phase,
        }
    }

    /// Whether nothing that may still come can change the outcome.
    pub(super) fn is_decided(&self) -> bool {
        self.refused.is_some() || self.decoder.has_failed()
    }

    /// Whether any byte of an answer has arrived.
    pub(super) fn has_answer(&self) -> bool {
        self.head_at.is_some()
    }

    /// Writes the report of a stream that ended so at `now`.
    pub(super) fn report(
        mut self,
        ending: &Ending,
        now: Instant,
        scratch: &mut grammar::Scratch,
    ) -> StreamReport {
        let end = if *ending == Ending::Clean { BodyEnd::Clean } else { BodyEnd::Cut };
        self.at(now, scratch).finish(end);
        let (outcome, detail) = self.outcome(ending, end);
        let reached_end =
            matches!(outcome, Outcome::Ok | Outcome::Short | Outcome::Empty | Outcome::WrongText);
        let end_at = self.meter.terminal.unwrap_or(now);
        let since_start = |at: Instant| at.saturating_duration_since(self.started_at);
        StreamReport {
            outcome,
            detail,
            started_at: self.started_at,
            ended_at: if reached_end { end_at } else { now },
            ttfb: self.head_at.map(since_start),
            ttft: self.meter.first_chunk.map(since_start),
            streaming: self
                .meter
                .first_chunk
                .zip(self.meter.last_chunk)
                .map(|(first, last)| last - first),
            total: (reached_end || self.meter.terminal.is_some()).then(|| since_start(end_at)),
            ideal: self.ideal,
            status: self.status,
            chunks: self.meter.chunks,
            bytes: self.bytes,
            chars: self.meter.chars,
            correct: match self.meter.verifier.verdict() {
                Verified::Correct => Some(true),
                Verified::Wrong => Some(false),
                Verified::Unknown => None,
            },
        }
    }

    fn outcome(&self, ending: &Ending, end: BodyEnd) -> (Outcome, Detail) {
        if let Some(detail) = &self.refused {
            return (Outcome::HttpError, detail.clone());
        }
        if let Some(error) = &self.http_error {
            return (Outcome::HttpError, error.detail(self.terms.wording));
        }
        match (ending, self.status) {
            (Ending::NotConnected(detail), _) => return (Outcome::ConnectError, detail.clone()),
            (Ending::Cut(detail), None) => {
                return (Outcome::ConnectError, format!("{detail} before a response").into());
            }
            (Ending::Broken(detail), _) => return (Outcome::Malformed, detail.clone()),
            (Ending::Deadline, _) if self.meter.terminal.is_none() => {
                return (Outcome::Timeout, self.timeout_detail());
            }
            _ => {}
        }
        match self.decoder.verdict(end) {
            Verdict::Malformed(malformed) => (Outcome::Malformed, malformed.to_string().into()),
            Verdict::ErrorEvent(error) => {
                (Outcome::ErrorEvent, self.terms.wording.of(&error.to_string()).into())
            }
            Verdict::Truncated(truncation) => (
                Outcome::Truncated,
                match ending {
                    Ending::Cut(detail) => format!("{truncation}: {detail}").into(),
                    _ => truncation.to_string().into(),
                },
            ),
            Verdict::Empty => (Outcome::Empty, "no chunk".into()),
            Verdict::Complete => self.outcome_of_complete(),
        }
    }

    fn outcome_of_complete(&self) -> (Outcome, Detail) {
        let Minimum { chunks, bytes } = self.terms.minimum;
        if self.meter.verifier.verdict() == Verified::Wrong {
            return (Outcome::WrongText, "the text's checksum does not match".into());
        }
        if self.meter.chunks < chunks {
            return (Outcome::Short, format!("fewer than {chunks} chunks").into());
        }
        if self.bytes < bytes {
            return (Outcome::Short, format!("fewer than {bytes} bytes").into());
        }
        (Outcome::Ok, Detail::default())
    }

    /// Names the deadline that has passed.
    fn timeout_detail(&self) -> Detail {
        let Deadlines { first, idle, total } = self.terms.deadlines;
        let phase_end = match self.meter.last_chunk {
            Some(last) => last + idle,
            None => self.started_at + first,
        };
        if let Some(total) = total
            && self.started_at + total < phase_end
        {
            return format!("not at its end within {total:?} (total)").into();
        }
        match self.meter.last_chunk {
            Some(_) => format!("no chunk for {idle:?} (idle)").into(),
            None if !self.connected => format!("no connection within {first:?} (connect)").into(),
            None if self.status.is_none() => {
                format!("no response head within {first:?} (first)").into()
            }
            None => format!("no chunk within {first:?} (first)").into(),
        }
    }
}

/// Chunks of one stream and when they came.
#[derive(Debug, Default)]
struct Meter {
    verifier: Verifier,
    first_chunk: Option<Instant>,
    last_chunk: Option<Instant>,
    terminal: Option<Instant>,
    chunks: u64,
    chars: u64,
}

impl Meter {
    fn take(&mut self, step: &Step<'_>, now: Instant, observer: &impl Observer) {
        let chunk = match step {
            Step::Chunk(chunk) => chunk,
            Step::Terminal(chunk) => {
                self.terminal.get_or_insert(now);
                let Some(chunk) = chunk else { return };
                chunk
            }
            Step::Neutral | Step::Error(_) | Step::Malformed(_) => return,
        };
        observer.chunk(self.last_chunk.map(|last| now.saturating_duration_since(last)));
        self.first_chunk.get_or_insert(now);
        self.last_chunk = Some(now);
        self.verifier.push(chunk.text);
        self.chunks += 1;
        self.chars += chunk.chars;
    }
}

/// The judge at the moment of one read.
#[derive(Debug)]
pub(super) struct Reading<'a, 'b, O> {
    judge: &'b mut Judge<'a, O>,
    now: Instant,
    scratch: &'b mut grammar::Scratch,
}

impl<O: Observer> Reading<'_, '_, O> {
    /// The body has ended: its last line may be completed by that.
    fn finish(&mut self, end: BodyEnd) {
        let Judge { decoder, meter, terms, .. } = &mut *self.judge;
        decoder.finish(end, self.scratch, |step| meter.take(&step, self.now, terms.observer));
    }
}

impl<O: Observer> Sink for Reading<'_, '_, O> {
    fn head_bytes(&mut self) {
        self.judge.head_at.get_or_insert(self.now);
    }

    fn interim(&mut self) {
        self.judge.head_at = None;
    }

    fn head<F: Fields + ?Sized>(&mut self, status: u16, fields: &F) {
        let judge = &mut *self.judge;
        judge.head_at.get_or_insert(self.now);
        judge.status = Some(status);
        judge.ideal = fields
            .field("x-weir-ideal-us")
            .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok())
            .map(Duration::from_micros);
        if let Some(ideal) = judge.ideal {
            judge.terms.heads.ideal.get_or_init(|| ideal);
        }
        if let Some(server) = fields.field("server") {
            judge.terms.heads.server.get_or_init(|| {
                let text: String =
                    String::from_utf8_lossy(server).chars().take(MAX_SERVER_CHARS).collect();
                text.into_boxed_str()
            });
        }
        judge.refused = refusal(judge.terms.dialect, status, fields);
        if judge.refused.is_none() && !(200..300).contains(&status) {
            judge.http_error = Some(Box::new(HttpError::new(status, fields)));
        }
    }

    fn data(&mut self, data: &[u8]) {
        let judge = &mut *self.judge;
        if judge.refused.is_some() {
            return;
        }
        judge.terms.observer.received(data.len());
        judge.bytes += u64::try_from(data.len()).unwrap_or(u64::MAX);
        if let Some(error) = &mut judge.http_error {
            if !error.push(data) {
                judge.refused = Some(error.detail(judge.terms.wording));
            }
            return;
        }
        let Judge { decoder, meter, terms, .. } = judge;
        decoder.push(data, self.scratch, |step| meter.take(&step, self.now, terms.observer));
    }
}
