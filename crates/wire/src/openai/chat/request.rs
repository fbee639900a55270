//! What a chat completion request asks for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{FieldError, Fields};
use crate::tool::{self, Tool, WrittenTool};

/// A chat completion request, as far as an answer depends on it.
#[derive(Debug)]
pub struct Request<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// The conversation as sent: a list with at least one message, each with a role.
    pub messages: &'a RawValue,
    /// Whether to stream.
    pub stream: bool,
    /// Whether a streamed answer ends with its usage.
    pub include_usage: bool,
    /// Most tokens of the answer: `max_completion_tokens`, else `max_tokens`.
    pub max_tokens: Option<u32>,
    /// The tool that `tool_choice` forces the answer to call.
    pub forced_tool: Option<Tool<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    #[expect(dead_code, reason = "read to check that every message has one")]
    role: Cow<'a, str>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl<'a> Request<'a> {
    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is missing or wrong. More than one choice (`n`) is refused.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldError> {
        let fields = Fields::parse(body)?;
        let messages = fields.raw("messages").ok_or(FieldError::Missing("messages"))?;
        if fields.required::<Vec<Message<'a>>>("messages")?.is_empty() {
            return Err(FieldError::invalid("messages", "expected at least one message"));
        }
        if fields.count("n", 1)?.is_some_and(|n| n > 1) {
            return Err(FieldError::invalid("n", "only one choice is supported"));
        }
        let tools: Vec<Tool<'a>> = fields
            .optional::<Vec<WrittenTool<'a>>>("tools")?
            .unwrap_or_default()
            .into_iter()
            .filter_map(WrittenTool::into_tool)
            .collect();
        let max_completion_tokens = fields.count("max_completion_tokens", 1)?;
        let options: Option<StreamOptions> = fields.optional("stream_options")?;
        Ok(Self {
            model: fields.required("model")?,
            messages,
            stream: fields.optional("stream")?.unwrap_or(false),
            include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
            max_tokens: max_completion_tokens.or(fields.count("max_tokens", 1)?),
            forced_tool: tool::parse_choice(fields.raw("tool_choice"))?.forced(&tools)?,
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
        let messages = r#""messages":[{"role":"user","content":"hi"}]"#;
        check("{}", "missing required parameter: 'messages'");
        check(&format!("{{{messages}}}"), "missing required parameter: 'model'");
        check(r#"{"messages":[]}"#, "invalid value for 'messages': expected at least one message");
        check(r#"{"messages":[{}]}"#, "invalid value for 'messages': missing field `role`");
        check(
            &format!(r#"{{{messages},"model":"m","max_tokens":0}}"#),
            "invalid value for 'max_tokens': expected an integer of at least 1, got 0",
        );
        check(
            &format!(r#"{{{messages},"n":2}}"#),
            "invalid value for 'n': only one choice is supported",
        );
        check(
            &format!(r#"{{{messages},"model":"m","tool_choice":"required"}}"#),
            "invalid value for 'tool_choice': a tool is demanded but 'tools' offers none",
        );
    }

    #[test]
    fn the_newer_limit_wins_and_a_named_tool_is_found() {
        let body = br#"{"messages":[{"role":"user","content":"hi"}],"model":"m",
            "max_tokens":9,"max_completion_tokens":7,
            "tools":[{"type":"function","function":{"name":"a"}},
                     {"type":"function","function":{"name":"b","parameters":{}}}],
            "tool_choice":{"type":"function","function":{"name":"b"}}}"#;
        let request = Request::parse(body).unwrap();
        assert_eq!(request.max_tokens, Some(7));
        assert_eq!(request.forced_tool.unwrap().name, "b");
    }
}
