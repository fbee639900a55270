//! The tester: users hold streamed answers open against a server, climb a ladder of levels, and
//! every stream is measured and checked.
//!
//! [`Config`] is what was asked for, [`Settings`] what will be done, [`run`] does it.
//!
//! **Invariant:** knows neither simulator nor gateway (it meets them on a socket only) and never
//! prints: progress leaves as events, results as a [`results::Run`].

// What is asked for.
pub mod capacity;
pub mod config;
pub mod dialect;
pub mod ladder;
pub mod notation;
pub mod prompt;
pub mod request;
pub mod scenario;
pub mod secret;
pub mod settings;
pub mod target_url;

// Agents that call tools.
pub mod tools;

// How load arrives.
pub mod arrival;
pub mod carrier;
pub mod client;
pub mod user;

// What is measured.
pub mod control;
pub mod lag;
pub mod live;
pub mod recorder;
pub mod trust;
pub mod usage;

// One run, level by level.
pub mod error;
pub mod event;
pub mod level;
pub mod limits;
pub mod plan;
pub mod run;
pub mod target;
pub mod warm_up;
pub mod witness;

pub use config::{Config, Header};
pub use error::{Error, ErrorKind};
pub use event::{EVENT_QUEUE, Progress, RunEvent};
pub use run::run;
pub use scenario::Scenario;
pub use settings::Settings;
pub use target_url::TargetUrl;
pub use usage::TargetProcesses;
pub use witness::Witness;
