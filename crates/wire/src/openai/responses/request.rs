//! What a responses request asks for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{FieldError, Fields};
use crate::tool::{self, Tool, WrittenTool};

/// A responses request, as far as an answer depends on it.
#[derive(Debug)]
pub struct Request<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// The input as sent: a string or a list of items.
    pub input: &'a RawValue,
    /// Whether to stream.
    pub stream: bool,
    /// Whether to answer at once and to make the response later.
    pub background: bool,
    /// The settings of the image generation tool, as sent, if it is among the tools.
    pub image_tool: Option<&'a RawValue>,
    /// Whether the response can be fetched by its id later (by default yes).
    pub store: bool,
    /// Most tokens of the answer.
    pub max_output_tokens: Option<u32>,
    /// The response that this one follows.
    pub previous_response_id: Option<Cow<'a, str>>,
    /// The choice of a tool as sent.
    pub tool_choice: Option<&'a RawValue>,
    /// The tools as sent.
    pub tools: Option<&'a RawValue>,
    /// The tool that `tool_choice` forces the answer to call.
    pub forced_tool: Option<Tool<'a>>,
}

impl<'a> Request<'a> {
    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is missing or wrong. A response that is streamed while it is made in
    /// the background is refused.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldError> {
        let fields = Fields::parse(body)?;
        let input = fields.raw("input").ok_or(FieldError::Missing("input"))?;
        if !input.get().starts_with(['"', '[']) {
            return Err(FieldError::invalid("input", "expected a string or a list of items"));
        }
        let stream = fields.optional("stream")?.unwrap_or(false);
        let background = fields.optional("background")?.unwrap_or(false);
        if background && stream {
            let message = "a response in the background cannot be streamed here";
            return Err(FieldError::invalid("background", message));
        }
        let tools: Vec<Tool<'a>> = fields
            .optional::<Vec<WrittenTool<'a>>>("tools")?
            .unwrap_or_default()
            .into_iter()
            .filter_map(WrittenTool::into_tool)
            .collect();
        let tool_choice = fields.raw("tool_choice");
        Ok(Self {
            model: fields.required("model")?,
            input,
            stream,
            background,
            image_tool: image_tool(&fields)?,
            store: fields.optional("store")?.unwrap_or(true),
            max_output_tokens: fields.count("max_output_tokens", 1)?,
            previous_response_id: fields.optional("previous_response_id")?,
            tool_choice,
            tools: fields.raw("tools"),
            forced_tool: tool::parse_choice(tool_choice)?.forced(&tools)?,
        })
    }
}

/// A tool of which only the type matters.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

fn image_tool<'a>(fields: &Fields<'a>) -> Result<Option<&'a RawValue>, FieldError> {
    let tools: Vec<&'a RawValue> = fields.optional("tools")?.unwrap_or_default();
    Ok(tools.into_iter().find(|tool| {
        serde_json::from_str::<Typed<'_>>(tool.get())
            .is_ok_and(|tool| tool.r#type == "image_generation")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: &str) {
        assert_eq!(Request::parse(body.as_bytes()).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        check("{}", "missing required parameter: 'input'");
        check(r#"{"input":"hi"}"#, "missing required parameter: 'model'");
        check(r#"{"input":7}"#, "invalid value for 'input': expected a string or a list of items");
        check(
            r#"{"input":"hi","background":true,"stream":true}"#,
            "invalid value for 'background': a response in the background cannot be streamed here",
        );
    }

    #[test]
    fn the_image_tool_is_found_among_others() {
        let body = br#"{"input":"hi","model":"m","background":true,"tools":[
            {"type":"web_search"},{"type":"image_generation","size":"8x8"}]}"#;
        let request = Request::parse(body).unwrap();
        assert!(request.background);
        assert_eq!(
            request.image_tool.unwrap().get(),
            r#"{"type":"image_generation","size":"8x8"}"#
        );
    }

    #[test]
    fn a_named_function_is_found() {
        let body = br#"{"input":"hi","model":"m","tools":[{"type":"web_search"},
            {"type":"function","name":"b","parameters":{}}],
            "tool_choice":{"type":"function","name":"b"}}"#;
        assert_eq!(Request::parse(body).unwrap().forced_tool.unwrap().name, "b");
    }
}
