//! Which request goes where.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout};

use crate::answer::{Answered, Refused, serve, serve_body};
use crate::api::{Api, Problem};
use crate::body::Body;
use crate::openai::responses::Ordered;
use crate::plan::Plan;
use crate::stats::Endpoint;
use crate::worker::{InFlight, Worker};
use crate::{admin, anthropic, media, openai};

/// Largest request body: 32 MiB, as both providers allow.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// So much of a body that is too large is still read (and thrown away), because a client that
/// is cut off while it sends does not see the error.
const MAX_DISCARDED_BYTES: usize = 96 * 1024 * 1024;

/// How long a request's body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(60);

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    Post(Endpoint),
    Models,
    Model(&'a str),
    Response(&'a str),
    CancelResponse(&'a str),
    Stats,
    Metrics,
    Reset,
}

impl<'a> Target<'a> {
    fn of(path: &'a str) -> Option<Self> {
        Some(match path {
            "/v1/chat/completions" => Self::Post(Endpoint::ChatCompletions),
            "/v1/messages" => Self::Post(Endpoint::Messages),
            "/v1/messages/count_tokens" => Self::Post(Endpoint::CountTokens),
            "/v1/responses" => Self::Post(Endpoint::Responses),
            "/v1/embeddings" => Self::Post(Endpoint::Embeddings),
            "/v1/models" => Self::Models,
            "/weir/stats" => Self::Stats,
            "/metrics" => Self::Metrics,
            "/weir/reset" => Self::Reset,
            _ => match path.strip_prefix("/v1/")?.split_once('/')? {
                ("models", id) if !id.is_empty() => Self::Model(id),
                ("responses", id) if !id.is_empty() && !id.contains('/') => Self::Response(id),
                ("responses", rest) => match rest.strip_suffix("/cancel") {
                    Some(id) if !id.is_empty() && !id.contains('/') => Self::CancelResponse(id),
                    _ => return None,
                },
                _ => return None,
            },
        })
    }

    fn method(self) -> Method {
        match self {
            Self::Post(_) | Self::Reset | Self::CancelResponse(_) => Method::POST,
            _ => Method::GET,
        }
    }
}

/// Answers one request that came at `started`. Dropping the future, or the body that comes out of it, is how a client
/// that left is noticed.
pub(crate) async fn handle<B>(worker: Rc<Worker>, request: Request<B>, started: Instant) -> Answered
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if let Some(resource) = media::Resource::of(path) {
        let methods = resource.methods();
        if !methods.contains(&head.method) {
            return Ok(wrong_method(&head, methods));
        }
        return media::handle(&worker, resource, &head, body, started).await;
    }
    let Some(target) = Target::of(path) else {
        let message = format!("unknown route: {} {path}", head.method);
        return Ok(refuse(&head, &Problem::new(StatusCode::NOT_FOUND, message)));
    };
    if head.method != target.method() {
        return Ok(wrong_method(&head, &[target.method()]));
    }
    match target {
        Target::Post(endpoint) => post(&worker, endpoint, &head, body, started).await,
        Target::Models | Target::Model(_) => models(&worker, target, &head, started).await,
        Target::Response(id) => {
            let in_flight = worker.begin(Endpoint::Responses);
            let found = openai::responses::retrieve(id, &worker.shared).await;
            fetched(&worker, Api::OpenAi, &head, started, found, in_flight).await
        }
        Target::CancelResponse(id) => {
            let in_flight = worker.begin(Endpoint::Responses);
            let found = openai::background::cancel(id, &worker.shared).await;
            fetched(&worker, Api::OpenAi, &head, started, found, in_flight).await
        }
        Target::Stats => Ok(admin::stats(&worker.shared).await),
        Target::Metrics => Ok(admin::metrics(&worker.shared)),
        Target::Reset => Ok(admin::reset(&worker.shared)),
    }
}

async fn post<B>(
    worker: &Rc<Worker>,
    endpoint: Endpoint,
    head: &Parts,
    body: B,
    started: Instant,
) -> Answered
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let shared = &worker.shared;
    let mut in_flight = worker.begin(endpoint);
    let (mut plan, read) = Plan::new(shared, api_of(head), &head.headers, started);
    // The body is read even when the headers are refused: the connection stays in use.
    let body = match (read_body(head, body, MAX_BODY_BYTES).await, read) {
        (Err(Unread::ClientLeft), _) => return Err(Refused::default()),
        (Err(Unread::Problem(problem)), _) | (_, Err(problem)) => {
            return plan.reject(&problem, &mut in_flight);
        }
        (Ok(body), Ok(())) => body,
    };
    let order = match endpoint {
        Endpoint::ChatCompletions => openai::chat::order(&body, &mut plan).map_err(Problem::from),
        Endpoint::Messages => anthropic::messages::order(&body, &mut plan).map_err(Problem::from),
        Endpoint::Responses => match openai::responses::order(&body, &mut plan, shared) {
            Ok(Ordered::Later(order)) => {
                drop(body);
                return openai::background::answer(worker, plan, *order, in_flight).await;
            }
            Ok(Ordered::Now(order)) => Ok(order),
            Err(problem) => Err(problem),
        },
        // Only these two are left: other endpoints do not come here.
        _ => {
            let answer = if endpoint == Endpoint::CountTokens {
                anthropic::messages::count_tokens(&body)
            } else {
                openai::embeddings::answer(&body, shared.settings.seed)
            };
            return match answer {
                Ok(answer) => serve_body(plan, answer, in_flight).await,
                Err(error) => plan.reject(&error.into(), &mut in_flight),
            };
        }
    };
    drop(body);
    match order {
        Ok(order) => serve(plan, order, in_flight).await,
        Err(problem) => plan.reject(&problem, &mut in_flight),
    }
}

async fn models(
    worker: &Rc<Worker>,
    target: Target<'_>,
    head: &Parts,
    started: Instant,
) -> Answered {
    let shared = &worker.shared;
    let in_flight = worker.begin(Endpoint::Models);
    let api = api_of(head);
    let found = match (api, target) {
        (Api::OpenAi, Target::Model(id)) => openai::models::retrieve(id, shared),
        (Api::Anthropic, Target::Model(id)) => anthropic::models::retrieve(id, shared),
        (Api::OpenAi, _) => Some(openai::models::list(shared)),
        (Api::Anthropic, _) => Some(anthropic::models::list(shared)),
    };
    let found = found.map(Bytes::from).ok_or_else(|| Problem {
        code: Some("model_not_found"),
        ..Problem::new(StatusCode::NOT_FOUND, "the model does not exist; GET /v1/models lists all")
    });
    fetched(worker, api, head, started, found, in_flight).await
}

/// Answers a GET: without the profile's delays, but with the request's faults.
async fn fetched(
    worker: &Rc<Worker>,
    api: Api,
    head: &Parts,
    started: Instant,
    found: Result<Bytes, Problem>,
    mut in_flight: InFlight,
) -> Answered {
    let (mut plan, read) = Plan::new(&worker.shared, api, &head.headers, started);
    match read.and(found) {
        Err(problem) => plan.reject(&problem, &mut in_flight),
        Ok(body) => {
            plan.profile = Arc::clone(&worker.shared.instant);
            serve_body(plan, body.into(), in_flight).await
        }
    }
}

/// Why there is no body to answer.
pub(crate) enum Unread {
    /// Nobody is there to be told.
    ClientLeft,
    Problem(Problem),
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_body<B>(head: &Parts, body: B, limit: usize) -> Result<Vec<u8>, Unread>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let announced = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_slow = || {
        let message = format!("the body did not arrive within {BODY_DEADLINE:?}");
        Unread::Problem(Problem::new(StatusCode::REQUEST_TIMEOUT, message))
    };
    timeout(BODY_DEADLINE, collect(body, announced, limit)).await.map_err(|_| too_slow())?
}

async fn collect<B>(mut body: B, announced: Option<usize>, limit: usize) -> Result<Vec<u8>, Unread>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let fits = announced.is_none_or(|length| length <= limit);
    let mut bytes = Vec::with_capacity(announced.filter(|_| fits).unwrap_or(0).min(64 * 1024));
    let mut received = 0usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Unread::ClientLeft)?;
        let Ok(data) = frame.into_data() else { continue };
        received = received.saturating_add(data.len());
        if received > MAX_DISCARDED_BYTES {
            break;
        }
        if fits && received <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
    }
    if received > limit {
        let mebibytes = limit / (1024 * 1024);
        let message = format!("the body is larger than {limit} bytes ({mebibytes} MiB)");
        return Err(Unread::Problem(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message)));
    }
    Ok(bytes)
}

/// Anthropic's clients send their API's version with every request.
fn api_of(head: &Parts) -> Api {
    if head.headers.contains_key("anthropic-version") || head.uri.path().starts_with("/v1/messages")
    {
        Api::Anthropic
    } else {
        Api::OpenAi
    }
}

fn refuse(head: &Parts, problem: &Problem) -> Response<Body> {
    api_of(head).error(problem, "req_none")
}

fn wrong_method(head: &Parts, allowed: &[Method]) -> Response<Body> {
    let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
    let message = format!("{} is not allowed here, {allowed} is", head.method);
    let mut response = refuse(head, &Problem::new(StatusCode::METHOD_NOT_ALLOWED, message));
    if let Ok(allowed) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}
