//! What is served at which path; needs no listener of its own, so that another server can mount it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{HttpSettings, LAST_WORDS};
use crate::server::guard::{Guard, Refusal};
use crate::server::sessions::Sessions;

/// The body of a response.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Where agents talk to the server.
const MCP: &str = "/mcp";

/// The header that names a session, and the one that revisions without sessions require.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");

/// When a client that found no room for a session should come again, in seconds.
const COME_AGAIN: &str = "5";

/// Serves what lies beside `/mcp`: a path that it knows, or `None`.
pub trait Beside: Send + Sync + 'static {
    /// The answer to a `GET` or `HEAD`, once the guard has let it pass.
    fn serve<'a>(
        &'a self,
        request: &'a http::request::Parts,
    ) -> Option<Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>>;
}

/// The MCP endpoint with everything around it. Clones are the same service.
pub struct Service<H>(Arc<Inner<H>>);

impl<H> Clone for Service<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<H> {
    guard: RwLock<Arc<Guard>>,
    mcp: StreamableHttpService<H, Sessions>,
    sessions: Arc<Sessions>,
    beside: Option<Arc<dyn Beside>>,
    running: Arc<AtomicUsize>,
    refuses_new: AtomicBool,
    end: CancellationToken,
}

impl<H: ServerHandler> Service<H> {
    /// A service whose sessions each get a handler from `factory`.
    pub fn new(
        settings: &HttpSettings,
        factory: impl Fn() -> H + Send + Sync + 'static,
        beside: Option<Arc<dyn Beside>>,
    ) -> Self {
        let end = CancellationToken::new();
        let config = StreamableHttpServerConfig::default()
            // Host and origin are checked here, with 421 where the reference server says 421.
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_json_response(true)
            .with_max_request_body_bytes(settings.body_bytes)
            .with_cancellation_token(end.clone());
        let sessions = Arc::new(Sessions::new(settings.sessions));
        let mcp = StreamableHttpService::new(move || Ok(factory()), Arc::clone(&sessions), config);
        Self(Arc::new(Inner {
            guard: RwLock::new(Arc::new(settings.guard.clone())),
            mcp,
            sessions,
            beside,
            running: Arc::default(),
            refuses_new: AtomicBool::new(false),
            end,
        }))
    }

    /// Answers one request. Dropping the future, or the body that it gave, cancels a call of
    /// revision 2026-07-28; a call in a session is cancelled by its notification.
    pub async fn serve<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send + 'static,
        B::Error: std::fmt::Display,
    {
        let this = &self.0;
        let path = request.uri().path();
        let is_get = request.method() == Method::GET || request.method() == Method::HEAD;
        if is_get && path == "/healthz" {
            return text(StatusCode::OK, "ok\n");
        }
        if is_get && path == "/readyz" {
            return this.ready();
        }
        let guard = this.guard();
        if let Err(refusal) = guard
            .admit(request.uri(), request.headers())
            .and_then(|()| guard.authorize(request.headers()))
        {
            return refuse(refusal);
        }
        if path == MCP || path == "/mcp/" {
            return this.talk(request).await;
        }
        if is_get && let Some(beside) = &this.beside {
            let (head, _) = request.into_parts();
            if let Some(answer) = beside.serve(&head) {
                return answer.await;
            }
        }
        text(StatusCode::NOT_FOUND, "Not Found: agents talk to /mcp\n")
    }

    /// Changes who may ask, from the next request on.
    pub fn set_guard(&self, guard: Guard) {
        *self.0.guard.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(guard);
    }

    /// The sessions, for whoever sweeps them.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Calls and other requests at the MCP endpoint whose answers have not ended. Streams that only
    /// wait for news do not count.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.load(Ordering::Relaxed)
    }

    /// From now on readiness fails, and no session or call begins.
    pub fn refuse_new(&self) {
        self.0.refuses_new.store(true, Ordering::Relaxed);
    }

    /// Ends every session, call and stream, and waits for the sessions for a second at most: what
    /// still runs by then ends with the runtime.
    pub async fn end(&self) {
        self.0.end.cancel();
        if timeout(LAST_WORDS, self.0.sessions.end()).await.is_err() {
            tracing::debug!("sessions are left in the middle of a call");
        }
    }
}

impl<H: ServerHandler> Inner<H> {
    fn guard(&self) -> Arc<Guard> {
        Arc::clone(&self.guard.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn ready(&self) -> Response<Body> {
        if self.refuses_new.load(Ordering::Relaxed) {
            return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
        }
        text(StatusCode::OK, "ready\n")
    }

    async fn talk<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send + 'static,
        B::Error: std::fmt::Display,
    {
        let is_post = request.method() == Method::POST;
        let headers = request.headers();
        // Only `initialize` names neither a session nor its method.
        let wants_session =
            is_post && !headers.contains_key(SESSION) && !headers.contains_key(METHOD);
        if is_post && self.refuses_new.load(Ordering::Relaxed) {
            return later("Service Unavailable: the server is ending\n");
        }
        if wants_session && self.sessions.is_full() {
            return later("Service Unavailable: there are too many sessions\n");
        }
        let running = is_post.then(|| Running::new(&self.running));
        let ends_session = request.method() == Method::DELETE;
        let mut response = self.mcp.handle(request).await;
        // The library says 202; the official Python client takes 200 and 204 for an end alone.
        if ends_session && response.status() == StatusCode::ACCEPTED {
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response.map(|body| {
            let body = body.map_err(|never| match never {});
            Kept { body, running }.boxed_unsync()
        })
    }
}

/// A body that counts as running until it has ended or nobody wants it any more.
struct Kept<B> {
    body: B,
    running: Option<Running>,
}

impl<B: http_body::Body<Data = Bytes, Error = io::Error> + Unpin> http_body::Body for Kept<B> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(None) = polled {
            self.running = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts a request whose answer has not ended.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(running: &Arc<AtomicUsize>) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(running))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn refuse(refusal: Refusal) -> Response<Body> {
    tracing::debug!(status = refusal.status().as_u16(), "a request is refused");
    let mut response = text(refusal.status(), &format!("{refusal}\n"));
    if refusal == Refusal::Key {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn later(why: &str) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(COME_AGAIN));
    response
}

/// A short answer for people.
pub(crate) fn text(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::from(text.to_owned())).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
