//! One stream from connect to terminal event: the measuring and judging core.
//!
//! Every worker builds one [`Connector`]; every user calls [`Connector::stream`] once per request.
//! Nothing here locks, prints, or allocates per chunk; the clock is read once per read from the
//! socket and passed on.

mod answer;
mod connection;
mod connector;
mod detail;
mod exchange;
mod fetch;
mod http2;
mod http_error;
mod judge;
mod request;
mod socket;
mod timer;
mod tls;

use std::borrow::Cow;
use std::time::Duration;

pub use connection::Connection;
pub use connector::{Connector, ConnectorError, HttpVersion, Security, Target};
pub use detail::Wording;
pub(crate) use detail::{Detail, generalise};
pub use fetch::{FetchEnding, Fetched, Lookup, REST_LIMIT, Receiver, StatusBody};
pub use request::{Request, RequestError, RequestParts};
use results::Outcome;
pub use socket::{MAX_CONNECTIONS_PER_SOURCE, loopback_sources};
pub use tls::{TlsError, TlsSettings, client_config};
use tokio::time::Instant;

/// Deadlines of one stream, by name. A deadline that passes ends the stream as
/// [`Outcome::Timeout`] with the deadline's name in the detail.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// Request start to the first chunk; connecting and the response head count.
    pub first: Duration,
    /// Between two chunks (comments and pings do not count as life).
    pub idle: Duration,
    /// Request start to the terminal event; `None` for no limit.
    pub total: Option<Duration>,
}

/// What a stream must have to be complete, beside its grammar.
#[derive(Debug, Clone, Copy)]
pub struct Minimum {
    /// Chunks.
    pub chunks: u64,
    /// Body bytes.
    pub bytes: u64,
}

/// Receives what happens during a stream, as it happens. One per worker, shared by its users,
/// so it must be cheap: a histogram entry and a few counters.
pub trait Observer {
    /// A connection stands (plain TCP or TLS); the time from its begin.
    fn connected(&self, took: Duration);
    /// Body bytes arrived.
    fn received(&self, bytes: usize);
    /// A chunk arrived; `gap` is the time since the chunk before it, `None` for the first.
    fn chunk(&self, gap: Option<Duration>);
}

/// One stream's result: data, also when it failed.
#[derive(Debug, Clone)]
pub struct StreamReport {
    /// What became of it.
    pub outcome: Outcome,
    /// What happened, for failures: without ids, ports or anything else that differs between
    /// streams that failed alike (`connection refused`, `HTTP 429`, `no chunk within 30s (idle)`).
    pub detail: Cow<'static, str>,
    /// Request start: before connecting, or before the first byte is written on a reused
    /// connection, or the scheduled time where the load is open-loop.
    pub started_at: Instant,
    /// When it ended.
    pub ended_at: Instant,
    /// Request start to the first byte of the response head.
    pub ttfb: Option<Duration>,
    /// Request start to the first chunk.
    pub ttft: Option<Duration>,
    /// First chunk to last chunk.
    pub streaming: Option<Duration>,
    /// Request start to the terminal event; only for streams that reached it.
    pub total: Option<Duration>,
    /// Ideal total that the server itself announced (`x-weir-ideal-us`), if it did.
    pub ideal: Option<Duration>,
    /// The HTTP status, if a head arrived.
    pub status: Option<u16>,
    /// Chunks received.
    pub chunks: u64,
    /// Body bytes received (after removing the transfer coding).
    pub bytes: u64,
    /// Characters of text received.
    pub chars: u64,
    /// Whether self-verifying text matched; `None` when the text cannot verify itself.
    pub correct: Option<bool>,
}

#[cfg(test)]
mod tests;
