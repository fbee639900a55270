//! `weir simulate`: a stand-in for the OpenAI and Anthropic APIs.

use std::io::{self, Read};
use std::thread;

use anyhow::{Context, anyhow};
use runtime::signal::{Shutdown, Signals};
use simulator::{Config, ConfigError, Server, Settings};

use crate::args::SimulateArgs;
use crate::exit_code::{CommandResult, Failure, INTERRUPTED, MET};
use crate::paint;

/// Checks everything, listens, prints the base URL and serves until told to end.
pub(crate) fn run(args: &SimulateArgs) -> CommandResult {
    let settings = settings(args).map_err(failure)?;
    if args.check {
        return Ok(MET);
    }
    runtime::limits::raise_open_files();
    let server = Server::bind(settings).map_err(Failure::environment)?;
    let shutdown = Shutdown::default();
    end_by_signal(shutdown.clone())?;
    paint::data(&format!("http://{}\n", server.local_address()))
        .context("failed to write to stdout")?;
    let running = server.start(shutdown.drain.clone()).map_err(Failure::environment)?;
    if args.until_stdin_closes {
        let drain = shutdown.drain.clone();
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
            drain.cancel();
        });
    }
    running.join().map_err(|error| anyhow!(error))?;
    Ok(MET)
}

/// The command line over the configuration file, checked.
fn settings(args: &SimulateArgs) -> Result<Settings, ConfigError> {
    let mut config = args.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    config.listen = args.listen.or(config.listen);
    config.profile = args.profile.clone().or(config.profile);
    config.seed = args.seed.or(config.seed);
    config.video_bytes = args.video_bytes.or(config.video_bytes);
    Settings::new(config)
}

/// A configuration error with its exit code.
pub(crate) fn failure(error: ConfigError) -> Failure {
    match error {
        ConfigError::UnknownProfile { .. } => Failure::usage(error),
        _ => Failure::environment(error),
    }
}

/// From now on the first signal drains and the second ends the process at once.
fn end_by_signal(shutdown: Shutdown) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start a runtime")?;
    let signals = {
        let _context = runtime.enter();
        Signals::register().context("failed to watch for signals")?
    };
    thread::spawn(move || {
        runtime.block_on(signals.watch(&shutdown));
        std::process::exit(i32::from(INTERRUPTED));
    });
    Ok(())
}
