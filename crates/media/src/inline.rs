//! Files inside of JSON, as base64, coming and going: coded at once when short, on the
//! [CPU pool](crate::pool) when long.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::pool::{CpuPool, PoolError};

/// Text of this length and more is coded on the pool. Both ways run at about 1 GB/s: this takes
/// some 60 µs, which a thread that serves connections can spare; a hop to the pool costs 10 to 20.
pub const POOL_BYTES: usize = 64 * 1024;

/// Longest text that is decoded: the base64 of a file of 96 MiB, above anything that the image and
/// audio endpoints return inline.
pub const TEXT_LIMIT: usize = 128 * 1024 * 1024;

/// The standard alphabet; providers disagree about the padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why there are no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InlineError {
    /// Not base64.
    #[error("the provider sent a file that is not base64")]
    Malformed(#[source] base64::DecodeError),
    /// Longer than [`TEXT_LIMIT`].
    #[error("the provider sent {length} bytes of base64; at most {TEXT_LIMIT} are decoded")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
}

/// Does work that takes as long as it takes to code `length` bytes: at once when they are few, on
/// the pool from [`POOL_BYTES`] on.
///
/// Cancel-safe: yes, as [`CpuPool::run`].
///
/// # Errors
/// When the pool is full, or lost the work.
pub async fn beside<T: Send + 'static>(
    pool: &CpuPool,
    length: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PoolError> {
    if length < POOL_BYTES { Ok(work()) } else { pool.run(move |_| work()).await }
}

/// Decodes a file, on this very thread: a long one belongs on the pool. A `data:` URL is taken as
/// well.
///
/// # Errors
/// When it is not base64, or too long.
pub fn decode(text: &str) -> Result<Vec<u8>, InlineError> {
    if text.len() > TEXT_LIMIT {
        return Err(InlineError::TooLong { length: text.len() });
    }
    let text = match text.strip_prefix("data:").and_then(|url| url.split_once(";base64,")) {
        Some((_, text)) => text,
        None => text,
    };
    ENGINE.decode(text).map_err(InlineError::Malformed)
}

/// Encodes a file, as requests and `_get_media_data` carry it.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn padding_may_be_missing_and_a_data_url_is_understood() {
        assert_eq!(decode("aGk=").unwrap(), b"hi");
        assert_eq!(decode("aGk").unwrap(), b"hi");
        assert_eq!(decode("data:image/png;base64,aGk=").unwrap(), b"hi");
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for wrong in ["a", "a-_b", "aGk=!", "data:text/plain,hi"] {
            assert!(matches!(decode(wrong), Err(InlineError::Malformed(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn long_text_is_coded_on_the_pool_and_short_text_is_not() {
        let one = std::num::NonZeroUsize::MIN;
        let pool = CpuPool::new(one, 0);
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let mut blocker = Box::pin(pool.run(move |_| assert!(gate.recv().is_err())));
        assert!(futures_util::poll!(&mut blocker).is_pending());
        assert_eq!(beside(&pool, POOL_BYTES - 1, || 1).await, Ok(1));
        let refused = beside(&pool, POOL_BYTES, || 2).await;
        assert_eq!(refused, Err(PoolError::Full { waiting: 0 }));
        drop(open);
        blocker.await.unwrap();
        assert_eq!(beside(&pool, POOL_BYTES, || 3).await, Ok(3));
    }

    #[test]
    fn text_past_the_limit_is_refused_before_it_is_decoded() {
        let length = TEXT_LIMIT + 1;
        let text = String::from_utf8(vec![b'A'; length]).unwrap();
        assert_eq!(decode(&text), Err(InlineError::TooLong { length }));
    }
}
