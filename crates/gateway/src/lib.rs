//! The gateway: carries streamed LLM answers from providers to many clients.
//!
//! A request is admitted, routed by its model, sent to an upstream, and its answer passed on byte
//! for byte, event by event. Everything is bounded and has a deadline; a client that leaves ends
//! its upstream's work at once.
//!
//! **Invariant:** the crate reads no environment, no files and no terminal: see
//! [`Surroundings`]. It knows no other room; it meets them on sockets.

mod accept;
mod admission;
mod attempt;
pub mod auth;
mod body;
mod boundary;
mod call;
pub mod config;
mod deadline;
mod door;
mod endpoint;
mod follow;
mod heads;
mod idle;
mod makers;
mod metrics;
mod models;
mod mount;
mod pace;
mod page;
mod pattern;
mod proxy;
mod rate;
mod refusal;
mod relay;
mod request;
mod round;
mod server;
mod service;
pub mod settings;
mod slow;
mod socket;
mod state;
mod stored;
mod tasks;
#[cfg(feature = "otel")]
mod traces;
mod upstream;
mod usage;
mod worker;

pub use auth::{NewKey, new_key};
pub use config::Config;
pub use mount::{Mount, MountedAnswer, MountedBody};
pub use pattern::Pattern;
pub use runtime::secret::Secret;
pub use server::{Handle, ReloadError, ServeError, Server};
pub use settings::{ConfigError, Settings, Surroundings};

#[cfg(test)]
mod tests;
