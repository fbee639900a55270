//! OpenTelemetry traces: two spans for each admitted request, one for each refused one, exported as
//! OTLP over HTTP.
//!
//! The span of kind `SERVER` is the request as its client sees it; its child of kind `CLIENT` is the
//! work asked from upstreams, all tries together, under the names of the semantic conventions for
//! generative AI. The client's own span, where it names one in `traceparent`, is their parent, and
//! upstreams are told the child. Prompts and answers are in neither.

mod context;
mod export;
mod otlp;

use std::io;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue, Method};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::Instant;
use wire::Dialect;

use crate::call::{Call, Outcome};
use crate::config::Provider;
use crate::endpoint::Endpoint;
use crate::proxy::Arrival;
use crate::refusal::Reason;
use crate::settings;
use crate::upstream::pool::Outgoing;
use context::{Context, Parent};
pub(crate) use export::Exporter;
use otlp::{Kind, Value};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Where spans begin and end. Cloning shares the exporter.
#[derive(Debug, Clone)]
pub(crate) struct Traces {
    queue: export::Queue,
    sample: f64,
    random: SystemRandom,
}

/// The spans of one request, while it is under way.
#[derive(Debug)]
pub(crate) struct Spans {
    context: Context,
    method: Method,
    admitted: SystemTime,
    /// How long the request had been here by then.
    waited: Duration,
}

/// A request that is neither admitted nor refused yet.
#[derive(Debug)]
pub(crate) struct Arriving {
    parent: Option<Parent>,
    method: Method,
    endpoint: Endpoint,
    arrived: Instant,
}

/// Starts the exporter, where the configuration names a collector.
///
/// # Errors
/// When its thread cannot start.
pub(crate) fn start(
    settings: Option<&settings::Traces>,
    lost: prometheus_client::metrics::counter::Counter,
) -> io::Result<(Option<Traces>, Exporter)> {
    let Some(settings) = settings else { return Ok((None, Exporter::default())) };
    let (queue, exporter) = export::start(settings, lost)?;
    let traces = Traces { queue, sample: settings.sample, random: SystemRandom::new() };
    Ok((Some(traces), exporter))
}

impl Traces {
    /// Begins the spans of a request that has just been admitted, and tells the upstream of them.
    pub(crate) fn begin(&self, outgoing: &mut Outgoing, arrived: Instant) -> Spans {
        let to_upstream = &mut outgoing.headers;
        let parent = Parent::of(to_upstream.get_all(TRACEPARENT).iter());
        let context = self.context(parent);
        if parent.is_none() {
            // It belongs to a trace that we could not read (W3C Trace Context, section 3.3).
            to_upstream.remove(TRACESTATE);
        }
        let ours = HeaderValue::from_str(&context.traceparent())
            .expect("hexadecimal digits and dashes can stand in a header");
        to_upstream.insert(TRACEPARENT, ours);
        let method = outgoing.method.clone();
        Spans { context, method, admitted: SystemTime::now(), waited: arrived.elapsed() }
    }

    /// What a request's span would say if it is refused.
    pub(crate) fn arrive(arrival: &Arrival) -> Arriving {
        Arriving {
            parent: Parent::of(arrival.head.headers.get_all(TRACEPARENT).iter()),
            method: arrival.head.method.clone(),
            endpoint: arrival.endpoint,
            arrived: arrival.at,
        }
    }

    /// Hands over that a request was refused before any upstream work. Of whoever is not let in
    /// nothing is said: strangers could fill the queue.
    pub(crate) fn refuse(&self, arriving: &Arriving, request_id: &str, reason: Reason) {
        let Arriving { parent, method, endpoint, arrived } = arriving;
        let context = self.context(*parent);
        if reason == Reason::Unauthorized || !context.sampled {
            return;
        }
        let (status, ended) = (reason.status(), SystemTime::now());
        let span = otlp::Span {
            trace_id: context.trace_id,
            span_id: context.server,
            parent: context.parent,
            name: format!("{method} {}", endpoint.path()),
            kind: Kind::Server,
            began: ended.checked_sub(arrived.elapsed()).unwrap_or(ended),
            ended,
            attributes: vec![
                ("http.request.method", Value::from(method.as_str())),
                ("http.route", Value::from(endpoint.path())),
                ("http.response.status_code", Value::from(u64::from(status.as_u16()))),
                ("weir.request_id", Value::from(request_id)),
                ("weir.refused", Value::from(reason.name())),
            ],
            // To a server, a refusal that the client has earned is no error (semantic conventions).
            error: status.is_server_error().then(|| reason.name().to_owned()),
        };
        self.queue.push(Box::new([span]));
    }

    /// Hands over what became of a request.
    pub(crate) fn end(&self, spans: &Spans, call: &Call, outcome: Outcome, status: u16) {
        if !spans.context.sampled {
            return;
        }
        let (context, ended) = (&spans.context, SystemTime::now());
        let server = otlp::Span {
            trace_id: context.trace_id,
            span_id: context.server,
            parent: context.parent,
            name: format!("{} {}", spans.method, call.endpoint.path()),
            kind: Kind::Server,
            began: spans.admitted.checked_sub(spans.waited).unwrap_or(spans.admitted),
            ended,
            attributes: of_request(call, &spans.method, outcome, status),
            error: error(call, outcome, status).filter(|_| is_ours(outcome)),
        };
        let client = otlp::Span {
            trace_id: context.trace_id,
            span_id: context.client,
            parent: Some(context.server),
            name: format!("{} {}", operation(call.endpoint), call.model).trim_end().to_owned(),
            kind: Kind::Client,
            began: spans.admitted,
            ended,
            attributes: of_upstream(call, outcome, status),
            error: error(call, outcome, status),
        };
        self.queue.push(Box::new([server, client]));
    }

    fn context(&self, parent: Option<Parent>) -> Context {
        let mut random = [0; 32];
        // Without random bytes there is no id that is one's own: zeros are no valid ones, and a
        // collector drops them.
        let _ = self.random.fill(&mut random);
        Context::new(random, parent, self.sample)
    }
}

/// Whether an outcome is one that whoever runs the gateway answers for.
fn is_ours(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::UpstreamFailed | Outcome::UpstreamFull | Outcome::Drained)
}

/// `error.type` of an answer that ended in an error. A client that leaves is none.
fn error(call: &Call, outcome: Outcome, status: u16) -> Option<String> {
    let failure = call.progress.failure.get();
    match outcome {
        Outcome::Complete | Outcome::ClientLeft => None,
        Outcome::UpstreamRefused => Some(status.to_string()),
        // The provider's own word for its failure has been passed on.
        Outcome::UpstreamFailed if failure.is_none() && status >= 500 => Some(status.to_string()),
        Outcome::UpstreamFailed
        | Outcome::UpstreamFull
        | Outcome::ClientSlow
        | Outcome::Drained => Some(failure.unwrap_or(outcome.name()).to_owned()),
    }
}

/// Attributes of the request (semantic conventions: HTTP, server).
fn of_request(call: &Call, method: &Method, outcome: Outcome, status: u16) -> Vec<otlp::Attribute> {
    let mut attributes = vec![
        ("http.request.method", Value::from(method.as_str())),
        ("http.route", Value::from(call.endpoint.path())),
        ("http.response.status_code", Value::from(u64::from(status))),
        ("weir.request_id", Value::from(call.request_id_text())),
        ("weir.outcome", Value::from(outcome.name())),
    ];
    if let Some(key) = &call.key {
        attributes.push(("weir.key", Value::from(key.settings.name.as_str())));
    }
    attributes
}

/// Attributes of the work at upstreams (semantic conventions: generative AI, inference).
fn of_upstream(call: &Call, outcome: Outcome, status: u16) -> Vec<otlp::Attribute> {
    let progress = &call.progress;
    let name = progress.upstream.borrow();
    let upstreams = &call.state.settings.upstreams;
    let upstream = upstreams.iter().find(|one| Some(one.name.as_str()) == name.as_deref());
    let mut attributes = vec![
        ("gen_ai.operation.name", Value::from(operation(call.endpoint))),
        ("gen_ai.provider.name", Value::from(provider(call, upstream.map(|one| &**one)))),
        ("http.response.status_code", Value::from(u64::from(status))),
        ("weir.attempts", Value::from(u64::from(progress.attempts.get()))),
        ("weir.chunks", Value::from(progress.chunks.get())),
        ("weir.outcome", Value::from(outcome.name())),
    ];
    if !call.model.is_empty() {
        attributes.push(("gen_ai.request.model", Value::from(call.model.as_str())));
    }
    if call.streamed {
        attributes.push(("gen_ai.request.stream", Value::Bool(true)));
    }
    if let Some(upstream) = upstream {
        attributes.push(("server.address", Value::from(upstream.origin.host.as_str())));
        attributes.push(("server.port", Value::from(u64::from(upstream.origin.port))));
        attributes.push(("weir.upstream", Value::from(upstream.name.as_str())));
    }
    let tokens = progress.tokens.get();
    for (name, count) in [
        ("gen_ai.usage.input_tokens", tokens.input_tokens),
        ("gen_ai.usage.output_tokens", tokens.output_tokens),
    ] {
        attributes.extend(count.map(|count| (name, Value::from(count))));
    }
    if let Some(first) = progress.first_token.get() {
        let waited = first.duration_since(call.arrived).as_secs_f64();
        attributes.push(("gen_ai.response.time_to_first_chunk", Value::Double(waited)));
    }
    attributes
}

/// `gen_ai.operation.name`; counting tokens and what exists already have none in the conventions.
fn operation(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Chat | Endpoint::Responses | Endpoint::Messages => "chat",
        Endpoint::CountTokens => "count_tokens",
        Endpoint::Embeddings => "embeddings",
        Endpoint::StoredResponse => "stored_response",
    }
}

/// `gen_ai.provider.name`: what the configuration says, else whose dialect is spoken.
fn provider(call: &Call, upstream: Option<&settings::Upstream>) -> &'static str {
    match upstream.map(|upstream| upstream.provider) {
        Some(Provider::Openai) => "openai",
        Some(Provider::Anthropic) => "anthropic",
        Some(Provider::Any) | None if call.endpoint.dialect() == Dialect::Anthropic => "anthropic",
        Some(Provider::Any) | None => "openai",
    }
}
