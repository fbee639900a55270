//! What we made of a [`Config`](crate::Config): checked as a whole, with every default in place.

mod check;
mod origin;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use runtime::config_file::{ConfigError, Place};
use runtime::config_file::{Source, Variable};
use runtime::secret::Secret;

use crate::Config;
use crate::auth::KeyHash;
use crate::config::Provider;
use crate::pattern::Pattern;

/// What a configuration may ask of its surroundings. The crate itself reads neither the
/// environment nor files.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// An environment variable; `None` where it is not set.
    pub variable: Variable<'a>,
    /// A file's contents. Relative paths are relative to the configuration file's directory.
    pub file: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
}

/// A whole valid configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Threads.
    pub workers: usize,
    /// TLS on the listener.
    pub tls: Option<TlsIdentity>,
    /// Bounds of what is taken in.
    pub limits: Limits,
    /// How long each phase may last.
    pub deadlines: Deadlines,
    /// A silence as long as this is broken by a comment.
    pub keep_alive_every: Duration,
    /// Tries before the first byte has been passed on.
    pub retry: Retry,
    /// How long `/readyz` fails before new streams are refused.
    pub drain_notice: Duration,
    /// How long running streams may go on after that.
    pub drain_timeout: Duration,
    /// Metrics and the live page are for everybody.
    pub admin_open: bool,
    /// Where the usage log goes.
    pub usage_log: Option<PathBuf>,
    /// Where traces go.
    pub traces: Option<Traces>,
    /// Where answers come from.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Which model goes where; the first match wins.
    pub routes: Vec<Route>,
    /// Who may ask; without any, everybody.
    pub keys: Vec<Arc<Key>>,
}

/// Where traces go.
#[derive(Debug, Clone)]
pub struct Traces {
    /// The collector.
    pub origin: Origin,
    /// With what `https` is checked.
    pub tls: Option<TlsTrust>,
    /// The share of traces that are recorded where a client does not decide it, 0 to 1.
    pub sample: f64,
    /// The name under which they are found.
    pub service: String,
    /// Further headers.
    pub headers: Vec<(String, Secret)>,
}

impl Traces {
    /// Whether it says the same as another, certificates aside.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let shown = |traces: &Self| {
            let headers = traces.headers.iter();
            let headers: Vec<_> =
                headers.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
            (traces.origin.clone(), traces.sample.to_bits(), traces.service.clone(), headers)
        };
        shown(self) == shown(other)
    }
}

/// The listener's certificate chain and private key, ready for use.
#[derive(Debug, Clone)]
pub struct TlsIdentity(pub(crate) Arc<rustls::ServerConfig>);

/// Bounds of what is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Client connections at once, over all workers.
    pub connections: usize,
    /// Answers under way at once, in all.
    pub open_streams: usize,
    /// Requests that may wait for a place.
    pub queue: usize,
    /// How long one may wait.
    pub queue_wait: Duration,
    /// Longest request body in bytes.
    pub body: usize,
    /// Longest request head in bytes.
    pub head: usize,
    /// Longest event of a streamed answer in bytes.
    pub event: usize,
}

/// How long each phase may last; see [`crate::config::Deadlines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Opening a connection to an upstream.
    pub connect: Duration,
    /// Request sent to head, streamed.
    pub upstream_head: Duration,
    /// Request sent to first event.
    pub first_event: Duration,
    /// Between two events.
    pub idle: Duration,
    /// Request sent to head, not streamed.
    pub whole_answer: Duration,
    /// The whole answer.
    pub total: Option<Duration>,
    /// A client's request head.
    pub client_head: Duration,
    /// A client's request body.
    pub client_body: Duration,
    /// How long a client may leave bytes unread.
    pub client_write: Duration,
}

/// Tries before the first byte has been passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all.
    pub attempts: u32,
    /// No try begins later than this after the request's arrival.
    pub budget: Duration,
}

/// Where answers come from.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its name in routes, metrics and logs.
    pub name: String,
    /// Where it listens.
    pub origin: Origin,
    /// Which dialects it speaks.
    pub provider: Provider,
    /// Its key.
    pub key: Option<Secret>,
    /// Its share among the upstreams of a route.
    pub weight: u32,
    /// Answers under way at once.
    pub open_streams: usize,
    /// Speak HTTP/2 on cleartext connections.
    pub http2: bool,
    /// How to trust it, for `https`.
    pub tls: Option<TlsTrust>,
    /// Failures in a row that open the breaker.
    pub breaker_failures: u32,
    /// How long the breaker stays open.
    pub breaker_open_for: Duration,
    /// What to `GET` to know whether it is well; a mere connection otherwise.
    pub health_path: Option<String>,
    /// How often.
    pub health_every: Duration,
}

/// How an upstream's certificate is checked.
#[derive(Clone)]
pub struct TlsTrust(pub(crate) Arc<rustls::ClientConfig>);

impl std::fmt::Debug for TlsTrust {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TlsTrust")
    }
}

/// An upstream's place in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `https`.
    pub secure: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `host` header and `:authority`: host, and port where it is not the scheme's own.
    pub authority: String,
    /// Path before `/v1`, without a slash at its end.
    pub prefix: String,
}

/// Which model goes to which upstreams.
#[derive(Debug, Clone)]
pub struct Route {
    /// The model's name as clients say it.
    pub model: Pattern,
    /// The model's name as upstreams know it.
    pub send_as: Option<String>,
    /// Positions in [`Settings::upstreams`]: first those that share the work, then one group for
    /// each fallback.
    pub groups: Vec<Vec<usize>>,
}

/// Who may ask.
#[derive(Debug, Clone)]
pub struct Key {
    /// Whose it is.
    pub name: String,
    /// What the key's hash is.
    pub hash: KeyHash,
    /// Models that it may ask for; `None` for all.
    pub models: Option<Vec<Pattern>>,
    /// Answers under way at once.
    pub open_streams: usize,
    /// Requests in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute.
    pub tokens_per_minute: Option<u32>,
    /// May see metrics and the live page.
    pub admin: bool,
}

impl Settings {
    /// Reads a configuration file's text. `file` is its name for errors.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place. Nothing is bound, opened or started.
    pub fn parse(
        file: &str,
        text: &str,
        surroundings: Surroundings<'_>,
    ) -> Result<Self, Box<ConfigError>> {
        let source = Source { file, text };
        let config: Config = source.parse()?;
        check::check(config, source, surroundings)
    }

    /// The configuration of `--upstream URL`: every model goes to that upstream, over cleartext
    /// HTTP/2 where `http2` is set.
    ///
    /// # Errors
    /// When the URL is not one that can be used.
    pub fn for_upstream(url: &str, http2: bool) -> Result<Self, Box<ConfigError>> {
        let url = toml::Value::from(url);
        let text = format!("[[upstream]]\nname = \"upstream\"\nurl = {url}\nhttp2 = {http2}\n");
        let surroundings = Surroundings {
            variable: &|_| None,
            file: &|_| Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        Self::parse("--upstream", &text, surroundings)
    }

    /// The route for a model: the first whose pattern matches.
    #[must_use]
    pub fn route(&self, model: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.model.matches(model))
    }
}

impl Key {
    /// Whether it may ask for a model of this name.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|it| it.matches(model)))
    }
}

impl Upstream {
    /// Whether it can answer requests of this dialect.
    #[must_use]
    pub fn speaks(&self, dialect: wire::Dialect) -> bool {
        match self.provider {
            Provider::Any => true,
            Provider::Openai => dialect != wire::Dialect::Anthropic,
            Provider::Anthropic => dialect == wire::Dialect::Anthropic,
        }
    }
}

#[cfg(test)]
mod tests;
