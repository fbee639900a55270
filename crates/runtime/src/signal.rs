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

/// Cancels `shutdown`'s tokens as signals arrive; returns after the second one with it.
/// Run it beside the server; dropping the future ends the watch.
///
/// # Errors
/// When the process cannot register signal handlers.
pub async fn watch(shutdown: &Shutdown) -> io::Result<Signal> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        }
    };
    let first = next().await;
    tracing::info!(signal = ?first, "draining");
    shutdown.drain.cancel();
    let second = next().await;
    tracing::warn!(signal = ?second, "stopping at once");
    shutdown.abort.cancel();
    Ok(second)
}
