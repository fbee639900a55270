//! The server: listeners, worker threads, accept loop, drain.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use runtime::workers::{Batching, Workers};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::arrival::{self, Stamped};
use crate::config::Settings;
use crate::connection;
use crate::worker::{Shared, Worker};

/// How long a worker that cannot accept (no descriptors left) waits before it tries again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Why a server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A worker thread cannot be started.
    #[error("cannot start the worker threads")]
    Workers(#[source] io::Error),
}

/// A server that listens but does not serve yet. Clients that connect wait.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    listeners: Vec<TcpListener>,
    address: SocketAddr,
}

/// A server whose threads run.
#[derive(Debug)]
pub struct Running {
    workers: Workers<()>,
    address: SocketAddr,
}

impl Server {
    /// Listens on the settings' address, with one listener for each worker.
    ///
    /// # Errors
    /// When the address is in use, not ours, or not permitted.
    pub fn bind(settings: Settings) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Listen { address: settings.listen, source };
        let listeners =
            runtime::listen::listeners(settings.listen, settings.workers).map_err(failed)?;
        listeners.iter().try_for_each(arrival::stamp).map_err(failed)?;
        let address = match listeners.first() {
            Some(listener) => listener.local_addr().map_err(failed)?,
            None => settings.listen,
        };
        Ok(Self { settings, listeners, address })
    }

    /// The address it listens on; the port is the true one also when a free one was asked for.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the worker threads. When `stop` is cancelled they accept nothing new, let running
    /// answers finish as long as the settings allow, and end.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(self, stop: CancellationToken) -> Result<Running, ServerError> {
        let Self { settings, listeners, address } = self;
        let count = listeners.len();
        let shared = Arc::new(Shared::new(settings, count));
        let listeners: Arc<Mutex<Vec<TcpListener>>> = Arc::new(Mutex::new(listeners));
        let workers = Workers::start("simulator", count, &Batching::default(), move |index| {
            let worker_shared = Arc::clone(&shared);
            let listener = listeners.lock().unwrap_or_else(PoisonError::into_inner).pop();
            run_worker(worker_shared, index, listener, stop.clone())
        })
        .map_err(ServerError::Workers)?;
        Ok(Running { workers, address })
    }
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all workers have ended. Blocks the calling thread.
    ///
    /// # Errors
    /// When a worker could not run.
    ///
    /// # Panics
    /// When a worker panicked.
    pub fn join(self) -> Result<(), ServerError> {
        self.workers.join().map(|_| ()).map_err(ServerError::Workers)
    }
}

async fn run_worker(
    shared: Arc<Shared>,
    index: usize,
    listener: Option<TcpListener>,
    stop: CancellationToken,
) {
    let drain = shared.settings.drain;
    let worker = Worker::new(shared, index);
    let listener =
        listener.and_then(|listener| match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::error!(%error, index, "worker cannot listen");
                None
            }
        });
    let Some(listener) = listener else { return };
    let serving = async {
        stop.run_until_cancelled(accept(&worker, &listener)).await;
        drop(listener);
        worker.drain.begin();
        worker.tasks.close();
        if timeout(drain, worker.tasks.wait()).await.is_err() {
            tracing::warn!(index, left = worker.tasks.len(), "drain deadline passed");
        }
    };
    tokio::select! {
        () = serving => {}
        never = worker.wheel.drive() => match never {},
    }
}

async fn accept(worker: &Rc<Worker>, listener: &tokio::net::TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (stream, arrival) = Stamped::new(stream);
                let connection = connection::serve(Rc::clone(worker), stream, arrival);
                worker.tasks.spawn_local(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
