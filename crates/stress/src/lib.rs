//! The tester: users hold streamed answers open against a server, climb a ladder of levels, and
//! every stream is measured and checked.
//!
//! **Invariant:** knows neither simulator nor gateway (it meets them on a socket only) and never
//! prints: progress leaves as events, results as a [`results::Run`].

pub mod arrival;
pub mod capacity;
pub mod carrier;
pub mod client;
pub mod config;
pub mod control;
pub mod dialect;
pub mod error;
pub mod event;
pub mod ladder;
pub mod lag;
pub mod live;
pub mod notation;
pub mod prompt;
pub mod recorder;
pub mod request;
pub mod scenario;
pub mod secret;
pub mod settings;
pub mod target_url;
pub mod trust;
pub mod usage;
pub mod user;
