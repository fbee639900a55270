//! Agents that call the tools of an MCP server, several calls at once, and check what comes of it.

// What is asked for.
pub mod mix;
pub mod prepare;
pub mod schema;
pub mod settings;
pub mod template;

// How a server is spoken to.
pub mod http;
pub mod message;
pub mod session;
pub mod stdio;
pub mod transport;

// What agents do, and what is measured.
pub mod agent;
pub mod control;
pub(crate) mod fetch;
pub mod probe;
pub mod upstream;
pub mod verify;

// One run, level by level.
pub mod check;
pub mod error;
pub mod event;
pub mod files;
pub mod floor;
pub mod level;
pub mod run;
pub mod trust;
pub mod worker;

pub use event::{ToolsEvent, ToolsPlan, ToolsProgress};
pub use run::run;
pub use settings::Settings;

#[cfg(test)]
mod tests;
