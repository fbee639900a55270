//! The server on an address of its own: connections in, [`Service`] in the middle, the way down.

pub(super) mod range;
pub(super) mod service;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rmcp::ServerHandler;
use runtime::signal::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::Guard;
use super::sessions::SessionLimits;

pub use service::{Body, Service};

/// Pause after a refused accept: out of descriptors, most likely, and they do not come back by
/// asking at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often the way down looks whether all calls have ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long sessions may take to end, and then connections to write what they hold, once the calls
/// have ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Requests that one HTTP/2 connection may have under way.
const CLIENT_STREAMS: u32 = 256;

/// How the server listens and what it takes.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may ask.
    pub guard: Guard,
    /// The sessions of older clients.
    pub sessions: SessionLimits,
    /// Most connections; whoever comes then waits in the kernel's backlog.
    pub connections: usize,
    /// Largest body of a request: tool calls are small, files are named and not sent.
    pub body_bytes: usize,
    /// How long a client may take for the head of a request.
    pub head: Duration,
    /// How long running calls get after SIGTERM before they are cancelled.
    pub drain: Duration,
}

impl HttpSettings {
    /// Listens on this address, with bounds that one machine carries.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            guard: Guard::default(),
            sessions: SessionLimits::default(),
            connections: 2048,
            body_bytes: 4 * 1024 * 1024,
            head: Duration::from_secs(30),
            drain: Duration::from_secs(30),
        }
    }
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is in use, not ours, or not permitted.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

/// A server that listens but does not serve yet: connections wait in the kernel's backlog.
pub struct Http<H> {
    listener: TcpListener,
    address: SocketAddr,
    service: Service<H>,
    settings: HttpSettings,
}

impl<H: ServerHandler> Http<H> {
    /// Opens the listener. Call it in a runtime.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub fn bind(settings: HttpSettings, service: Service<H>) -> Result<Self, HttpError> {
        let address = settings.listen;
        let listen = || -> io::Result<(TcpListener, SocketAddr)> {
            let listener = runtime::listen::listeners(address, 1)?.remove(0);
            let listener = TcpListener::from_std(listener)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) =
            listen().map_err(|source| HttpError::Listen { address, source })?;
        Ok(Self { listener, address, service, settings })
    }

    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` asks to drain and the calls that run have ended, or to abort.
    pub async fn run(self, shutdown: &Shutdown) {
        let tasks = TaskTracker::new();
        let end = CancellationToken::new();
        let accepting = accept(&self.listener, &self.service, &self.settings, &tasks, &end);
        tokio::select! {
            biased;
            () = shutdown.abort.cancelled() => return,
            () = shutdown.drain.cancelled() => {}
            () = accepting => {}
            () = self.service.sessions().sweep() => {}
        }
        self.service.refuse_new();
        let ends = Instant::now() + self.settings.drain;
        let finish = async {
            while self.service.running() > 0 && Instant::now() < ends {
                sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            () = shutdown.abort.cancelled() => {}
            () = finish => {}
        }
        let left = self.service.running();
        if left > 0 {
            tracing::warn!(calls = left, "cancelled: the time to drain is over");
        }
        // Sessions and their open streams end; cancelled calls remove their temporaries.
        self.service.end().await;
        end.cancel();
        tasks.close();
        let last = Instant::now() + LAST_WORDS;
        tokio::select! {
            () = tasks.wait() => {}
            () = sleep_until(last) => {}
        }
    }
}

async fn accept<H: ServerHandler>(
    listener: &TcpListener,
    service: &Service<H>,
    settings: &HttpSettings,
    tasks: &TaskTracker,
    end: &CancellationToken,
) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        if open.load(Ordering::Relaxed) >= settings.connections {
            sleep(ACCEPT_PAUSE).await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let count = Count::new(&open);
                let (service, head, end) = (service.clone(), settings.head, end.clone());
                tasks.spawn(async move {
                    let _count = count;
                    converse(stream, service, head, end).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn converse<H: ServerHandler>(
    stream: TcpStream,
    service: Service<H>,
    head: Duration,
    end: CancellationToken,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(CLIENT_STREAMS);
    let service = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, std::convert::Infallible>(service.serve(request).await) }
    });
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        result = connection.as_mut() => return log_end(result),
        () = end.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    if let Ok(result) = timeout(LAST_WORDS, connection).await {
        log_end(result);
    }
}

fn log_end<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a client's connection ended");
    }
}

/// Counts an open connection.
struct Count(Arc<AtomicUsize>);

impl Count {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
