//! The OpenAI-compatible wire, at any base URL: the provider's own API, gateways in front of it,
//! engines that speak it, and `weir simulate`.

mod audio;
mod exchange;
mod image;
mod multipart;
mod retry;
mod video;

use crate::Upstream;

use exchange::Exchange;
pub use exchange::{Base, BaseError};

/// Most bytes of a file that is sent: above what the API takes (25 MB of sound, 50 MB of picture).
pub const MAX_UPLOAD: u64 = 64 * 1024 * 1024;

/// Makes video, pictures and sound over the OpenAI-compatible API.
#[derive(Debug, Clone)]
pub struct OpenAi {
    exchange: Exchange,
}

impl OpenAi {
    /// The API at `base`, with a key where it wants one.
    #[must_use]
    pub fn new(client: Upstream, base: Base, key: Option<String>) -> Self {
        Self { exchange: Exchange::new(client, base, key) }
    }
}
