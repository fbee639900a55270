//! JSON-RPC 2.0 as MCP uses it: requests as text, and whatever a server sends taken apart.
//!
//! No I/O. Reading never panics and keeps borrows of what was read: a result of a megabyte is
//! parsed once, by whoever knows its shape.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;

/// Longest message that is read, in bytes: a video chunk of 2 MiB in base64 takes 2.8 MiB, a large
/// picture five. What is longer than this has no end.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;

/// A message of a server.
#[derive(Debug)]
pub enum Message<'a> {
    /// The result of the request with this id.
    Result {
        /// The id that the request had.
        id: u64,
        /// The result, as text.
        result: &'a RawValue,
    },
    /// The request with this id failed.
    Error {
        /// The id that the request had; `None` where the server could not read it.
        id: Option<u64>,
        /// Why.
        error: RpcError,
    },
    /// Something that wants no answer.
    Notification {
        /// What it is about.
        method: Cow<'a, str>,
        /// Its parameters, as text.
        params: Option<&'a RawValue>,
    },
    /// The server asks the client for something.
    Request {
        /// What for.
        method: Cow<'a, str>,
        /// Its id, as text: it is given back as it came.
        id: &'a RawValue,
    },
}

/// JSON-RPC's error object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Error)]
#[error("JSON-RPC error {code}: {message}")]
pub struct RpcError {
    /// Its number; see [`METHOD_NOT_FOUND`].
    pub code: i64,
    /// Its text.
    #[serde(default)]
    pub message: String,
}

/// The server does not know the method (JSON-RPC 2.0, section 5.1).
pub const METHOD_NOT_FOUND: i64 = -32601;

/// The server does not speak the revision that was named (MCP 2026-07-28).
pub const UNSUPPORTED_REVISION: i64 = -32022;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Not JSON, or not an object.
    #[error("the message is no JSON object")]
    NotJson,
    /// `jsonrpc` is missing or another version.
    #[error("the message is not JSON-RPC 2.0")]
    NotRpc,
    /// Neither result, error nor method; or several of them.
    #[error("the message is neither result, error, request nor notification")]
    NoKind,
    /// A response whose id is none that we give.
    #[error("the response's id is none that was asked")]
    ForeignId,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<RpcError>,
}

/// Takes one message apart.
///
/// # Errors
/// [`MessageError`] for anything that JSON-RPC does not allow a server to send.
pub fn read(bytes: &[u8]) -> Result<Message<'_>, MessageError> {
    // An array of the fields' values would pass for an object otherwise.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(MessageError::NotJson);
    }
    let raw: Raw<'_> = serde_json::from_slice(bytes).map_err(|_| MessageError::NotJson)?;
    if raw.jsonrpc.as_deref() != Some("2.0") {
        return Err(MessageError::NotRpc);
    }
    let id = raw.id.filter(|id| id.get() != "null");
    match (raw.method, raw.result, raw.error) {
        (Some(method), None, None) => Ok(match id {
            Some(id) => Message::Request { method, id },
            None => Message::Notification { method, params: raw.params },
        }),
        (None, Some(result), None) => {
            let id = id.and_then(own_id).ok_or(MessageError::ForeignId)?;
            Ok(Message::Result { id, result })
        }
        (None, None, Some(error)) => match id {
            None => Ok(Message::Error { id: None, error }),
            Some(id) => {
                let id = own_id(id).ok_or(MessageError::ForeignId)?;
                Ok(Message::Error { id: Some(id), error })
            }
        },
        _ => Err(MessageError::NoKind),
    }
}

/// Our ids are whole numbers.
fn own_id(id: &RawValue) -> Option<u64> {
    id.get().parse().ok()
}

/// The text of a request.
#[must_use]
pub fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// The text of a notification.
#[must_use]
pub fn notification(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string()
}

/// The text of the answer to a server's ping: an empty result.
#[must_use]
pub fn pong(id: &RawValue) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "result": {} }).to_string()
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolResult {
    /// Its blocks; of pictures and sound only the kind is kept.
    pub content: Vec<Block>,
    /// The result as data, where the tool has an output schema.
    pub structured_content: Option<Value>,
    /// The tool failed, and says so in its text.
    pub is_error: bool,
    /// `complete`, or that the server wants to know more first (MCP 2026-07-28).
    pub result_type: Option<String>,
}

/// One block of a tool's result.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Block {
    /// `text`, `image`, `audio`, `resource`, `resource_link`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text of a text block.
    pub text: Option<String>,
}

impl ToolResult {
    /// The first text of the result.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.content.iter().find_map(|block| block.text.as_deref())
    }

    /// The result as data: structured, or a text that is a JSON object.
    #[must_use]
    pub fn data(&self) -> Option<Value> {
        let of_text = || serde_json::from_str(self.text()?).ok().filter(Value::is_object);
        self.structured_content.clone().or_else(of_text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> MessageError {
        read(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn every_kind_of_message_is_told_apart() {
        let text = r#"{"jsonrpc":"2.0","id":7,"result":{"a":[1]}}"#;
        assert!(
            matches!(read(text.as_bytes()), Ok(Message::Result { id: 7, result }) if result.get() == r#"{"a":[1]}"#)
        );
        let text =
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x","data":[{}]}}"#;
        assert!(matches!(
            read(text.as_bytes()),
            Ok(Message::Error { id: None, error: RpcError { code: -32700, .. } })
        ));
        let text = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
        assert!(
            matches!(read(text.as_bytes()), Ok(Message::Notification { method, params: Some(_) }) if method == "notifications/progress")
        );
        let text = r#"{"jsonrpc":"2.0","id":"s-1","method":"ping"}"#;
        let Ok(Message::Request { method, id }) = read(text.as_bytes()) else { panic!("{text}") };
        assert_eq!(
            (method.as_ref(), pong(id).as_str()),
            ("ping", r#"{"id":"s-1","jsonrpc":"2.0","result":{}}"#)
        );
    }

    #[test]
    fn what_is_no_message_is_named() {
        for text in ["", "[]", "3", "{", r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#] {
            assert_eq!(refused(text), MessageError::NotJson, "{text}");
        }
        assert_eq!(refused(r#"{"id":1,"result":{}}"#), MessageError::NotRpc);
        assert_eq!(refused(r#"{"jsonrpc":"1.0","id":1,"result":{}}"#), MessageError::NotRpc);
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":1}"#), MessageError::NoKind);
        let both = r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}"#;
        assert_eq!(refused(both), MessageError::NoKind);
        for id in ["\"1\"", "1.5", "-1", "99999999999999999999"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
            assert_eq!(refused(&text), MessageError::ForeignId, "{id}");
        }
        assert_eq!(refused(r#"{"jsonrpc":"2.0","result":{}}"#), MessageError::ForeignId);
    }

    #[test]
    fn a_tool_s_data_is_structured_or_the_text_that_holds_it() {
        let read = |text: &str| serde_json::from_str::<ToolResult>(text).unwrap();
        let both =
            read(r#"{"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":2}}"#);
        assert_eq!(both.data(), Some(json!({"a": 2})));
        let text = read(
            r#"{"content":[{"type":"image","data":"AA=="},{"type":"text","text":"{\"a\":1}"}]}"#,
        );
        assert_eq!(text.data(), Some(json!({"a": 1})));
        let plain = read(r#"{"content":[{"type":"text","text":"saved"}],"isError":true}"#);
        assert_eq!((plain.data(), plain.is_error, plain.text()), (None, true, Some("saved")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn any_object_of_the_known_fields_is_read_or_refused(
            id in prop_oneof![Just(String::new()), Just("\"id\":1,".into()), Just("\"id\":null,".into()),
                Just("\"id\":{},".into())],
            kind in prop::collection::vec(prop_oneof![
                Just("\"result\":{}"), Just("\"result\":null"), Just("\"error\":{\"code\":1}"),
                Just("\"error\":3"), Just("\"method\":\"m\""), Just("\"method\":1"),
                Just("\"params\":[1]"), Just("\"jsonrpc\":\"2.0\"")], 0..4),
        ) {
            let text = format!("{{{id}\"x\":0{}}}",
                kind.iter().map(|part| format!(",{part}")).collect::<String>());
            let _ = read(text.as_bytes());
        }

        #[test]
        fn a_request_is_read_as_the_request_it_is(id in any::<u64>(), method in "[a-z/]{1,12}", text in ".{0,20}") {
            let written = request(id, &method, &json!({ "text": text }));
            let Ok(Message::Request { method: read_method, id: read_id }) = read(written.as_bytes())
                else { panic!("{written}") };
            prop_assert_eq!(read_method.as_ref(), method);
            prop_assert_eq!(read_id.get(), id.to_string());
        }
    }
}
