//! MCP over stdin and stdout: a command of ours, one JSON message a line each way.

mod incoming;
mod process;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::message;
use super::transport::{Ask, Failure, Phases, Reply};
use crate::client::Detail;
use process::Process;

pub use process::{Command, END_GRACE, STDERR_KEPT_BYTES, SpawnError};

/// Lines that wait for a server which does not read its stdin. Further calls wait for room, and
/// their time goes on.
pub const OUTGOING_LINES: usize = 64;

/// A running server and the calls that wait for its answers. Shared by the agents of one worker.
#[derive(Debug)]
pub struct StdioTransport {
    outgoing: mpsc::Sender<String>,
    waiting: Rc<Waiting>,
    process: RefCell<Option<Process>>,
    next_id: Cell<u64>,
}

/// Calls that have no result yet, by the id of their request.
#[derive(Debug, Default)]
struct Waiting {
    calls: RefCell<HashMap<u64, Slot>>,
    /// Why no further answer can come.
    ended: RefCell<Option<Detail>>,
}

/// One call that waits.
#[derive(Debug)]
struct Slot {
    answer: oneshot::Sender<Answered>,
    first_at: Option<Instant>,
    progress: u64,
}

/// A call's answer, as the reader of stdout saw it come.
#[derive(Debug)]
struct Answered {
    result: Result<Box<RawValue>, Failure>,
    at: Instant,
    first_at: Instant,
    progress: u64,
    bytes: u64,
}

impl StdioTransport {
    /// Starts the command. Needs a local runtime, which drives its pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &Command) -> Result<Self, SpawnError> {
        let (outgoing, lines) = mpsc::channel(OUTGOING_LINES);
        let waiting = Rc::new(Waiting::default());
        let process = Process::start(command, lines, outgoing.downgrade(), Rc::clone(&waiting))?;
        Ok(Self { outgoing, waiting, process: RefCell::new(Some(process)), next_id: Cell::new(1) })
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.borrow().as_ref().and_then(Process::pid)
    }

    /// The last lines that the process wrote to stderr.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.process.borrow().as_ref().map(Process::stderr).unwrap_or_default()
    }

    /// An id that no other request to this process has.
    pub fn next_id(&self) -> u64 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    /// Makes a request. Cancel-safe: an answer that comes after it was dropped is thrown away.
    pub async fn request(&self, id: u64, ask: Ask<'_>) -> Reply {
        let (sender, receiver) = oneshot::channel();
        let _guard = self.waiting.enter(id, sender);
        let line = message::request(id, ask.method, ask.params);
        let exchange = async {
            if self.outgoing.send(line).await.is_err() {
                return Err(self.waiting.reason());
            }
            receiver.await.map_err(|_| self.waiting.reason())
        };
        let answered = match self.waiting.has_ended() {
            true => Ok(Err(self.waiting.reason())),
            false => timeout_at(ask.deadline, exchange).await,
        };
        let (result, mut phases) = match answered {
            Ok(Ok(answered)) => {
                let first_byte = answered.first_at.saturating_duration_since(ask.started_at);
                let phases = Phases {
                    first_byte: Some(first_byte),
                    ended_at: answered.at,
                    progress: answered.progress,
                    bytes: answered.bytes,
                    ..unanswered(ask)
                };
                (answered.result, phases)
            }
            Ok(Err(reason)) => (Err(Failure::Transport(reason)), unanswered(ask)),
            Err(_) => {
                let limit = ask.deadline.saturating_duration_since(ask.started_at);
                (
                    Err(Failure::Timeout(format!("no response within {limit:?}").into())),
                    unanswered(ask),
                )
            }
        };
        phases.progress = phases.progress.max(self.waiting.progress_of(id));
        Reply { result, phases }
    }

    /// Sends a notification.
    ///
    /// # Errors
    /// When the process has ended or does not read until the deadline.
    pub async fn notify(
        &self,
        method: &str,
        params: &Value,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let sent = self.outgoing.send(message::notification(method, params));
        match timeout_at(deadline, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Failure::Transport(self.waiting.reason())),
            Err(_) => Err(Failure::Timeout("the process does not read its stdin".into())),
        }
    }

    /// Ends the process as MCP asks: its stdin closes, and only if it stays is it made to end.
    pub async fn end(self) {
        let Self { outgoing, process, .. } = self;
        drop(outgoing);
        if let Some(process) = process.into_inner() {
            process.end(END_GRACE).await;
        }
    }
}

/// The phases of a call that nothing came back for.
fn unanswered(ask: Ask<'_>) -> Phases {
    Phases {
        started_at: ask.started_at,
        connect: None,
        first_byte: None,
        ended_at: Instant::now(),
        progress: 0,
        bytes: 0,
    }
}

/// Takes a call from those that wait when its future ends, however that happens.
struct Entered<'a> {
    waiting: &'a Waiting,
    id: u64,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.waiting.calls.borrow_mut().remove(&self.id);
    }
}

impl Waiting {
    fn enter(&self, id: u64, answer: oneshot::Sender<Answered>) -> Entered<'_> {
        let slot = Slot { answer, first_at: None, progress: 0 };
        self.calls.borrow_mut().insert(id, slot);
        Entered { waiting: self, id }
    }

    fn settle(&self, id: u64, result: Result<Box<RawValue>, Failure>, bytes: usize, at: Instant) {
        let Some(slot) = self.calls.borrow_mut().remove(&id) else {
            tracing::debug!(id, "an answer that nobody waits for");
            return;
        };
        let answered = Answered {
            result,
            at,
            first_at: slot.first_at.unwrap_or(at),
            progress: slot.progress,
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        };
        // A call that was dropped meanwhile wants no answer.
        let _ = slot.answer.send(answered);
    }

    fn count_progress(&self, id: u64, at: Instant) {
        if let Some(slot) = self.calls.borrow_mut().get_mut(&id) {
            slot.progress += 1;
            slot.first_at.get_or_insert(at);
        }
    }

    fn progress_of(&self, id: u64) -> u64 {
        self.calls.borrow().get(&id).map_or(0, |slot| slot.progress)
    }

    /// No further answer can come: all that wait are told why.
    fn end(&self, reason: Detail) {
        self.ended.borrow_mut().get_or_insert(reason);
        self.calls.borrow_mut().clear();
    }

    fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    fn reason(&self) -> Detail {
        self.ended.borrow().clone().unwrap_or_else(|| "the process closed its stdin".into())
    }
}

#[cfg(test)]
mod tests;
