//! `weir serve`: the gateway.

mod mounted;
mod reload;
mod usage_file;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};
use gateway::Server;
use runtime::signal::{Shutdown, Signals};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServeArgs;
use crate::exit_code::{CommandResult, Failure, INTERRUPTED, MET};
use crate::paint;
use mounted::Mounted;
use reload::{Loaded, Origin, Running, Source, Watched};
use usage_file::UsageFile;

/// Where the configuration is looked for when nothing is said.
const DEFAULT_CONFIG: &str = "weir.toml";

/// Checks everything, listens, prints the base URL and serves until told to end.
pub(crate) fn run(args: &ServeArgs) -> CommandResult {
    let source = source(args)?;
    let Loaded { settings, media, watched } =
        reload::load(&source).map_err(Failure::environment)?;
    if let Some(path) = &settings.usage_log {
        usage_file::check(path).map_err(|error| no_log(path, error))?;
    }
    if args.check {
        return Ok(MET);
    }
    if settings.keys.is_empty() && !settings.listen.ip().is_loopback() {
        paint::say(format_args!(
            "warning: {} takes requests from everybody: make keys by `weir key new`",
            settings.listen
        ));
    }
    warn_of_few_files(runtime::limits::raise_open_files(), settings.limits.open_streams);
    let usage_log = settings.usage_log.as_deref().map(open_log).transpose()?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let listen = settings.listen;
    let mut server = Server::bind(settings, usage_log).map_err(Failure::environment)?;
    let shutdown = Shutdown::default();
    // Lives as long as the gateway: its threads answer what is mounted.
    let mounted = media.map(|plan| Mounted::open(plan, listen)).transpose();
    let mounted = mounted.map_err(Failure::environment)?;
    if let Some(mounted) = &mounted {
        server = server.with_mounts(mounted.mounts());
    }
    let media = mounted.as_ref().map(Mounted::reloader);
    let running = Running { gateway: server.handle(), media };
    watch(shutdown.clone(), source, watched, running)?;
    paint::data(&format!("{scheme}://{}\n", server.address()))
        .context("failed to write to stdout")?;
    if args.until_stdin_closes {
        let drain = shutdown.drain.clone();
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
            drain.cancel();
        });
    }
    server.run(&shutdown).map_err(|error| anyhow!(error))?;
    if let Some(mounted) = mounted {
        mounted.end();
    }
    // The second signal cuts what the first one would have let finish.
    Ok(if shutdown.abort.is_cancelled() { INTERRUPTED } else { MET })
}

fn source(args: &ServeArgs) -> Result<Source, Failure> {
    let (listen, media) = (args.listen, args.media.media.clone());
    if let Some(url) = &args.upstream {
        let (url, http2, open_streams) = (url.clone(), args.http2, args.open_streams);
        let origin = Origin::Upstream { url, http2, open_streams };
        return Ok(Source { origin, listen, media });
    }
    let file = args.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    if args.config.is_none() && !file.exists() {
        return Err(Failure::usage(anyhow!(
            "there is no {DEFAULT_CONFIG} here: name an upstream by --upstream URL, or a file by \
             --config FILE"
        )));
    }
    Ok(Source { origin: Origin::File(file), listen, media })
}

/// A stream needs a connection to its client at least, and over HTTP/1.1 one to its upstream, too.
fn warn_of_few_files(limit: u64, open_streams: usize) {
    if limit < u64::try_from(open_streams).unwrap_or(u64::MAX) {
        paint::say(format_args!(
            "warning: this process may open {limit} files, which is too few for the {open_streams} \
             streams that it is to carry: raise the limit by `ulimit -n`, or lower limits.open_streams"
        ));
    }
}

fn open_log(path: &Path) -> Result<Box<dyn Write + Send>, Failure> {
    let file = UsageFile::open(path).map_err(|error| no_log(path, error))?;
    Ok(Box::new(file))
}

fn no_log(path: &Path, error: io::Error) -> Failure {
    let what = format!("failed to open the usage log {}", path.display());
    Failure::environment(anyhow::Error::new(error).context(what))
}

/// From now on SIGTERM and SIGINT end the server, and SIGHUP and changed files reload it.
fn watch(
    shutdown: Shutdown,
    source: Source,
    watched: Watched,
    running: Running,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    let (signals, hangup) = {
        let _context = runtime.enter();
        let hangup = signal(SignalKind::hangup()).context("failed to watch for SIGHUP")?;
        (Signals::register().context("failed to watch for signals")?, hangup)
    };
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = signals.watch(&shutdown) => {}
                () = reload::watch(&source, watched, running, hangup) => {}
            }
        });
    });
    Ok(())
}
