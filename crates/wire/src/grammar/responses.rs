//! OpenAI Responses: typed events with rising sequence numbers, ended by `response.completed`.

use super::{
    Chunk, ErrorEvent, Malformed, Scratch, Step, count_chars, error_event, read_error, utf8,
};
use crate::scan::{JsonError, RawString, Scanner};
use crate::sse::Event;

/// Where a Responses stream stands.
#[derive(Debug, Default)]
pub(super) struct Responses {
    created: bool,
    /// Lowest sequence number that may come next.
    next: u64,
}

/// The fields that the grammar asks for.
#[derive(Default)]
struct Fields<'a> {
    kind: RawString<'a>,
    sequence: Option<u64>,
    delta: Option<RawString<'a>>,
    /// `code` and `message` of the `error` event itself.
    code: Option<RawString<'a>>,
    message: Option<RawString<'a>>,
    /// The error object of the event or of its response.
    error: Option<ErrorEvent>,
    incomplete_reason: Option<RawString<'a>>,
}

impl Responses {
    pub(super) fn step<'a>(
        &mut self,
        event: &Event<'a>,
        terminal: bool,
        scratch: &'a mut Scratch,
    ) -> Result<Step<'a>, Malformed> {
        // Not OpenAI's own, but vLLM and several gateways end this dialect so, too.
        if event.data == b"[DONE]" && terminal {
            return Ok(Step::Neutral);
        }
        let fields = read(utf8(event.data)?)?;
        if terminal {
            return Err(Malformed::AfterTerminal);
        }
        let kind = fields.kind.raw();
        if event.name.is_some_and(|name| name != kind.as_bytes()) {
            return Err(Malformed::Shape("an event's name and its type differ"));
        }
        // Before its number is looked at: a server in between that reports a dead upstream may not
        // know how far the stream had come, and its error says more than the wrong number.
        if kind == "error" {
            let own = || error_event(fields.code, fields.message);
            return Ok(Step::Error(fields.error.unwrap_or_else(own)));
        }
        if let Some(sequence) = fields.sequence {
            if sequence < self.next {
                return Err(Malformed::Order("a sequence number does not rise"));
            }
            self.next = sequence.saturating_add(1);
        }
        self.created |= matches!(kind, "response.created" | "response.queued");
        if !self.created {
            return Err(Malformed::Order("an event before response.created"));
        }
        match kind {
            "response.completed" => Ok(Step::Terminal(None)),
            "response.failed" => {
                let unnamed = || ErrorEvent::new("response.failed", "");
                Ok(Step::Error(fields.error.unwrap_or_else(unnamed)))
            }
            "response.incomplete" => Ok(incomplete(fields.incomplete_reason)),
            _ if kind.ends_with(".delta") => Ok(delta(kind, fields.delta, scratch)),
            _ => Ok(Step::Neutral),
        }
    }
}

/// An answer that reached the caller's own token limit is whole, like `finish_reason: length`.
fn incomplete(reason: Option<RawString<'_>>) -> Step<'static> {
    let reason = reason.unwrap_or_default();
    if reason.is("max_output_tokens") {
        Step::Terminal(None)
    } else {
        Step::Error(ErrorEvent::new("response.incomplete", reason.raw()))
    }
}

fn delta<'a>(kind: &str, delta: Option<RawString<'a>>, scratch: &'a mut Scratch) -> Step<'a> {
    let text = delta.unwrap_or_default().unescape(&mut scratch.text).as_bytes();
    if text.is_empty() {
        return Step::Neutral;
    }
    let chars = count_chars(text);
    let is_answer = kind == "response.output_text.delta";
    Step::Chunk(Chunk { text: if is_answer { text } else { &[] }, chars })
}

fn read(text: &str) -> Result<Fields<'_>, Malformed> {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(text);
    scanner.object(|scanner, key| {
        match key {
            "type" => fields.kind = scanner.string_or_skip()?.unwrap_or_default(),
            "sequence_number" => {
                fields.sequence = Some(scanner.unsigned("a sequence number is no number")?);
            }
            "delta" => fields.delta = scanner.string_or_skip()?,
            "code" => fields.code = scanner.string_or_skip()?,
            "message" => fields.message = scanner.string_or_skip()?,
            "error" => read_error_field(scanner, &mut fields)?,
            "response" if scanner.at_object() => read_response(scanner, &mut fields)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    if fields.kind.is_empty() { Err(Malformed::Shape("an event has no type")) } else { Ok(fields) }
}

fn read_response<'a>(scanner: &mut Scanner<'a>, fields: &mut Fields<'a>) -> Result<(), JsonError> {
    scanner.object(|scanner, key| match key {
        "error" => read_error_field(scanner, fields),
        "incomplete_details" if scanner.at_object() => scanner.object(|scanner, key| {
            match key {
                "reason" => fields.incomplete_reason = scanner.string_or_skip()?,
                _ => scanner.skip()?,
            }
            Ok(())
        }),
        _ => scanner.skip(),
    })
}

fn read_error_field(scanner: &mut Scanner<'_>, fields: &mut Fields<'_>) -> Result<(), JsonError> {
    if !scanner.accept_null()? {
        fields.error = Some(read_error(scanner)?);
    }
    Ok(())
}
