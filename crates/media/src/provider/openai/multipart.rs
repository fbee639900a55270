//! `multipart/form-data` (RFC 7578), built whole: what is sent is bounded.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use bytes::{BufMut, Bytes, BytesMut};

use crate::provider::Upload;

/// A form that is being filled.
#[derive(Debug)]
pub(super) struct Form {
    boundary: String,
    body: BytesMut,
}

impl Form {
    /// An empty form. Its boundary holds 128 random bits, so that no file holds it.
    pub(super) fn new() -> Self {
        let half = || RandomState::new().build_hasher().finish();
        Self { boundary: format!("weir-{:016x}{:016x}", half(), half()), body: BytesMut::new() }
    }

    /// Adds a field.
    pub(super) fn field(mut self, name: &str, value: &str) -> Self {
        self.open(name, None);
        self.body.put_slice(b"\r\n");
        self.body.put_slice(value.as_bytes());
        self.body.put_slice(b"\r\n");
        self
    }

    /// Adds a field unless its value is left to the other side.
    pub(super) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Adds a file.
    pub(super) fn file(mut self, name: &str, file: &Upload) -> Self {
        self.body.reserve(file.bytes.len() + 256);
        self.open(name, Some(&file.filename));
        self.body.put_slice(format!("content-type: {}\r\n\r\n", file.media_type).as_bytes());
        self.body.put_slice(&file.bytes);
        self.body.put_slice(b"\r\n");
        self
    }

    /// The finished form: its content type and its bytes.
    pub(super) fn finish(mut self) -> (String, Bytes) {
        self.body.put_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body.freeze())
    }

    fn open(&mut self, name: &str, filename: Option<&str>) {
        let mut head = format!(
            "--{}\r\ncontent-disposition: form-data; name=\"{}\"",
            self.boundary,
            quoted(name)
        );
        if let Some(filename) = filename {
            head.push_str(&format!("; filename=\"{}\"", quoted(filename)));
        }
        head.push_str("\r\n");
        self.body.put_slice(head.as_bytes());
    }
}

/// What browsers do with the three characters that a quoted name must not hold (HTML standard,
/// "multipart form data").
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_what_rfc_7578_says() {
        let file = Upload {
            filename: "a\"b\r\n.png".to_owned(),
            media_type: "image/png",
            bytes: Bytes::from_static(b"\x89PNG"),
        };
        let form = Form::new().field("prompt", "a cat").optional("size", None);
        let (content_type, body) = form.optional("n", Some("1")).file("image", &file).finish();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\n1\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"image\"; \
             filename=\"a%22b%0D%0A.png\"\r\ncontent-type: image/png\r\n\r\n"
        );
        let mut expected = expected.into_bytes();
        expected.extend_from_slice(b"\x89PNG\r\n");
        expected.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        assert_eq!(body, expected);
    }

    #[test]
    fn two_forms_have_two_boundaries() {
        assert_ne!(Form::new().finish().0, Form::new().finish().0);
    }
}
