//! One worker's connections to one upstream.
//!
//! HTTP/1.1: one request at a time on each, idle ones are used again, the latest first. HTTP/2:
//! as many requests on each as the peer allows, then one more connection; only one is opened at
//! a time, and whoever waits for it shares it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::{self, Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use wire::Dialect;

use super::connect::{ConnectError, Sender, StreamLimit, connect};
use crate::metrics::UpstreamMetrics;
use crate::request::show_key;
use crate::settings;
use crate::tasks::Tasks;

/// How long an unused HTTP/1.1 connection is kept. Servers close theirs after 5 s (Uvicorn) to
/// 75 s (nginx); one that has been closed is noticed and never used.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// Unused HTTP/1.1 connections kept at most, for each worker: beyond, the oldest is closed.
const MAX_IDLE: usize = 4096;

/// Tries on connections that turn out to be dead before anything was sent. A fresh connection
/// follows at the latest then.
const STALE_TRIES: usize = 3;

/// One worker's connections to one upstream.
pub(crate) struct Pool {
    upstream: Arc<settings::Upstream>,
    /// The upstream's place, as HTTP/2 and HTTP/1.1 write it.
    authority: Authority,
    host: HeaderValue,
    metrics: UpstreamMetrics,
    tasks: Tasks,
    idle: RefCell<VecDeque<(http1::SendRequest<Full<Bytes>>, Instant)>>,
    shared: RefCell<Vec<Rc<Shared>>>,
    /// Whether the upstream speaks HTTP/2; with TLS not known before the first connection.
    http2: Cell<Option<bool>>,
    /// Held by whoever opens an HTTP/2 connection.
    opening: Mutex<()>,
    /// How often opening has failed, and why it did last: whoever waited for it fails with it.
    failures: RefCell<(u64, Option<ConnectError>)>,
}

/// An HTTP/2 connection.
struct Shared {
    sender: http2::SendRequest<Full<Bytes>>,
    limit: StreamLimit,
    open: Cell<usize>,
}

/// A request as it goes to any upstream of its route.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// Path and query, before which the upstream's prefix comes.
    pub(crate) path: String,
    /// Without any key: the upstream's is added when it is known which one is asked.
    pub(crate) headers: HeaderMap,
    /// How the key is shown.
    pub(crate) dialect: Dialect,
    pub(crate) body: Bytes,
}

/// An answer that has begun.
pub(crate) struct Exchange {
    pub(crate) response: Response<Incoming>,
    pub(crate) lease: Lease,
}

/// A connection's use by one request. Dropped early, it ends the request: by closing an HTTP/1.1
/// connection, or resetting an HTTP/2 stream together with the body.
pub(crate) struct Lease(Held);

enum Held {
    Http1(Rc<Pool>, http1::SendRequest<Full<Bytes>>),
    Http2(#[expect(dead_code, reason = "counts while it lives")] StreamCount),
    Spent,
}

/// Counts one stream of a shared connection.
struct StreamCount(Rc<Shared>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(ConnectError),
    /// No connection in time.
    #[error("no connection within {0:?}")]
    ConnectTimeout(Duration),
    /// The request could not be built.
    #[error("{0}")]
    Request(http::Error),
    /// Even a fresh connection was dead before anything was sent on it.
    #[error("the upstream closes connections at once; does it speak another HTTP version?")]
    Stillborn,
    /// The upstream hung up before its answer.
    #[error("{0}")]
    Http(hyper::Error),
}

/// A connection ready for one request.
enum Ready {
    Http1 { sender: http1::SendRequest<Full<Bytes>>, fresh: bool },
    Http2(StreamCount),
}

impl Pool {
    pub(crate) fn new(
        upstream: Arc<settings::Upstream>,
        metrics: UpstreamMetrics,
        tasks: Tasks,
    ) -> Rc<Self> {
        let http2 = if upstream.tls.is_some() { None } else { Some(upstream.http2) };
        let authority = upstream.origin.authority.as_str();
        let valid = "settings take the authority from a valid URL";
        Rc::new(Self {
            authority: authority.parse().expect(valid),
            host: HeaderValue::from_str(authority).expect(valid),
            upstream,
            metrics,
            tasks,
            idle: RefCell::default(),
            shared: RefCell::default(),
            http2: Cell::new(http2),
            opening: Mutex::default(),
            failures: RefCell::default(),
        })
    }

    /// Whether the pool still serves this very configuration of its upstream.
    pub(crate) fn serves(&self, upstream: &Arc<settings::Upstream>) -> bool {
        Arc::ptr_eq(&self.upstream, upstream)
    }

    /// Sends a request and waits for the head of its answer. Cancel-safe: dropping it ends the
    /// request wherever it stands.
    pub(crate) async fn send(
        self: &Rc<Self>,
        outgoing: &Outgoing,
        connect_within: Duration,
    ) -> Result<Exchange, SendError> {
        let mut stale = 0;
        loop {
            let asked = Instant::now();
            let ready = timeout(connect_within, self.ready(stale >= STALE_TRIES))
                .await
                .map_err(|_| SendError::ConnectTimeout(connect_within))?
                .map_err(SendError::Connect)?;
            self.metrics.wait.observe(asked.elapsed().as_secs_f64());
            match self.exchange(ready, outgoing).await? {
                Some(exchange) => return Ok(exchange),
                None if stale >= STALE_TRIES => return Err(SendError::Stillborn),
                None => stale += 1,
            }
        }
    }

    /// Closes connections that have been idle too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|(sender, since)| !sender.is_closed() && now.duration_since(*since) < IDLE_FOR);
        self.shared.borrow_mut().retain(|shared| !shared.sender.is_closed());
    }

    /// `None` when the connection was dead before the upstream could have seen the request.
    async fn exchange(
        self: &Rc<Self>,
        ready: Ready,
        outgoing: &Outgoing,
    ) -> Result<Option<Exchange>, SendError> {
        match ready {
            Ready::Http1 { mut sender, fresh } => {
                let request = self.request(outgoing, false)?;
                match sender.try_send_request(request).await {
                    Ok(response) => {
                        let lease = Lease(Held::Http1(Rc::clone(self), sender));
                        Ok(Some(Exchange { response, lease }))
                    }
                    // An idle connection that the upstream closes while we write: nothing came
                    // back, so the request counts as not begun (RFC 9112, section 9.3.1).
                    Err(mut error) => {
                        let unsent = error.take_message().is_some();
                        let error = error.into_error();
                        if unsent || !fresh && (error.is_incomplete_message() || error.is_closed())
                        {
                            return Ok(None);
                        }
                        Err(SendError::Http(error))
                    }
                }
            }
            Ready::Http2(count) => {
                let request = self.request(outgoing, true)?;
                let mut sender = count.0.sender.clone();
                match sender.try_send_request(request).await {
                    Ok(response) => {
                        Ok(Some(Exchange { response, lease: Lease(Held::Http2(count)) }))
                    }
                    Err(mut error) => {
                        if error.take_message().is_none() {
                            return Err(SendError::Http(error.into_error()));
                        }
                        self.shared.borrow_mut().retain(|one| !Rc::ptr_eq(one, &count.0));
                        Ok(None)
                    }
                }
            }
        }
    }

    fn request(&self, outgoing: &Outgoing, http2: bool) -> Result<Request<Full<Bytes>>, SendError> {
        let origin = &self.upstream.origin;
        let mut request = Request::new(Full::new(outgoing.body.clone()));
        *request.method_mut() = outgoing.method.clone();
        let mut headers = outgoing.headers.clone();
        if let Some(key) = &self.upstream.key {
            show_key(&mut headers, outgoing.dialect, key);
        }
        let path = format!("{}{}", origin.prefix, outgoing.path);
        let path =
            PathAndQuery::try_from(path).map_err(|error| SendError::Request(error.into()))?;
        let mut uri = uri::Parts::default();
        uri.path_and_query = Some(path);
        if http2 {
            uri.scheme = Some(if origin.secure { Scheme::HTTPS } else { Scheme::HTTP });
            uri.authority = Some(self.authority.clone());
        } else {
            headers.insert(header::HOST, self.host.clone());
        }
        let uri = Uri::from_parts(uri).map_err(|error| SendError::Request(error.into()))?;
        *request.headers_mut() = headers;
        *request.uri_mut() = uri;
        Ok(request)
    }

    /// A connection with room for one request.
    async fn ready(self: &Rc<Self>, fresh: bool) -> Result<Ready, ConnectError> {
        loop {
            if !fresh && let Some(ready) = self.reuse() {
                return Ok(ready);
            }
            if self.http2.get() == Some(false) {
                return self.open().await;
            }
            let failures = self.failures.borrow().0;
            let _opening = self.opening.lock().await;
            if let (count, Some(error)) = &*self.failures.borrow()
                && *count != failures
            {
                return Err(error.clone());
            }
            if !fresh && let Some(ready) = self.reuse() {
                return Ok(ready);
            }
            // Whoever held the lock before may have found out that it is HTTP/1.1.
            if self.http2.get() != Some(false) {
                return self.open().await.inspect_err(|error| {
                    let mut failures = self.failures.borrow_mut();
                    *failures = (failures.0 + 1, Some(error.clone()));
                });
            }
        }
    }

    fn reuse(&self) -> Option<Ready> {
        let mut idle = self.idle.borrow_mut();
        // One that is not ready has ended its answer this very moment; its driver comes next.
        let ready = idle.iter().rposition(|(sender, _)| sender.is_ready());
        if let Some((sender, _)) = ready.and_then(|at| idle.remove(at)) {
            return Some(Ready::Http1 { sender, fresh: false });
        }
        let mut shared = self.shared.borrow_mut();
        shared.retain(|one| !one.sender.is_closed());
        shared.iter().find(|one| one.has_room()).map(|one| Ready::Http2(StreamCount::new(one)))
    }

    async fn open(self: &Rc<Self>) -> Result<Ready, ConnectError> {
        // Boxed: TLS and HTTP handshakes are large, and most requests need none of them.
        match Box::pin(connect(&self.upstream, &self.metrics, &self.tasks)).await? {
            Sender::Http1(sender) => {
                self.http2.set(Some(false));
                Ok(Ready::Http1 { sender, fresh: true })
            }
            Sender::Http2(sender, limit) => {
                self.http2.set(Some(true));
                let shared = Rc::new(Shared { sender, limit, open: Cell::new(0) });
                self.shared.borrow_mut().push(Rc::clone(&shared));
                Ok(Ready::Http2(StreamCount::new(&shared)))
            }
        }
    }

    fn keep(&self, sender: http1::SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= MAX_IDLE {
            idle.pop_front();
        }
        idle.push_back((sender, Instant::now()));
    }
}

impl Lease {
    /// The answer has been read to its end: the connection may be used again.
    pub(crate) fn finish(&mut self) {
        if let Held::Http1(pool, sender) = std::mem::replace(&mut self.0, Held::Spent) {
            pool.keep(sender);
        }
    }
}

impl Shared {
    fn has_room(&self) -> bool {
        self.open.get() < (self.limit)()
    }
}

impl StreamCount {
    fn new(shared: &Rc<Shared>) -> Self {
        shared.open.set(shared.open.get() + 1);
        Self(Rc::clone(shared))
    }
}

impl Drop for StreamCount {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}
