//! What is counted, under the names that alerts and dashboards rely on.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

use crate::call::Outcome;
use crate::deadline::Deadline;
use crate::refusal::Reason;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// Registers a metric, without a full stop at the end of its help: the encoder adds it.
fn add<M>(registry: &mut Registry, name: &str, help: &str, metric: &M)
where
    M: Metric + Clone,
{
    registry.register(name, help, metric.clone());
}

/// One label whose values are ours.
type Named = [(&'static str, &'static str); 1];
/// One label whose value is an upstream's name.
type ByUpstream = [(&'static str, String); 1];
/// A label's value, ours or an upstream's name.
type LabelText = Cow<'static, str>;
/// An upstream's name and what became of a request to it.
type ByUpstreamResult = [(&'static str, LabelText); 2];

/// Upper bounds in seconds for waits of users: from 1 ms, where a gateway should be invisible, to
/// the minutes of reasoning models.
const SECONDS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.25, 1.5, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];

/// Among the reasons of refusals: the client left before it was admitted or refused.
pub(crate) const CLIENT_LEFT: &str = "client_left";

/// All metrics. Cloning shares them.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) connections: Gauge,
    pub(crate) open_streams: Gauge,
    pub(crate) open_streams_limit: Gauge,
    pub(crate) queue_length: Gauge,
    pub(crate) queue_wait: Histogram,
    pub(crate) first_token: Timing,
    pub(crate) duration: Histogram,
    pub(crate) lateness: Timing,
    pub(crate) events: Counter,
    pub(crate) keep_alives: Counter,
    pub(crate) draining: Gauge,
    pub(crate) tasks: Gauge,
    pub(crate) usage_lost: Counter,
    #[cfg(feature = "otel")]
    pub(crate) spans_lost: Counter,
    streams: Family<Named, Counter>,
    refused: Family<Named, Counter>,
    deadlines: Family<Named, Counter>,
    tokens: Family<Named, Counter>,
    reloads: Family<Named, Counter>,
    upstream_requests: Family<ByUpstreamResult, Counter>,
    upstream_open: Family<ByUpstream, Gauge>,
    upstream_up: Family<ByUpstream, Gauge>,
    upstream_connections: Family<ByUpstream, Gauge>,
    upstream_wait: Family<ByUpstream, Histogram, fn() -> Histogram>,
    failovers: Family<ByUpstream, Counter>,
    upstream_broken: Family<ByUpstream, Counter>,
}

/// A histogram whose sum can be read, which the library's cannot.
#[derive(Debug)]
pub(crate) struct Timing {
    histogram: Histogram,
    sum_us: AtomicU64,
    count: AtomicU64,
}

impl Timing {
    fn new() -> Self {
        Self { histogram: seconds(), sum_us: AtomicU64::new(0), count: AtomicU64::new(0) }
    }

    pub(crate) fn observe(&self, time: Duration) {
        self.histogram.observe(time.as_secs_f64());
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// All times together, and how many they are.
    pub(crate) fn so_far(&self) -> (Duration, u64) {
        let micros = self.sum_us.load(Ordering::Relaxed);
        (Duration::from_micros(micros), self.count.load(Ordering::Relaxed))
    }
}

/// The metrics of one upstream, looked up once.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamMetrics {
    name: String,
    pub(crate) open: Gauge,
    pub(crate) up: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) wait: Histogram,
    pub(crate) failovers: Counter,
    pub(crate) broken: Counter,
    requests: Family<ByUpstreamResult, Counter>,
}

impl UpstreamMetrics {
    /// Counts one request by what became of it: `ok`, a status, a reason.
    pub(crate) fn count(&self, result: impl Into<LabelText>) {
        let labels = [("upstream", self.name.clone().into()), ("result", result.into())];
        self.requests.get_or_create(&labels).inc();
    }
}

impl Metrics {
    #[expect(clippy::too_many_lines, reason = "one line for each metric, with its help")]
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("weir_gateway");
        let (connections, open_streams, open_streams_limit) = <(Gauge, Gauge, Gauge)>::default();
        let (queue_length, draining, tasks) = <(Gauge, Gauge, Gauge)>::default();
        let (queue_wait, duration) = (seconds(), seconds());
        let (first_token, lateness) = (Timing::new(), Timing::new());
        let (events, keep_alives) = <(Counter, Counter)>::default();
        let usage_lost = Counter::default();
        #[cfg(feature = "otel")]
        let spans_lost = Counter::default();
        let (streams, refused, deadlines, tokens, reloads) = Default::default();
        let upstream_requests = Family::default();
        let (upstream_open, upstream_up, upstream_connections) = Default::default();
        let upstream_wait = Family::new_with_constructor(seconds as fn() -> Histogram);
        let (failovers, upstream_broken) = Default::default();
        add(&mut registry, "connections", "Client connections open now", &connections);
        add(&mut registry, "open_streams", "Answers under way now", &open_streams);
        add(
            &mut registry,
            "open_streams_limit",
            "Most answers under way at once",
            &open_streams_limit,
        );
        add(&mut registry, "queue_length", "Requests that wait for a place now", &queue_length);
        add(
            &mut registry,
            "queue_wait_seconds",
            "Time that requests waited for a place",
            &queue_wait,
        );
        add(
            &mut registry,
            "time_to_first_token_seconds",
            "From the request's arrival to the first event with content, streamed answers",
            &first_token.histogram,
        );
        add(
            &mut registry,
            "stream_duration_seconds",
            "From the request's arrival to the answer's end",
            &duration,
        );
        add(
            &mut registry,
            "event_lateness_seconds",
            "How late a worker turns to what is due: what an event waits inside the gateway",
            &lateness.histogram,
        );
        add(&mut registry, "events", "Events passed on", &events);
        add(
            &mut registry,
            "keep_alives",
            "Comments sent to keep silent streams alive",
            &keep_alives,
        );
        add(&mut registry, "draining", "1 while the server goes down", &draining);
        add(&mut registry, "tasks", "Tasks of connections and streams now", &tasks);
        add(
            &mut registry,
            "usage_log_lost",
            "Lines that the usage log could not take",
            &usage_lost,
        );
        #[cfg(feature = "otel")]
        add(
            &mut registry,
            "spans_lost",
            "Spans that the collector of traces did not take",
            &spans_lost,
        );
        add(&mut registry, "streams", "Answers that have ended, by outcome", &streams);
        add(
            &mut registry,
            "refused",
            "Requests that ended before any upstream work, by reason",
            &refused,
        );
        add(&mut registry, "deadlines", "Deadlines that passed, by name", &deadlines);
        add(&mut registry, "tokens", "Tokens by direction, as providers report them", &tokens);
        add(
            &mut registry,
            "config_reloads",
            "Configurations loaded while running, by result",
            &reloads,
        );
        add(
            &mut registry,
            "upstream_requests",
            "Tries at upstreams, by result",
            &upstream_requests,
        );
        add(
            &mut registry,
            "upstream_open_streams",
            "Answers under way at upstreams now",
            &upstream_open,
        );
        add(
            &mut registry,
            "upstream_up",
            "1 while an upstream is well and its breaker closed",
            &upstream_up,
        );
        add(
            &mut registry,
            "upstream_connections",
            "Connections to upstreams open now",
            &upstream_connections,
        );
        add(
            &mut registry,
            "upstream_wait_seconds",
            "Time to get a connection to an upstream",
            &upstream_wait,
        );
        add(
            &mut registry,
            "failovers",
            "Requests moved away from an upstream to another",
            &failovers,
        );
        add(
            &mut registry,
            "upstream_broken",
            "Answers that broke off at an upstream after they had begun",
            &upstream_broken,
        );
        Self {
            registry,
            connections,
            open_streams,
            open_streams_limit,
            queue_length,
            queue_wait,
            first_token,
            duration,
            lateness,
            events,
            keep_alives,
            draining,
            tasks,
            usage_lost,
            #[cfg(feature = "otel")]
            spans_lost,
            streams,
            refused,
            deadlines,
            tokens,
            reloads,
            upstream_requests,
            upstream_open,
            upstream_up,
            upstream_connections,
            upstream_wait,
            failovers,
            upstream_broken,
        }
        .with_every_series()
    }

    /// A rate over a series that does not exist yet is no number: all of ours exist from the start.
    fn with_every_series(self) -> Self {
        for outcome in Outcome::ALL {
            drop(self.streams.get_or_create(&[("outcome", outcome.name())]));
        }
        for deadline in Deadline::ALL {
            drop(self.deadlines.get_or_create(&[("deadline", deadline.name())]));
        }
        for reason in Reason::OF_LOAD {
            drop(self.refused.get_or_create(&[("reason", reason.name())]));
        }
        drop(self.refused.get_or_create(&[("reason", CLIENT_LEFT)]));
        for result in ["loaded", "refused"] {
            drop(self.reloads.get_or_create(&[("result", result)]));
        }
        self.tokens(0, 0);
        self
    }

    pub(crate) fn ended(&self, outcome: Outcome) {
        self.streams.get_or_create(&[("outcome", outcome.name())]).inc();
    }

    /// Answers that have ended with this outcome.
    pub(crate) fn ended_so_far(&self, outcome: Outcome) -> u64 {
        self.streams.get_or_create(&[("outcome", outcome.name())]).get()
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&[("reason", reason)]).inc();
    }

    pub(crate) fn deadline(&self, name: &'static str) {
        self.deadlines.get_or_create(&[("deadline", name)]).inc();
    }

    pub(crate) fn tokens(&self, input: u64, output: u64) {
        self.tokens.get_or_create(&[("direction", "input")]).inc_by(input);
        self.tokens.get_or_create(&[("direction", "output")]).inc_by(output);
    }

    pub(crate) fn reloaded(&self, result: &'static str) {
        self.reloads.get_or_create(&[("result", result)]).inc();
    }

    pub(crate) fn upstream(&self, name: &str) -> UpstreamMetrics {
        let label = [("upstream", name.to_owned())];
        UpstreamMetrics {
            name: name.to_owned(),
            open: self.upstream_open.get_or_create_owned(&label),
            up: self.upstream_up.get_or_create_owned(&label),
            connections: self.upstream_connections.get_or_create_owned(&label),
            wait: self.upstream_wait.get_or_create_owned(&label),
            failovers: self.failovers.get_or_create_owned(&label),
            broken: self.upstream_broken.get_or_create_owned(&label),
            requests: self.upstream_requests.clone(),
        }
    }

    /// Shows no more of an upstream that a changed configuration does not name: its last word would
    /// stand for ever. What was asked of it stays counted.
    pub(crate) fn forget_upstream(&self, name: &str) {
        let label = [("upstream", name.to_owned())];
        for gauges in [&self.upstream_open, &self.upstream_up, &self.upstream_connections] {
            gauges.remove(&label);
        }
    }

    /// The text of `/metrics`, in the OpenMetrics format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }
}
