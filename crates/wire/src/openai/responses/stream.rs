//! A response as a stream of typed, numbered events.

use bytes::BytesMut;
use serde::Serialize;

use super::answer::{Answer, Item, Part};
use super::{Ending, Head, Usage};
use crate::json;

/// Writes the events of one answer and numbers them.
#[derive(Debug, Clone)]
pub struct EventEncoder {
    next_number: u32,
    is_function_call: bool,
    /// `,"item_id":…,"output_index":0,` with what else comes before the delta.
    locus: Box<[u8]>,
}

#[derive(Serialize)]
struct ResponseEvent<'a> {
    r#type: &'static str,
    sequence_number: u32,
    response: Answer<'a>,
}

#[derive(Serialize)]
struct ItemEvent<'a> {
    r#type: &'static str,
    sequence_number: u32,
    output_index: u32,
    item: &'a Item<'a>,
}

#[derive(Serialize)]
struct PartEvent<'a> {
    r#type: &'static str,
    sequence_number: u32,
    item_id: &'a str,
    output_index: u32,
    content_index: u32,
    part: &'a Part<'a>,
}

#[derive(Serialize)]
struct TextDone<'a> {
    r#type: &'static str,
    sequence_number: u32,
    item_id: &'a str,
    output_index: u32,
    content_index: u32,
    text: &'a str,
    logprobs: [(); 0],
}

#[derive(Serialize)]
struct ArgumentsDone<'a> {
    r#type: &'static str,
    sequence_number: u32,
    item_id: &'a str,
    output_index: u32,
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct ErrorEvent<'a> {
    r#type: &'static str,
    sequence_number: u32,
    code: &'a str,
    message: &'a str,
    param: Option<()>,
}

const TEXT: &[u8] = b"event: response.output_text.delta\ndata: \
{\"type\":\"response.output_text.delta\",\"sequence_number\":";
const ARGUMENTS: &[u8] = b"event: response.function_call_arguments.delta\ndata: \
{\"type\":\"response.function_call_arguments.delta\",\"sequence_number\":";

impl EventEncoder {
    /// An encoder for one answer.
    #[must_use]
    pub fn new(head: &Head<'_>) -> Self {
        let is_function_call = head.function_call.is_some();
        let mut locus = BytesMut::from(&br#","item_id":"#[..]);
        json::append(&head.item_id, &mut locus);
        locus.extend_from_slice(if is_function_call {
            br#","output_index":0,"delta":""#
        } else {
            br#","output_index":0,"content_index":0,"logprobs":[],"delta":""#
        });
        Self { next_number: 0, is_function_call, locus: locus.as_ref().into() }
    }

    /// Appends what opens the answer: the response twice, its item, its part.
    pub fn opening(&mut self, head: &Head<'_>, out: &mut BytesMut) {
        for kind in ["response.created", "response.in_progress"] {
            self.response(kind, Answer::begun(head), out);
        }
        let sequence_number = self.number();
        let item = Item::new(head, "in_progress", &[], "");
        let kind = "response.output_item.added";
        event(
            kind,
            &ItemEvent { r#type: kind, sequence_number, output_index: 0, item: &item },
            out,
        );
        if head.function_call.is_none() {
            self.part("response.content_part.added", head.item_id, &Part::text(""), out);
        }
    }

    /// Appends an event with a piece of the text, or of the function call's arguments.
    pub fn content(&mut self, piece: &str, out: &mut BytesMut) {
        out.extend_from_slice(if self.is_function_call { ARGUMENTS } else { TEXT });
        json::append(&self.number(), out);
        out.extend_from_slice(&self.locus);
        json::escape(piece, out);
        out.extend_from_slice(b"\"}\n\n");
    }

    /// Appends what ends the answer; `content` is all of its pieces.
    pub fn closing(
        &mut self,
        head: &Head<'_>,
        content: &str,
        ending: Ending,
        usage: Usage,
        out: &mut BytesMut,
    ) {
        let parts = [Part::text(content)];
        match head.function_call {
            None => {
                self.text_done(head.item_id, content, out);
                self.part("response.content_part.done", head.item_id, &parts[0], out);
            }
            Some(call) => self.arguments_done(head.item_id, call.name, content, out),
        }
        let output = [Item::new(head, ending.status(), &parts, content)];
        let sequence_number = self.number();
        let kind = "response.output_item.done";
        let done = ItemEvent { r#type: kind, sequence_number, output_index: 0, item: &output[0] };
        event(kind, &done, out);
        let kind = match ending {
            Ending::Completed => "response.completed",
            Ending::MaxOutputTokens => "response.incomplete",
        };
        self.response(kind, Answer::ended(head, &output, ending, usage), out);
    }

    /// Appends a whole answer that has no output at all.
    pub fn empty(&mut self, head: &Head<'_>, usage: Usage, out: &mut BytesMut) {
        for kind in ["response.created", "response.in_progress"] {
            self.response(kind, Answer::begun(head), out);
        }
        let ended = Answer::ended(head, &[], Ending::Completed, usage);
        self.response("response.completed", ended, out);
    }

    /// Appends an in-band error.
    pub fn error(&mut self, code: &str, message: &str, out: &mut BytesMut) {
        let sequence_number = self.number();
        let error = ErrorEvent { r#type: "error", sequence_number, code, message, param: None };
        event("error", &error, out);
    }

    /// Appends an event whose data breaks off inside the JSON.
    pub fn malformed(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(if self.is_function_call { ARGUMENTS } else { TEXT });
        out.extend_from_slice(b"\n\n");
    }

    fn response(&mut self, kind: &'static str, response: Answer<'_>, out: &mut BytesMut) {
        let sequence_number = self.number();
        event(kind, &ResponseEvent { r#type: kind, sequence_number, response }, out);
    }

    fn part(&mut self, kind: &'static str, item_id: &str, part: &Part<'_>, out: &mut BytesMut) {
        let sequence_number = self.number();
        let event_of_part = PartEvent {
            r#type: kind,
            sequence_number,
            item_id,
            output_index: 0,
            content_index: 0,
            part,
        };
        event(kind, &event_of_part, out);
    }

    fn text_done(&mut self, item_id: &str, text: &str, out: &mut BytesMut) {
        let kind = "response.output_text.done";
        let done = TextDone {
            r#type: kind,
            sequence_number: self.number(),
            item_id,
            output_index: 0,
            content_index: 0,
            text,
            logprobs: [],
        };
        event(kind, &done, out);
    }

    fn arguments_done(&mut self, item_id: &str, name: &str, arguments: &str, out: &mut BytesMut) {
        let kind = "response.function_call_arguments.done";
        let done = ArgumentsDone {
            r#type: kind,
            sequence_number: self.number(),
            item_id,
            output_index: 0,
            name,
            arguments,
        };
        event(kind, &done, out);
    }

    fn number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
    }
}

fn event(kind: &str, data: &impl Serialize, out: &mut BytesMut) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    json::append(data, out);
    out.extend_from_slice(b"\n\n");
}
