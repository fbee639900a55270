//! What the server counts, for `/metrics`.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the buckets of call durations, in seconds: from an answer out of memory to a job
/// that is waited for.
const SECONDS: [f64; 12] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0];

/// What the server counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    seconds: Family<Tool, Histogram, fn() -> Histogram>,
    running: Gauge,
    transfers_running: Gauge,
    transfers_queued: Gauge,
    bytes: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    tool: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tool {
    tool: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("weir_media");
        let calls = Family::default();
        registry.register("calls", "Tool calls that ended, by tool and outcome", calls.clone());
        let seconds = Family::new_with_constructor(new_histogram as fn() -> Histogram);
        registry.register("call_duration_seconds", "How long calls took", seconds.clone());
        let running = Gauge::default();
        registry.register("calls_running", "Tool calls that run now", running.clone());
        let transfers_running = Gauge::default();
        registry.register("transfers_running", "Transfers that run now", transfers_running.clone());
        let transfers_queued = Gauge::default();
        registry.register(
            "transfers_queued",
            "Transfers that wait for their turn",
            transfers_queued.clone(),
        );
        let bytes = Counter::default();
        registry.register("downloaded_bytes", "Bytes of files downloaded whole", bytes.clone());
        Self { registry, calls, seconds, running, transfers_running, transfers_queued, bytes }
    }
}

fn new_histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Counts a call as running until what is returned is dropped, and then by its outcome:
    /// `cancelled` unless another one was set.
    pub(super) fn begin(&self, tool: &'static str) -> Running<'_> {
        self.running.inc();
        let began = tokio::time::Instant::now();
        Running { metrics: self, tool, outcome: "cancelled", began }
    }

    /// Counts the bytes of a file that was downloaded.
    pub fn downloaded(&self, bytes: u64) {
        self.bytes.inc_by(bytes);
    }

    /// The text of `/metrics`; `running` and `queued` are the transfers of this moment.
    #[must_use]
    pub fn text(&self, running: u64, queued: u64) -> String {
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.transfers_running.set(gauge(running));
        self.transfers_queued.set(gauge(queued));
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }

    fn ended(&self, tool: &'static str, outcome: &'static str, took: Duration) {
        self.running.dec();
        self.calls.get_or_create(&Call { tool, outcome }).inc();
        self.seconds.get_or_create(&Tool { tool }).observe(took.as_secs_f64());
    }
}

/// A call that runs.
#[derive(Debug)]
pub(super) struct Running<'a> {
    metrics: &'a Metrics,
    tool: &'static str,
    pub(super) outcome: &'static str,
    began: tokio::time::Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.metrics.ended(self.tool, self.outcome, self.began.elapsed());
    }
}
