//! Where the gateway's settings come from, and loading them again.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow};
use gateway::{Handle, Settings, Surroundings};
use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};

use super::mounted::Reloader;
use crate::media_setup::{self, Plan};

/// How often files are looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where settings come from.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) origin: Origin,
    /// `--listen`
    pub(super) listen: Option<SocketAddr>,
    /// `--media`
    pub(super) media: Option<PathBuf>,
}

/// Where the gateway's own settings come from.
#[derive(Debug)]
pub(super) enum Origin {
    /// `--upstream`
    Upstream { url: String, http2: bool, open_streams: Option<u32> },
    /// `--config`
    File(PathBuf),
}

/// Everything that a source says, as it was at one moment.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) settings: Settings,
    /// What the media tools are set up with, when `--media` or a `[media]` table asks for them.
    pub(super) media: Option<Plan>,
    pub(super) watched: Watched,
}

/// The files that settings were made from, as they were then.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Watched(Vec<(PathBuf, Option<Stamp>)>);

/// What changes with a file's contents.
type Stamp = (SystemTime, u64);

/// Reads settings and says which files they came from.
pub(super) fn load(source: &Source) -> Result<Loaded> {
    let (mut settings, table, watched) = match &source.origin {
        Origin::Upstream { url, http2, open_streams } => {
            let mut settings =
                Settings::for_upstream(url, *http2).map_err(|error| anyhow!("{error}"))?;
            if let Some(streams) = open_streams.and_then(|streams| usize::try_from(streams).ok()) {
                let limits = &mut settings.limits;
                limits.open_streams = streams;
                // Each may come on a connection of its own.
                limits.connections = limits.connections.max(streams);
            }
            (settings, None, Watched::default())
        }
        Origin::File(file) => read(file)?,
    };
    settings.listen = source.listen.unwrap_or(settings.listen);
    let media = media(source.media.as_deref(), table)?;
    Ok(Loaded { settings, media, watched })
}

/// What the media tools are set up with, from `--media` and the `[media]` table.
fn media(folder: Option<&Path>, table: Option<media::Settings>) -> Result<Option<Plan>> {
    if folder.is_none() && table.is_none() {
        return Ok(None);
    }
    let plan = Plan::of(folder, table)?;
    plan.need_places()?;
    if plan.guard().key.is_some() {
        return Err(anyhow!(
            "media.guard.key_env has no place behind the gateway: clients show it a key of its own, \
             made by `weir key new`"
        ));
    }
    Ok(Some(plan))
}

/// Both the gateway's tables and `[media]`, of one text: a file that changes meanwhile gives no mix.
fn read(file: &Path) -> Result<(Settings, Option<media::Settings>, Watched)> {
    // The stamp is taken first: a change while we read is found at the next look.
    let watched = RefCell::new(vec![(file.to_owned(), stamp(file))]);
    let text = media_setup::config_text(file)?;
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
    let table = media_setup::table_in(file, &text)?;
    Ok((settings, table, Watched(watched.into_inner())))
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

/// What is changed when the configuration is loaded again.
pub(super) struct Running {
    pub(super) gateway: Handle,
    pub(super) media: Option<Reloader>,
}

impl Running {
    /// Puts what was loaded in force, all of it or nothing.
    async fn take(&mut self, settings: Settings, media: Option<Plan>) -> Result<()> {
        let opened = match (&self.media, media) {
            (Some(reloader), Some(plan)) => Some(reloader.open(plan).await),
            (None, None) => None,
            _ => Some(Err(anyhow!("a [media] table comes and goes only with a restart"))),
        };
        let opened = opened.transpose().inspect_err(|_| self.gateway.count_refused_reload())?;
        self.gateway.reload(settings)?;
        if let (Some(reloader), Some(opened)) = (&mut self.media, opened) {
            reloader.put_in_force(opened);
        }
        Ok(())
    }
}

/// Reloads at SIGHUP and whenever a file has changed, until dropped. A configuration that is
/// refused leaves the old one in force.
pub(super) async fn watch(
    source: &Source,
    mut watched: Watched,
    mut running: Running,
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
        let result = match load(source) {
            Ok(loaded) => {
                watched = loaded.watched;
                running.take(loaded.settings, loaded.media).await
            }
            Err(error) => {
                watched.look_again();
                running.gateway.count_refused_reload();
                Err(error)
            }
        };
        match result {
            Ok(()) => tracing::info!("the configuration was loaded again"),
            Err(error) => tracing::error!("the configuration stays as it was: {error:#}"),
        }
    }
}
