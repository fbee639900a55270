//! JSON by hand where it is hot (one string at a time) and by field where errors must name one.

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Appends `text` as the inside of a JSON string: without the quotes around it.
pub fn escape(text: &str, out: &mut BytesMut) {
    let bytes = text.as_bytes();
    let mut plain_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain_from..at]);
        plain_from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(br"\u00");
                out.put_u8(HEX[usize::from(control >> 4)]);
                out.put_u8(HEX[usize::from(control & 0xf)]);
            }
        }
    }
    out.extend_from_slice(&bytes[plain_from..]);
}

/// Appends a value as JSON.
///
/// # Panics
/// When the value's `Serialize` fails, which those of this crate cannot: they are structs of
/// strings, numbers and lists.
pub(crate) fn append(value: &impl serde::Serialize, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), value)
        .expect("structs of strings, numbers and lists serialise, and a BytesMut takes all bytes");
}

/// A value as JSON text. Panics as [`append`] does.
pub(crate) fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings, numbers and lists serialise")
}

/// The same JSON without white space between its parts: a line break would end the line of an
/// event stream that repeats it.
#[must_use]
pub fn compact(value: &RawValue) -> Box<RawValue> {
    let mut in_string = false;
    let mut escaped = false;
    let kept = value.get().chars().filter(|&character| {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            return true;
        }
        in_string = character == '"';
        !matches!(character, ' ' | '\t' | '\n' | '\r')
    });
    RawValue::from_string(kept.collect())
        .expect("JSON without the white space between its parts is the same JSON")
}

/// Why a request body is refused, with the field to name in the provider's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The body is not JSON; the parser's message with line and column.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// The body is JSON but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// A required field is absent.
    #[error("missing required parameter: '{0}'")]
    Missing(&'static str),
    /// A field has a wrong type or a value outside its range.
    #[error("invalid value for '{field}': {message}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What is wrong and what is allowed.
        message: String,
    },
}

impl FieldError {
    /// An [`FieldError::Invalid`].
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// The field that the error is about.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::NotJson(_) | Self::NotAnObject => None,
            Self::Missing(field) | Self::Invalid { field, .. } => Some(field),
        }
    }
}

/// The fields of a JSON object, each still as text: an error in one can name it, and a field
/// that nobody asks for is never taken apart.
#[derive(Debug)]
pub struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Splits an object into its fields. Of a field that occurs twice the last one counts.
    ///
    /// # Errors
    /// When the bytes are not JSON, or not an object.
    pub fn parse(body: &'a [u8]) -> Result<Self, FieldError> {
        serde_json::from_slice(body).map(Self).map_err(|error| {
            if error.is_data() {
                FieldError::NotAnObject
            } else {
                FieldError::NotJson(error.to_string())
            }
        })
    }

    /// A field's JSON text; `None` when it is absent or null.
    #[must_use]
    pub fn raw(&self, field: &str) -> Option<&'a RawValue> {
        self.0.get(field).copied().filter(|value| value.get() != "null")
    }

    /// A field's value; `None` when it is absent or null.
    ///
    /// # Errors
    /// When it has another type.
    pub fn optional<T: Deserialize<'a>>(
        &self,
        field: &'static str,
    ) -> Result<Option<T>, FieldError> {
        self.raw(field)
            .map(|value| {
                serde_json::from_str(value.get()).map_err(|error| FieldError::Invalid {
                    field,
                    message: without_position(&error.to_string()).to_owned(),
                })
            })
            .transpose()
    }

    /// A field's value.
    ///
    /// # Errors
    /// When it is absent or null, or has another type.
    pub fn required<T: Deserialize<'a>>(&self, field: &'static str) -> Result<T, FieldError> {
        self.optional(field)?.ok_or(FieldError::Missing(field))
    }

    /// A whole number from `minimum` on; `None` when it is absent or null.
    ///
    /// # Errors
    /// When it is not a whole number, or below the minimum or above 2^32 - 1.
    pub fn count(&self, field: &'static str, minimum: u32) -> Result<Option<u32>, FieldError> {
        let Some(count) = self.optional::<u32>(field)? else { return Ok(None) };
        if count < minimum {
            return Err(FieldError::invalid(
                field,
                format!("expected an integer of at least {minimum}, got {count}"),
            ));
        }
        Ok(Some(count))
    }
}

/// The message without serde_json's position, which counts from the field and not the body.
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escaped_text_parses_to_itself(text in any::<String>()) {
            let mut out = BytesMut::from(&b"\""[..]);
            escape(&text, &mut out);
            out.put_u8(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn no_body_makes_the_fields_panic(body in any::<Vec<u8>>()) {
            let _ = Fields::parse(&body);
        }
    }

    #[test]
    fn compact_json_keeps_its_strings_and_fits_a_line() {
        let check = |text: &str, expected: &str| {
            let value: Box<RawValue> = serde_json::from_str(text).unwrap();
            assert_eq!(compact(&value).get(), expected);
        };
        check("{ \"a\" :\n[ 1,\t2 ,\r\n3 ] }", r#"{"a":[1,2,3]}"#);
        check(r#"[ "a b", "\" c \\", " d" ]"#, r#"["a b","\" c \\"," d"]"#);
        check(" true ", "true");
    }

    #[test]
    fn errors_name_their_field() {
        let fields = Fields::parse(br#"{"n":"one","m":0,"x":null}"#).unwrap();
        assert_eq!(
            fields.optional::<u32>("n").unwrap_err().to_string(),
            "invalid value for 'n': invalid type: string \"one\", expected u32"
        );
        assert_eq!(fields.required::<u32>("x"), Err(FieldError::Missing("x")));
        assert_eq!(fields.count("m", 1).unwrap_err().field(), Some("m"));
    }

    #[test]
    fn what_is_not_an_object_is_told_apart_from_what_is_not_json() {
        assert_eq!(Fields::parse(b"[1]").unwrap_err(), FieldError::NotAnObject);
        assert!(matches!(Fields::parse(b"{"), Err(FieldError::NotJson(_))));
        assert!(matches!(Fields::parse(b""), Err(FieldError::NotJson(_))));
    }
}
