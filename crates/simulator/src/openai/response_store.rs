//! Responses that can be fetched by their id.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::background::Later;

/// Most responses that are kept; the oldest goes first.
pub(crate) const MAX_RESPONSES: usize = 1024;

/// Largest response that is kept; a larger one (tools are repeated in it) is not found later.
pub(crate) const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The latest responses. Locked once per response, never per event.
#[derive(Debug, Default)]
pub(crate) struct ResponseStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<String, Stored>,
    oldest_first: VecDeque<String>,
}

/// A response.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    /// As JSON.
    Whole(Bytes),
    /// It changes with time, or is made when somebody asks.
    Later(Arc<Later>),
}

impl ResponseStore {
    /// Keeps a response.
    pub(crate) fn insert(&self, id: &str, body: Bytes) {
        if body.len() > MAX_RESPONSE_BYTES {
            return;
        }
        self.store(id, Stored::Whole(body));
    }

    /// Keeps a response that changes with time.
    pub(crate) fn insert_later(&self, id: &str, later: &Arc<Later>) {
        self.store(id, Stored::Later(Arc::clone(later)));
    }

    fn store(&self, id: &str, stored: Stored) {
        let mut kept = self.lock();
        if kept.by_id.insert(id.to_owned(), stored).is_none() {
            kept.oldest_first.push_back(id.to_owned());
        }
        if kept.oldest_first.len() > MAX_RESPONSES
            && let Some(oldest) = kept.oldest_first.pop_front()
        {
            kept.by_id.remove(&oldest);
        }
    }

    /// The response of this id, if it is still kept.
    pub(crate) fn get(&self, id: &str) -> Option<Stored> {
        self.lock().by_id.get(id).cloned()
    }

    /// Whether the response of this id is still kept.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.lock().by_id.contains_key(id)
    }

    /// The response of this id, if it changes with time.
    pub(crate) fn later(&self, id: &str) -> Option<Arc<Later>> {
        match self.get(id)? {
            Stored::Later(later) => Some(later),
            Stored::Whole(_) => None,
        }
    }

    /// Those that change with time, the oldest first.
    pub(crate) fn all_later(&self) -> Vec<(String, Arc<Later>)> {
        let kept = self.lock();
        let later = kept.oldest_first.iter().filter_map(|id| match kept.by_id.get(id)? {
            Stored::Later(later) => Some((id.clone(), Arc::clone(later))),
            Stored::Whole(_) => None,
        });
        later.collect()
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
        assert!(!store.contains("0"));
        assert!(store.contains("1") && store.contains(&MAX_RESPONSES.to_string()));
    }

    #[test]
    fn a_response_that_is_too_large_is_not_kept() {
        let store = ResponseStore::default();
        store.insert("fits", Bytes::from(vec![b' '; MAX_RESPONSE_BYTES]));
        store.insert("too-large", Bytes::from(vec![b' '; MAX_RESPONSE_BYTES + 1]));
        assert!(store.contains("fits") && !store.contains("too-large"));
    }
}
