//! `weir mcp`: the media tools for agents, over stdio or streamable HTTP.

use std::io::{self, Read};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use media::Threads;
use media::server::guard::Guard;
use media::server::{Files, Handler, Http, HttpSettings, Service, stdio};
use media::settings::GuardSettings;
use media::tools::Live;
use runtime::secret::Secret;
use runtime::signal::{Shutdown, Signals};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::args::media::{McpArgs, Transport};
use crate::exit_code::{CommandResult, Failure, INTERRUPTED, MET};
use crate::media_setup::Plan;
use crate::paint;

/// The product's version, which agents are told.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where `--transport http` listens unless told otherwise: as the reference server does.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 8000;

/// Threads at least: a trivial call is answered beside the transfers also on one core.
const FEWEST_THREADS: usize = 2;

/// How long threads that still write may take once everything has ended.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Opens the folders and serves until told to end.
pub(crate) fn run(args: &McpArgs) -> CommandResult {
    let listen = listen(args).map_err(Failure::usage)?;
    let (media, config) = (args.media.media.media.as_deref(), args.media.config.as_deref());
    let plan = Plan::read(media, config).map_err(Failure::environment)?;
    if args.check {
        plan.need_places().map_err(Failure::environment)?;
        return Ok(MET);
    }
    let runtimes = Runtimes::start().context("failed to start the threads")?;
    let plan = plan.on(runtimes.of_transfers());
    runtime::limits::raise_open_files();
    let code = runtimes.of_calls.block_on(serve(args, &plan, listen));
    runtimes.end();
    code
}

/// The threads of a media server: those that answer, and those that move bytes and give way to them.
pub(crate) struct Runtimes {
    pub(crate) of_calls: Runtime,
    of_transfers: Runtime,
}

impl Runtimes {
    /// Starts both.
    pub(crate) fn start() -> io::Result<Self> {
        let of_transfers =
            builder("transfer").on_thread_start(runtime::background::give_way).build()?;
        Ok(Self { of_calls: runtime()?, of_transfers })
    }

    /// Where transfers run.
    pub(crate) fn of_transfers(&self) -> Threads {
        Threads::of(self.of_transfers.handle().clone())
    }

    /// Ends both, when what is left of writing has had its time.
    pub(crate) fn end(self) {
        let last = Instant::now() + LAST_WRITES;
        self.of_calls.shutdown_timeout(LAST_WRITES);
        self.of_transfers.shutdown_timeout(last.saturating_duration_since(Instant::now()));
    }
}

/// The runtime of calls, or of everything where nobody else has to be answered: tasks move between its
/// threads, so that a short call never waits behind a long one.
pub(crate) fn runtime() -> io::Result<Runtime> {
    builder("media").build()
}

fn builder(name: &str) -> Builder {
    let threads = runtime::workers::per_core().max(FEWEST_THREADS);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).thread_name(name).enable_all();
    builder
}

async fn serve(args: &McpArgs, plan: &Plan, listen: Option<SocketAddr>) -> CommandResult {
    let signals = Signals::register().context("failed to watch for signals")?;
    let media = Live::new(plan.open().await.map_err(Failure::environment)?);
    let shutdown = Shutdown::default();
    if args.until_stdin_closes {
        let drain = shutdown.drain.clone();
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
            drain.cancel();
        });
    }
    let serving = async {
        match listen {
            Some(address) => over_http(guard(args, plan, address), address, media, &shutdown).await,
            None => over_stdio(media, &shutdown).await,
        }
    };
    tokio::select! {
        result = serving => result?,
        _ = signals.watch(&shutdown) => {}
    }
    // The second signal cuts what the first one would have let finish.
    Ok(if shutdown.abort.is_cancelled() { INTERRUPTED } else { MET })
}

async fn over_stdio(media: Live, shutdown: &Shutdown) -> Result<(), Failure> {
    let handler = Handler::new(media, VERSION);
    stdio::serve(handler, shutdown).await.map_err(Failure::environment)
}

async fn over_http(
    guard: Guard,
    address: SocketAddr,
    media: Live,
    shutdown: &Shutdown,
) -> Result<(), Failure> {
    let settings = HttpSettings { guard, ..HttpSettings::new(address) };
    if settings.guard.key.is_none() && !address.ip().is_loopback() {
        paint::say(format_args!(
            "warning: {address} takes requests from everybody: set WEIR_MCP_KEY, or key_env in \
             [media.guard]"
        ));
    }
    let http =
        Http::bind(settings.clone(), service(&settings, media)).map_err(Failure::environment)?;
    paint::data(&format!("http://{}\n", http.address())).context("failed to write to stdout")?;
    http.run(shutdown).await;
    Ok(())
}

/// The tools as a service for HTTP.
pub(crate) fn service(settings: &HttpSettings, media: Live) -> Service<Handler> {
    let handler = Handler::new(media.clone(), VERSION);
    let files = Arc::new(Files::new(media));
    Service::new(settings, move || handler.for_next_caller(), Some(files))
}

/// Who may ask: as the options say, then the file, then the environment.
fn guard(args: &McpArgs, plan: &Plan, address: SocketAddr) -> Guard {
    let settings = GuardSettings {
        hosts: either(&args.allow_host, &plan.guard().hosts),
        origins: either(&args.allow_origin, &plan.guard().origins),
        key: plan.guard().key.clone().or_else(key),
    };
    Guard::of(settings, address)
}

fn either(said: &[String], otherwise: &[String]) -> Vec<String> {
    if said.is_empty() { otherwise.to_vec() } else { said.to_vec() }
}

fn key() -> Option<Secret> {
    let key = std::env::var_os("WEIR_MCP_KEY")?.into_string().ok()?;
    (!key.is_empty()).then(|| Secret::new(key))
}

/// The address for HTTP; `None` for stdio.
fn listen(args: &McpArgs) -> anyhow::Result<Option<SocketAddr>> {
    if args.listen.is_some() {
        return Ok(args.listen);
    }
    if args.transport != Some(Transport::Http) {
        if args.host.is_some() || args.port.is_some() {
            return Err(anyhow!("--host and --port need --transport http"));
        }
        return Ok(None);
    }
    let host = args.host.as_deref().unwrap_or(HOST);
    let named = (host, args.port.unwrap_or(PORT));
    let mut found = named.to_socket_addrs().with_context(|| format!("--host {host}"))?;
    Ok(Some(found.next().with_context(|| format!("--host {host} has no address"))?))
}
