//! OpenAI's list of models.

use serde::Serialize;

use crate::json;

/// One model.
#[derive(Debug, Clone, Serialize)]
pub struct Model<'a> {
    /// The name that requests use.
    pub id: &'a str,
    object: &'static str,
    /// Unix time in seconds.
    pub created: i64,
    /// Who offers it.
    pub owned_by: &'a str,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: &'a [Model<'a>],
}

impl<'a> Model<'a> {
    /// A model.
    #[must_use]
    pub fn new(id: &'a str, created: i64, owned_by: &'a str) -> Self {
        Self { id, object: "model", created, owned_by }
    }

    /// The body of `GET /v1/models/{id}`.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        json::encode(self)
    }
}

/// The body of `GET /v1/models`.
#[must_use]
pub fn list_body(models: &[Model<'_>]) -> Vec<u8> {
    json::encode(&List { object: "list", data: models })
}
