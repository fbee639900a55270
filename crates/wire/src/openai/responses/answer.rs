//! A response in one piece, and the objects that the streamed form shares with it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Ending, GeneratedImage, Head, Unfinished, Usage};
use crate::json;

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    id: &'a str,
    object: &'static str,
    created_at: i64,
    status: &'static str,
    background: bool,
    error: Option<Failure>,
    incomplete_details: Option<IncompleteDetails>,
    instructions: Option<()>,
    max_output_tokens: Option<u32>,
    model: &'a str,
    output: &'a [Item<'a>],
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    reasoning: Reasoning,
    store: bool,
    temperature: f32,
    text: TextFormat,
    tool_choice: ToolChoice<'a>,
    tools: Tools<'a>,
    top_p: f32,
    truncation: &'static str,
    usage: Option<Usage>,
    metadata: Metadata,
}

#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
struct IncompleteDetails {
    reason: &'static str,
}

#[derive(Serialize)]
struct Reasoning {
    effort: Option<()>,
    summary: Option<()>,
}

#[derive(Serialize)]
struct TextFormat {
    format: Format,
}

#[derive(Serialize)]
struct Format {
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ToolChoice<'a> {
    Word(&'static str),
    Sent(&'a RawValue),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Tools<'a> {
    None([(); 0]),
    Sent(&'a RawValue),
}

#[derive(Serialize)]
struct Metadata {}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'a> {
    Message {
        id: &'a str,
        status: &'static str,
        role: &'static str,
        content: &'a [Part<'a>],
    },
    FunctionCall {
        id: &'a str,
        status: &'static str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    ImageGenerationCall {
        id: &'a str,
        status: &'static str,
        action: &'static str,
        result: &'a str,
        revised_prompt: &'a str,
        size: &'a str,
        quality: &'a str,
        background: &'a str,
        output_format: &'a str,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    OutputText { text: &'a str, annotations: [(); 0], logprobs: [(); 0] },
}

impl<'a> Part<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::OutputText { text, annotations: [], logprobs: [] }
    }
}

impl<'a> Item<'a> {
    /// The output item with this much content: `parts` for a message, `arguments` for a call.
    pub(super) fn new(
        head: &Head<'a>,
        status: &'static str,
        parts: &'a [Part<'a>],
        arguments: &'a str,
    ) -> Self {
        match head.function_call {
            None => Self::Message { id: head.item_id, status, role: "assistant", content: parts },
            Some(call) => Self::FunctionCall {
                id: head.item_id,
                status,
                call_id: call.call_id,
                name: call.name,
                arguments,
            },
        }
    }
}

impl Ending {
    /// The status of the response and of its output item.
    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::MaxOutputTokens => "incomplete",
        }
    }
}

impl<'a> Answer<'a> {
    /// A response without output that has just begun.
    pub(super) fn begun(head: &Head<'a>) -> Self {
        Self {
            id: head.id,
            object: "response",
            created_at: head.created_at,
            status: "in_progress",
            background: head.background,
            error: None,
            incomplete_details: None,
            instructions: None,
            max_output_tokens: head.max_output_tokens,
            model: head.model,
            output: &[],
            parallel_tool_calls: true,
            previous_response_id: head.previous_response_id,
            reasoning: Reasoning { effort: None, summary: None },
            store: head.store,
            temperature: 1.0,
            text: TextFormat { format: Format { r#type: "text" } },
            tool_choice: head.tool_choice.map_or(ToolChoice::Word("auto"), ToolChoice::Sent),
            tools: head.tools.map_or(Tools::None([]), Tools::Sent),
            top_p: 1.0,
            truncation: "disabled",
            usage: None,
            metadata: Metadata {},
        }
    }

    /// The same response with its output.
    pub(super) fn ended(
        head: &Head<'a>,
        output: &'a [Item<'a>],
        ending: Ending,
        usage: Usage,
    ) -> Self {
        let incomplete_details = (ending == Ending::MaxOutputTokens)
            .then_some(IncompleteDetails { reason: "max_output_tokens" });
        Self {
            status: ending.status(),
            incomplete_details,
            output,
            usage: Some(usage),
            ..Self::begun(head)
        }
    }
}

/// The body of an answer; `content` is its text, or the arguments of its function call.
#[must_use]
pub fn answer_body(head: &Head<'_>, content: &str, ending: Ending, usage: Usage) -> Vec<u8> {
    let parts = [Part::text(content)];
    let output = [Item::new(head, ending.status(), &parts, content)];
    json::encode(&Answer::ended(head, &output, ending, usage))
}

/// The body of an answer whose output is a picture.
#[must_use]
pub fn image_body(head: &Head<'_>, image: &GeneratedImage<'_>, usage: Usage) -> Vec<u8> {
    let output = [Item::ImageGenerationCall {
        id: head.item_id,
        status: "completed",
        action: "generate",
        result: image.result,
        revised_prompt: image.revised_prompt,
        size: image.size,
        quality: image.quality,
        background: image.background,
        output_format: image.output_format,
    }];
    json::encode(&Answer::ended(head, &output, Ending::Completed, usage))
}

/// The body of a response in the background that has no output, yet or at all.
#[must_use]
pub fn unfinished_body(head: &Head<'_>, state: Unfinished) -> Vec<u8> {
    let (status, error) = match state {
        Unfinished::Queued => ("queued", None),
        Unfinished::InProgress => ("in_progress", None),
        Unfinished::Cancelled => ("cancelled", None),
        Unfinished::Failed => {
            let message = "simulated fault: the response failed";
            ("failed", Some(Failure { code: "server_error", message }))
        }
    };
    json::encode(&Answer { status, error, ..Answer::begun(head) })
}
