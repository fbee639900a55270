//! The OpenAI endpoints.

pub(crate) mod background;
pub(crate) mod chat;
pub(crate) mod embeddings;
pub(crate) mod models;
mod response_store;
pub(crate) mod responses;

pub(crate) use response_store::ResponseStore;
