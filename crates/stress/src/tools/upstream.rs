//! What the upstream behind the target says about itself: which bytes it has under which name, and
//! how many transfers it had open at once. Read from the simulator's `/weir/stats`, or from anything
//! that answers alike.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::fetch::fetch_whole;
use super::mix::Expectation;
use crate::client::{Connector, Target};
use crate::target_url::TargetUrl;

/// How long the upstream may take over an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// Deepest nesting that is looked into.
const MAX_DEPTH: u8 = 8;

/// An upstream that counts.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its base URL.
    pub url: TargetUrl,
    /// Where that is.
    pub target: Target,
}

/// What an upstream says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Most transfers open at once since it was reset.
    pub peak_open: Option<u64>,
    /// Transfers begun since it was reset.
    pub transfers: Option<u64>,
    /// Its files by their id.
    pub files: BTreeMap<String, Expectation>,
}

impl Upstream {
    /// Asks for the statistics. `None` where there is no answer that can be read.
    pub async fn stats(&self) -> Option<Stats> {
        let body = self.ask("GET", "/weir/stats").await?;
        let report: Value = serde_json::from_slice(&body).ok()?;
        Some(Stats::of(&report))
    }

    /// Zeroes the counters. False where the upstream does not take it.
    pub async fn reset(&self) -> bool {
        self.ask("POST", "/weir/reset").await.is_some()
    }

    async fn ask(&self, method: &str, path: &str) -> Option<Vec<u8>> {
        let connector = Connector::new(&self.target).ok()?;
        let url = TargetUrl { path: path.to_owned(), ..self.url.clone() };
        let deadline = Instant::now() + LIMIT;
        match fetch_whole(&connector, method, &url, deadline, MAX_ANSWER_BYTES).await {
            Ok(body) => Some(body),
            Err(detail) => {
                tracing::warn!(%url, %detail, "the upstream did not say what it counted");
                None
            }
        }
    }
}

impl Stats {
    /// What a report holds, wherever it stands in it: an object `transfers` with `peak_open` and
    /// `started`, and objects with a `sha256` that have an `id` or stand under one.
    fn of(report: &Value) -> Self {
        let mut stats = Self::default();
        stats.look_into(report, None, 0);
        stats
    }

    fn look_into(&mut self, value: &Value, name: Option<&str>, depth: u8) {
        if depth == MAX_DEPTH {
            return;
        }
        match value {
            Value::Array(items) => {
                for item in items {
                    self.look_into(item, None, depth + 1);
                }
            }
            Value::Object(fields) => {
                if name == Some("transfers") {
                    let count = |name: &str| fields.get(name).and_then(Value::as_u64);
                    self.peak_open = count("peak_open");
                    self.transfers = count("started");
                }
                let id = fields.get("id").and_then(Value::as_str).or(name);
                if let (Some(id), Some(digest)) = (id, fields.get("sha256").and_then(Value::as_str))
                {
                    let bytes = fields.get("bytes").and_then(Value::as_u64);
                    let sha256 = Some(digest.to_ascii_lowercase());
                    self.files.insert(id.to_owned(), Expectation { bytes, sha256 });
                }
                for (name, value) in fields {
                    self.look_into(value, Some(name), depth + 1);
                }
            }
            _ => {}
        }
    }

    /// What a call's file must be, where one of its arguments is the id of a file.
    #[must_use]
    pub fn expected(&self, arguments: &Value) -> Option<&Expectation> {
        arguments.as_object()?.values().find_map(|value| self.files.get(value.as_str()?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counters_and_digests_are_found_wherever_they_stand() {
        let stats = Stats::of(&json!({
            "started": 3, "peak_active": 9,
            "media": {
                "transfers": { "open": 0, "peak_open": 32, "started": 33 },
                "videos": [{ "id": "vid_a", "bytes": 5, "md5": "x", "sha256": "AB" }],
                "images": { "resp_b": { "sha256": "cd" } },
            },
        }));
        assert_eq!((stats.peak_open, stats.transfers), (Some(32), Some(33)));
        let expected =
            stats.expected(&json!({ "filename": "f.mp4", "video_id": "vid_a" })).unwrap();
        assert_eq!(*expected, Expectation { bytes: Some(5), sha256: Some("ab".to_owned()) });
        assert_eq!(stats.files["resp_b"].bytes, None);
        assert_eq!(stats.expected(&json!({ "video_id": "other", "n": 3 })), None);
    }

    #[test]
    fn an_upstream_that_counts_nothing_says_nothing() {
        assert_eq!(Stats::of(&json!({ "peak_active": 3 })), Stats::default());
        assert_eq!(Stats::of(&json!("text")), Stats::default());
    }
}
