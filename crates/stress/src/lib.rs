//! The tester: users hold streamed answers open against a server, climb a ladder of levels, and
//! every stream is measured and checked.
//!
//! **Invariant:** knows neither simulator nor gateway (it meets them on a socket only) and never
//! prints: progress leaves as events, results as a [`results::Run`].

pub mod client;
