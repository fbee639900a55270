//! The process behind a transport over stdin and stdout.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Waiting, incoming};

/// How long a process may take to end once its stdin is closed, and again once it was asked to.
pub const END_GRACE: Duration = Duration::from_secs(2);

/// How much of what a process writes to stderr is kept: the last of it.
pub const STDERR_KEPT_BYTES: usize = 16 * 1024;

/// A command that is an MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// A command that cannot be started.
#[derive(Debug, Error)]
#[error("{program:?} cannot be started: {reason}")]
pub struct SpawnError {
    program: String,
    reason: io::Error,
}

/// A running process. Dropped without [`Process::end`], it is killed.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stderr: Rc<RefCell<VecDeque<u8>>>,
    pipes: JoinSet<()>,
}

impl Process {
    pub(super) fn start(
        command: &Command,
        lines: mpsc::Receiver<String>,
        outgoing: mpsc::WeakSender<String>,
        waiting: Rc<Waiting>,
    ) -> Result<Self, SpawnError> {
        let failed = |reason| SpawnError { program: command.program.clone(), reason };
        let mut child = tokio::process::Command::new(&command.program)
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C in the terminal is for us: we end our servers when we are done with them.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let missing = || failed(io::ErrorKind::BrokenPipe.into());
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let kept = Rc::new(RefCell::new(VecDeque::new()));
        let mut pipes = JoinSet::new();
        pipes.spawn_local(write(stdin, lines));
        let said = Rc::clone(&kept);
        pipes.spawn_local(async move {
            let reason = incoming::read(stdout, Rc::clone(&waiting), outgoing).await;
            let reason = match last_line(&said.borrow()) {
                Some(line) => format!("{reason}; its last words: {line}").into(),
                None => reason,
            };
            waiting.end(reason);
        });
        pipes.spawn_local(keep(stderr, Rc::clone(&kept)));
        Ok(Self { child, stderr: kept, pipes })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    pub(super) fn stderr(&self) -> String {
        let (front, back) = {
            let kept = self.stderr.borrow();
            let (front, back) = kept.as_slices();
            (front.to_vec(), back.to_vec())
        };
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }

    /// Waits for the end that closing stdin asks for; asks again with SIGTERM, then insists.
    pub(super) async fn end(mut self, grace: Duration) {
        if timeout(grace, self.child.wait()).await.is_ok() {
            self.pipes.shutdown().await;
            return;
        }
        if let Some(pid) = self.child.id()
            && runtime::process::terminate(pid)
            && timeout(grace, self.child.wait()).await.is_ok()
        {
            self.pipes.shutdown().await;
            return;
        }
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a server process could not be killed");
        }
        self.pipes.shutdown().await;
    }
}

/// Writes lines to the process until there are no more, then closes its stdin.
async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if let Err(error) = stdin.write_all(line.as_bytes()).await {
            tracing::debug!(%error, "the process reads no more");
            return;
        }
    }
}

/// Keeps the last [`STDERR_KEPT_BYTES`] of what the process says.
async fn keep(mut stderr: impl AsyncRead + Unpin, kept: Rc<RefCell<VecDeque<u8>>>) {
    let mut buffer = vec![0; 4096];
    while let Ok(read) = stderr.read(&mut buffer).await {
        if read == 0 {
            return;
        }
        let mut kept = kept.borrow_mut();
        kept.extend(&buffer[..read]);
        let surplus = kept.len().saturating_sub(STDERR_KEPT_BYTES);
        kept.drain(..surplus);
    }
}

/// The last line that says something, without what differs between processes.
fn last_line(kept: &VecDeque<u8>) -> Option<String> {
    let bytes: Vec<u8> = kept.iter().copied().collect();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(crate::client::generalise(line))
}
