//! Why a provider gave no answer.

use std::time::Duration;

use crate::pool::PoolError;

/// Why a provider gave no answer. Messages hold what the provider said, never a key or a prompt.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It knows no such job, model or file.
    #[error("the provider knows no such thing: {message}")]
    NotFound {
        /// What it said.
        message: String,
    },
    /// It refused the key.
    #[error("the provider refused the key: {message}; set OPENAI_API_KEY")]
    Unauthorized {
        /// What it said.
        message: String,
    },
    /// It refused the request, after as many tries as made sense.
    #[error("the provider answered {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// It could not be reached, or broke off.
    #[error("the provider cannot be reached: {message}")]
    Unreachable {
        /// What went wrong on the way.
        message: String,
    },
    /// It took too long.
    #[error("the provider did not answer within {}s", within.as_secs())]
    Late {
        /// How long it was waited for.
        within: Duration,
    },
    /// Its answer is not what its API says.
    #[error("the provider's answer cannot be used: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The request could not be built: the CPU pool took no work, or lost it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// Its answer is larger than anything that makes sense.
    #[error("the provider's answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
}
