//! `GET /v1/models`: what the configuration names, and what the upstreams offer under its stars.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use tokio::time::timeout;
use wire::Dialect;

use crate::config::Provider;
use crate::state::{KeyState, State};
use crate::upstream::Upstream;
use crate::upstream::pool::Outgoing;
use crate::worker::Worker;

/// How long the slowest upstream may take to list its models; it is left out beyond that.
const WITHIN: Duration = Duration::from_secs(3);

/// Longest list of one upstream, in bytes.
const MAX_LIST: usize = 4 << 20;

/// Who asks for models, of what, and how.
pub(crate) struct Listing<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) state: &'a State,
    /// The caller's key: only the models that it may ask for are shown.
    pub(crate) key: Option<&'a KeyState>,
    pub(crate) dialect: Dialect,
}

impl Listing<'_> {
    /// The list in the form of the caller's dialect.
    pub(crate) async fn list(&self) -> Bytes {
        let models = self.all().await;
        let (first, last) = (models.keys().next(), models.keys().next_back());
        let data: Vec<&Value> = models.values().collect();
        let document = if self.dialect == Dialect::Anthropic {
            json!({ "data": data, "has_more": false, "first_id": first, "last_id": last })
        } else {
            json!({ "object": "list", "data": data })
        };
        Bytes::from(document.to_string())
    }

    /// One model, by its id as it stands in a path.
    pub(crate) async fn one(&self, id: &str) -> Option<Bytes> {
        let models = self.all().await;
        let model = models.get(&percent_decoded(id))?;
        Some(Bytes::from(model.to_string()))
    }

    /// Every model that the caller may ask for, by its id: those that upstreams list, under the
    /// routes with stars, and those that routes name.
    async fn all(&self) -> BTreeMap<String, Value> {
        let (state, dialect) = (self.state, self.dialect);
        let mut models: BTreeMap<String, Value> = BTreeMap::new();
        let speaking = state.upstreams.iter().filter(|upstream| upstream.settings.speaks(dialect));
        let lists = speaking.map(|upstream| offered(self.worker, upstream, dialect));
        for model in join_all(lists).await.into_iter().flatten() {
            let Some(id) = model.get("id").and_then(Value::as_str) else { continue };
            if state.settings.route(id).is_some_and(|route| route.model.literal().is_none()) {
                models.entry(id.to_owned()).or_insert(model);
            }
        }
        for route in &state.settings.routes {
            if let Some(id) = route.model.literal() {
                models.entry(id.to_owned()).or_insert_with(|| named(id, dialect));
            }
        }
        models.retain(|id, _| self.key.is_none_or(|key| key.settings.allows(id)));
        models
    }
}

/// Replaces `%2F` and its like (RFC 3986, section 2.1); what is no such triple stays.
fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A model that only the configuration knows: an alias, or a name that no upstream lists.
fn named(id: &str, dialect: Dialect) -> Value {
    if dialect == Dialect::Anthropic {
        json!({
            "id": id,
            "type": "model",
            "display_name": id,
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active",
        })
    } else {
        json!({ "id": id, "object": "model", "created": 0, "owned_by": "weir" })
    }
}

/// What one upstream lists; nothing where it fails, which others make up for.
async fn offered(worker: &Worker, upstream: &Upstream, dialect: Dialect) -> Vec<Value> {
    let mut headers = HeaderMap::new();
    let anthropic =
        dialect == Dialect::Anthropic || upstream.settings.provider == Provider::Anthropic;
    if anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    let path = "/v1/models".to_owned();
    let outgoing = Outgoing { method: Method::GET, path, headers, dialect, body: Bytes::new() };
    let asking = async {
        let mut exchange = worker.pool(upstream).send(&outgoing, WITHIN).await.ok()?;
        if !exchange.head.status.is_success() {
            return None;
        }
        let mut list = Vec::new();
        while let Some(data) = poll_fn(|context| exchange.body.poll_data(context)).await {
            list.extend_from_slice(&data.ok()?);
            if list.len() > MAX_LIST {
                return None;
            }
        }
        exchange.body.finish();
        let mut document: Value = serde_json::from_slice(&list).ok()?;
        match document.get_mut("data").map(Value::take) {
            Some(Value::Array(models)) => Some(models),
            _ => None,
        }
    };
    let listed = timeout(WITHIN, asking).await.ok().flatten();
    if listed.is_none() {
        tracing::info!(upstream = upstream.settings.name, "the upstream lists no models");
    }
    listed.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_paths_are_decoded() {
        let check = |text, expected| assert_eq!(percent_decoded(text), expected);
        check("meta%2FLlama-3", "meta/Llama-3");
        check("100%", "100%");
        check("%zz%4", "%zz%4");
        check("plain", "plain");
    }
}
