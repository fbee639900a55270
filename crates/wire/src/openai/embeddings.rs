//! OpenAI's embeddings: request and answer.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::{self, FieldError, Fields};

/// Most inputs in one request. Source: OpenAI API reference, `input` of embeddings.
pub const MAX_INPUTS: usize = 2048;

/// Most dimensions of an embedding: those of `text-embedding-3-large`.
pub const MAX_DIMENSIONS: u32 = 3072;

/// How the numbers of an embedding are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A JSON list of numbers.
    Float,
    /// Base64 of the numbers as little-endian 32-bit floats: what the official clients ask for.
    Base64,
}

/// An embeddings request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The model asked for.
    pub model: Cow<'a, str>,
    /// Each input as JSON: a string, or a list of token numbers.
    pub inputs: Vec<&'a RawValue>,
    /// How to write the numbers.
    pub encoding: Encoding,
    /// How many numbers, if the request says.
    pub dimensions: Option<u32>,
}

impl<'a> Request<'a> {
    /// Reads a request body.
    ///
    /// # Errors
    /// Names the field that is missing or wrong.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldError> {
        let fields = Fields::parse(body)?;
        let encoding = match fields.optional::<Cow<'a, str>>("encoding_format")?.as_deref() {
            None | Some("float") => Encoding::Float,
            Some("base64") => Encoding::Base64,
            Some(_) => {
                return Err(FieldError::invalid("encoding_format", "expected float or base64"));
            }
        };
        let dimensions = fields.count("dimensions", 1)?;
        if dimensions.is_some_and(|dimensions| dimensions > MAX_DIMENSIONS) {
            return Err(FieldError::invalid("dimensions", format!("at most {MAX_DIMENSIONS}")));
        }
        Ok(Self {
            model: fields.required("model")?,
            inputs: inputs(fields.raw("input").ok_or(FieldError::Missing("input"))?)?,
            encoding,
            dimensions,
        })
    }
}

/// `input` is a string, a list of strings, a list of token numbers, or a list of such lists.
fn inputs(input: &RawValue) -> Result<Vec<&RawValue>, FieldError> {
    const EXPECTED: &str = "expected a string, strings, or token numbers, none of them empty";
    let invalid = || FieldError::invalid("input", EXPECTED);
    if input.get().starts_with('"') {
        return if input.get() == "\"\"" { Err(invalid()) } else { Ok(vec![input]) };
    }
    let items: Vec<&RawValue> = serde_json::from_str(input.get()).map_err(|_| invalid())?;
    match items.first().map(|item| item.get().as_bytes()[0]) {
        Some(b'"' | b'[') if items.len() > MAX_INPUTS => {
            Err(FieldError::invalid("input", format!("at most {MAX_INPUTS} inputs")))
        }
        Some(b'"' | b'[') => Ok(items),
        Some(b'0'..=b'9') => Ok(vec![input]),
        _ => Err(invalid()),
    }
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Item>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Item {
    object: &'static str,
    index: usize,
    embedding: Numbers,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u32,
    total_tokens: u32,
}

/// The body of an answer with one embedding for each input.
#[must_use]
pub fn answer_body(
    model: &str,
    embeddings: Vec<Vec<f32>>,
    encoding: Encoding,
    prompt_tokens: u32,
) -> Vec<u8> {
    let data = embeddings
        .into_iter()
        .enumerate()
        .map(|(index, numbers)| Item {
            object: "embedding",
            index,
            embedding: match encoding {
                Encoding::Float => Numbers::Float(numbers),
                Encoding::Base64 => {
                    let bytes: Vec<u8> = numbers.into_iter().flat_map(f32::to_le_bytes).collect();
                    Numbers::Base64(STANDARD.encode(bytes))
                }
            },
        })
        .collect();
    json::encode(&Answer {
        object: "list",
        data,
        model,
        usage: Usage { prompt_tokens, total_tokens: prompt_tokens },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Option<usize>) {
        let body = format!(r#"{{"model":"m","input":{input}}}"#);
        let count = Request::parse(body.as_bytes()).ok().map(|request| request.inputs.len());
        assert_eq!(count, expected, "{input}");
    }

    #[test]
    fn all_four_forms_of_input_are_counted() {
        check(r#""one""#, Some(1));
        check(r#"["one","two"]"#, Some(2));
        check("[1,2,3]", Some(1));
        check("[[1,2],[3]]", Some(2));
    }

    #[test]
    fn empty_and_foreign_input_is_refused() {
        check(r#""""#, None);
        check("[]", None);
        check("{}", None);
        check("7", None);
    }

    #[test]
    fn base64_holds_little_endian_floats() {
        let body = answer_body("m", vec![vec![1.0, -2.5]], Encoding::Base64, 1);
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let bytes = STANDARD.decode(value["data"][0]["embedding"].as_str().unwrap()).unwrap();
        assert_eq!(bytes, [1.0f32.to_le_bytes(), (-2.5f32).to_le_bytes()].concat());
    }
}
