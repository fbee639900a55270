//! What somebody wrote: one TOML file. [`Settings`](crate::Settings) is what we make of it.

use std::net::SocketAddr;
use std::path::PathBuf;

use runtime::notation::{WrittenDuration, WrittenSize};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

/// A text together with its place in the file, so that a refusal can point at it.
pub type Text = Spanned<String>;

/// The whole file. Everything but `[[upstream]]` has a default; unknown keys are refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address to listen on; the command line's `--listen` goes before it.
    pub listen: Option<SocketAddr>,
    /// Threads, each with its own runtime and listener. Default: one for each core.
    pub workers: Option<Spanned<usize>>,
    /// TLS on the listener.
    pub tls: Option<Tls>,
    /// Bounds of what is taken in.
    pub limits: Limits,
    /// How long each phase may last.
    pub deadlines: Deadlines,
    /// Comments that keep silent streams alive.
    pub keep_alive: KeepAlive,
    /// Tries before the first byte has been passed on.
    pub retry: Retry,
    /// How the server ends.
    pub drain: Drain,
    /// Who may see metrics and the live page.
    pub admin: Admin,
    /// What is written down.
    pub log: Log,
    /// Where traces go; only where weir was built with the feature `otel`.
    pub traces: Option<Traces>,
    /// Where answers come from; at least one.
    pub upstream: Vec<Upstream>,
    /// Which model goes to which upstreams; the first match wins. Without any, every model goes
    /// to all upstreams.
    pub route: Vec<Route>,
    /// Who may ask; without any, everybody.
    pub key: Vec<Key>,
    /// What is mounted beside the streams has its own table here, which its owner reads.
    pub media: IgnoredAny,
}

/// Certificate and key of the listener, in PEM files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain, the server's own certificate first.
    pub certificate: Spanned<PathBuf>,
    /// Its private key.
    pub key: Spanned<PathBuf>,
}

/// Bounds of what is taken in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Client connections at once; further ones wait in the kernel's backlog.
    pub connections: Option<Spanned<usize>>,
    /// Answers under way at once, in all.
    pub open_streams: Option<Spanned<usize>>,
    /// Requests that may wait for a place when all are taken. Default: none waits.
    pub queue: Option<usize>,
    /// How long a request may wait for a place.
    pub queue_wait: Option<WrittenDuration>,
    /// Longest request body.
    pub body: Option<Spanned<WrittenSize>>,
    /// Longest request head.
    pub head: Option<Spanned<WrittenSize>>,
    /// Longest event of a streamed answer.
    pub event: Option<Spanned<WrittenSize>>,
}

/// How long each phase may last.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// Opening a connection to an upstream, TLS included.
    pub connect: Option<WrittenDuration>,
    /// From the request sent to the head of a streamed answer.
    pub upstream_head: Option<WrittenDuration>,
    /// From the request sent to the first event of a streamed answer.
    pub first_event: Option<WrittenDuration>,
    /// Between two events, or two pieces of an answer that is not streamed.
    pub idle: Option<WrittenDuration>,
    /// From the request sent to the head of an answer that is not streamed.
    pub whole_answer: Option<WrittenDuration>,
    /// The whole answer. Default: no limit.
    pub total: Option<WrittenDuration>,
    /// A client's request head; also how long a client may keep an idle connection (of HTTP/2, on
    /// which nothing is under way: once to twice as long).
    pub client_head: Option<WrittenDuration>,
    /// A client's request body.
    pub client_body: Option<WrittenDuration>,
    /// How long a client may leave bytes unread.
    pub client_write: Option<WrittenDuration>,
}

/// Comments that keep silent streams alive.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepAlive {
    /// A silence as long as this is broken by a comment, from the request's arrival on.
    pub every: Option<WrittenDuration>,
}

/// Tries before the first byte has been passed on.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Tries in all, the first included.
    pub attempts: Option<Spanned<u32>>,
    /// No try begins later than this after the request's arrival.
    pub budget: Option<WrittenDuration>,
}

/// How the server ends.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// How long `/readyz` fails before new streams are refused.
    pub notice: Option<WrittenDuration>,
    /// How long running streams may go on.
    pub timeout: Option<WrittenDuration>,
}

/// Who may see metrics and the live page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Shows `/metrics` and `/` to everybody, not only to this machine and to admin keys.
    pub open: bool,
}

/// What is written down.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// One JSON line for each answer, appended to this file.
    pub usage: Option<PathBuf>,
}

/// Where traces go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// The collector's URL, to which `/v1/traces` is added: OTLP over HTTP.
    pub endpoint: Text,
    /// The share of traces that are recorded where a client does not decide it, 0 to 1.
    pub sample: Option<Spanned<f64>>,
    /// The name under which they are found.
    pub service: Option<String>,
    /// Further headers, each with the environment variable that holds its value.
    #[serde(default)]
    pub header_env: std::collections::BTreeMap<String, Text>,
}

/// Which dialects an upstream speaks, and how it wants to be shown its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Chat Completions and Responses; `Authorization: Bearer`.
    Openai,
    /// Messages; `x-api-key`.
    Anthropic,
    /// Every dialect; the key is shown as the request's dialect wants it.
    #[default]
    Any,
}

/// Where answers come from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Its name in routes, metrics and logs.
    pub name: Text,
    /// `http://` or `https://`, host, port, and a path before `/v1` where there is one.
    pub url: Text,
    /// Which dialects it speaks.
    #[serde(default)]
    pub provider: Provider,
    /// The environment variable that holds its key.
    pub key_env: Option<Text>,
    /// Its share among the upstreams of a route. Default: 1.
    pub weight: Option<Spanned<u32>>,
    /// Answers under way at once.
    pub open_streams: Option<Spanned<usize>>,
    /// Speak HTTP/2 on cleartext connections, without asking. With TLS it is negotiated.
    #[serde(default)]
    pub http2: bool,
    /// A PEM file of certificates to trust instead of the system's.
    pub ca: Option<Spanned<PathBuf>>,
    /// When it is left alone.
    #[serde(default)]
    pub breaker: Breaker,
    /// How it is asked whether it is well.
    #[serde(default)]
    pub health: Health,
}

/// When an upstream is left alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Breaker {
    /// Failures in a row that open the breaker.
    pub failures: Option<Spanned<u32>>,
    /// How long it stays open before one request may try.
    pub open_for: Option<WrittenDuration>,
}

/// How an upstream is asked whether it is well.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// A path to `GET`; below 500 is well. Without it, a connection that opens is enough.
    pub path: Option<Text>,
    /// How often.
    pub every: Option<WrittenDuration>,
}

/// Which model goes to which upstreams.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The model's name as clients say it; `*` stands for any text.
    pub model: Text,
    /// The model's name as upstreams know it. Default: as the client said it.
    pub send_as: Option<Text>,
    /// The upstreams that share the work, by weight and open streams.
    pub upstreams: Spanned<Vec<Text>>,
    /// Upstreams to turn to, in this order, when none of them can answer.
    #[serde(default)]
    pub fallback: Vec<Text>,
}

/// Who may ask.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Whose it is: the name in metrics and the usage log.
    pub name: Text,
    /// SHA-256 of the key in hexadecimal, as `weir key new` prints it.
    pub sha256: Text,
    /// Models that it may ask for, as in routes. Default: all.
    pub models: Option<Vec<Text>>,
    /// Answers under way at once.
    pub open_streams: Option<Spanned<usize>>,
    /// Requests in a minute; as many may come at once.
    pub requests_per_minute: Option<Spanned<u32>>,
    /// Tokens in a minute, in and out, charged when an answer has ended.
    pub tokens_per_minute: Option<Spanned<u32>>,
    /// May see `/metrics` and the live page.
    #[serde(default)]
    pub admin: bool,
}
