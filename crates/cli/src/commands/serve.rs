//! `weir serve`: the gateway.

mod mounted;
mod reload;

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, anyhow};
use gateway::Server;
use runtime::signal::{Shutdown, Signals};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ServeArgs;
use crate::exit_code::{CommandResult, Failure, INTERRUPTED, MET};
use crate::media_setup::{self, Plan};
use crate::paint;
use mounted::Mounted;
use reload::{Source, Watched};

/// Where the configuration is looked for when nothing is said.
const DEFAULT_CONFIG: &str = "weir.toml";

/// Checks everything, listens, prints the base URL and serves until told to end.
pub(crate) fn run(args: &ServeArgs) -> CommandResult {
    let source = source(args)?;
    let (settings, watched) = reload::load(&source).map_err(Failure::environment)?;
    let media = media(args, &source).map_err(Failure::environment)?;
    if args.check {
        return Ok(MET);
    }
    if settings.keys.is_empty() && !settings.listen.ip().is_loopback() {
        paint::say(format_args!(
            "warning: {} takes requests from everybody: make keys by `weir key new`",
            settings.listen
        ));
    }
    runtime::limits::raise_open_files();
    let usage_log = settings.usage_log.as_deref().map(open_log).transpose()?;
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let listen = settings.listen;
    let mut server = Server::bind(settings, usage_log).map_err(Failure::environment)?;
    let shutdown = Shutdown::default();
    // Lives as long as the gateway: its threads answer what is mounted.
    let mounted = media.map(|plan| Mounted::open(&plan, listen)).transpose();
    let mounted = mounted.map_err(Failure::environment)?;
    if let Some(mounted) = &mounted {
        server = server.with_mounts(mounted.mounts());
    }
    watch(shutdown.clone(), source, watched, server.handle())?;
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
    if let Some(url) = &args.upstream {
        return Ok(Source::Upstream {
            url: url.clone(),
            http2: args.http2,
            open_streams: args.open_streams,
            listen: args.listen,
        });
    }
    let file = args.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    if args.config.is_none() && !file.exists() {
        return Err(Failure::usage(anyhow!(
            "there is no {DEFAULT_CONFIG} here: name an upstream by --upstream URL, or a file by \
             --config FILE"
        )));
    }
    Ok(Source::File { file, listen: args.listen })
}

/// What the media tools are set up with, when `--media` or a `[media]` table asks for them.
fn media(args: &ServeArgs, source: &Source) -> anyhow::Result<Option<Plan>> {
    let settings = match source {
        Source::File { file, .. } => media_setup::table_of(file)?,
        Source::Upstream { .. } => None,
    };
    let folder = args.media.media.as_deref();
    if folder.is_none() && settings.is_none() {
        return Ok(None);
    }
    let plan = Plan::of(folder, settings)?;
    plan.need_places()?;
    if plan.guard().key.is_some() {
        return Err(anyhow!(
            "media.guard.key_env has no place behind the gateway: clients show it a key of its own, \
             made by `weir key new`"
        ));
    }
    Ok(Some(plan))
}

fn open_log(path: &Path) -> Result<Box<dyn Write + Send>, Failure> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    let file = opened
        .with_context(|| format!("failed to open the usage log {}", path.display()))
        .map_err(Failure::environment)?;
    Ok(Box::new(file))
}

/// From now on SIGTERM and SIGINT end the server, and SIGHUP and changed files reload it.
fn watch(
    shutdown: Shutdown,
    source: Source,
    watched: Watched,
    handle: gateway::Handle,
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
                () = reload::watch(&source, watched, &handle, hangup) => {}
            }
        });
    });
    Ok(())
}
