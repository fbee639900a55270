//! Function tools: what a request offers, and which of them it forces the model to call.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::FieldError;

/// A function tool that a request offers.
#[derive(Debug, Clone)]
pub struct Tool<'a> {
    /// The function's name.
    pub name: Cow<'a, str>,
    /// JSON schema of its arguments, as sent.
    pub parameters: Option<&'a RawValue>,
}

/// Whether the model must call a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// It may answer with text.
    Free,
    /// It must call one of the offered tools.
    Any,
    /// It must call the tool of this name.
    Named(Cow<'a, str>),
}

impl<'a> ToolChoice<'a> {
    /// The tool that must be called: the first one for [`ToolChoice::Any`].
    ///
    /// # Errors
    /// When the choice demands a tool that is not offered.
    pub fn forced(&self, tools: &[Tool<'a>]) -> Result<Option<Tool<'a>>, FieldError> {
        let found = match self {
            Self::Free => return Ok(None),
            Self::Any => tools.first(),
            Self::Named(name) => tools.iter().find(|tool| tool.name == *name),
        };
        match (found, self) {
            (Some(tool), _) => Ok(Some(tool.clone())),
            (None, Self::Named(name)) => Err(FieldError::invalid(
                "tool_choice",
                format!("the tool '{name}' is not in 'tools'"),
            )),
            (None, _) => Err(FieldError::invalid(
                "tool_choice",
                "a tool is demanded but 'tools' offers none",
            )),
        }
    }
}

/// A tool as the dialects write it: OpenAI chat nests it in `function`, Responses does not,
/// Anthropic calls the parameters `input_schema`. Tools of other types have no name of ours.
#[derive(Debug, Deserialize)]
pub(crate) struct WrittenTool<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    input_schema: Option<&'a RawValue>,
    #[serde(borrow)]
    function: Option<Box<WrittenTool<'a>>>,
}

impl<'a> WrittenTool<'a> {
    /// The tool, if it is a function with a name.
    pub(crate) fn into_tool(self) -> Option<Tool<'a>> {
        match self.function {
            Some(function) => function.into_tool(),
            None => self
                .name
                .map(|name| Tool { name, parameters: self.parameters.or(self.input_schema) }),
        }
    }
}

/// A `tool_choice`: a word, or an object with a type and a name, nested or not.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WrittenChoice {
    Word(String),
    Object { r#type: String, name: Option<String>, function: Option<NamedFunction> },
}

#[derive(Debug, Deserialize)]
struct NamedFunction {
    name: String,
}

/// Reads a `tool_choice` in any dialect's form. Unknown words are free choices, so that a newer
/// client still gets an answer.
pub(crate) fn parse_choice(choice: Option<&RawValue>) -> Result<ToolChoice<'static>, FieldError> {
    let Some(choice) = choice else { return Ok(ToolChoice::Free) };
    let written: WrittenChoice = serde_json::from_str(choice.get()).map_err(|_| {
        FieldError::invalid("tool_choice", "expected a word or an object with a 'type'")
    })?;
    let (word, name) = match written {
        WrittenChoice::Word(word) => (word, None),
        WrittenChoice::Object { r#type, name, function } => {
            (r#type, name.or(function.map(|function| function.name)))
        }
    };
    match (word.as_str(), name) {
        ("required" | "any", _) => Ok(ToolChoice::Any),
        ("function" | "tool", Some(name)) => Ok(ToolChoice::Named(name.into())),
        ("function" | "tool", None) => {
            Err(FieldError::invalid("tool_choice", "the function to call has no 'name'"))
        }
        _ => Ok(ToolChoice::Free),
    }
}
