//! What users send: method, headers and body in each dialect.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::config::Header;
use crate::prompt::Prompt;
use crate::secret::Secret;
use wire::Dialect;

/// The model asked for when nobody says: the simulator's best-known profile. Other servers
/// answer with an error at the first request if they do not have it, before any load.
pub const DEFAULT_MODEL: &str = "claude-sonnet-4";

/// `max_tokens` of Anthropic requests, which must have one, when nobody says.
pub const ANTHROPIC_MAX_TOKENS: u64 = 1024;

/// The version of the Anthropic API that requests name.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// What to ask, the same for all users but for the prompt.
#[derive(Debug, Clone)]
pub struct Question {
    /// The dialect.
    pub api: Dialect,
    /// The model; `None` leaves it out where the dialect can do without.
    pub model: Option<String>,
    /// The most tokens.
    pub max_tokens: Option<u64>,
    /// The key.
    pub key: Option<Secret>,
    /// Further headers; they replace ours of the same name.
    pub headers: Vec<Header>,
}

/// One request as it will be written, but for what the connection adds (`host`, framing).
#[derive(Debug, Clone)]
pub struct Draft {
    /// `POST`, or `GET` where nothing is asked.
    pub method: &'static str,
    /// Headers, names in lower case.
    pub headers: Vec<Header>,
    /// The body; empty for `GET`.
    pub body: Bytes,
}

impl Question {
    /// The request for one prompt. Without a prompt, dialects without a request format of their
    /// own send a `GET`.
    #[must_use]
    pub fn draft(&self, prompt: Option<&Prompt>) -> Draft {
        match self.body(prompt) {
            Some(body) => self.draft_of_body(Bytes::from(body.to_string())),
            None => Draft { method: "GET", headers: self.all_headers(false), body: Bytes::new() },
        }
    }

    /// The request with a body of the user's own.
    #[must_use]
    pub fn draft_of_body(&self, body: Bytes) -> Draft {
        Draft { method: "POST", headers: self.all_headers(true), body }
    }

    fn body(&self, prompt: Option<&Prompt>) -> Option<Value> {
        let model = || self.model.as_deref().unwrap_or(DEFAULT_MODEL);
        let mut body = match self.api {
            Dialect::OpenaiChat => json!({ "model": model(), "messages": messages(prompt?) }),
            Dialect::OpenaiResponses => json!({ "model": model(), "input": input(prompt?) }),
            Dialect::Anthropic => json!({ "model": model(), "messages": messages(prompt?) }),
            Dialect::Sse | Dialect::Ndjson | Dialect::Text => plain(prompt?, self.model.as_deref()),
        };
        let (limit_name, limit) = match self.api {
            Dialect::OpenaiResponses => ("max_output_tokens", self.max_tokens),
            Dialect::Anthropic => {
                ("max_tokens", Some(self.max_tokens.unwrap_or(ANTHROPIC_MAX_TOKENS)))
            }
            _ => ("max_tokens", self.max_tokens),
        };
        if let Some(limit) = limit {
            body[limit_name] = limit.into();
        }
        body["stream"] = true.into();
        Some(body)
    }

    fn all_headers(&self, has_body: bool) -> Vec<Header> {
        let plain =
            |name: &str, value: &str| Header { name: name.to_owned(), value: Secret::new(value) };
        let mut headers = vec![
            plain("user-agent", concat!("weir/", env!("CARGO_PKG_VERSION"))),
            plain("accept", self.api.accept()),
        ];
        if has_body {
            headers.push(plain("content-type", "application/json"));
        }
        if self.api == Dialect::Anthropic {
            headers.push(plain("anthropic-version", ANTHROPIC_VERSION));
        }
        if let Some(key) = &self.key {
            headers.push(match self.api {
                Dialect::Anthropic => Header { name: "x-api-key".to_owned(), value: key.clone() },
                _ => plain("authorization", &format!("Bearer {}", key.expose())),
            });
        }
        headers.retain(|ours| !self.headers.iter().any(|theirs| theirs.name == ours.name));
        headers.extend(self.headers.iter().cloned());
        headers
    }
}

fn messages(prompt: &Prompt) -> Value {
    match prompt {
        Prompt::Text(text) => json!([{ "role": "user", "content": text }]),
        Prompt::Messages(messages) => Value::Array(messages.clone()),
    }
}

/// The Responses API takes a text as it is.
fn input(prompt: &Prompt) -> Value {
    match prompt {
        Prompt::Text(text) => json!(text),
        Prompt::Messages(messages) => Value::Array(messages.clone()),
    }
}

/// For servers without a known request format: what most of them take.
fn plain(prompt: &Prompt, model: Option<&str>) -> Value {
    let mut body = match prompt {
        Prompt::Text(text) => json!({ "prompt": text }),
        Prompt::Messages(messages) => json!({ "messages": messages }),
    };
    if let Some(model) = model {
        body["model"] = model.into();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(api: Dialect) -> Question {
        Question {
            api,
            model: Some("m".to_owned()),
            max_tokens: None,
            key: Some(Secret::new("k")),
            headers: Vec::new(),
        }
    }

    fn check_body(question: &Question, expected: Value) {
        let draft = question.draft(Some(&Prompt::Text("hi".to_owned())));
        assert_eq!(serde_json::from_slice::<Value>(&draft.body).unwrap(), expected);
        assert_eq!(draft.method, "POST");
    }

    fn header<'a>(draft: &'a Draft, name: &str) -> Option<&'a str> {
        draft.headers.iter().find(|header| header.name == name).map(|header| header.value.expose())
    }

    #[test]
    fn each_dialect_has_its_own_body() {
        let user = json!([{"role": "user", "content": "hi"}]);
        check_body(
            &question(Dialect::OpenaiChat),
            json!({"model": "m", "messages": user, "stream": true}),
        );
        check_body(
            &question(Dialect::OpenaiResponses),
            json!({"model": "m", "input": "hi", "stream": true}),
        );
        check_body(
            &question(Dialect::Anthropic),
            json!({"model": "m", "messages": user, "max_tokens": 1024, "stream": true}),
        );
        check_body(&question(Dialect::Text), json!({"model": "m", "prompt": "hi", "stream": true}));
    }

    #[test]
    fn each_dialect_names_its_token_limit() {
        for (api, name) in [
            (Dialect::OpenaiChat, "max_tokens"),
            (Dialect::OpenaiResponses, "max_output_tokens"),
            (Dialect::Anthropic, "max_tokens"),
        ] {
            let question = Question { max_tokens: Some(9), ..question(api) };
            let draft = question.draft(Some(&Prompt::Text("hi".to_owned())));
            assert_eq!(serde_json::from_slice::<Value>(&draft.body).unwrap()[name], 9);
        }
    }

    #[test]
    fn keys_go_where_each_provider_looks_for_them() {
        let draft = question(Dialect::Anthropic).draft(Some(&Prompt::Text("hi".to_owned())));
        assert_eq!(header(&draft, "x-api-key"), Some("k"));
        assert_eq!(header(&draft, "anthropic-version"), Some("2023-06-01"));
        let draft = question(Dialect::OpenaiChat).draft(Some(&Prompt::Text("hi".to_owned())));
        assert_eq!(header(&draft, "authorization"), Some("Bearer k"));
        assert_eq!(header(&draft, "accept"), Some("text/event-stream"));
    }

    #[test]
    fn a_header_of_the_user_replaces_ours() {
        let headers = vec!["Authorization: Basic x".parse().unwrap()];
        let question = Question { headers, ..question(Dialect::OpenaiChat) };
        let draft = question.draft(Some(&Prompt::Text("hi".to_owned())));
        let sent: Vec<_> = draft.headers.iter().filter(|h| h.name == "authorization").collect();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].value.expose(), "Basic x");
    }

    #[test]
    fn a_server_of_no_known_format_is_only_asked_when_there_is_something_to_ask() {
        let draft = question(Dialect::Text).draft(None);
        assert_eq!((draft.method, draft.body.len()), ("GET", 0));
        assert_eq!(header(&draft, "content-type"), None);
    }
}
