//! Responses that can be fetched by their id.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Most responses that are kept; the oldest goes first.
pub(crate) const MAX_RESPONSES: usize = 1024;

/// Largest response that is kept; a larger one (tools are repeated in it) is not found later.
pub(crate) const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The latest responses, as JSON. Locked once per response, never per event.
#[derive(Debug, Default)]
pub(crate) struct ResponseStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<String, Bytes>,
    oldest_first: VecDeque<String>,
}

impl ResponseStore {
    /// Keeps a response.
    pub(crate) fn insert(&self, id: &str, body: Bytes) {
        if body.len() > MAX_RESPONSE_BYTES {
            return;
        }
        let mut kept = self.lock();
        if kept.by_id.insert(id.to_owned(), body).is_none() {
            kept.oldest_first.push_back(id.to_owned());
        }
        if kept.oldest_first.len() > MAX_RESPONSES
            && let Some(oldest) = kept.oldest_first.pop_front()
        {
            kept.by_id.remove(&oldest);
        }
    }

    /// The response of this id, if it is still kept.
    pub(crate) fn get(&self, id: &str) -> Option<Bytes> {
        self.lock().by_id.get(id).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere cannot leave the maps half-changed in a way that matters.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_response_makes_room_for_the_one_too_many() {
        let store = ResponseStore::default();
        for number in 0..=MAX_RESPONSES {
            store.insert(&number.to_string(), Bytes::from_static(b"{}"));
        }
        assert_eq!(store.get("0"), None);
        assert!(store.get("1").is_some() && store.get(&MAX_RESPONSES.to_string()).is_some());
    }

    #[test]
    fn a_response_that_is_too_large_is_not_kept() {
        let store = ResponseStore::default();
        store.insert("fits", Bytes::from(vec![b' '; MAX_RESPONSE_BYTES]));
        store.insert("too-large", Bytes::from(vec![b' '; MAX_RESPONSE_BYTES + 1]));
        assert!(store.get("fits").is_some() && store.get("too-large").is_none());
    }
}
