//! The tools as an MCP server: over stdio, over streamable HTTP on an address of its own, and as a
//! service that another server mounts.

mod files;
pub mod guard;
mod handler;
pub mod http;
mod metrics;
mod notify;
pub mod sessions;
pub mod stdio;
mod viewer;

pub use files::Files;
pub use handler::Handler;
pub use http::{Body, Http, HttpError, HttpSettings, Service};
pub use metrics::Metrics;
pub(crate) use viewer::VIEWER;

#[cfg(test)]
mod tests;
