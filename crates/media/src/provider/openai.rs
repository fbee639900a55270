//! The OpenAI-compatible wire, at any base URL: the provider's own API, gateways in front of it,
//! engines that speak it, and `weir simulate`.

mod audio;
mod exchange;
mod image;
mod multipart;
mod retry;
mod video;

use runtime::secret::Secret;

use crate::pool::CpuPool;
use crate::provider::{ProviderError, Upload};
use crate::{Upstream, inline};

pub use exchange::{Base, BaseError};
use exchange::{Call, Exchange};

/// Most bytes of a file that is sent: above what the API takes (25 MB of sound, 50 MB of picture).
pub const MAX_UPLOAD: u64 = 64 * 1024 * 1024;

/// Makes video, pictures and sound over the OpenAI-compatible API.
#[derive(Debug, Clone)]
pub struct OpenAi {
    exchange: Exchange,
    pool: CpuPool,
}

impl OpenAi {
    /// The API at `base`, with a key where it wants one. Large requests are built on `pool`.
    #[must_use]
    pub fn new(client: Upstream, base: Base, key: Option<Secret>, pool: CpuPool) -> Self {
        Self { exchange: Exchange::new(client, base, key), pool }
    }

    /// Builds a request that so many bytes of files go into, encoded or copied: beside the threads
    /// that serve connections when they are many. Whoever has files to send was admitted to memory
    /// for them.
    async fn built(
        &self,
        length: usize,
        build: impl FnOnce() -> Call + Send + 'static,
    ) -> Result<Call, ProviderError> {
        if length < inline::POOL_BYTES {
            return Ok(build());
        }
        Ok(self.pool.run_admitted(move |_| build()).await?)
    }
}

fn length_of<'a>(files: impl IntoIterator<Item = &'a Upload>) -> usize {
    files.into_iter().map(|file| file.bytes.len()).sum()
}

#[cfg(test)]
mod tests;
