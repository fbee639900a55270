//! Which upstream made which response: OpenAI Responses are kept by their maker, and can be read,
//! continued, cancelled and deleted there alone.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

/// Responses that are remembered; the oldest is forgotten first. Ids have some fifty bytes, so that
/// this is below 2 MiB. What is forgotten is looked for at all upstreams.
const MOST: usize = 10_000;

/// Longest id of a response; OpenAI's have 53 characters.
pub(crate) const MAX_ID: usize = 128;

/// The makers of the latest responses. Locked once per response, never per event.
#[derive(Debug, Default)]
pub(crate) struct Makers(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<String, Maker>,
    oldest: VecDeque<String>,
}

/// Who made a response, for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Maker {
    /// The upstream's name.
    pub(crate) upstream: String,
    /// The client key's name.
    pub(crate) key: Option<String>,
}

impl Makers {
    /// Remembers a response's maker.
    pub(crate) fn remember(&self, id: String, maker: Maker) {
        if id.is_empty() || id.len() > MAX_ID {
            return;
        }
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.by_id.insert(id.clone(), maker).is_some() {
            return;
        }
        inner.oldest.push_back(id);
        if inner.oldest.len() > MOST
            && let Some(oldest) = inner.oldest.pop_front()
        {
            inner.by_id.remove(&oldest);
        }
    }

    /// The maker of a response, where it is remembered.
    pub(crate) fn find(&self, id: &str) -> Option<Maker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }
}

/// The id in a whole response, or in the first event of a streamed one.
pub(crate) fn response_id(answer: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        id: Option<String>,
        response: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        id: String,
    }
    let line = answer
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .find_map(|line| line.strip_prefix(b"data:"));
    let document: Document = serde_json::from_slice(line.unwrap_or(answer)).ok()?;
    document.response.map(|response| response.id).or(document.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(upstream: &str) -> Maker {
        Maker { upstream: upstream.to_owned(), key: None }
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_limit() {
        let makers = Makers::default();
        for number in 0..=MOST {
            makers.remember(format!("resp_{number}"), maker("a"));
        }
        // One that is told again is no newer, and takes no second place.
        makers.remember(format!("resp_{MOST}"), maker("b"));
        assert_eq!(makers.find("resp_0"), None);
        assert_eq!(makers.find("resp_1"), Some(maker("a")));
        assert_eq!(makers.find(&format!("resp_{MOST}")), Some(maker("b")));
        let inner = makers.0.lock().unwrap();
        assert_eq!((inner.by_id.len(), inner.oldest.len()), (MOST, MOST));
    }

    #[test]
    fn an_id_without_end_is_not_kept() {
        let makers = Makers::default();
        for (length, kept) in [(0, false), (MAX_ID, true), (MAX_ID + 1, false)] {
            makers.remember("x".repeat(length), maker("a"));
            assert_eq!(makers.find(&"x".repeat(length)).is_some(), kept, "{length}");
        }
    }

    #[test]
    fn ids_are_found_in_documents_and_in_streams() {
        let check = |answer: &str, expected: Option<&str>| {
            assert_eq!(response_id(answer.as_bytes()).as_deref(), expected, "{answer}");
        };
        check("{\"id\":\"resp_1\",\"output\":[]}", Some("resp_1"));
        let created = "event: response.created\ndata: {\"type\":\"response.created\",\
                       \"response\":{\"id\":\"resp_2\"}}\n\ndata: {\"id\":\"x\"}\n\n";
        check(created, Some("resp_2"));
        check(&created.replace('\n', "\r\n"), Some("resp_2"));
        check(": ping\n\n", None);
        check("{\"error\":{}}", None);
        check("", None);
    }
}
