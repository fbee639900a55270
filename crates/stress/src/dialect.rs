//! Which dialect a target speaks, where nobody says.

use serde::{Deserialize, Deserializer, de};
use wire::Dialect;

/// The dialect that a URL's path speaks by convention; any SSE where there is none.
#[must_use]
pub fn of_path(path: &str) -> Dialect {
    let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
    if path.ends_with("/chat/completions") {
        Dialect::OpenaiChat
    } else if path.ends_with("/responses") {
        Dialect::OpenaiResponses
    } else if path.ends_with("/messages") {
        Dialect::Anthropic
    } else {
        Dialect::Sse
    }
}

/// Whether requests of this dialect have a format of their own, with a model and a prompt.
#[must_use]
pub fn has_requests(dialect: Dialect) -> bool {
    match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses | Dialect::Anthropic => true,
        Dialect::Sse | Dialect::Ndjson | Dialect::Text => false,
    }
}

/// For `#[serde(deserialize_with)]`: a dialect by its name.
pub(crate) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Dialect>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_tells_the_dialect() {
        assert_eq!(of_path("/v1/chat/completions"), Dialect::OpenaiChat);
        assert_eq!(of_path("/openai/v1/chat/completions/?api-version=1"), Dialect::OpenaiChat);
        assert_eq!(of_path("/v1/responses"), Dialect::OpenaiResponses);
        assert_eq!(of_path("/v1/messages"), Dialect::Anthropic);
        assert_eq!(of_path("/stream"), Dialect::Sse);
        assert_eq!(of_path("/"), Dialect::Sse);
    }
}
