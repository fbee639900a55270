//! From `Config` to `Settings`: every check, every default.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use runtime::config_file::{ConfigError, Source};
use runtime::notation::{WrittenDuration, WrittenSize};
use runtime::secret::Secret;
use toml::Spanned;

use super::{
    Deadlines, Key, Limits, Retry, Route, Settings, Surroundings, Traces, Upstream, origin, tls,
};
use crate::auth::KeyHash;
use crate::config::{self, Config, Text};
use crate::pattern::Pattern;

/// A check's answer; the error is boxed because it is large and rare.
pub(super) type Checked<T> = Result<T, Box<ConfigError>>;

/// Where `weir serve` listens unless told otherwise.
const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// Client connections by default: what remains of 20,000 open files when each stream has a
/// connection on both sides.
const DEFAULT_CONNECTIONS: usize = 20_000;

/// Answers at once by default, for the same reason.
const DEFAULT_OPEN_STREAMS: usize = 10_000;

/// What a check needs to know.
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) source: Source<'a>,
    pub(super) surroundings: Surroundings<'a>,
}

pub(super) fn check(
    config: Config,
    source: Source<'_>,
    surroundings: Surroundings<'_>,
) -> Checked<Settings> {
    let check = Check { source, surroundings };
    if config.upstream.is_empty() {
        let remedy = "add one, for example:\n[[upstream]]\nname = \"openai\"\nurl = \"https://api.openai.com\"\nkey_env = \"OPENAI_API_KEY\"";
        return Err(check.source.error(None, "upstream", "there is no upstream", remedy));
    }
    let positions = check.unique("upstream.name", config.upstream.iter().map(|one| &one.name))?;
    check.unique("key.name", config.key.iter().map(|one| &one.name))?;
    let keys = config.key.iter().map(|key| check.key(key)).collect::<Checked<Vec<_>>>()?;
    check.unique("key.sha256", config.key.iter().map(|one| &one.sha256))?;
    Ok(Settings {
        listen: config.listen.unwrap_or(DEFAULT_LISTEN),
        workers: check
            .within("workers", config.workers.as_ref(), 1..=256)?
            .unwrap_or_else(runtime::workers::per_core),
        tls: config.tls.as_ref().map(|tls| tls::identity(check, tls)).transpose()?,
        limits: check.limits(&config.limits)?,
        deadlines: deadlines(&config.deadlines),
        keep_alive_every: or(config.keep_alive.every, Duration::from_secs(10)),
        retry: Retry {
            attempts: check
                .within("retry.attempts", config.retry.attempts.as_ref(), 1..=10)?
                .unwrap_or(3),
            budget: or(config.retry.budget, Duration::from_secs(10)),
        },
        drain_notice: config.drain.notice.map_or(Duration::ZERO, |written| written.0),
        drain_timeout: or(config.drain.timeout, Duration::from_secs(15 * 60)),
        admin_open: config.admin.open,
        usage_log: config.log.usage,
        traces: config.traces.as_ref().map(|traces| check.traces(traces)).transpose()?,
        upstreams: config.upstream.iter().map(|one| check.upstream(one)).collect::<Checked<_>>()?,
        routes: check.routes(&config.route, &positions)?,
        keys,
    })
}

impl Check<'_> {
    /// Names with their positions; none twice, none empty.
    fn unique<'t>(
        self,
        key: &str,
        names: impl Iterator<Item = &'t Text>,
    ) -> Checked<HashMap<&'t str, usize>> {
        let mut positions = HashMap::new();
        for (position, name) in names.enumerate() {
            let text = name.get_ref().as_str();
            if text.is_empty() {
                return Err(self.source.error(
                    Some(name.span()),
                    key,
                    "it is empty",
                    "give it a name",
                ));
            }
            if positions.insert(text, position).is_some() {
                let message = format!("{text:?} is there twice");
                return Err(self.source.error(
                    Some(name.span()),
                    key,
                    message,
                    "remove or change one of them",
                ));
            }
        }
        Ok(positions)
    }

    /// A number between two bounds, both allowed.
    fn within<T: Copy + PartialOrd + std::fmt::Display>(
        self,
        key: &str,
        written: Option<&Spanned<T>>,
        bounds: std::ops::RangeInclusive<T>,
    ) -> Checked<Option<T>> {
        let Some(written) = written else { return Ok(None) };
        let value = *written.get_ref();
        if bounds.contains(&value) {
            return Ok(Some(value));
        }
        let remedy = format!("choose from {} to {}", bounds.start(), bounds.end());
        Err(self.source.error(
            Some(written.span()),
            key,
            format!("{value} is out of bounds"),
            remedy,
        ))
    }

    fn size(
        self,
        key: &str,
        written: Option<&Spanned<WrittenSize>>,
        default: usize,
        bounds: std::ops::RangeInclusive<usize>,
    ) -> Checked<usize> {
        // What does not fit into memory is out of every bound.
        let bytes = written.map(|written| {
            let bytes = usize::try_from(written.get_ref().0).unwrap_or(usize::MAX);
            Spanned::new(written.span(), bytes)
        });
        Ok(self.within(key, bytes.as_ref(), bounds)?.unwrap_or(default))
    }

    fn limits(self, limits: &config::Limits) -> Checked<Limits> {
        const MIB: usize = 1 << 20;
        let some = 1..=1_000_000;
        Ok(Limits {
            connections: self
                .within("limits.connections", limits.connections.as_ref(), some.clone())?
                .unwrap_or(DEFAULT_CONNECTIONS),
            open_streams: self
                .within("limits.open_streams", limits.open_streams.as_ref(), some)?
                .unwrap_or(DEFAULT_OPEN_STREAMS),
            queue: limits.queue.unwrap_or(0),
            queue_wait: or(limits.queue_wait, Duration::from_secs(5)),
            // Anthropic takes 32 MB, OpenAI less.
            body: self.size("limits.body", limits.body.as_ref(), 32 * MIB, 1..=1024 * MIB)?,
            // Hyper reads heads in pieces of at least 8 KiB.
            head: self.size("limits.head", limits.head.as_ref(), 64 << 10, 8192..=MIB)?,
            event: self.size("limits.event", limits.event.as_ref(), MIB, 1024..=64 * MIB)?,
        })
    }

    fn upstream(self, written: &config::Upstream) -> Checked<Arc<Upstream>> {
        let origin = origin::parse(written.url.get_ref()).map_err(|reason| {
            let remedy = "write it like \"https://api.openai.com\" or \"http://127.0.0.1:8100\"";
            self.source.error(Some(written.url.span()), "upstream.url", reason, remedy)
        })?;
        if origin.secure && written.http2 {
            let remedy = "leave http2 out: with https it is negotiated";
            return Err(self.source.error(
                Some(written.url.span()),
                "upstream.http2",
                "it is for http:// only",
                remedy,
            ));
        }
        let tls = origin.secure.then(|| tls::trust(self, written.ca.as_ref())).transpose()?;
        let breaker = &written.breaker;
        Ok(Arc::new(Upstream {
            name: written.name.get_ref().clone(),
            origin,
            provider: written.provider,
            key: written
                .key_env
                .as_ref()
                .map(|name| self.secret("upstream.key_env", name))
                .transpose()?,
            weight: self.within("upstream.weight", written.weight.as_ref(), 1..=1000)?.unwrap_or(1),
            open_streams: self
                .within("upstream.open_streams", written.open_streams.as_ref(), 1..=1_000_000)?
                .unwrap_or(usize::MAX),
            http2: written.http2,
            tls,
            breaker_failures: self
                .within("upstream.breaker.failures", breaker.failures.as_ref(), 1..=1000)?
                .unwrap_or(5),
            breaker_open_for: or(breaker.open_for, Duration::from_secs(5)),
            health_path: written.health.path.as_ref().map(|path| self.path(path)).transpose()?,
            health_every: or(written.health.every, Duration::from_secs(5)),
        }))
    }

    fn traces(self, written: &config::Traces) -> Checked<Traces> {
        let endpoint = &written.endpoint;
        if cfg!(not(feature = "otel")) {
            let remedy = "remove the table, or build weir with `--features otel`";
            let message = "this weir was built without OpenTelemetry traces";
            return Err(self.source.error(Some(endpoint.span()), "traces", message, remedy));
        }
        let origin = origin::parse(endpoint.get_ref()).map_err(|reason| {
            let remedy = "write it like \"http://127.0.0.1:4318\"";
            self.source.error(Some(endpoint.span()), "traces.endpoint", reason, remedy)
        })?;
        let mut headers = Vec::with_capacity(written.header_env.len());
        for (name, variable) in &written.header_env {
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                let message = format!("{name:?} is no name of a header");
                return Err(self.source.error(
                    Some(variable.span()),
                    "traces.header_env",
                    message,
                    "",
                ));
            }
            headers.push((name.clone(), self.secret("traces.header_env", variable)?));
        }
        Ok(Traces {
            tls: origin.secure.then(|| tls::trust(self, None)).transpose()?,
            origin,
            sample: self
                .within("traces.sample", written.sample.as_ref(), 0.0..=1.0)?
                .unwrap_or(1.0),
            service: written.service.clone().unwrap_or_else(|| "weir".to_owned()),
            headers,
        })
    }

    fn secret(self, key: &str, name: &Text) -> Checked<Secret> {
        self.source.header_secret(key, name, self.surroundings.variable)
    }

    fn path(self, path: &Text) -> Checked<String> {
        let text = path.get_ref();
        let valid = text.starts_with('/') && text.parse::<http::uri::PathAndQuery>().is_ok();
        if valid {
            return Ok(text.clone());
        }
        Err(self.source.error(
            Some(path.span()),
            "upstream.health.path",
            "it is no path",
            "begin it with a slash",
        ))
    }

    fn routes(
        self,
        written: &[config::Route],
        positions: &HashMap<&str, usize>,
    ) -> Checked<Vec<Route>> {
        if written.is_empty() {
            let all = (0..positions.len()).collect();
            return Ok(vec![Route { model: Pattern::new("*"), send_as: None, groups: vec![all] }]);
        }
        let mut routes = Vec::with_capacity(written.len());
        for route in written {
            let shared = route.upstreams.get_ref();
            if shared.is_empty() {
                let remedy = "name at least one upstream";
                return Err(self.source.error(
                    Some(route.upstreams.span()),
                    "route.upstreams",
                    "it is empty",
                    remedy,
                ));
            }
            let find = |name, key| self.position(name, key, positions);
            let mut groups = vec![
                shared.iter().map(|name| find(name, "route.upstreams")).collect::<Checked<_>>()?,
            ];
            for name in &route.fallback {
                groups.push(vec![find(name, "route.fallback")?]);
            }
            routes.push(Route {
                model: Pattern::new(route.model.get_ref()),
                send_as: route.send_as.as_ref().map(|name| name.get_ref().clone()),
                groups,
            });
        }
        Ok(routes)
    }

    fn position(self, name: &Text, key: &str, positions: &HashMap<&str, usize>) -> Checked<usize> {
        positions.get(name.get_ref().as_str()).copied().ok_or_else(|| {
            let mut known: Vec<_> = positions.keys().copied().collect();
            known.sort_unstable();
            let message = format!("there is no upstream {:?}", name.get_ref());
            self.source.error(
                Some(name.span()),
                key,
                message,
                format!("known are: {}", known.join(", ")),
            )
        })
    }

    fn key(self, written: &config::Key) -> Checked<Arc<Key>> {
        let hash = KeyHash::from_hexadecimal(written.sha256.get_ref()).ok_or_else(|| {
            let remedy = "make a key with its hash by `weir key new`";
            let message = "it is not 64 hexadecimal digits";
            self.source.error(Some(written.sha256.span()), "key.sha256", message, remedy)
        })?;
        let rate = |key, written| self.within(key, written, 1..=1_000_000_000);
        Ok(Arc::new(Key {
            name: written.name.get_ref().clone(),
            hash,
            models: written
                .models
                .as_ref()
                .map(|models| models.iter().map(|model| Pattern::new(model.get_ref())).collect()),
            open_streams: self
                .within("key.open_streams", written.open_streams.as_ref(), 1..=1_000_000)?
                .unwrap_or(usize::MAX),
            requests_per_minute: rate(
                "key.requests_per_minute",
                written.requests_per_minute.as_ref(),
            )?,
            tokens_per_minute: rate("key.tokens_per_minute", written.tokens_per_minute.as_ref())?,
            admin: written.admin,
        }))
    }
}

fn or(written: Option<WrittenDuration>, default: Duration) -> Duration {
    written.map_or(default, |written| written.0)
}

/// Reasoning models are silent for minutes: the defaults cut only what is certainly dead.
fn deadlines(written: &config::Deadlines) -> Deadlines {
    let seconds = Duration::from_secs;
    Deadlines {
        connect: or(written.connect, seconds(5)),
        upstream_head: or(written.upstream_head, seconds(120)),
        first_event: or(written.first_event, seconds(300)),
        idle: or(written.idle, seconds(120)),
        whole_answer: or(written.whole_answer, seconds(600)),
        total: written.total.map(|written| written.0),
        client_head: or(written.client_head, seconds(30)),
        client_body: or(written.client_body, seconds(60)),
        client_write: or(written.client_write, seconds(30)),
    }
}
