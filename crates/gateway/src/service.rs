//! What is served at which path.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::time::Instant;
use wire::Dialect;

use crate::auth;
use crate::body::ResponseBody;
use crate::endpoint::Endpoint;
use crate::models;
use crate::page::{Live, PAGE, POLICY};
use crate::proxy::{self, Arrival};
use crate::refusal::{Reason, Refusal};
use crate::request;
use crate::slow::Pressure;
use crate::socket::Arrived;
use crate::worker::Worker;

/// The content type of `/metrics`, as the OpenMetrics specification names it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is known of a client's connection.
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) peer: SocketAddr,
    /// Shared with what guards the connection, where that is HTTP/1.1.
    pub(crate) pressure: Rc<Pressure>,
}

/// Serves one request.
pub(crate) async fn serve(
    connection: Rc<Connection>,
    request: Request<Incoming>,
    arrived: Arrived,
) -> Response<ResponseBody> {
    let worker = &connection.worker;
    let (head, body) = request.into_parts();
    let request_id = request::request_id(&head.headers, || worker.shared.new_request_id());
    let path = head.uri.path();
    if let Some(unclear) = arrived.unclear {
        let dialect = Endpoint::at(path).map_or_else(|| dialect_of(&head), Endpoint::dialect);
        worker.metrics().refused(Reason::BadRequest.name());
        let refusal = Refusal::because(Reason::BadRequest, unclear.to_string());
        let mut refused = proxy::refuse(&refusal, dialect, &request_id);
        // Where the next request would begin is what nobody knows.
        refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return refused;
    }
    let at = arrived.at;
    if let Some(endpoint) = Endpoint::at(path) {
        let pressure = Pressure::of_stream().unwrap_or_else(|| Rc::clone(&connection.pressure));
        let arrival = Arrival { endpoint, head, body, request_id, at, pressure };
        return proxy::serve(worker, arrival).await;
    }
    if let Some(mount) = worker.shared.mount(path) {
        let state = worker.shared.state();
        if !state.keys.is_empty() && auth::find(&state.keys, &head.headers).is_none() {
            worker.metrics().refused(Reason::Unauthorized.name());
            return proxy::refuse(&Reason::Unauthorized.into(), dialect_of(&head), &request_id);
        }
        let answer = (mount.serve)(Request::from_parts(head, body)).await;
        return answer.map(ResponseBody::Mounted);
    }
    let refuse = |reason: Reason| {
        let dialect = dialect_of(&head);
        worker.metrics().refused(reason.name());
        proxy::refuse(&reason.into(), dialect, &request_id)
    };
    let is_get = head.method == Method::GET || head.method == Method::HEAD;
    match path {
        "/healthz" if is_get => text(StatusCode::OK, "ok\n"),
        "/readyz" if is_get => ready(worker),
        "/" | "/live" | "/metrics" if is_get => {
            if may_see_admin(&connection, &head) {
                admin(worker, path)
            } else {
                ask_for_admin_key(refuse(Reason::Unauthorized))
            }
        }
        _ if is_get && (path == "/v1/models" || path.starts_with("/v1/models/")) => {
            let state = worker.shared.state();
            let key = auth::find(&state.keys, &head.headers);
            if !state.keys.is_empty() && key.is_none() {
                return refuse(Reason::Unauthorized);
            }
            let dialect = dialect_of(&head);
            let listing = models::Listing { worker, state: &state, key: key.as_deref(), dialect };
            match path.strip_prefix("/v1/models/") {
                None => json(listing.list().await, &request_id),
                Some(id) => match listing.one(id).await {
                    Some(model) => json(model, &request_id),
                    None => refuse(Reason::ModelNotFound),
                },
            }
        }
        "/" | "/live" | "/healthz" | "/readyz" | "/metrics" | "/v1/models" => {
            refuse(Reason::WrongMethod)
        }
        _ => refuse(Reason::NotFound),
    }
}

/// The dialect of a client on a path that all dialects share: Anthropic's names its version.
fn dialect_of(head: &http::request::Parts) -> Dialect {
    if head.headers.contains_key("anthropic-version") || head.headers.contains_key("x-api-key") {
        Dialect::Anthropic
    } else {
        Dialect::OpenaiChat
    }
}

fn ready(worker: &Worker) -> Response<ResponseBody> {
    let state = worker.shared.state();
    if worker.shared.phase.unready.load(Ordering::Relaxed) {
        text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else if !state.has_well_upstream(Instant::now()) {
        text(StatusCode::SERVICE_UNAVAILABLE, "no healthy upstream\n")
    } else {
        text(StatusCode::OK, "ready\n")
    }
}

/// This machine, an admin key, or everybody where the configuration says so. A request that a
/// proxy on this machine passes on is not one of this machine, nor is one for a name that only
/// somebody else's DNS server says is this machine: a page in a browser here would ask so.
fn may_see_admin(connection: &Connection, head: &http::request::Parts) -> bool {
    let state = connection.worker.shared.state();
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"]
        .iter()
        .any(|name| head.headers.contains_key(*name));
    state.settings.admin_open
        || connection.peer.ip().is_loopback() && !forwarded && is_for_this_machine(head)
        || auth::find(&state.keys, &head.headers).is_some_and(|key| key.settings.admin)
}

/// Whether the host that a request is for is this machine by its own word: `localhost` or an
/// address of the loopback interface. HTTP/1.0 names none.
fn is_for_this_machine(head: &http::request::Parts) -> bool {
    let of_header = || head.headers.get(header::HOST)?.to_str().ok()?.parse::<Authority>().ok();
    let Some(authority) = head.uri.authority().cloned().or_else(of_header) else {
        return !head.headers.contains_key(header::HOST);
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What only those may see who run the gateway.
fn admin(worker: &Worker, path: &str) -> Response<ResponseBody> {
    let (kind, body) = match path {
        "/metrics" => {
            worker.shared.before_scrape();
            (OPEN_METRICS, Bytes::from(worker.metrics().text()).into())
        }
        "/" => ("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()).into()),
        _ => {
            let live = Live::new(std::sync::Arc::clone(&worker.shared));
            ("text/event-stream", ResponseBody::Live(Box::new(live)))
        }
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    request::insert_stream_headers(headers);
    response
}

/// Browsers ask people for a password, which an admin key may be.
fn ask_for_admin_key(mut refusal: Response<ResponseBody>) -> Response<ResponseBody> {
    let basic = HeaderValue::from_static("Basic realm=\"weir admin key\"");
    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    refusal
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn json(document: Bytes, request_id: &HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(document));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request::insert_request_id(headers, request_id);
    response
}
