//! The Anthropic endpoints.

pub(crate) mod messages;
pub(crate) mod models;
