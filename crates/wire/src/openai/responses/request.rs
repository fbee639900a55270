//! What a responses request asks for.

use std::borrow::Cow;

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
    /// Names the field that is missing or wrong. Background responses are refused.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldError> {
        let fields = Fields::parse(body)?;
        let input = fields.raw("input").ok_or(FieldError::Missing("input"))?;
        if !input.get().starts_with(['"', '[']) {
            return Err(FieldError::invalid("input", "expected a string or a list of items"));
        }
        if fields.optional("background")?.unwrap_or(false) {
            return Err(FieldError::invalid("background", "background is not supported"));
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
            stream: fields.optional("stream")?.unwrap_or(false),
            store: fields.optional("store")?.unwrap_or(true),
            max_output_tokens: fields.count("max_output_tokens", 1)?,
            previous_response_id: fields.optional("previous_response_id")?,
            tool_choice,
            tools: fields.raw("tools"),
            forced_tool: tool::parse_choice(tool_choice)?.forced(&tools)?,
        })
    }
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
            r#"{"input":"hi","background":true}"#,
            "invalid value for 'background': background is not supported",
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
