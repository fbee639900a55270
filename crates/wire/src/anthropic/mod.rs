//! The Anthropic API: messages, models, errors.

pub mod error;
pub mod messages;
pub mod models;
