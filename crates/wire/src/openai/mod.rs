//! The OpenAI API: chat completions, responses, embeddings, models, errors.

pub mod chat;
pub mod embeddings;
pub mod error;
pub mod models;
pub mod responses;
