//! From body bytes to steps and a verdict: framing and grammar together.

use super::anthropic::Anthropic;
use super::chat::Chat;
use super::generic::{Ndjson, Sse};
use super::responses::Responses;
use super::{
    BodyEnd, Chunk, ErrorEvent, Malformed, Scratch, Step, Truncation, Verdict, count_chars,
};
use crate::dialect::Dialect;
use crate::{lines, sse};

/// Judges one answer's body.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    tally: Tally,
}

#[derive(Debug)]
enum Framing {
    Events(sse::Parser, Rules),
    Lines(lines::Splitter, Ndjson),
    Raw,
}

/// Grammars of dialects that are framed as server-sent events.
#[derive(Debug)]
enum Rules {
    Chat(Chat),
    Responses(Responses),
    Anthropic(Anthropic),
    Sse(Sse),
}

/// What is known about the stream, whatever its dialect.
#[derive(Debug, Default)]
struct Tally {
    events: u64,
    chunks: u64,
    terminal: bool,
    failure: Option<Failure>,
}

#[derive(Debug, Clone)]
enum Failure {
    Error(Box<ErrorEvent>),
    Malformed(Malformed),
}

impl Decoder {
    /// A decoder at the beginning of a body.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        let events = |rules| Framing::Events(sse::Parser::default(), rules);
        let framing = match dialect {
            Dialect::OpenaiChat => events(Rules::Chat(Chat::default())),
            Dialect::OpenaiResponses => events(Rules::Responses(Responses::default())),
            Dialect::Anthropic => events(Rules::Anthropic(Anthropic::default())),
            Dialect::Sse => events(Rules::Sse(Sse)),
            Dialect::Ndjson => Framing::Lines(lines::Splitter::default(), Ndjson::default()),
            Dialect::Text => Framing::Raw,
        };
        Self { framing, tally: Tally::default() }
    }

    /// Takes the next bytes of the body and hands a step for every event that they complete to
    /// `sink`. After an error event or a malformed one nothing is looked at any more.
    pub fn push(&mut self, bytes: &[u8], scratch: &mut Scratch, mut sink: impl FnMut(Step<'_>)) {
        let tally = &mut self.tally;
        if tally.failure.is_some() {
            return;
        }
        let framed = match &mut self.framing {
            Framing::Events(parser, rules) => parser
                .push(bytes, |event| {
                    tally.take(&mut sink, |terminal| rules.step(&event, terminal, scratch));
                })
                .is_ok(),
            Framing::Lines(splitter, rules) => splitter
                .push(bytes, |line| {
                    tally.take(&mut sink, |terminal| rules.step(line, terminal, scratch));
                })
                .is_ok(),
            Framing::Raw => {
                if !bytes.is_empty() {
                    let chunk = Chunk { text: bytes, chars: count_chars(bytes) };
                    tally.take(&mut sink, |_| Ok(Step::Chunk(chunk)));
                }
                true
            }
        };
        if !framed {
            tally.take(&mut sink, |_| Err(Malformed::TooLong));
        }
    }

    /// The body has ended: hands out what a clean end completes (a last line without line feed).
    /// Call it before [`verdict`](Self::verdict).
    pub fn finish(&mut self, end: BodyEnd, scratch: &mut Scratch, mut sink: impl FnMut(Step<'_>)) {
        let tally = &mut self.tally;
        if end == BodyEnd::Clean
            && let Framing::Lines(splitter, rules) = &mut self.framing
        {
            splitter.finish(|line| {
                tally.take(&mut sink, |terminal| rules.step(line, terminal, scratch));
            });
        }
    }

    /// Whether the terminal event has arrived.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        self.tally.terminal
    }

    /// Whether an error event or a malformed one has ended the stream.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.tally.failure.is_some()
    }

    /// Judges the answer, given how its body ended.
    #[must_use]
    pub fn verdict(&self, end: BodyEnd) -> Verdict {
        let Tally { events, chunks, terminal, failure } = &self.tally;
        match failure {
            Some(Failure::Error(error)) => return Verdict::ErrorEvent((**error).clone()),
            Some(Failure::Malformed(malformed)) => return Verdict::Malformed(*malformed),
            None => {}
        }
        let truncated = |what| Verdict::Truncated(what);
        if *terminal {
            return match (chunks, self.is_finished()) {
                (0, _) => Verdict::Empty,
                (_, true) => Verdict::Complete,
                (_, false) => truncated(Truncation::NoFinishReason),
            };
        }
        if end == BodyEnd::Cut {
            return truncated(Truncation::Cut);
        }
        if self.is_inside_event() {
            return truncated(Truncation::InsideEvent);
        }
        match (self.needs_terminal(), events, chunks) {
            (true, 0, _) | (false, _, 0) => Verdict::Empty,
            (true, ..) => truncated(Truncation::NoTerminalEvent),
            (false, ..) => Verdict::Complete,
        }
    }

    /// Bytes of memory held beside the decoder itself.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.framing {
            Framing::Events(parser, _) => parser.held_bytes(),
            Framing::Lines(splitter, _) => splitter.held_bytes(),
            Framing::Raw => 0,
        }
    }

    fn is_finished(&self) -> bool {
        match &self.framing {
            Framing::Events(_, Rules::Chat(chat)) => chat.is_finished(),
            Framing::Events(_, Rules::Anthropic(anthropic)) => anthropic.is_finished(),
            _ => true,
        }
    }

    fn needs_terminal(&self) -> bool {
        match &self.framing {
            Framing::Events(_, Rules::Sse(_)) | Framing::Raw => false,
            Framing::Lines(_, rules) => rules.needs_terminal(),
            Framing::Events(..) => true,
        }
    }

    fn is_inside_event(&self) -> bool {
        matches!(&self.framing, Framing::Events(parser, _) if parser.is_inside_event())
    }
}

impl Rules {
    fn step<'a>(
        &mut self,
        event: &sse::Event<'a>,
        terminal: bool,
        scratch: &'a mut Scratch,
    ) -> Result<Step<'a>, Malformed> {
        match self {
            Self::Chat(chat) => chat.step(event, terminal, scratch),
            Self::Responses(responses) => responses.step(event, terminal, scratch),
            Self::Anthropic(anthropic) => anthropic.step(event, terminal, scratch),
            Self::Sse(sse) => sse.step(event, terminal),
        }
    }
}

impl Tally {
    /// Counts the next step and hands it out, unless the stream has failed already.
    fn take<'a>(
        &mut self,
        sink: &mut impl FnMut(Step<'_>),
        step: impl FnOnce(bool) -> Result<Step<'a>, Malformed>,
    ) {
        if self.failure.is_some() {
            return;
        }
        self.events += 1;
        let step = step(self.terminal).unwrap_or_else(Step::Malformed);
        match &step {
            Step::Chunk(_) => self.chunks += 1,
            Step::Terminal(chunk) => {
                self.chunks += u64::from(chunk.is_some());
                self.terminal = true;
            }
            Step::Error(error) => self.failure = Some(Failure::Error(Box::new(error.clone()))),
            Step::Malformed(malformed) => self.failure = Some(Failure::Malformed(*malformed)),
            Step::Neutral => {}
        }
        sink(step);
    }
}
