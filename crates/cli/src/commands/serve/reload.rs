//! Where the gateway's settings come from, and loading them again.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use gateway::{Handle, Settings, Surroundings};
use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

/// How often files are looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where settings come from.
#[derive(Debug)]
pub(super) enum Source {
    /// `--upstream`
    Upstream { url: String, http2: bool, open_streams: Option<u32>, listen: Option<SocketAddr> },
    /// `--config`
    File { file: PathBuf, listen: Option<SocketAddr> },
}

/// The files that settings were made from, as they were then.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Watched(Vec<(PathBuf, Option<Stamp>)>);

/// What changes with a file's contents.
type Stamp = (SystemTime, u64);

/// Reads settings and says which files they came from.
pub(super) fn load(source: &Source) -> Result<(Settings, Watched)> {
    let (mut settings, watched, listen) = match source {
        Source::Upstream { url, http2, open_streams, listen } => {
            let mut settings =
                Settings::for_upstream(url, *http2).map_err(|error| anyhow!("{error}"))?;
            if let Some(streams) = open_streams.and_then(|streams| usize::try_from(streams).ok()) {
                let limits = &mut settings.limits;
                limits.open_streams = streams;
                // Each may come on a connection of its own.
                limits.connections = limits.connections.max(streams);
            }
            (settings, Watched::default(), listen)
        }
        Source::File { file, listen } => {
            let (settings, watched) = read(file)?;
            (settings, watched, listen)
        }
    };
    settings.listen = listen.unwrap_or(settings.listen);
    Ok((settings, watched))
}

fn read(file: &Path) -> Result<(Settings, Watched)> {
    // The stamp is taken first: a change while we read is found at the next look.
    let watched = RefCell::new(vec![(file.to_owned(), stamp(file))]);
    let text =
        fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    #[expect(clippy::disallowed_methods, reason = "this is the cli crate")]
    let variable = |name: &str| std::env::var(name).ok();
    let read_beside = |path: &Path| -> io::Result<Vec<u8>> {
        let path = folder.join(path);
        watched.borrow_mut().push((path.clone(), stamp(&path)));
        fs::read(path)
    };
    let surroundings = Surroundings { variable: &variable, file: &read_beside };
    let settings = Settings::parse(&file.display().to_string(), &text, surroundings)
        .map_err(|error| anyhow!("{error}"))?;
    Ok((settings, Watched(watched.into_inner())))
}

fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl Watched {
    fn has_changed(&self) -> bool {
        self.0.iter().any(|(file, then)| stamp(file) != *then)
    }

    fn look_again(&mut self) {
        for (file, then) in &mut self.0 {
            *then = stamp(file);
        }
    }
}

/// Reloads at SIGHUP and whenever a file has changed, until dropped. A configuration that is
/// refused leaves the old one in force.
pub(super) async fn watch(
    source: &Source,
    mut watched: Watched,
    handle: &Handle,
    mut hangup: Signal,
) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            _ = looks.tick() => if !watched.has_changed() {
                continue;
            },
        }
        match load(source) {
            Ok((settings, now)) => {
                watched = now;
                match handle.reload(settings) {
                    Ok(()) => tracing::info!("the configuration was loaded again"),
                    Err(error) => tracing::error!("the configuration stays as it was: {error}"),
                }
            }
            Err(error) => {
                watched.look_again();
                handle.count_refused_reload();
                tracing::error!("the configuration stays as it was: {error:#}");
            }
        }
    }
}
