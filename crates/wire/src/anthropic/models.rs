//! Anthropic's list of models.

use serde::Serialize;

use crate::json;

/// One model.
#[derive(Debug, Clone, Serialize)]
pub struct Model<'a> {
    r#type: &'static str,
    /// The name that requests use.
    pub id: &'a str,
    /// The name for people.
    pub display_name: &'a str,
    /// RFC 3339.
    pub created_at: &'a str,
    lifecycle: &'static str,
}

#[derive(Serialize)]
struct List<'a> {
    data: &'a [Model<'a>],
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

impl<'a> Model<'a> {
    /// A model that is in use.
    #[must_use]
    pub fn new(id: &'a str, display_name: &'a str, created_at: &'a str) -> Self {
        Self { r#type: "model", id, display_name, created_at, lifecycle: "active" }
    }

    /// The body of `GET /v1/models/{id}`.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        json::encode(self)
    }
}

/// The body of `GET /v1/models`: all models on one page.
#[must_use]
pub fn list_body(models: &[Model<'_>]) -> Vec<u8> {
    json::encode(&List {
        data: models,
        has_more: false,
        first_id: models.first().map(|model| model.id),
        last_id: models.last().map(|model| model.id),
    })
}
