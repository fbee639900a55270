//! The fields of a request's body, whether they come as `multipart/form-data` or as JSON.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use memchr::memmem;
use serde_json::Value;
use wire::json::FieldError;

use crate::api::Problem;

/// Most parts of a multipart body: sixteen images and a mask leave room for as many settings.
pub(crate) const MAX_PARTS: usize = 64;

/// Most bytes of the headers of one part.
const MAX_PART_HEAD_BYTES: usize = 8 * 1024;

/// The fields of a body, in their order; a name may occur more than once.
#[derive(Debug)]
pub(crate) struct Form<'a>(Vec<Field<'a>>);

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Its name, without the `[]` that some clients give to names that occur more than once.
    pub(crate) name: String,
    /// Only files have one.
    pub(crate) filename: Option<String>,
    pub(crate) data: Cow<'a, [u8]>,
}

impl<'a> Form<'a> {
    /// Reads a body of the type that the headers name.
    ///
    /// # Errors
    /// 415 for another type, 400 when the body is not of its type.
    pub(crate) fn parse(headers: &HeaderMap, body: &'a [u8]) -> Result<Self, Problem> {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let essence = kind.split(';').next().unwrap_or("").trim();
        if essence.eq_ignore_ascii_case("multipart/form-data") {
            let boundary = parameter(kind, "boundary").ok_or_else(|| {
                bad("the content type multipart/form-data names no boundary".to_owned())
            })?;
            multipart(&boundary, body).map(Self).map_err(|reason| {
                bad(format!("the body is not valid multipart/form-data: {reason}"))
            })
        } else if essence.is_empty() || essence.eq_ignore_ascii_case("application/json") {
            Ok(Self(json(body)?))
        } else {
            let message = format!(
                "the content type `{essence}` is not read here; \
                 multipart/form-data and application/json are"
            );
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
        }
    }

    /// Reads a JSON object.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn of_json(json_text: &str) -> Result<Form<'static>, Problem> {
        json(json_text.as_bytes()).map(Form)
    }

    /// The field of a name that is a file.
    pub(crate) fn file(&self, name: &str) -> Option<&Field<'a>> {
        self.0.iter().find(|field| field.name == name && field.filename.is_some())
    }

    /// All fields of a name that are files.
    pub(crate) fn files<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b Field<'a>> {
        self.0.iter().filter(move |field| field.name == name && field.filename.is_some())
    }

    /// The text of the last field of a name; `None` when it is absent or empty.
    ///
    /// # Errors
    /// When it is not text.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, FieldError> {
        let Some(field) = self.0.iter().rfind(|field| field.name == name) else { return Ok(None) };
        let text = std::str::from_utf8(&field.data)
            .map_err(|_| FieldError::invalid(name, "expected text in UTF-8"))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// The text of a field that must be there.
    ///
    /// # Errors
    /// When it is absent, empty or not text.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, FieldError> {
        self.text(name)?.ok_or(FieldError::Missing(name))
    }

    /// All texts of a name.
    pub(crate) fn texts<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        let fields = self.0.iter().filter(move |field| field.name == name);
        fields.filter_map(|field| std::str::from_utf8(&field.data).ok())
    }

    /// One of several words; the first one when the field is absent.
    ///
    /// # Errors
    /// When it is another word.
    pub(crate) fn one_of(
        &self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<&'static str, FieldError> {
        let Some(text) = self.text(name)? else { return Ok(words[0]) };
        words.iter().find(|word| **word == text).copied().ok_or_else(|| {
            FieldError::invalid(name, format!("expected one of {}, got '{text}'", words.join(", ")))
        })
    }

    /// A whole number in a range; `None` when the field is absent.
    ///
    /// # Errors
    /// When it is no number, or outside the range.
    pub(crate) fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<Option<u32>, FieldError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = (range.start(), range.end());
                let message = format!("expected an integer from {least} to {most}, got '{text}'");
                Err(FieldError::invalid(name, message))
            }
        }
    }

    /// A yes or no; no when the field is absent.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, FieldError> {
        match self.text(name)? {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false),
            Some(text) => {
                Err(FieldError::invalid(name, format!("expected true or false, got '{text}'")))
            }
        }
    }
}

fn bad(message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, message)
}

/// Fields of a JSON object: strings as their text, other values as their JSON, each item of a
/// list as a field.
fn json(body: &[u8]) -> Result<Vec<Field<'static>>, Problem> {
    let object: BTreeMap<String, Value> = serde_json::from_slice(body).map_err(|error| {
        Problem::from(if error.is_data() {
            FieldError::NotAnObject
        } else {
            FieldError::NotJson(error.to_string())
        })
    })?;
    let mut fields = Vec::new();
    for (name, value) in object {
        let values = match value {
            Value::Null => continue,
            Value::Array(values) => values,
            value => vec![value],
        };
        fields.extend(values.into_iter().map(|value| {
            let data = match value {
                Value::String(text) => text.into_bytes(),
                other => other.to_string().into_bytes(),
            };
            Field { name: name.clone(), filename: None, data: Cow::Owned(data) }
        }));
    }
    Ok(fields)
}

/// Source: RFC 7578, and RFC 2046, section 5.1.1.
fn multipart<'a>(boundary: &str, body: &'a [u8]) -> Result<Vec<Field<'a>>, String> {
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    // The first delimiter may stand at the very beginning, without its line break.
    let mut rest = match body.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        None => {
            let at = finder.find(body).ok_or("its boundary does not occur")?;
            &body[at + delimiter.len()..]
        }
    };
    let mut fields = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(fields);
        }
        let line_end = memmem::find(rest, b"\r\n").ok_or("it ends after a boundary")?;
        // White space may follow the boundary; the line break stays for parts without headers.
        rest = &rest[line_end..];
        let searched = &rest[..rest.len().min(MAX_PART_HEAD_BYTES)];
        let head_end = memmem::find(searched, b"\r\n\r\n")
            .ok_or_else(|| format!("a part's headers do not end in {MAX_PART_HEAD_BYTES} bytes"))?;
        let head = std::str::from_utf8(&rest[..head_end]).map_err(|_| "headers are not text")?;
        let data_and_rest = &rest[head_end + 4..];
        if fields.len() == MAX_PARTS {
            return Err(format!("it has more than {MAX_PARTS} parts"));
        }
        let data_end = finder.find(data_and_rest).ok_or("it ends within a part")?;
        fields.push(field(head, &data_and_rest[..data_end])?);
        rest = &data_and_rest[data_end + delimiter.len()..];
    }
}

fn field<'a>(head: &str, data: &'a [u8]) -> Result<Field<'a>, String> {
    let disposition = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
        .map(|(_, value)| value)
        .ok_or("a part has no content-disposition")?;
    let name = parameter(disposition, "name").ok_or("a part has no name")?;
    let name = name.strip_suffix("[]").map(str::to_owned).unwrap_or(name);
    let filename = parameter(disposition, "filename");
    Ok(Field { name, filename, data: Cow::Borrowed(data) })
}

/// A parameter of a header's value: `; name="value"` or `; name=value`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    loop {
        rest = rest.split_once(';')?.1;
        let (name, value) = rest.split_once('=')?;
        let (text, after) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text);
        }
        rest = after;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (text, &quoted[at + 1..]),
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => text.push(plain),
        }
    }
    (text, "")
}
