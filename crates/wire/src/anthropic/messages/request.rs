//! What a messages request asks for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{FieldError, Fields};
use crate::tool::{self, Tool, WrittenTool};

/// A messages request, as far as an answer depends on it.
#[derive(Debug)]
pub struct Request<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// The conversation as sent: a list with at least one message, each with a role.
    pub messages: &'a RawValue,
    /// Whether to stream.
    pub stream: bool,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// The tool that `tool_choice` forces the answer to use.
    pub forced_tool: Option<Tool<'a>>,
}

/// A count_tokens request.
#[derive(Debug)]
pub struct CountRequest<'a> {
    /// The conversation as sent.
    pub messages: &'a RawValue,
    /// The system prompt as sent.
    pub system: Option<&'a RawValue>,
    /// The tools as sent.
    pub tools: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    #[expect(dead_code, reason = "read to check that every message has one")]
    role: Cow<'a, str>,
}

impl<'a> Request<'a> {
    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is missing or wrong.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldError> {
        let fields = Fields::parse(body)?;
        let messages = messages(&fields)?;
        let tools: Vec<Tool<'a>> = fields
            .optional::<Vec<WrittenTool<'a>>>("tools")?
            .unwrap_or_default()
            .into_iter()
            .filter_map(WrittenTool::into_tool)
            .collect();
        Ok(Self {
            model: fields.required("model")?,
            messages,
            stream: fields.optional("stream")?.unwrap_or(false),
            max_tokens: fields.count("max_tokens", 1)?.ok_or(FieldError::Missing("max_tokens"))?,
            forced_tool: tool::parse_choice(fields.raw("tool_choice"))?.forced(&tools)?,
        })
    }
}

impl<'a> CountRequest<'a> {
    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is missing or wrong.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldError> {
        let fields = Fields::parse(body)?;
        fields.required::<Cow<'a, str>>("model")?;
        Ok(Self {
            messages: messages(&fields)?,
            system: fields.raw("system"),
            tools: fields.raw("tools"),
        })
    }
}

fn messages<'a>(fields: &Fields<'a>) -> Result<&'a RawValue, FieldError> {
    let messages = fields.raw("messages").ok_or(FieldError::Missing("messages"))?;
    if fields.required::<Vec<Message<'a>>>("messages")?.is_empty() {
        return Err(FieldError::invalid("messages", "expected at least one message"));
    }
    Ok(messages)
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
        check(
            &format!(r#"{{{messages},"model":"m"}}"#),
            "missing required parameter: 'max_tokens'",
        );
        check(
            &format!(r#"{{{messages},"model":"m","max_tokens":1,"tool_choice":{{"type":"any"}}}}"#),
            "invalid value for 'tool_choice': a tool is demanded but 'tools' offers none",
        );
    }

    #[test]
    fn a_named_tool_is_found() {
        let body = br#"{"messages":[{"role":"user","content":"hi"}],"model":"m","max_tokens":9,
            "tools":[{"name":"a","input_schema":{}},{"name":"b","input_schema":{"type":"object"}}],
            "tool_choice":{"type":"tool","name":"b"}}"#;
        let tool = Request::parse(body).unwrap().forced_tool.unwrap();
        assert_eq!(tool.name, "b");
        assert_eq!(tool.parameters.unwrap().get(), r#"{"type":"object"}"#);
    }
}
