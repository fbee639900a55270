//! The paths that are carried, and the dialect of each.

use http::Method;
use wire::Dialect;

use crate::makers::MAX_ID;

/// A request that goes to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Anthropic's token count of a message; never streamed.
    CountTokens,
    /// OpenAI Embeddings; never streamed.
    Embeddings,
    /// An OpenAI response that exists already: read, cancelled, deleted.
    StoredResponse,
}

impl Endpoint {
    /// Those at one path each.
    const AT_ONE_PATH: [Self; 5] =
        [Self::Chat, Self::Responses, Self::Messages, Self::CountTokens, Self::Embeddings];

    /// The endpoint at a path, whatever the method.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let stored = || stored_response(path).map(|_| Self::StoredResponse);
        Self::AT_ONE_PATH.into_iter().find(|endpoint| endpoint.path() == path).or_else(stored)
    }

    /// Its path, here and at the upstream; in metrics and logs that of all responses.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::Embeddings => "/v1/embeddings",
            Self::StoredResponse => "/v1/responses/{id}",
        }
    }

    /// Whether it takes this method at this path.
    pub(crate) fn takes(self, method: &Method, path: &str) -> bool {
        match (self, stored_response(path)) {
            (Self::StoredResponse, Some(stored)) => match stored.part {
                None => matches!(*method, Method::GET | Method::DELETE),
                Some("cancel") => *method == Method::POST,
                Some(_) => *method == Method::GET,
            },
            _ => *method == Method::POST,
        }
    }

    /// Whether its answers can be streamed.
    pub(crate) fn can_stream(self) -> bool {
        !matches!(self, Self::CountTokens | Self::Embeddings | Self::StoredResponse)
    }

    /// The dialect that client and upstream speak.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Embeddings => Dialect::OpenaiChat,
            Self::Responses | Self::StoredResponse => Dialect::OpenaiResponses,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
        }
    }
}

/// A path below `/v1/responses/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredResponse<'a> {
    /// The response's id.
    pub(crate) id: &'a str,
    /// `cancel` or `input_items`; nothing for the response itself.
    part: Option<&'a str>,
}

/// Takes such a path apart. Ids are of letters, digits, `_` and `-`: the path goes on as it is.
pub(crate) fn stored_response(path: &str) -> Option<StoredResponse<'_>> {
    let rest = path.strip_prefix("/v1/responses/")?;
    let (id, part) = rest.split_once('/').map_or((rest, None), |(id, part)| (id, Some(part)));
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let known = part.is_none_or(|part| matches!(part, "cancel" | "input_items"));
    let valid = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(harmless) && known;
    valid.then_some(StoredResponse { id, part })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_responses_are_taken_apart_or_lead_nowhere() {
        let check = |path: &str, expected: Option<(&str, Option<&str>)>| {
            let found = stored_response(path).map(|stored| (stored.id, stored.part));
            assert_eq!(found, expected, "{path}");
        };
        check("/v1/responses/resp_1-a", Some(("resp_1-a", None)));
        check("/v1/responses/resp_1/cancel", Some(("resp_1", Some("cancel"))));
        check("/v1/responses/resp_1/input_items", Some(("resp_1", Some("input_items"))));
        for path in ["/v1/responses", "/v1/responses/", "/v1/responses/../x", "/v1/responses/a%2Fb"]
        {
            check(path, None);
        }
        check("/v1/responses/a/b", None);
        check("/v1/responses/a/cancel/", None);
        check(&format!("/v1/responses/{}", "a".repeat(MAX_ID)), Some((&"a".repeat(MAX_ID), None)));
        check(&format!("/v1/responses/{}", "a".repeat(MAX_ID + 1)), None);
    }
}
