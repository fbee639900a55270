//! Streams of no particular provider: any server-sent events, and JSON lines.

use super::{Chunk, ErrorEvent, Malformed, Scratch, Step, count_chars, read_error, utf8};
use crate::scan::{JsonError, RawString, Scanner};
use crate::sse::Event;

/// Any server-sent events: every event with data is a chunk of text.
#[derive(Debug)]
pub(super) struct Sse;

impl Sse {
    #[expect(clippy::unused_self, reason = "mirrors the grammars that have a state")]
    pub(super) fn step<'a>(
        &mut self,
        event: &Event<'a>,
        terminal: bool,
    ) -> Result<Step<'a>, Malformed> {
        if terminal {
            return Err(Malformed::AfterTerminal);
        }
        let text = utf8(event.data)?;
        match event.data {
            b"[DONE]" => Ok(Step::Terminal(None)),
            _ if event.name == Some(b"error") => Ok(Step::Error(ErrorEvent::new("", text))),
            b"" => Ok(Step::Neutral),
            data => Ok(Step::Chunk(Chunk { text: data, chars: count_chars(data) })),
        }
    }
}

/// JSON lines. Where they tell their own end (`"done"`, as Ollama's do), it must come.
#[derive(Debug, Default)]
pub(super) struct Ndjson {
    tells_its_end: bool,
}

/// The fields that the grammar knows.
#[derive(Default)]
struct Fields<'a> {
    text: Option<RawString<'a>>,
    done: Option<bool>,
    error: Option<ErrorEvent>,
}

impl Ndjson {
    pub(super) fn step<'a>(
        &mut self,
        line: &'a [u8],
        terminal: bool,
        scratch: &'a mut Scratch,
    ) -> Result<Step<'a>, Malformed> {
        if line.trim_ascii().is_empty() {
            return Ok(Step::Neutral);
        }
        if terminal {
            return Err(Malformed::AfterTerminal);
        }
        let fields = read(utf8(line)?)?;
        if let Some(error) = fields.error {
            return Ok(Step::Error(error));
        }
        let text = fields.text.unwrap_or_default().unescape(&mut scratch.text).as_bytes();
        self.tells_its_end |= fields.done.is_some();
        // A line that says whether the answer is done is a chunk only if it has text; of other
        // lines nothing is known, and each is one.
        let is_chunk = !text.is_empty() || fields.done.is_none();
        let chunk = is_chunk.then(|| Chunk { text, chars: count_chars(text) });
        Ok(match (fields.done, chunk) {
            (Some(true), chunk) => Step::Terminal(chunk),
            (_, Some(chunk)) => Step::Chunk(chunk),
            (_, None) => Step::Neutral,
        })
    }

    pub(super) fn needs_terminal(&self) -> bool {
        self.tells_its_end
    }
}

fn read(line: &str) -> Result<Fields<'_>, Malformed> {
    let mut fields = Fields::default();
    let mut scanner = Scanner::new(line);
    if scanner.at_string() {
        fields.text = Some(scanner.string()?);
    } else if scanner.at_object() {
        read_object(&mut scanner, &mut fields)?;
    } else {
        scanner.skip()?;
    }
    scanner.end()?;
    Ok(fields)
}

fn read_object<'a>(scanner: &mut Scanner<'a>, fields: &mut Fields<'a>) -> Result<(), JsonError> {
    scanner.object(|scanner, key| {
        match key {
            "text" | "content" | "response" | "delta" => {
                fields.text = scanner.string_or_skip()?.or(fields.text);
            }
            "message" if scanner.at_object() => scanner.object(|scanner, key| {
                match key {
                    "content" => fields.text = scanner.string_or_skip()?.or(fields.text),
                    _ => scanner.skip()?,
                }
                Ok(())
            })?,
            "done" => fields.done = scanner.bool_or_skip()?,
            "error" if !scanner.accept_null()? => fields.error = Some(read_error(scanner)?),
            "error" => {}
            _ => scanner.skip()?,
        }
        Ok(())
    })
}
