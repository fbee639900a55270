//! Agents that call the tools of an MCP server, several calls at once, and check what comes of it.

pub mod http;
pub mod message;
pub mod mix;
pub mod schema;
pub mod session;
pub mod stdio;
pub mod template;
pub mod transport;
