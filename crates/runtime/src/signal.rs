//! SIGTERM and SIGINT: the first asks to finish what is under way, the second to stop at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Which signal arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: somebody pressed Ctrl-C.
    Interrupt,
    /// SIGTERM: a supervisor asks.
    Terminate,
}

/// The signals as two tokens, cancelled one after the other.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled by the first signal: take nothing new, finish what runs.
    pub drain: CancellationToken,
    /// Cancelled by the second signal: stop now.
    pub abort: CancellationToken,
}

/// SIGINT and SIGTERM, caught from [`Signals::register`] on.
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Catches the signals from now on. Call it in a runtime, before anybody is told that this
    /// process is ready: a signal that comes earlier ends the process as if nobody cared.
    ///
    /// # Errors
    /// When the process cannot register signal handlers.
    pub fn register() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Cancels `shutdown`'s tokens as signals arrive; returns after the second one with it.
    /// Run it beside the server; dropping the future ends the watch.
    pub async fn watch(mut self, shutdown: &Shutdown) -> Signal {
        let first = self.next().await;
        tracing::info!(signal = ?first, "draining");
        shutdown.drain.cancel();
        let second = self.next().await;
        tracing::warn!(signal = ?second, "stopping at once");
        shutdown.abort.cancel();
        second
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}
