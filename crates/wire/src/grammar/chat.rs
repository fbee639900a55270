//! OpenAI Chat Completions: chunks with deltas, a finish reason for every choice, `[DONE]`.

use super::{
    Chunk, ErrorEvent, Malformed, Scratch, Step, count_chars, count_string, read_error, utf8,
};
use crate::scan::{JsonError, RawString, Scanner};
use crate::sse::Event;

/// Choices whose end is tracked. `n` is far below it in practice; OpenAI allows 128, and of the
/// rest only the content is looked at.
const TRACKED_CHOICES: u64 = 64;

/// Where a chat stream stands: one bit for each choice.
#[derive(Debug, Default)]
pub(super) struct Chat {
    seen: u64,
    finished: u64,
}

/// One event's content, over all its choices.
#[derive(Default)]
struct Found<'a> {
    /// Text of choice 0: the one that verifies itself.
    text: Option<RawString<'a>>,
    chars: u64,
    has_choices: bool,
    error: Option<ErrorEvent>,
}

/// One choice of one event.
#[derive(Default)]
struct Choice<'a> {
    index: u64,
    content: Option<RawString<'a>>,
    /// Characters of reasoning, refusal and tool arguments.
    other_chars: u64,
    finished: bool,
}

impl Chat {
    pub(super) fn step<'a>(
        &mut self,
        event: &Event<'a>,
        terminal: bool,
        scratch: &'a mut Scratch,
    ) -> Result<Step<'a>, Malformed> {
        if terminal {
            return Err(Malformed::AfterTerminal);
        }
        if event.data == b"[DONE]" {
            return Ok(Step::Terminal(None));
        }
        let found = self.read(utf8(event.data)?, scratch)?;
        if let Some(error) = found.error {
            return Ok(Step::Error(error));
        }
        if !found.has_choices {
            return Err(Malformed::Shape("an event has neither choices nor error"));
        }
        let text = found.text.unwrap_or_default().unescape(&mut scratch.text).as_bytes();
        let chars = found.chars + count_chars(text);
        Ok(if chars > 0 { Step::Chunk(Chunk { text, chars }) } else { Step::Neutral })
    }

    /// Whether every choice that was seen had its finish reason.
    pub(super) fn is_finished(&self) -> bool {
        self.finished != 0 && self.seen & !self.finished == 0
    }

    fn read<'a>(&mut self, text: &'a str, scratch: &mut Scratch) -> Result<Found<'a>, Malformed> {
        let mut found = Found::default();
        let mut out_of_order = false;
        let mut scanner = Scanner::new(text);
        scanner.object(|scanner, key| match key {
            "choices" => {
                found.has_choices = true;
                scanner.array(|scanner| {
                    let choice = read_choice(scanner, scratch)?;
                    out_of_order |= self.take(&choice);
                    found.chars += choice.other_chars;
                    match choice.content {
                        Some(content) if choice.index == 0 => found.text = Some(content),
                        Some(content) => found.chars += count_string(content, scratch),
                        None => {}
                    }
                    Ok(())
                })
            }
            "error" => {
                if !scanner.accept_null()? {
                    found.error = Some(read_error(scanner)?);
                }
                Ok(())
            }
            _ => scanner.skip(),
        })?;
        scanner.end()?;
        if out_of_order {
            return Err(Malformed::Order("content after the finish reason"));
        }
        Ok(found)
    }

    /// Notes what the choice says about its state; true if it has content past its end.
    fn take(&mut self, choice: &Choice<'_>) -> bool {
        if choice.index >= TRACKED_CHOICES {
            return false;
        }
        let bit = 1 << choice.index;
        let has_content =
            choice.other_chars > 0 || choice.content.is_some_and(|content| !content.is_empty());
        let late = has_content && self.finished & bit != 0;
        self.seen |= bit;
        if choice.finished {
            self.finished |= bit;
        }
        late
    }
}

fn read_choice<'a>(
    scanner: &mut Scanner<'a>,
    scratch: &mut Scratch,
) -> Result<Choice<'a>, JsonError> {
    let mut choice = Choice::default();
    scanner.object(|scanner, key| {
        match key {
            "index" => choice.index = scanner.unsigned("a choice's index is no number")?,
            "delta" => {
                if !scanner.accept_null()? {
                    read_delta(scanner, scratch, &mut choice)?;
                }
            }
            // The old completions endpoint streams the text itself.
            "text" => choice.content = scanner.nullable_string("a choice's text is no string")?,
            "finish_reason" => {
                let reason = scanner.nullable_string("a finish reason is no string")?;
                choice.finished = reason.is_some();
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(choice)
}

fn read_delta<'a>(
    scanner: &mut Scanner<'a>,
    scratch: &mut Scratch,
    choice: &mut Choice<'a>,
) -> Result<(), JsonError> {
    scanner.object(|scanner, key| {
        match key {
            "content" => {
                choice.content = scanner.nullable_string("a delta's content is no string")?;
            }
            // DeepSeek and vLLM say `reasoning_content`, OpenRouter and newer vLLM `reasoning`.
            "reasoning_content" | "reasoning" | "refusal" => {
                if let Some(text) = scanner.string_or_skip()? {
                    choice.other_chars += count_string(text, scratch);
                }
            }
            "tool_calls" if scanner.at_array() => {
                choice.other_chars += read_tool_calls(scanner, scratch)?;
            }
            "function_call" if scanner.at_object() => {
                choice.other_chars += read_arguments(scanner, scratch)?;
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })
}

fn read_tool_calls(scanner: &mut Scanner<'_>, scratch: &mut Scratch) -> Result<u64, JsonError> {
    let mut chars = 0;
    scanner.array(|scanner| {
        scanner.object(|scanner, key| {
            match key {
                "function" if scanner.at_object() => chars += read_arguments(scanner, scratch)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })
    })?;
    Ok(chars)
}

fn read_arguments(scanner: &mut Scanner<'_>, scratch: &mut Scratch) -> Result<u64, JsonError> {
    let mut chars = 0;
    scanner.object(|scanner, key| {
        match key {
            "arguments" => {
                let arguments = scanner.nullable_string("tool arguments are no string")?;
                chars = arguments.map_or(0, |arguments| count_string(arguments, scratch));
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(chars)
}
