//! Anthropic Messages: named events from `message_start` to `message_stop`, blocks by index.

use super::{Chunk, ErrorEvent, Malformed, Scratch, Step, count_chars, read_error, utf8};
use crate::scan::{JsonError, RawString, Scanner};
use crate::sse::Event;

/// Where a Messages stream stands.
#[derive(Debug, Default)]
pub(super) struct Anthropic {
    started: bool,
    /// The block that is open; blocks come one after the other.
    open: Option<u64>,
    next_block: u64,
    stop_reason: bool,
}

/// The fields that the grammar asks for.
#[derive(Default)]
struct Fields<'a> {
    kind: RawString<'a>,
    index: Option<u64>,
    /// Content of the delta or of a block that opens with some.
    content: Option<RawString<'a>>,
    /// Whether that content is the answer's text, not thinking or tool input.
    is_answer: bool,
    stop_reason: bool,
    error: Option<ErrorEvent>,
}

impl Anthropic {
    pub(super) fn step<'a>(
        &mut self,
        event: &Event<'a>,
        terminal: bool,
        scratch: &'a mut Scratch,
    ) -> Result<Step<'a>, Malformed> {
        let fields = read(utf8(event.data)?)?;
        let kind = fields.kind.raw();
        // The official SDKs skip an event without a name: the user would never see it.
        if event.name != Some(kind.as_bytes()) {
            return Err(Malformed::Shape(match event.name {
                None => "an event has no name",
                Some(_) => "an event's name and its type differ",
            }));
        }
        match kind {
            "ping" => return Ok(Step::Neutral),
            _ if terminal => return Err(Malformed::AfterTerminal),
            "error" => {
                let unnamed = || ErrorEvent::new("error", "");
                return Ok(Step::Error(fields.error.unwrap_or_else(unnamed)));
            }
            _ => {}
        }
        if self.started == (kind == "message_start") {
            return Err(Malformed::Order(if self.started {
                "a second message_start"
            } else {
                "an event before message_start"
            }));
        }
        match kind {
            "message_start" => self.started = true,
            "content_block_start" => {
                self.open_block(fields.index)?;
                return Ok(content(&fields, scratch));
            }
            "content_block_delta" => {
                self.check_open(fields.index)?;
                return Ok(content(&fields, scratch));
            }
            "content_block_stop" => {
                self.check_open(fields.index)?;
                self.open = None;
            }
            "message_delta" => self.take_stop_reason(fields.stop_reason)?,
            "message_stop" if self.open.is_some() => {
                return Err(Malformed::Order("message_stop inside a block"));
            }
            "message_stop" => return Ok(Step::Terminal(None)),
            // New kinds of events may come at any time, says the API's versioning policy.
            _ => {}
        }
        Ok(Step::Neutral)
    }

    /// Whether a stop reason came.
    pub(super) fn is_finished(&self) -> bool {
        self.stop_reason
    }

    fn open_block(&mut self, index: Option<u64>) -> Result<(), Malformed> {
        if self.open.is_some() {
            return Err(Malformed::Order("a block opens inside another"));
        }
        if self.stop_reason {
            return Err(Malformed::Order("a block after the stop reason"));
        }
        if index != Some(self.next_block) {
            return Err(Malformed::Order("a block's index is not the next one"));
        }
        self.open = index;
        self.next_block += 1;
        Ok(())
    }

    fn check_open(&self, index: Option<u64>) -> Result<(), Malformed> {
        if index.is_some() && index == self.open {
            Ok(())
        } else {
            Err(Malformed::Order("a delta or stop of a block that is not open"))
        }
    }

    fn take_stop_reason(&mut self, present: bool) -> Result<(), Malformed> {
        if present && self.open.is_some() {
            return Err(Malformed::Order("the stop reason comes inside a block"));
        }
        self.stop_reason |= present;
        Ok(())
    }
}

fn content<'a>(fields: &Fields<'a>, scratch: &'a mut Scratch) -> Step<'a> {
    let text = fields.content.unwrap_or_default().unescape(&mut scratch.text).as_bytes();
    if text.is_empty() {
        return Step::Neutral;
    }
    let chars = count_chars(text);
    Step::Chunk(Chunk { text: if fields.is_answer { text } else { &[] }, chars })
}

fn read(text: &str) -> Result<Fields<'_>, Malformed> {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(text);
    scanner.object(|scanner, key| {
        match key {
            "type" => fields.kind = scanner.string_or_skip()?.unwrap_or_default(),
            "index" => fields.index = Some(scanner.unsigned("a block's index is no number")?),
            "delta" | "content_block" if scanner.at_object() => {
                read_content(scanner, &mut fields)?;
            }
            "error" if !scanner.accept_null()? => fields.error = Some(read_error(scanner)?),
            "error" => {}
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    if fields.kind.is_empty() { Err(Malformed::Shape("an event has no type")) } else { Ok(fields) }
}

/// Reads a delta or an opening block. Only one of the content fields is there at a time;
/// `signature_delta` and `citations_delta` hold nothing for the user.
fn read_content<'a>(scanner: &mut Scanner<'a>, fields: &mut Fields<'a>) -> Result<(), JsonError> {
    scanner.object(|scanner, key| {
        match key {
            "text" => {
                fields.content = scanner.nullable_string("a delta's text is no string")?;
                fields.is_answer = true;
            }
            "partial_json" | "thinking" => {
                fields.content = scanner.nullable_string("a delta's content is no string")?;
            }
            "stop_reason" => {
                let reason = scanner.nullable_string("a stop reason is no string")?;
                fields.stop_reason = reason.is_some();
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })
}
