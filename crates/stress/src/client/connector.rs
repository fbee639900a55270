//! The connector of one worker: it opens connections and runs streams over them.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::detail::{Detail, Wording, of_io};
use super::exchange::{Reader, Scratch, exchange};
use super::http2::{self, Pool};
use super::judge::{Ending, Heads, Judge, Terms};
use super::request::Request;
use super::socket::{self, Opened};
use super::tls::{ALPN_HTTP2, TlsError, handshake_detail, server_name};
use super::{Deadlines, Minimum, Observer, StreamReport, timer};

/// Where and how to connect.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name that the server's certificate must be valid for: host without port or brackets.
    pub host: String,
    /// Resolved addresses with port, in the order in which they are tried; at least one.
    pub addresses: Vec<SocketAddr>,
    /// Addresses to connect from, in turn; empty for the system's choice. See
    /// [`loopback_sources`](super::loopback_sources).
    pub sources: Vec<IpAddr>,
    /// How the connection is secured.
    pub security: Security,
}

/// How connections are secured and which HTTP they speak.
#[derive(Debug, Clone)]
pub enum Security {
    /// Cleartext HTTP/1.1.
    Plain,
    /// Cleartext HTTP/2 with prior knowledge.
    PlainHttp2,
    /// TLS; the server chooses between HTTP/2 and HTTP/1.1 where both are offered.
    Tls(Arc<ClientConfig>),
}

/// Why a connector cannot be built.
#[derive(Debug, Error)]
pub enum ConnectorError {
    /// No address to connect to.
    #[error("the target's host has no address")]
    NoAddress,
    /// The host cannot be checked against a certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Opens connections and runs streams for the users of one worker. Not shared between threads.
#[derive(Debug)]
pub struct Connector {
    addresses: Vec<SocketAddr>,
    sources: Vec<IpAddr>,
    route: Route,
    /// The address that answered last: later users do not try dead ones first.
    preferred: Cell<usize>,
    next_source: Cell<usize>,
    scratch: RefCell<Scratch>,
    heads: Heads,
    wording: Wording,
    version: Cell<Option<HttpVersion>>,
    pool: Pool,
}

enum Route {
    Plain,
    PlainHttp2,
    Tls(TlsConnector, ServerName<'static>),
}

impl std::fmt::Debug for Route {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "Plain",
            Self::PlainHttp2 => "PlainHttp2",
            Self::Tls(..) => "Tls",
        })
    }
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// One request at a time over a connection.
    Http1,
    /// Many streams over a connection.
    Http2,
}

/// Why a user has no seat on a connection of HTTP/2.
enum NoSeat {
    /// No connection could be made.
    Failed(Detail),
    /// The server chose HTTP/1.1; this user's handshake found out, and has its connection.
    Http1(Box<Connection>),
    /// Another user's handshake has found out meanwhile.
    Http1Known,
}

impl Connector {
    /// A connector for one worker.
    ///
    /// # Errors
    /// [`ConnectorError`] for a target without addresses or with a host no certificate can name.
    pub fn new(target: &Target) -> Result<Self, ConnectorError> {
        if target.addresses.is_empty() {
            return Err(ConnectorError::NoAddress);
        }
        let route = match &target.security {
            Security::Plain => Route::Plain,
            Security::PlainHttp2 => Route::PlainHttp2,
            Security::Tls(config) => {
                Route::Tls(TlsConnector::from(Arc::clone(config)), server_name(&target.host)?)
            }
        };
        Ok(Self {
            addresses: target.addresses.clone(),
            sources: target.sources.clone(),
            route,
            preferred: Cell::new(0),
            next_source: Cell::new(0),
            scratch: RefCell::default(),
            heads: Heads::default(),
            wording: Wording::General,
            version: Cell::new(None),
            pool: Pool::default(),
        })
    }

    /// The `server` header of the first answer that had one.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.heads.server.get().map(Box::as_ref)
    }

    /// The ideal total that the first answer announced which announced one.
    #[must_use]
    pub fn ideal(&self) -> Option<Duration> {
        self.heads.ideal.get().copied()
    }

    /// The same connector, telling failures in this wording.
    #[must_use]
    pub fn wording(self, wording: Wording) -> Self {
        Self { wording, ..self }
    }

    /// The version of HTTP that the connections speak, once one stands.
    #[must_use]
    pub fn http_version(&self) -> Option<HttpVersion> {
        self.version.get()
    }

    /// Runs one stream: connects (or reuses `connection`), sends `request`, and judges the answer
    /// to its end. It never fails: what went wrong is in the report.
    ///
    /// `scheduled` is the time at which the stream was due where the load is open-loop; all times
    /// then count from it. A connection that can be used again is left in `connection`; one that
    /// turns out dead before the first byte of an answer is replaced once.
    ///
    /// Cancel-safe: dropping it closes the connection (or resets the HTTP/2 stream).
    pub async fn stream<O: Observer>(
        &self,
        request: &Request,
        connection: &mut Option<Connection>,
        scheduled: Option<Instant>,
        deadlines: &Deadlines,
        minimum: Minimum,
        observer: &O,
    ) -> StreamReport {
        let started_at = scheduled.unwrap_or_else(Instant::now);
        let terms = Terms {
            dialect: request.dialect(),
            deadlines: *deadlines,
            minimum,
            observer,
            heads: &self.heads,
            wording: self.wording,
        };
        let mut judge = Judge::new(&terms, started_at);
        let mut sleep = pin!(sleep_until(judge.deadline()));
        let (ending, at) = match self.route {
            Route::Plain => self.plain(request, connection, &mut judge, sleep.as_mut()).await,
            // Boxed: its future is large, and users of plain HTTP should not carry it.
            Route::PlainHttp2 | Route::Tls(..) => {
                Box::pin(self.negotiated(request, connection, &mut judge, sleep.as_mut())).await
            }
        };
        judge.report(&ending, at, &mut self.scratch.borrow_mut().grammar)
    }

    async fn plain<O: Observer>(
        &self,
        request: &Request,
        kept: &mut Option<Connection>,
        judge: &mut Judge<'_, O>,
        mut sleep: Pin<&mut Sleep>,
    ) -> (Ending, Instant) {
        if let Some(connection) = kept.take()
            && let Some(end) = self.reused(connection, request, kept, judge, sleep.as_mut()).await
        {
            return end;
        }
        let began = Instant::now();
        let open = self.open(&request.serialised);
        let opened = match timer::until(sleep.as_mut(), judge.deadline(), open).await {
            Some(Ok(opened)) => opened,
            Some(Err(error)) => return (Ending::NotConnected(of_io(&error)), Instant::now()),
            None => return (Ending::Deadline, Instant::now()),
        };
        judge.connected(Some(began.elapsed()));
        self.version.set(Some(HttpVersion::Http1));
        let connection = Connection::plain(opened.stream);
        let unwritten = &request.serialised[opened.written..];
        self.first_use(connection, unwritten, kept, judge, sleep).await
    }

    pub(super) async fn first_use<R: Reader>(
        &self,
        mut connection: Connection,
        unwritten: &[u8],
        kept: &mut Option<Connection>,
        judge: &mut R,
        sleep: Pin<&mut Sleep>,
    ) -> (Ending, Instant) {
        let ended = exchange(&mut connection, unwritten, judge, &self.scratch, sleep).await;
        *kept = ended.reusable.then_some(connection);
        (ended.ending, ended.at)
    }

    /// Tries a connection that was kept; `None` if the server had closed it meanwhile.
    async fn reused<O: Observer>(
        &self,
        mut connection: Connection,
        request: &Request,
        kept: &mut Option<Connection>,
        judge: &mut Judge<'_, O>,
        sleep: Pin<&mut Sleep>,
    ) -> Option<(Ending, Instant)> {
        judge.connected(None);
        let ended =
            exchange(&mut connection, &request.serialised, judge, &self.scratch, sleep).await;
        if matches!(ended.ending, Ending::Cut(_)) && !judge.has_answer() {
            return None;
        }
        *kept = ended.reusable.then_some(connection);
        Some((ended.ending, ended.at))
    }

    /// HTTP/2, or whatever the server chooses in its handshake. Until that is known, users of a
    /// burst wait for one of them to find out, lest each opens a connection that all could share.
    async fn negotiated<O: Observer>(
        &self,
        request: &Request,
        kept: &mut Option<Connection>,
        judge: &mut Judge<'_, O>,
        mut sleep: Pin<&mut Sleep>,
    ) -> (Ending, Instant) {
        if let Some(connection) = kept.take()
            && let Some(end) = self.reused(connection, request, kept, judge, sleep.as_mut()).await
        {
            return end;
        }
        if self.version.get() != Some(HttpVersion::Http1) {
            match self.multiplexed(request, judge, sleep.as_mut()).await {
                Ok(end) => return end,
                Err(Some(connection)) => {
                    let unwritten = &request.serialised;
                    return self.first_use(*connection, unwritten, kept, judge, sleep).await;
                }
                Err(None) => {}
            }
        }
        let began = Instant::now();
        match timer::until(sleep.as_mut(), judge.deadline(), self.open_secured()).await {
            Some(Ok((connection, _))) => {
                judge.connected(Some(began.elapsed()));
                self.first_use(connection, &request.serialised, kept, judge, sleep).await
            }
            Some(Err(detail)) => (Ending::NotConnected(detail), Instant::now()),
            None => (Ending::Deadline, Instant::now()),
        }
    }

    /// One stream over a shared connection; `Err` if the server speaks HTTP/1.1, with the
    /// connection if this user opened it.
    async fn multiplexed<O: Observer>(
        &self,
        request: &Request,
        judge: &mut Judge<'_, O>,
        mut sleep: Pin<&mut Sleep>,
    ) -> Result<(Ending, Instant), Option<Box<Connection>>> {
        let mut retried = false;
        loop {
            let began = Instant::now();
            let seat = self.pool.seat(|| self.open_shared(), NoSeat::Failed);
            let mut seat = match timer::until(sleep.as_mut(), judge.deadline(), seat).await {
                Some(Ok(seat)) => seat,
                Some(Err(NoSeat::Failed(detail))) => {
                    return Ok((Ending::NotConnected(detail), Instant::now()));
                }
                Some(Err(NoSeat::Http1(connection))) => {
                    judge.connected(Some(began.elapsed()));
                    return Err(Some(connection));
                }
                Some(Err(NoSeat::Http1Known)) => return Err(None),
                None => return Ok((Ending::Deadline, Instant::now())),
            };
            self.version.set(Some(HttpVersion::Http2));
            judge.connected(seat.opened_in());
            let ended =
                http2::exchange(&mut seat, request, judge, &self.scratch, sleep.as_mut()).await;
            if ended.unprocessed {
                seat.retire();
                if !judge.has_answer() && !retried {
                    retried = true;
                    continue;
                }
            }
            return Ok((ended.ending, ended.at));
        }
    }

    /// Opens a connection for all users of this worker.
    async fn open_shared(&self) -> Result<Connection, NoSeat> {
        if self.version.get() == Some(HttpVersion::Http1) {
            return Err(NoSeat::Http1Known);
        }
        let (connection, version) = self.open_secured().await.map_err(NoSeat::Failed)?;
        self.version.set(Some(version));
        match version {
            HttpVersion::Http2 => Ok(connection),
            HttpVersion::Http1 => Err(NoSeat::Http1(Box::new(connection))),
        }
    }

    /// Whether connections are encrypted.
    pub(super) fn is_secured(&self) -> bool {
        matches!(self.route, Route::Tls(..))
    }

    /// Opens a connection, with TLS where the target has it, and finds out what it speaks.
    pub(super) async fn open_secured(&self) -> Result<(Connection, HttpVersion), Detail> {
        let opened = self.open(&[]).await.map_err(|error| of_io(&error))?;
        let Route::Tls(connector, name) = &self.route else {
            return Ok((Connection::plain(opened.stream), HttpVersion::Http2));
        };
        let stream = connector
            .connect(name.clone(), opened.stream)
            .await
            .map_err(|error| handshake_detail(&error))?;
        let version = match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_HTTP2) => HttpVersion::Http2,
            _ => HttpVersion::Http1,
        };
        Ok((Connection::tls(stream), version))
    }

    /// Connects to the first address that answers, beginning with the one that did last, and
    /// writes what the connection takes of `first`.
    pub(super) async fn open(&self, first: &[u8]) -> std::io::Result<Opened> {
        let source = self.next_source();
        let count = self.addresses.len();
        let mut attempt = 0;
        loop {
            let index = (self.preferred.get() + attempt) % count;
            match socket::open(self.addresses[index], source, first).await {
                Ok(opened) => {
                    self.preferred.set(index);
                    return Ok(opened);
                }
                Err(error) if attempt + 1 == count => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    fn next_source(&self) -> Option<IpAddr> {
        let next = self.next_source.get();
        self.next_source.set(next.wrapping_add(1));
        self.sources.get(next % self.sources.len().max(1)).copied()
    }
}
