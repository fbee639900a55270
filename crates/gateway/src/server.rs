//! The server: threads, listeners, connections, and the way down.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};
use runtime::listen::listeners;
use runtime::signal::Shutdown;
use runtime::workers::{Batching, Workers};
use tokio::time::{Instant, sleep, sleep_until};

use crate::accept;
use crate::metrics::Metrics;
use crate::mount::Mount;
use crate::settings::Settings;
use crate::state::Shared;
use crate::upstream::health;
use crate::usage::{UsageLog, Writer};
use crate::worker::Worker;

/// How often the way down looks whether all streams have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long streams that were cut may take to hand their last event to the client.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is in use, not ours, or not permitted.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// No thread, or no random bytes.
    #[error("cannot start: {0}")]
    Start(io::Error),
}

/// A server that listens but does not serve yet: connections wait in the kernel's backlog.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    workers: usize,
    writer: Writer,
    #[cfg(feature = "otel")]
    exporter: crate::traces::Exporter,
}

/// A hold on a running server. Clones hold the same one.
#[derive(Debug, Clone)]
pub struct Handle(Arc<Shared>);

impl Server {
    /// Opens the listeners. `usage_log` takes one JSON line for each answer.
    ///
    /// # Errors
    /// When the address cannot be had, or threads or random bytes cannot.
    pub fn bind(
        settings: Settings,
        usage_log: Option<Box<dyn Write + Send>>,
    ) -> Result<Self, ServeError> {
        let (address, workers) = (settings.listen, settings.workers);
        let listeners = listeners(address, workers)
            .and_then(|all| all[0].local_addr().map(|address| (all, address)))
            .map_err(|source| ServeError::Listen { address, source })?;
        let (listeners, address) = listeners;
        let mut seed = [0; 8];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| ServeError::Start(io::Error::other("no random bytes")))?;
        let metrics = Metrics::new();
        let (usage, writer) =
            UsageLog::start(usage_log, metrics.usage_lost.clone()).map_err(ServeError::Start)?;
        #[cfg(feature = "otel")]
        let (traces, exporter) =
            crate::traces::start(settings.traces.as_ref(), metrics.spans_lost.clone())
                .map_err(ServeError::Start)?;
        #[cfg_attr(not(feature = "otel"), expect(unused_mut, reason = "traces come after"))]
        let mut shared = Shared::new(settings, metrics, usage, u64::from_be_bytes(seed));
        #[cfg(feature = "otel")]
        {
            shared.traces = traces;
        }
        Ok(Self {
            shared: Arc::new(shared),
            listeners,
            address,
            workers,
            writer,
            #[cfg(feature = "otel")]
            exporter,
        })
    }

    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets other services answer at their paths. To be called once; a second call changes nothing.
    #[must_use]
    pub fn with_mounts(self, mounts: Vec<Mount>) -> Self {
        let _ = self.shared.mounts.set(mounts);
        self
    }

    /// A hold on the server for when it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Serves until `shutdown` asks to drain and the last stream has ended, or to abort. Blocks
    /// the calling thread.
    ///
    /// # Errors
    /// When a worker cannot start.
    pub fn run(self, shutdown: &Shutdown) -> Result<(), ServeError> {
        #[cfg(feature = "otel")]
        let exporter = self.exporter;
        let (shared, listeners, writer, workers) =
            (self.shared, self.listeners, self.writer, self.workers);
        let of_workers = Arc::clone(&shared);
        let shutdown = shutdown.clone();
        let listeners = std::sync::Mutex::new(listeners.into_iter().map(Some).collect::<Vec<_>>());
        let workers = Workers::start("gateway", workers, &Batching::default(), move |index| {
            let listener = listeners
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .get_mut(index)
                .and_then(Option::take);
            let (shared, shutdown) = (Arc::clone(&of_workers), shutdown.clone());
            async move {
                let worker = Worker::new(index, shared);
                tokio::select! {
                    biased;
                    () = shutdown.abort.cancelled() => {}
                    () = go_down(&worker, &shutdown) => {}
                    result = accept::serve(&worker, listener) => return result,
                    () = worker.keep_house() => {}
                    () = health::watch(&worker), if index == 0 => {}
                }
                Ok(())
            }
        })
        .map_err(ServeError::Start)?;
        let results = workers.join().map_err(ServeError::Start)?;
        let result = results.into_iter().collect::<io::Result<()>>().map_err(ServeError::Start);
        writer.finish();
        #[cfg(feature = "otel")]
        exporter.finish();
        result
    }
}

impl Handle {
    /// Puts another configuration in force without dropping a stream.
    ///
    /// # Errors
    /// When it changes what only a start can: address, number of workers, logs, or whether there are
    /// TLS and keys at all. The old one stays.
    pub fn reload(&self, settings: Settings) -> Result<(), ReloadError> {
        if let Some(error) = ReloadError::between(&self.0.state().settings, &settings) {
            self.count_refused_reload();
            return Err(error);
        }
        self.0.reload(settings);
        Ok(())
    }

    /// Counts a configuration that could not even be read.
    pub fn count_refused_reload(&self) {
        self.0.metrics.reloaded("refused");
    }
}

/// Why a changed configuration is not taken while running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// Listeners are opened once.
    #[error("`listen` changes only with a restart")]
    Listen,
    /// Threads are started once.
    #[error("`workers` changes only with a restart")]
    Workers,
    /// The file is opened once.
    #[error("`log.usage` changes only with a restart")]
    UsageLog,
    /// The exporter is started once.
    #[error("`traces` changes only with a restart")]
    Traces,
    /// Clients were told by which scheme to come; and a file that is read half saved must not open
    /// to everybody what was closed.
    #[error("`[tls]` comes and goes only with a restart")]
    Tls,
    /// As with TLS: a file without any key lets everybody in.
    #[error("the last `[[key]]` goes only with a restart")]
    Keys,
}

impl ReloadError {
    /// What of the new settings is not taken while the old ones run.
    fn between(old: &Settings, new: &Settings) -> Option<Self> {
        let same_traces = match (&new.traces, &old.traces) {
            (Some(new), Some(old)) => new.is_like(old),
            (new, old) => new.is_none() && old.is_none(),
        };
        let changes = [
            (new.listen != old.listen, Self::Listen),
            (new.workers != old.workers, Self::Workers),
            (new.usage_log != old.usage_log, Self::UsageLog),
            (!same_traces, Self::Traces),
            (new.tls.is_some() != old.tls.is_some(), Self::Tls),
            (new.keys.is_empty() && !old.keys.is_empty(), Self::Keys),
        ];
        changes.into_iter().find_map(|(changed, error)| changed.then_some(error))
    }
}

/// From the first signal to the end: readiness fails, then new streams are refused, running ones
/// get their time, and what is left is cut with an error event.
async fn go_down(worker: &Worker, shutdown: &Shutdown) {
    shutdown.drain.cancelled().await;
    let shared = &worker.shared;
    let state = shared.state();
    let began = Instant::now();
    shared.phase.unready.store(true, Ordering::Relaxed);
    shared.metrics.draining.set(1);
    let closes = began + state.settings.drain_notice;
    sleep_until(closes).await;
    shared.phase.closed.store(true, Ordering::Relaxed);
    shared.phase.closing.cancel();
    let ends = closes + state.settings.drain_timeout;
    let runs = || shared.metrics.open_streams.get() > 0 || shared.mounted_running() > 0;
    while runs() && Instant::now() < ends {
        sleep(LOOK_EVERY).await;
    }
    let left = shared.metrics.open_streams.get();
    if left > 0 {
        if worker.index == 0 {
            tracing::warn!(streams = left, "cut: the time to drain is over");
        }
        shared.phase.is_cut.store(true, Ordering::Release);
        shared.phase.cut.cancel();
    }
    // Connections finish what they are writing, and close.
    shared.phase.is_ended.store(true, Ordering::Release);
    shared.phase.end.cancel();
    worker.close_pools();
    let last = Instant::now() + LAST_WORDS;
    tokio::select! {
        () = worker.tasks.finished() => {}
        () = sleep_until(last) => {}
    }
}
