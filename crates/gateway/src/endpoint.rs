//! The paths that are carried, and the dialect of each.

use http::Method;
use wire::Dialect;

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
}

impl Endpoint {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Chat, Self::Responses, Self::Messages, Self::CountTokens, Self::Embeddings];

    /// The endpoint at a path, whatever the method.
    pub(crate) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }

    /// Its path, here and at the upstream.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::Embeddings => "/v1/embeddings",
        }
    }

    /// The one method that it takes.
    pub(crate) const METHOD: Method = Method::POST;

    /// Whether its answers can be streamed.
    pub(crate) fn can_stream(self) -> bool {
        !matches!(self, Self::CountTokens | Self::Embeddings)
    }

    /// The dialect that client and upstream speak.
    pub(crate) fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Embeddings => Dialect::OpenaiChat,
            Self::Responses => Dialect::OpenaiResponses,
            Self::Messages | Self::CountTokens => Dialect::Anthropic,
        }
    }
}
