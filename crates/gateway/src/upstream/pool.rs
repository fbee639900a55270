//! One worker's connections to one upstream.
//!
//! HTTP/1.1: one request at a time on each, idle ones are used again, the latest first. HTTP/2:
//! as many requests on each as the peer allows, then one more connection; only one is opened at
//! a time, and all who wait for it go on in the turn in which it is there.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::uri::{self, Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header, response};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use wire::Dialect;

use super::answer::AnswerBody;
use super::connect::{ConnectError, Fresh, connect};
use super::http1::{self, Http1Error, Reading};
use super::http2::{Seat, Shared};
use crate::metrics::UpstreamMetrics;
use crate::request::show_key;
use crate::settings;
use crate::tasks::Tasks;

/// How long an unused connection is kept. Servers close theirs after 5 s (Uvicorn) to
/// 75 s (nginx); one that has been closed is noticed and never used.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// Unused HTTP/1.1 connections kept at most, for each worker: beyond, the oldest is closed.
const MAX_IDLE: usize = 4096;

/// Tries on connections that turn out to be dead before anything was sent. A fresh connection
/// follows at the latest then.
const STALE_TRIES: usize = 3;

/// Room for the head of a request; real ones are shorter, and longer ones grow.
const HEAD_BYTES: usize = 1024;

/// One worker's connections to one upstream.
pub(crate) struct Pool {
    upstream: Arc<settings::Upstream>,
    /// The upstream's place, as HTTP/2 and HTTP/1.1 write it.
    authority: Authority,
    host: HeaderValue,
    metrics: UpstreamMetrics,
    tasks: Tasks,
    reading: Rc<RefCell<Reading>>,
    idle: RefCell<VecDeque<(http1::Connection, Instant)>>,
    shared: RefCell<Vec<Rc<Shared>>>,
    /// Whether the upstream speaks HTTP/2; with TLS not known before the first connection.
    http2: Cell<Option<bool>>,
    /// Whether somebody opens a connection that others will share.
    opening: Cell<bool>,
    /// Wakes all who wait for it, at once: one after the other, as a lock lets them in, each would
    /// wait for everything else that the worker has to do, once for everybody before it.
    opened: Notify,
    /// How often opening has failed, and why it did last: whoever waited for it fails with it.
    failures: RefCell<(u64, Option<ConnectError>)>,
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
    pub(crate) head: response::Parts,
    pub(crate) body: AnswerBody,
}

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
    /// The upstream hung up before its answer, or its answer is no HTTP/1.1.
    #[error("{0}")]
    Http1(Http1Error),
    /// The upstream ended the request before its answer.
    #[error("{0}")]
    Http2(h2::Error),
}

/// A connection ready for one request.
enum Ready {
    Http1 { connection: http1::Connection, fresh: bool },
    Http2(Seat),
}

impl Pool {
    pub(crate) fn new(
        upstream: Arc<settings::Upstream>,
        metrics: UpstreamMetrics,
        tasks: Tasks,
        reading: Rc<RefCell<Reading>>,
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
            reading,
            idle: RefCell::default(),
            shared: RefCell::default(),
            http2: Cell::new(http2),
            opening: Cell::new(false),
            opened: Notify::new(),
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
        idle.retain_mut(|(connection, since)| {
            now.duration_since(*since) < IDLE_FOR && connection.is_idle()
        });
        let mut shared = self.shared.borrow_mut();
        shared.retain(|one| one.is_open() && !one.is_idle_for(IDLE_FOR, now));
    }

    /// `None` when the connection was dead before the upstream could have seen the request.
    async fn exchange(
        self: &Rc<Self>,
        ready: Ready,
        outgoing: &Outgoing,
    ) -> Result<Option<Exchange>, SendError> {
        match ready {
            Ready::Http1 { connection, fresh } => {
                let head = self.http1_head(outgoing)?;
                match connection.exchange(head, outgoing.body.clone(), &self.reading).await {
                    Ok((head, body)) => {
                        let body = AnswerBody::Http1(Box::new(body), Rc::clone(self));
                        Ok(Some(Exchange { head, body }))
                    }
                    Err(failed) if failed.heard || failed.sent && fresh => {
                        Err(SendError::Http1(failed.error))
                    }
                    // An idle connection that the upstream closes while we write: nothing came
                    // back, so the request counts as not begun (RFC 9112, section 9.3.1).
                    Err(_) => Ok(None),
                }
            }
            Ready::Http2(seat) => {
                let request = self.http2_request(outgoing)?;
                let answered = seat.exchange(request, outgoing.body.clone()).await;
                let answered = answered.map_err(SendError::Http2)?;
                Ok(answered.map(|(head, body)| Exchange { head, body: AnswerBody::Http2(body) }))
            }
        }
    }

    fn http2_request(&self, outgoing: &Outgoing) -> Result<Request<()>, SendError> {
        let mut uri = uri::Parts::default();
        uri.path_and_query = Some(self.path(outgoing)?);
        uri.scheme = Some(if self.upstream.origin.secure { Scheme::HTTPS } else { Scheme::HTTP });
        uri.authority = Some(self.authority.clone());
        let uri = Uri::from_parts(uri).map_err(|error| SendError::Request(error.into()))?;
        let mut request = Request::new(());
        *request.version_mut() = http::Version::HTTP_2;
        *request.method_mut() = outgoing.method.clone();
        *request.headers_mut() = self.headers(outgoing);
        *request.uri_mut() = uri;
        Ok(request)
    }

    /// The head of a request as it goes over the wire.
    fn http1_head(&self, outgoing: &Outgoing) -> Result<Bytes, SendError> {
        let (path, headers) = (self.path(outgoing)?, self.headers(outgoing));
        let mut head = BytesMut::with_capacity(HEAD_BYTES);
        let line = [outgoing.method.as_str(), " ", path.as_str(), " HTTP/1.1\r\nhost: "];
        line.iter().for_each(|part| head.put_slice(part.as_bytes()));
        head.put_slice(self.host.as_bytes());
        for (name, value) in &headers {
            head.put_slice(b"\r\n");
            head.put_slice(name.as_str().as_bytes());
            head.put_slice(b": ");
            head.put_slice(value.as_bytes());
        }
        head.put_slice(b"\r\n\r\n");
        Ok(head.freeze())
    }

    fn path(&self, outgoing: &Outgoing) -> Result<PathAndQuery, SendError> {
        let path = format!("{}{}", self.upstream.origin.prefix, outgoing.path);
        PathAndQuery::try_from(path).map_err(|error| SendError::Request(error.into()))
    }

    fn headers(&self, outgoing: &Outgoing) -> HeaderMap {
        let mut headers = outgoing.headers.clone();
        if let Some(key) = &self.upstream.key {
            show_key(&mut headers, outgoing.dialect, key);
        }
        if outgoing.method == Method::POST || !outgoing.body.is_empty() {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(outgoing.body.len()));
        }
        headers
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
            if self.opening.get() {
                self.wait_for_opening().await?;
                continue;
            }
            let _opening = Opening::new(self);
            return self.open().await.inspect_err(|error| {
                let mut failures = self.failures.borrow_mut();
                *failures = (failures.0 + 1, Some(error.clone()));
            });
        }
    }

    /// Waits until whoever opens a connection has done so, or has given it up.
    ///
    /// # Errors
    /// When it failed.
    async fn wait_for_opening(&self) -> Result<(), ConnectError> {
        let before = self.failures.borrow().0;
        self.opened.notified().await;
        match &*self.failures.borrow() {
            (count, Some(error)) if *count != before => Err(error.clone()),
            _ => Ok(()),
        }
    }

    fn reuse(&self) -> Option<Ready> {
        let mut idle = self.idle.borrow_mut();
        while let Some((mut connection, _)) = idle.pop_back() {
            if connection.is_idle() {
                return Some(Ready::Http1 { connection, fresh: false });
            }
        }
        let mut shared = self.shared.borrow_mut();
        shared.retain(|one| one.is_open());
        shared.iter().find(|one| one.has_room()).map(|one| Ready::Http2(one.seat()))
    }

    async fn open(self: &Rc<Self>) -> Result<Ready, ConnectError> {
        // Boxed: TLS and HTTP handshakes are large, and most requests need none of them.
        match Box::pin(connect(&self.upstream, &self.metrics, &self.tasks)).await? {
            Fresh::Http1(connection) => {
                self.http2.set(Some(false));
                Ok(Ready::Http1 { connection, fresh: true })
            }
            Fresh::Http2(shared) => {
                self.http2.set(Some(true));
                self.shared.borrow_mut().push(Rc::clone(&shared));
                Ok(Ready::Http2(shared.seat()))
            }
        }
    }

    /// Keeps a connection for another request.
    pub(super) fn keep(&self, connection: http1::Connection) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= MAX_IDLE {
            idle.pop_front();
        }
        idle.push_back((connection, Instant::now()));
    }
}

/// Held by whoever opens a connection that others wait for.
struct Opening<'a>(&'a Pool);

impl<'a> Opening<'a> {
    fn new(pool: &'a Pool) -> Self {
        pool.opening.set(true);
        Self(pool)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.opening.set(false);
        self.0.opened.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
