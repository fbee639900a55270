//! MCP over streamable HTTP: every request is a `POST`, its answer is JSON or an event stream.

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::time::Instant;
use wire::sse;

use super::message::{self, MAX_MESSAGE_BYTES, Message};
use super::transport::{Ask, Failure, Phases, Reply};
use crate::client::{
    Connection, Connector, Detail, FetchEnding, Fetched, Lookup, Receiver, Request, RequestParts,
    StatusBody, generalise,
};
use crate::config::Header;
use crate::target_url::TargetUrl;

/// Idle connections that one agent keeps. A call beyond them opens its own.
pub const MAX_IDLE_CONNECTIONS: usize = 256;

/// A connection idle for longer is not used again: servers close theirs after 5 s (uvicorn, node),
/// and a call that meets the close would be counted as broken.
pub const MAX_IDLE: Duration = Duration::from_secs(2);

/// Longest session id that is kept, in bytes. The specification sets none; UUIDs have 36, signed
/// tokens some hundred.
pub const MAX_SESSION_ID_BYTES: usize = 4096;

/// The endpoint of a server, with what all requests to it have in common.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where it is.
    pub url: TargetUrl,
    /// The user's headers, the key among them.
    pub headers: Vec<Header>,
}

/// One agent's connections to an endpoint, and its session there.
#[derive(Debug)]
pub struct HttpTransport {
    connector: Rc<Connector>,
    endpoint: Rc<Endpoint>,
    idle: RefCell<Vec<(Connection, Instant)>>,
    next_id: Cell<u64>,
    session: RefCell<Option<String>>,
    revision: Cell<Option<&'static str>>,
    /// Requests name themselves in headers (2026-07-28).
    names_itself: Cell<bool>,
}

impl HttpTransport {
    /// A transport without a session.
    #[must_use]
    pub fn new(connector: Rc<Connector>, endpoint: Rc<Endpoint>) -> Self {
        Self {
            connector,
            endpoint,
            idle: RefCell::default(),
            next_id: Cell::new(1),
            session: RefCell::default(),
            revision: Cell::new(None),
            names_itself: Cell::new(false),
        }
    }

    /// The revision that further requests name, and whether they name themselves in headers.
    pub fn speak(&self, revision: &'static str, names_itself: bool) {
        self.revision.set(Some(revision));
        self.names_itself.set(names_itself);
    }

    /// An id that no other request of this transport has.
    pub fn next_id(&self) -> u64 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// The session that the server opened, if it did.
    #[must_use]
    pub fn session_id(&self) -> Option<String> {
        self.session.borrow().clone()
    }

    /// Makes a request. Cancel-safe: dropping it closes its connection, which is what
    /// cancelling means in the 2026-07-28 revision.
    pub async fn request(&self, id: u64, ask: Ask<'_>) -> Reply {
        let body = message::request(id, ask.method, ask.params);
        let request = match self.post(body, ask.method, ask.name) {
            Ok(request) => request,
            Err(detail) => return unsent(ask.started_at, Failure::Protocol(detail)),
        };
        let mut answer = Answer::to(id);
        let fetched = self.fetch(&request, ask.deadline, &mut answer).await;
        if ask.method == "initialize"
            && let Some(session) = answer.session.take()
        {
            *self.session.borrow_mut() = Some(session);
        }
        answer.reply(&fetched, ask)
    }

    /// Sends a notification; the server takes it with 202.
    ///
    /// # Errors
    /// When the server does not take it.
    pub async fn notify(
        &self,
        method: &str,
        params: &serde_json::Value,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let body = message::notification(method, params);
        let request = self.post(body, method, None).map_err(Failure::Protocol)?;
        let mut answer = Answer::to(0);
        answer.expects_nothing = true;
        let fetched = self.fetch(&request, deadline, &mut answer).await;
        match (&fetched.ending, answer.status) {
            (FetchEnding::Whole, Some(200..=299)) => Ok(()),
            _ => Err(answer.failure(&fetched.ending)),
        }
    }

    /// Ends the session, where there is one. Servers may refuse (405); nobody minds.
    pub async fn end_session(&self, deadline: Instant) {
        if self.session.borrow().is_none() {
            return;
        }
        if let Ok(request) = self.draft("DELETE", Bytes::new(), None) {
            let mut answer = Answer::to(0);
            answer.expects_nothing = true;
            let fetched = self.fetch(&request, deadline, &mut answer).await;
            tracing::debug!(ending = ?fetched.ending, status = ?answer.status, "session ended");
        }
    }

    /// Runs an exchange over an idle connection, or a new one, and keeps it for the next.
    async fn fetch(&self, request: &Request, deadline: Instant, answer: &mut Answer) -> Fetched {
        let mut connection = self.take_idle();
        let fetched = self.connector.fetch(request, &mut connection, deadline, answer).await;
        let mut idle = self.idle.borrow_mut();
        if let Some(connection) = connection
            && idle.len() < MAX_IDLE_CONNECTIONS
        {
            idle.push((connection, Instant::now()));
        }
        fetched
    }

    /// The connection used last, if the server has not closed it.
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some((mut connection, since)) = idle.pop() {
            if since.elapsed() <= MAX_IDLE && connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    fn post(&self, body: String, method: &str, name: Option<&str>) -> Result<Request, Detail> {
        let named = self.names_itself.get().then_some((method, name));
        self.draft("POST", Bytes::from(body), named)
    }

    fn draft(
        &self,
        verb: &str,
        body: Bytes,
        named: Option<(&str, Option<&str>)>,
    ) -> Result<Request, Detail> {
        let plain = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            plain("user-agent", concat!("weir/", env!("CARGO_PKG_VERSION"))),
            plain("accept", "application/json, text/event-stream"),
        ];
        if !body.is_empty() {
            headers.push(plain("content-type", "application/json"));
        }
        if let Some(revision) = self.revision.get() {
            headers.push(plain("mcp-protocol-version", revision));
        }
        if let Some(session) = &*self.session.borrow() {
            headers.push(plain("mcp-session-id", session));
        }
        if let Some((method, name)) = named {
            headers.push(plain("mcp-method", method));
            headers.extend(name.map(|name| plain("mcp-name", &header_text(name))));
        }
        let theirs = &self.endpoint.headers;
        headers.retain(|(name, _)| !theirs.iter().any(|header| header.name == *name));
        headers.extend(theirs.iter().map(|header| plain(&header.name, header.value.expose())));
        let url = &self.endpoint.url;
        Request::new(&RequestParts {
            dialect: wire::Dialect::Text,
            method: verb,
            scheme: if url.tls { "https" } else { "http" },
            authority: &url.authority(),
            path: &url.path,
            headers: &headers,
            body,
        })
        .map_err(|error| error.to_string().into())
    }
}

/// A value as it may stand in a header: text that headers cannot hold goes as base64, marked as
/// the 2026-07-28 revision says.
fn header_text(value: &str) -> String {
    let plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && value.trim() == value
        && !value.starts_with("=?base64?");
    if plain { value.to_owned() } else { format!("=?base64?{}?=", BASE64_STANDARD.encode(value)) }
}

/// The reply to a request that was never sent.
fn unsent(started_at: Instant, failure: Failure) -> Reply {
    let phases = Phases {
        started_at,
        connect: None,
        first_byte: None,
        ended_at: Instant::now(),
        progress: 0,
        bytes: 0,
    };
    Reply { result: Err(failure), phases }
}

/// How an answer's body is read.
#[derive(Debug)]
enum Body {
    /// No head yet.
    Unknown,
    /// One message.
    Json(Vec<u8>),
    /// Messages as events.
    Events(Box<sse::Parser>),
    /// An error's body.
    Status(Box<StatusBody>),
}

/// The answer to one request, as it arrives.
#[derive(Debug)]
struct Answer {
    id: u64,
    expects_nothing: bool,
    status: Option<u16>,
    session: Option<String>,
    body: Body,
    result: Option<Result<Box<RawValue>, Failure>>,
    result_at: Option<Instant>,
    progress: u64,
    bytes: u64,
}

impl Answer {
    fn to(id: u64) -> Self {
        Self {
            id,
            expects_nothing: false,
            status: None,
            session: None,
            body: Body::Unknown,
            result: None,
            result_at: None,
            progress: 0,
            bytes: 0,
        }
    }

    fn settle(&mut self, result: Result<Box<RawValue>, Failure>, at: Instant) {
        if self.result.is_none() {
            self.result = Some(result);
            self.result_at = Some(at);
        }
    }

    fn refuse(&mut self, detail: impl Into<Detail>, at: Instant) {
        self.settle(Err(Failure::Protocol(detail.into())), at);
    }

    /// Takes one message, whole.
    fn message(&mut self, bytes: &[u8], at: Instant) {
        match message::read(bytes) {
            Ok(Message::Result { id, result }) if id == self.id => {
                self.settle(Ok(result.to_owned()), at);
            }
            Ok(Message::Error { id, error }) if id.is_none_or(|id| id == self.id) => {
                self.settle(Err(Failure::Rpc(error)), at);
            }
            Ok(Message::Result { .. } | Message::Error { .. }) => {
                self.refuse("a response to another request came instead", at);
            }
            Ok(Message::Notification { method, .. }) => {
                self.progress += u64::from(method == "notifications/progress");
            }
            Ok(Message::Request { method, .. }) if method == "ping" => {}
            Ok(Message::Request { method, .. }) => {
                let method = generalise(&method);
                self.refuse(
                    format!("the server asks the client for {method}, which it did not offer"),
                    at,
                );
            }
            Err(error) => self.refuse(error.to_string(), at),
        }
    }

    /// A JSON body is a message only once it is whole.
    fn finish(&mut self, ended_at: Instant) {
        if let Body::Json(bytes) = &mut self.body
            && !bytes.is_empty()
        {
            let bytes = mem::take(bytes);
            self.message(&bytes, ended_at);
        }
    }

    fn reply(mut self, fetched: &Fetched, ask: Ask<'_>) -> Reply {
        if fetched.ending == FetchEnding::Whole {
            self.finish(fetched.ended_at);
        }
        let ended_at = self.result_at.unwrap_or(fetched.ended_at);
        let result = match self.result.take() {
            Some(result) => result,
            None => Err(match fetched.ending {
                FetchEnding::Deadline => Failure::Timeout(self.timeout(ask)),
                ref ending => self.failure(ending),
            }),
        };
        let first_byte =
            fetched.first_byte_at.map(|at| at.saturating_duration_since(ask.started_at));
        let phases = Phases {
            started_at: ask.started_at,
            connect: fetched.connect,
            first_byte,
            ended_at,
            progress: self.progress,
            bytes: self.bytes,
        };
        Reply { result, phases }
    }

    fn timeout(&self, ask: Ask<'_>) -> Detail {
        let limit = ask.deadline.saturating_duration_since(ask.started_at);
        let limit = crate::notation::duration_text(Duration::from_millis(
            u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        ));
        match self.status {
            None => format!("no response within {limit}").into(),
            Some(_) => format!("no result within {limit}, though an answer had begun").into(),
        }
    }

    /// What a call without a result failed of.
    fn failure(&self, ending: &FetchEnding) -> Failure {
        if let Body::Status(body) = &self.body {
            return match message::read(body.body()) {
                Ok(Message::Error { error, .. }) => Failure::Rpc(error),
                _ => Failure::Status(body.status(), body.detail()),
            };
        }
        match ending {
            FetchEnding::NotConnected(detail) => Failure::Transport(detail.clone()),
            FetchEnding::Cut(detail) if self.status.is_none() => {
                Failure::Transport(format!("{detail} before a response").into())
            }
            FetchEnding::Cut(detail) => {
                Failure::Transport(format!("{detail} before the result").into())
            }
            FetchEnding::Broken(detail) => Failure::Protocol(detail.clone()),
            FetchEnding::Deadline => Failure::Timeout("no response in time".into()),
            FetchEnding::Whole | FetchEnding::Refused => {
                Failure::Protocol("the answer ended without this call's result".into())
            }
        }
    }
}

impl Receiver for Answer {
    fn head(&mut self, status: u16, fields: &Lookup<'_>, at: Instant) {
        self.status = Some(status);
        self.session = fields("mcp-session-id")
            .filter(|id| id.len() <= MAX_SESSION_ID_BYTES && id.iter().all(u8::is_ascii_graphic))
            .map(|id| String::from_utf8_lossy(id).into_owned());
        if !(200..300).contains(&status) {
            self.body = Body::Status(Box::new(StatusBody::new(status, fields)));
            return;
        }
        if self.expects_nothing {
            return;
        }
        let kind = fields("content-type").map(String::from_utf8_lossy).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => self.body = Body::Json(Vec::new()),
            "text/event-stream" => {
                self.body = Body::Events(Box::new(sse::Parser::with_limit(MAX_MESSAGE_BYTES)))
            }
            "" => self.refuse(format!("HTTP {status} without a content type"), at),
            other => {
                let other = generalise(other);
                self.refuse(format!("HTTP {status} with {other} instead of JSON or events"), at);
            }
        }
    }

    fn data(&mut self, data: &[u8], at: Instant) {
        self.bytes += u64::try_from(data.len()).unwrap_or(u64::MAX);
        match &mut self.body {
            Body::Unknown => {}
            Body::Json(bytes) if bytes.len() + data.len() <= MAX_MESSAGE_BYTES => {
                bytes.extend_from_slice(data);
            }
            Body::Json(_) => self.refuse("the message is longer than 16 MiB", at),
            Body::Status(body) => body.push(data),
            Body::Events(parser) => {
                // The parser is taken out so that its events can be handed to ourselves.
                let mut parser = mem::replace(parser, Box::new(sse::Parser::with_limit(0)));
                let pushed = parser.push(data, |event| self.message(event.data, at));
                self.body = Body::Events(parser);
                if let Err(error) = pushed {
                    self.refuse(error.to_string(), at);
                }
            }
        }
    }

    fn satisfied_at(&self) -> Option<Instant> {
        // A refusal is no reason to keep the connection.
        self.result_at.filter(|_| !self.refuses())
    }

    fn refuses(&self) -> bool {
        matches!(self.result, Some(Err(Failure::Protocol(_))))
    }
}

#[cfg(test)]
mod tests;
