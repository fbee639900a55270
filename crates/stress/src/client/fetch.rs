//! One exchange whose answer is no stream of a dialect: a message, a file, a page of numbers.
//!
//! HTTP/1.1 alone, over TLS too. A request is written once: a call that was sent and lost must not
//! be hidden by sending it again.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wire::grammar;

use super::answer::{Answer, AnswerError, Fields, Sink};
use super::connection::Connection;
use super::connector::Connector;
use super::detail::{Detail, Wording, of_io};
use super::exchange::Reader;
use super::http_error::{HttpError, redirect};
use super::judge::Ending;
use super::request::Request;
use super::timer;

/// How long the rest of a body is awaited once the receiver has all it wants. It only decides
/// whether the connection can be used again.
pub const REST_LIMIT: Duration = Duration::from_millis(100);

/// Looks up a header field of the answer by its lower-case name; the first of a name counts.
pub type Lookup<'f> = dyn Fn(&str) -> Option<&'f [u8]> + 'f;

/// Receives an answer as it arrives. Called between two reads of a socket, so it must be quick.
pub trait Receiver {
    /// The head has arrived.
    fn head(&mut self, status: u16, fields: &Lookup<'_>, at: Instant);

    /// Data of the body has arrived, never empty.
    fn data(&mut self, data: &[u8], at: Instant);

    /// When all that is wanted had arrived; what may still come is of no interest.
    fn satisfied_at(&self) -> Option<Instant>;

    /// Whether the answer is not worth reading on: the connection is closed at once.
    fn refuses(&self) -> bool {
        false
    }
}

/// How an exchange went, beside what its receiver holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// How it ended.
    pub ending: FetchEnding,
    /// What opening a connection cost; `None` where one was open already, or none could be opened.
    pub connect: Option<Duration>,
    /// When the first byte of an answer arrived.
    pub first_byte_at: Option<Instant>,
    /// When it ended, the rest of the body included.
    pub ended_at: Instant,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEnding {
    /// The whole answer arrived, or all that the receiver wanted.
    Whole,
    /// No connection could be made.
    NotConnected(Detail),
    /// The connection broke or closed before the answer's end.
    Cut(Detail),
    /// The answer is not HTTP/1.1, or its framing is broken.
    Broken(Detail),
    /// The deadline passed.
    Deadline,
    /// The receiver refused the rest.
    Refused,
}

impl Connector {
    /// Sends `request` and hands the answer to `receiver`, until `deadline`.
    ///
    /// A connection in `kept` is used; one that can be used again is left there. It never fails:
    /// what went wrong is in the result. Cancel-safe: dropping it closes the connection.
    pub async fn fetch<R: Receiver>(
        &self,
        request: &Request,
        kept: &mut Option<Connection>,
        deadline: Instant,
        receiver: &mut R,
    ) -> Fetched {
        let mut fetch = Fetch { receiver, deadline, connect: None, first_byte_at: None };
        let mut sleep = pin!(sleep_until(deadline));
        let (ending, ended_at) = match kept.take() {
            Some(connection) => {
                fetch.connected(None);
                self.first_use(connection, &request.serialised, kept, &mut fetch, sleep).await
            }
            None => {
                let began = Instant::now();
                let open = self.open_for(&request.serialised);
                match timer::until(sleep.as_mut(), deadline, open).await {
                    Some(Ok((connection, written))) => {
                        fetch.connected(Some(began.elapsed()));
                        let unwritten = request.serialised.get(written..).unwrap_or_default();
                        self.first_use(connection, unwritten, kept, &mut fetch, sleep).await
                    }
                    Some(Err(detail)) => (Ending::NotConnected(detail), Instant::now()),
                    None => (Ending::Deadline, Instant::now()),
                }
            }
        };
        let ending = fetch.ending(ending);
        Fetched { ending, connect: fetch.connect, first_byte_at: fetch.first_byte_at, ended_at }
    }

    /// A connection, and how much of the request is already written on it.
    async fn open_for(&self, first: &[u8]) -> Result<(Connection, usize), Detail> {
        if self.is_secured() {
            return self.open_secured().await.map(|(connection, _)| (connection, 0));
        }
        let opened = self.open(first).await.map_err(|error| of_io(&error))?;
        Ok((Connection::plain(opened.stream), opened.written))
    }
}

/// A fetch under way: what the exchange asks of its reader.
struct Fetch<'a, R> {
    receiver: &'a mut R,
    deadline: Instant,
    connect: Option<Duration>,
    first_byte_at: Option<Instant>,
}

impl<R: Receiver> Fetch<'_, R> {
    fn ending(&self, ending: Ending) -> FetchEnding {
        if self.receiver.satisfied_at().is_some() {
            return FetchEnding::Whole;
        }
        match ending {
            Ending::Clean => FetchEnding::Whole,
            Ending::NotConnected(detail) => FetchEnding::NotConnected(detail),
            Ending::Cut(detail) => FetchEnding::Cut(detail),
            Ending::Broken(detail) => FetchEnding::Broken(detail),
            Ending::Deadline => FetchEnding::Deadline,
            Ending::Stopped => FetchEnding::Refused,
        }
    }
}

impl<R: Receiver> Reader for Fetch<'_, R> {
    fn connected(&mut self, took: Option<Duration>) {
        self.connect = took;
    }

    fn take(
        &mut self,
        answer: &mut Answer,
        read: &[u8],
        now: Instant,
        _scratch: &mut grammar::Scratch,
    ) -> Result<(), AnswerError> {
        answer.push(read, &mut Reading { fetch: self, now })
    }

    fn has_answer(&self) -> bool {
        self.first_byte_at.is_some()
    }

    fn is_decided(&self) -> bool {
        self.receiver.refuses()
    }

    fn deadline(&self) -> Instant {
        match self.receiver.satisfied_at() {
            Some(at) => self.deadline.min(at + REST_LIMIT),
            None => self.deadline,
        }
    }
}

/// A fetch at the moment of one read.
struct Reading<'a, 'b, R> {
    fetch: &'a mut Fetch<'b, R>,
    now: Instant,
}

impl<R: Receiver> Sink for Reading<'_, '_, R> {
    fn head_bytes(&mut self) {
        self.fetch.first_byte_at.get_or_insert(self.now);
    }

    fn interim(&mut self) {
        self.fetch.first_byte_at = None;
    }

    fn head<F: Fields + ?Sized>(&mut self, status: u16, fields: &F) {
        self.fetch.receiver.head(status, &|name| fields.field(name), self.now);
    }

    fn data(&mut self, data: &[u8]) {
        self.fetch.receiver.data(data, self.now);
    }
}

impl Fields for Lookup<'_> {
    fn field(&self, name: &str) -> Option<&[u8]> {
        self(name)
    }
}

/// The body of an answer whose status is not 2xx, kept as far as it can say why.
#[derive(Debug)]
pub struct StatusBody {
    error: HttpError,
    /// The detail of a redirect, which is all in its head.
    redirect: Option<Detail>,
}

impl StatusBody {
    /// An answer with this head.
    #[must_use]
    pub fn new(status: u16, fields: &Lookup<'_>) -> Self {
        let redirect = (300..400).contains(&status).then(|| redirect(status, fields));
        Self { error: HttpError::new(status, fields), redirect }
    }

    /// Keeps a piece of the body, as far as there is room; the rest is dropped.
    pub fn push(&mut self, data: &[u8]) {
        self.error.push(data);
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.error.status()
    }

    /// What was kept.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.error.body()
    }

    /// `HTTP 503 overloaded`.
    #[must_use]
    pub fn detail(&self) -> Detail {
        self.redirect.clone().unwrap_or_else(|| self.error.detail(Wording::General))
    }
}
