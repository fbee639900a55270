//! The media server: video, image and audio tools for agents, over MCP and on the command line.
//!
//! A tool call walks one way: `tools` (what it means) asks `admission` (may it run now), talks to a
//! `provider` (who makes the media), and hands the answer's body to `download`, which writes it
//! through `store` so that a file with its final name is always whole. CPU work (`transform`)
//! runs on its own bounded pool and never on a runtime's thread.

pub mod admission;
pub mod config;
pub mod container;
pub mod download;
pub mod inline;
mod limits;
pub mod pool;
pub mod provider;
pub mod server;
pub mod settings;
pub mod store;
pub mod threads;
pub mod tools;
pub mod transform;
pub mod upstream;

pub use admission::Admission;
pub use config::Config;
pub use download::Downloads;
pub use limits::{LimitError, Limits, LimitsConfig};
pub use settings::Settings;
pub use store::Store;
pub use threads::Threads;
pub use upstream::Upstream;
