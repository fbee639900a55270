//! `GET /v1/models` and `GET /v1/models/{id}`: the server's profiles are its models.

use wire::openai::models::{Model, list_body};

use crate::worker::Shared;

/// 2025-01-01: no clock, so that the answer never changes.
const CREATED: i64 = 1_735_689_600;

/// The list.
pub(crate) fn list(shared: &Shared) -> Vec<u8> {
    let models: Vec<Model<'_>> = shared.settings.profiles.keys().map(|name| model(name)).collect();
    list_body(&models)
}

/// One model, if the server knows it.
pub(crate) fn retrieve(id: &str, shared: &Shared) -> Option<Vec<u8>> {
    shared.settings.profiles.contains_key(id).then(|| model(id).to_body())
}

fn model(name: &str) -> Model<'_> {
    Model::new(name, CREATED, "weir")
}
