//! One request that goes to an upstream: from its head to the head of its answer.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use crate::admission::{Counted, Entry, Place};
use crate::attempt::{self, Answer};
use crate::auth;
use crate::body::ResponseBody;
use crate::call::{Call, Progress};
use crate::endpoint::{Endpoint, stored_response};
use crate::metrics::{CLIENT_LEFT, Metrics};
use crate::rate::PerMinute;
use crate::refusal::{Reason, Refusal};
use crate::relay::Relay;
use crate::request::{self, Asked};
use crate::settings::Settings;
use crate::slow::Pressure;
use crate::state::{KeyState, State};
use crate::stored;
#[cfg(feature = "otel")]
use crate::traces::Traces;
use crate::upstream::pool::Outgoing;
use crate::worker::Worker;

/// A request as it arrived.
pub(crate) struct Arrival {
    pub(crate) endpoint: Endpoint,
    pub(crate) head: Parts,
    pub(crate) body: Incoming,
    pub(crate) request_id: HeaderValue,
    pub(crate) at: Instant,
    pub(crate) pressure: Rc<Pressure>,
}

/// A request that has its place.
struct Admitted {
    call: Rc<Call>,
    outgoing: Outgoing,
    /// Positions of the upstreams to ask, group by group.
    groups: Vec<Vec<usize>>,
}

/// Counts a client that leaves while it is neither admitted nor refused: in the queue, mostly.
struct Undecided<'a>(Option<&'a Metrics>);

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0 {
            metrics.refused(CLIENT_LEFT);
        }
    }
}

/// Admits a request, has it answered, and gives the response to send.
pub(crate) async fn serve(worker: &Rc<Worker>, arrival: Arrival) -> Response<ResponseBody> {
    let state = worker.shared.state();
    let (request_id, dialect) = (arrival.request_id.clone(), arrival.endpoint.dialect());
    #[cfg(feature = "otel")]
    let traced = worker.shared.traces.as_ref().map(|traces| (traces, Traces::arrive(&arrival)));
    let mut undecided = Undecided(Some(worker.metrics()));
    let decided = admit(worker, &state, arrival).await;
    undecided.0 = None;
    match decided {
        Ok(admitted) => {
            worker.pace.pass(&worker.tasks).await;
            answer(admitted).await
        }
        Err(refusal) => {
            worker.pace.arrive();
            worker.metrics().refused(refusal.reason.name());
            let id = request_id.to_str().unwrap_or_default();
            tracing::debug!(request_id = id, reason = refusal.reason.name(), "refused");
            #[cfg(feature = "otel")]
            if let Some((traces, arriving)) = traced {
                traces.refuse(&arriving, id, refusal.reason);
            }
            refuse(&refusal, dialect, &request_id)
        }
    }
}

/// A refusal as a response.
pub(crate) fn refuse(
    refusal: &Refusal,
    dialect: wire::Dialect,
    request_id: &HeaderValue,
) -> Response<ResponseBody> {
    let mut response = refusal.response(dialect, request_id).map(ResponseBody::from);
    request::insert_request_id(response.headers_mut(), request_id);
    if dialect == wire::Dialect::Anthropic {
        response.headers_mut().insert("request-id", request_id.clone());
    }
    response
}

/// Everything that can be refused without an upstream, the cheapest first.
async fn admit(
    worker: &Rc<Worker>,
    state: &Arc<State>,
    arrival: Arrival,
) -> Result<Admitted, Refusal> {
    let Arrival { endpoint, head, body, request_id, at, pressure } = arrival;
    let settings = &state.settings;
    if !endpoint.takes(&head.method, head.uri.path()) {
        return Err(Reason::WrongMethod.into());
    }
    let key = authenticate(state, &head)?;
    if worker.shared.phase.closed.load(Ordering::Relaxed) {
        return Err(Reason::Draining.into());
    }
    if let Some(key) = &key {
        check_rates(key, worker.since_start(Instant::now()))?;
    }
    if worker.shared.places.is_full(settings.limits.queue) {
        return Err(Reason::Full.into());
    }
    if key.as_ref().is_some_and(|key| key.live.open.get() >= key.settings.open_streams) {
        return Err(Reason::KeyFull.into());
    }
    let body = read_body(body, settings).await?;
    let (asked, groups, send_as) = if let Some(stored) = stored_response(head.uri.path()) {
        let groups = stored::groups(worker, state, key.as_deref(), stored.id)?;
        (Asked::nothing(), groups, None)
    } else {
        let asked = Asked::read(&body).map_err(|why| Refusal::because(Reason::BadRequest, why))?;
        let (groups, send_as) = route(state, key.as_deref(), &asked)?;
        let groups = match &asked.previous_response {
            Some(id) if endpoint == Endpoint::Responses => {
                stored::continued(worker, state, groups, id)
            }
            _ => groups,
        };
        (asked, groups, send_as)
    };
    let places = enter(worker, settings, key.as_deref()).await?;
    if worker.shared.phase.closed.load(Ordering::Relaxed) {
        // It went down while this request waited.
        return Err(Reason::Draining.into());
    }
    #[cfg_attr(not(feature = "otel"), expect(unused_mut, reason = "traces tell upstreams of them"))]
    let mut outgoing = Outgoing {
        method: head.method,
        path: path(endpoint, &head.uri),
        headers: request::headers_to_upstream(head.headers, &request_id),
        dialect: endpoint.dialect(),
        body: send_as.map_or_else(|| body.clone(), |model| asked.with_model(&body, &model)),
    };
    #[cfg(feature = "otel")]
    let spans = worker.shared.traces.as_ref().map(|traces| traces.begin(&mut outgoing, at));
    worker.metrics().open_streams.inc();
    let call = Call {
        worker: Rc::clone(worker),
        state: Arc::clone(state),
        endpoint,
        request_id,
        streamed: asked.stream && endpoint.can_stream(),
        model: asked.model,
        arrived: at,
        key,
        pressure,
        progress: Progress::default(),
        #[cfg(feature = "otel")]
        spans,
        _places: places,
    };
    Ok(Admitted { call: Rc::new(call), outgoing, groups })
}

fn authenticate(state: &State, head: &Parts) -> Result<Option<Arc<KeyState>>, Refusal> {
    if state.keys.is_empty() {
        return Ok(None);
    }
    match auth::find(&state.keys, &head.headers) {
        Some(key) => Ok(Some(key)),
        None => Err(Reason::Unauthorized.into()),
    }
}

fn check_rates(key: &KeyState, now: Duration) -> Result<(), Refusal> {
    let refuse = |reason: Reason, wait| Refusal { retry_after: Some(wait), ..reason.into() };
    if let Some(rate) = key.settings.tokens_per_minute {
        key.live
            .tokens
            .check(PerMinute(rate), now)
            .map_err(|wait| refuse(Reason::TokenRate, wait))?;
    }
    if let Some(rate) = key.settings.requests_per_minute {
        key.live
            .requests
            .take(PerMinute(rate), now)
            .map_err(|wait| refuse(Reason::RequestRate, wait))?;
    }
    Ok(())
}

async fn read_body(body: Incoming, settings: &Settings) -> Result<Bytes, Refusal> {
    let limit = settings.limits.body;
    // An announced length is refused before a byte of it is read.
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(Reason::BodyTooLarge.into());
    }
    match timeout(settings.deadlines.client_body, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Reason::BodyTooLarge.into()),
        Ok(Err(_)) => Err(Refusal::because(Reason::BadRequest, "the request body broke off")),
        Err(_) => Err(Reason::BodyTooSlow.into()),
    }
}

/// Positions of the upstreams to ask, and the model's name there where it is another.
type Routed = (Vec<Vec<usize>>, Option<String>);

fn route(state: &State, key: Option<&KeyState>, asked: &Asked) -> Result<Routed, Refusal> {
    let model = asked.model.as_str();
    if key.is_some_and(|key| !key.settings.allows(model)) {
        return Err(Reason::Forbidden.into());
    }
    let route = state.settings.route(model).ok_or_else(|| {
        Refusal::because(Reason::ModelNotFound, format!("there is no model {model:?} here"))
    })?;
    Ok((route.groups.clone(), route.send_as.clone()))
}

/// Takes a place of the key and one of the server, waiting for the latter where that is allowed.
async fn enter(
    worker: &Worker,
    settings: &Settings,
    key: Option<&KeyState>,
) -> Result<(Place, Option<Counted>), Refusal> {
    let of_key = key
        .map(|key| key.live.open.enter(key.settings.open_streams).ok_or(Reason::KeyFull))
        .transpose()?;
    let metrics = worker.metrics();
    let place = match worker.shared.places.enter(settings.limits.queue) {
        Entry::Entered(place) => {
            metrics.queue_wait.observe(0.0);
            place
        }
        Entry::Full => return Err(Reason::Full.into()),
        Entry::Wait(turn) => {
            let asked = Instant::now();
            let _waiting = Waiting::new(&metrics.queue_length);
            let place = tokio::select! {
                biased;
                () = worker.shared.phase.closing.cancelled() => Err(Reason::Draining),
                place = timeout_at(asked + settings.limits.queue_wait, turn) => {
                    // The sender is never dropped without a place while the server lives.
                    place.ok().and_then(Result::ok).ok_or(Reason::QueueTimeout)
                }
            };
            metrics.queue_wait.observe(asked.elapsed().as_secs_f64());
            place?
        }
    };
    Ok((place, of_key))
}

/// Counts one that waits.
struct Waiting<'a>(&'a prometheus_client::metrics::gauge::Gauge);

impl<'a> Waiting<'a> {
    fn new(length: &'a prometheus_client::metrics::gauge::Gauge) -> Self {
        length.inc();
        Self(length)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The path at the upstream: ours, with the client's query.
fn path(endpoint: Endpoint, uri: &http::Uri) -> String {
    let path = match endpoint {
        Endpoint::StoredResponse => uri.path(),
        _ => endpoint.path(),
    };
    match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// Has an admitted request answered. The head follows the upstream's first byte; only when that
/// keeps silent longer than `keep_alive.every` does a stream get its head, and comments, without.
async fn answer(admitted: Admitted) -> Response<ResponseBody> {
    let Admitted { call, outgoing, groups } = admitted;
    let mut seeking = attempt::seek(Rc::clone(&call), outgoing, groups);
    let found = if call.streamed {
        let silent_until = call.arrived + call.state.settings.keep_alive_every;
        match timeout_at(silent_until, &mut seeking).await {
            Ok(found) => found,
            Err(_) => {
                call.progress.status.set(Some(StatusCode::OK.as_u16()));
                let relay = Relay::while_seeking(Rc::clone(&call), seeking);
                return begin_stream(&call, relay);
            }
        }
    } else {
        seeking.await
    };
    match found {
        Ok(answer) => pass_on(call, answer),
        Err(refusal) => {
            call.progress.status.set(Some(refusal.reason.status().as_u16()));
            call.fail(refusal.reason);
            refuse(&refusal, call.endpoint.dialect(), &call.request_id)
        }
    }
}

fn begin_stream(call: &Call, relay: Relay) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(relay));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    request::insert_request_id(headers, &call.request_id);
    request::insert_stream_headers(headers);
    response
}

fn pass_on(call: Rc<Call>, mut answer: Answer) -> Response<ResponseBody> {
    call.progress.status.set(Some(answer.head.status.as_u16()));
    let streamed = attempt::is_event_stream(&answer.head.headers);
    let mut headers = std::mem::take(&mut answer.head.headers);
    request::headers_to_client(&mut headers, &call.request_id, streamed);
    let status = answer.head.status;
    // The relay looks at the content type, too.
    if let Some(kind) = headers.get(header::CONTENT_TYPE) {
        answer.head.headers.insert(header::CONTENT_TYPE, kind.clone());
    }
    let mut response = Response::new(ResponseBody::from(Relay::of(call, answer)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
