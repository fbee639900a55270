//! A stand-in for the OpenAI and Anthropic APIs, with seeded delays and faults.
//!
//! A [`Config`] is what the user wrote; [`Settings::new`] checks it without touching a port;
//! [`Server::bind`] listens; [`Server::start`] serves on one thread per processor until its
//! token is cancelled.
//!
//! What an answer says and when is a pure function of seed, request and profile (`script`,
//! `text`); events leave on absolute deadlines from one timer per thread (`wheel`, `stream`),
//! and how late each one was is published.
//!
//! **Invariant:** knows neither gateway nor tester; they meet on a socket only.

mod admin;
mod answer;
mod anthropic;
mod api;
mod arguments;
mod arrival;
mod body;
mod config;
mod connection;
mod delay;
mod drain;
mod faults;
mod lateness;
mod media;
mod openai;
mod plan;
mod preface;
mod profile;
mod route;
mod script;
mod seed;
mod server;
mod stats;
mod stream;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod wheel;
mod worker;

pub use config::{
    Config, ConfigError, DEFAULT_DRAIN, DEFAULT_LISTEN, DEFAULT_PROFILE, DEFAULT_SEED,
    FaultByChance, MAX_WORKERS, Settings,
};
pub use faults::{FaultError, Faults, SYNTAX as FAULT_SYNTAX};
pub use profile::{Profile, ProfileError};
pub use server::{Running, Server, ServerError};
