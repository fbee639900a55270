//! `GET /weir/stats`, `GET /metrics`, `POST /weir/reset`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use serde::Serialize;

use crate::api::json_response;
use crate::body::Body;
use crate::media::{Digests, Source as _, TransferCounts};
use crate::stats::{Counts, Endpoint, Stats};
use crate::worker::Shared;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    all: Counts,
    active: u64,
    peak_active: u64,
    endpoints: BTreeMap<&'static str, Counts>,
    lateness_ms: LatenessMs,
    media: MediaReport,
}

/// Files that were sent, and the videos that there are.
#[derive(Serialize)]
struct MediaReport {
    transfers: TransferCounts,
    videos: Vec<VideoReport>,
    images: Vec<ImageReport>,
}

/// The picture of a response that is done.
#[derive(Serialize)]
struct ImageReport {
    id: String,
    bytes: u64,
    #[serde(flatten)]
    digests: Digests,
}

/// A video that is done.
#[derive(Serialize)]
struct VideoReport {
    id: String,
    bytes: u64,
    #[serde(flatten)]
    digests: Digests,
    /// How often its content was asked for.
    requests: u32,
}

/// Of content events against their absolute schedule; nulls without any.
#[derive(Serialize)]
struct LatenessMs {
    count: u64,
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

/// `GET /weir/stats`. Digests of videos and pictures are computed when they are first asked for here.
pub(crate) async fn stats(shared: &Arc<Shared>) -> Response<Body> {
    let kept = Arc::clone(shared);
    let (videos, images) = shared.media.work(move || (videos(&kept), images(&kept))).await;
    let transfers = shared.media.transfers.counts();
    let report =
        serde_json::to_vec(&report(&shared.stats, MediaReport { transfers, videos, images }));
    json_response(Body::whole(report.expect("a struct of numbers and strings serialises")))
}

fn videos(shared: &Shared) -> Vec<VideoReport> {
    let store = &shared.media.videos;
    let done = store.done();
    let described = done.iter().map(|video| VideoReport {
        id: video.id.clone(),
        bytes: video.film().length(),
        digests: store.digests(video).clone(),
        requests: video.requests(),
    });
    described.collect()
}

fn images(shared: &Shared) -> Vec<ImageReport> {
    let later = shared.responses.all_later().into_iter();
    let done = later.filter_map(|(id, later)| {
        let (bytes, digests) = later.picture()?.clone();
        Some(ImageReport { id, bytes, digests })
    });
    done.collect()
}

fn report(stats: &Stats, media: MediaReport) -> Report {
    let endpoints: BTreeMap<_, _> =
        Endpoint::ALL.iter().map(|endpoint| (endpoint.name(), stats.counts(*endpoint))).collect();
    let lateness = stats.lateness();
    Report {
        all: endpoints.values().fold(Counts::default(), |sum, counts| sum + *counts),
        active: stats.active(),
        peak_active: stats.peak_active(),
        endpoints,
        lateness_ms: LatenessMs {
            count: lateness.count(),
            p50: lateness.per_mille_ms(500),
            p99: lateness.per_mille_ms(990),
            max: lateness.max_ms(),
        },
        media,
    }
}

/// `POST /weir/reset`.
pub(crate) fn reset(shared: &Shared) -> Response<Body> {
    shared.stats.reset();
    shared.media.transfers.reset();
    shared.media.videos.reset_requests();
    let mut response = json_response(Body::whole(Vec::new()));
    response.headers_mut().remove(CONTENT_TYPE);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// `GET /metrics`, in the OpenMetrics text format.
pub(crate) fn metrics(shared: &Arc<Shared>) -> Response<Body> {
    let mut registry = Registry::with_prefix("weir_simulator");
    registry.register_collector(Box::new(Snapshot(Arc::clone(shared))));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("a String takes all text");
    let mut response = json_response(Body::whole(text));
    let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(open_metrics));
    response
}

/// The statistics at the moment of a scrape.
#[derive(Debug)]
struct Snapshot(Arc<Shared>);

/// Upper edges of the lateness histogram in microseconds.
const EDGES_US: [u64; 9] = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000];

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = &self.0.stats;
        let gauge = |encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64| {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge(&mut encoder, "active_requests", "Requests being answered", stats.active())?;
        gauge(&mut encoder, "peak_active_requests", "Most at once", stats.peak_active())?;
        let counts = self.0.media.transfers.counts();
        gauge(&mut encoder, "open_transfers", "Media files being sent", counts.open)?;
        gauge(&mut encoder, "peak_open_transfers", "Most at once", counts.peak_open)?;
        transfers(&counts, &mut encoder)?;
        requests(stats, &mut encoder)?;
        lateness(stats, &mut encoder)
    }
}

fn transfers(
    counts: &TransferCounts,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), fmt::Error> {
    let kind = MetricType::Counter;
    let help = "Media files by what became of them";
    let mut family = encoder.encode_descriptor("transfers", help, None, kind)?;
    for (outcome, count) in
        [("started", counts.started), ("finished", counts.finished), ("cut", counts.cut)]
    {
        ConstCounter::new(count).encode(family.encode_family(&[("outcome", outcome)])?)?;
    }
    let help = "What of media files was handed to the network";
    let bytes = encoder.encode_descriptor("transferred", help, Some(&Unit::Bytes), kind)?;
    ConstCounter::new(counts.bytes).encode(bytes)
}

fn requests(stats: &Stats, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let kind = MetricType::Counter;
    let help = "Requests by endpoint and what became of them";
    let mut family = encoder.encode_descriptor("requests", help, None, kind)?;
    for endpoint in Endpoint::ALL {
        let counts = stats.counts(endpoint);
        for (outcome, count) in [
            ("started", counts.started),
            ("finished", counts.finished),
            ("faulted", counts.faulted),
            ("rejected", counts.rejected),
            ("cancelled", counts.cancelled),
        ] {
            let labels = [("endpoint", endpoint.name()), ("outcome", outcome)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn lateness(stats: &Stats, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    let lateness = stats.lateness();
    let mut buckets: Vec<(f64, u64)> = Vec::new();
    let mut below = 0;
    for edge in EDGES_US {
        let within = lateness.within(edge);
        let seconds = std::time::Duration::from_micros(edge).as_secs_f64();
        buckets.push((seconds, within - below));
        below = within;
    }
    buckets.push((f64::INFINITY, lateness.count() - below));
    let help = "How much later than scheduled content events left";
    let kind = MetricType::Histogram;
    let mut metric =
        encoder.encode_descriptor("event_lateness", help, Some(&Unit::Seconds), kind)?;
    metric.encode_histogram::<NoLabelSet>(lateness.sum_seconds(), lateness.count(), &buckets, None)
}
