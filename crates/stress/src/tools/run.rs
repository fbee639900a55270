//! A run of tool calls: checks, calls one after the other, the levels, and the [`ToolsRun`] that
//! they make.

mod assemble;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use results::tools::{Floor, Sequential, Shape, ToolsRun};
use results::{CallOutcome, Judgement, LatencyHistogram, ToolsLevel};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::check::{Found, Wanted, check};
use super::control::DelayServer;
use super::event::ToolsEvent;
use super::files::{Shelf, file};
use super::floor::{self, Bare};
use super::http::Endpoint;
use super::level::{Plan, Raw, run_level};
use super::mix::Mix;
use super::settings::{Climb, DEFAULT_PROBE_EVERY, Reach, Settings, Stage};
use super::trust;
use super::upstream::{Stats, Upstream};
use super::verify::{Source, url_of};
use super::worker::{Gear, Way};
use crate::capacity::Search;
use crate::client::{Security, TlsSettings};
use crate::error::Error;
use crate::event::tell;
use crate::limits::{check_open_files, check_ports};
use crate::run::{STOPPED, unless_stopped};
use crate::target::{is_local, resolve_url, security};
use crate::target_url::TargetUrl;
use crate::trust::Facts;
use crate::usage::{Process, TargetProcesses};

/// Files that a process of ours costs the tester: its pipes, and the kernel's handle on it.
const FILES_PER_PROCESS: u64 = 4;

/// Climbs the levels against the target and returns what was measured. Progress goes to
/// `events`, where it may be lost; cancelling `stop` ends the run early with what there is.
///
/// Needs a Tokio runtime with I/O and time; agents run on threads of their own.
///
/// # Errors
/// [`Error`] when nothing could be measured; its kind says whose turn it is.
pub async fn run(
    settings: Settings,
    processes: TargetProcesses,
    events: Sender<ToolsEvent>,
    stop: CancellationToken,
) -> Result<ToolsRun, Error> {
    settings.check()?;
    let file_limit = runtime::limits::raise_open_files();
    let most_open = settings.climb.most_open();
    let way = unless_stopped(&stop, way(&settings, most_open)).await?;
    check_limits(&settings, &way, most_open, file_limit)?;
    let (local, found_processes) = match &way {
        Way::Http { target, endpoint } => {
            let local = is_local(target);
            (local, processes.find(&endpoint.url, local))
        }
        Way::Stdio { .. } => (true, Vec::new()),
    };
    let delay = DelayServer::start()
        .map_err(|source| Error::System { what: "the control server cannot start", source })?;
    let mut gear = Gear {
        words: settings.reach.words(),
        workers: match way {
            // One process has one pair of pipes, and they belong to one thread.
            Way::Stdio { shared: true, .. } => 1,
            _ => runtime::workers::per_core(),
        },
        way,
        protocol: settings.protocol,
        timeout: settings.timeout,
        trivial: None,
        control: delay.known(),
    };
    let started_at = Timestamp::now();
    let id = crate::run::describe::id(started_at);
    let word: Arc<str> = Arc::from(id.rsplit('-').next().unwrap_or_default());
    let shelf = shelf(&settings).await?.map(Arc::new);
    let wanted = Wanted {
        mixes: settings.stages.iter().map(|stage| stage.mix.clone()).collect(),
        probing: settings.probe_every.is_some(),
        shelf: shelf.clone(),
        run: Arc::clone(&word),
        limit: settings.timeout,
    };
    let calls = wanted.mixes.iter().map(|mix| mix.prepare.len()).sum();
    if calls > 0 {
        tell(&events, ToolsEvent::Preparing { calls });
    }
    let (found, mixes) = check(&Arc::new(gear.clone()), wanted, &stop).await?;
    tell(&events, ToolsEvent::Checked { plan: settings.plan() });
    gear.trivial = found.trivial.zip(settings.probe_every);
    let mut ascent = Ascent {
        settings: &settings,
        gear: Arc::new(gear),
        found,
        processes: found_processes,
        local,
        word,
        shelf,
        upstream: upstream(&settings).await?,
        stats: None,
        events: &events,
        stop: &stop,
        levels: Vec::new(),
        errors: LatencyHistogram::default(),
        id,
    };
    let begin = Instant::now();
    ascent.climb(mixes).await?;
    if ascent.levels.is_empty() {
        return Err(Error::Interrupted);
    }
    Ok(ascent.into_run(started_at, begin.elapsed(), file_limit, processes.embedded))
}

/// How the server is reached, with its name resolved.
async fn way(settings: &Settings, most_open: u64) -> Result<Way, Error> {
    match &settings.reach {
        Reach::Http { url, headers, cacert, insecure } => {
            let tls = TlsSettings {
                cacert: cacert.clone(),
                insecure: *insecure,
                // Calls are measured on connections of their own.
                http1_only: true,
            };
            let target = resolve_url(url, security(url, &tls)?, most_open).await?;
            let endpoint = Endpoint { url: url.clone(), headers: headers.clone() };
            Ok(Way::Http { target, endpoint })
        }
        Reach::Stdio { command, shared } => {
            Ok(Way::Stdio { command: command.clone(), shared: *shared })
        }
    }
}

fn check_limits(
    settings: &Settings,
    way: &Way,
    most_open: u64,
    file_limit: u64,
) -> Result<(), Error> {
    match way {
        Way::Http { target, endpoint } => {
            check_open_files(most_open, file_limit)?;
            check_ports(most_open, &endpoint.url.to_string(), &target.addresses)
        }
        Way::Stdio { shared: true, .. } => Ok(()),
        Way::Stdio { shared: false, .. } => {
            let agents = match &settings.climb {
                Climb::Ladder(shapes) => shapes.iter().map(|shape| shape.agents).max().unwrap_or(0),
                Climb::Search { agents, .. } => agents.max,
            };
            check_open_files(agents.saturating_mul(FILES_PER_PROCESS), file_limit)
        }
    }
}

async fn shelf(settings: &Settings) -> Result<Option<Shelf>, Error> {
    Ok(match &settings.source {
        None => None,
        Some(Source::Directory(directory)) => Some(Shelf::Directory(directory.clone())),
        Some(Source::Url(template)) => {
            let url: TargetUrl = url_of(template, "x").parse()?;
            let target = resolve_url(&url, beside(settings, &url)?, 1).await?;
            Some(Shelf::Url(template.clone(), target))
        }
    })
}

/// How another URL than the target's is reached: with the same trust.
fn beside(settings: &Settings, url: &TargetUrl) -> Result<Security, Error> {
    let tls = match &settings.reach {
        Reach::Http { cacert, insecure, .. } => {
            TlsSettings { cacert: cacert.clone(), insecure: *insecure, http1_only: true }
        }
        Reach::Stdio { .. } => TlsSettings { http1_only: true, ..TlsSettings::default() },
    };
    security(url, &tls)
}

async fn upstream(settings: &Settings) -> Result<Option<Upstream>, Error> {
    let Some(url) = &settings.upstream else { return Ok(None) };
    let tls = TlsSettings { http1_only: true, ..TlsSettings::default() };
    let target = resolve_url(url, security(url, &tls)?, 1).await?;
    Ok(Some(Upstream { url: url.clone(), target }))
}

/// The climb from level to level.
struct Ascent<'a> {
    settings: &'a Settings,
    gear: Arc<Gear>,
    found: Found,
    processes: Vec<Process>,
    local: bool,
    /// `{run}`.
    word: Arc<str>,
    shelf: Option<Arc<Shelf>>,
    upstream: Option<Upstream>,
    /// What the upstream said last.
    stats: Option<Stats>,
    events: &'a Sender<ToolsEvent>,
    stop: &'a CancellationToken,
    levels: Vec<ToolsLevel>,
    errors: LatencyHistogram,
    id: String,
}

/// What a level is measured against, beside itself.
#[derive(Debug, Clone, Copy, Default)]
struct Beside {
    sequential: Option<Sequential>,
    floor: Option<Floor>,
}

/// A stage that is being climbed.
struct Climbed<'a> {
    name: Option<&'a str>,
    mix: Arc<Mix>,
    bare: Option<Bare>,
    sequential: Option<Sequential>,
}

impl Ascent<'_> {
    async fn climb(&mut self, mixes: Vec<Mix>) -> Result<(), Error> {
        for (stage, mix) in self.settings.stages.iter().zip(mixes) {
            let mix = Arc::new(mix);
            let mut climbed =
                Climbed { name: stage.name.as_deref(), mix, bare: None, sequential: None };
            climbed.sequential = self.sequential(&climbed).await?;
            climbed.bare = match &stage.bare {
                None => None,
                Some(url) => Some(Bare {
                    url: url.clone(),
                    target: resolve_url(url, beside(self.settings, url)?, floor::MAX_TRANSFERS)
                        .await?,
                    scratch: self.settings.scratch.clone(),
                }),
            };
            match &self.settings.climb {
                Climb::Ladder(shapes) => {
                    for shape in shapes {
                        self.level(*shape, &climbed).await?;
                    }
                }
                Climb::Search { agents, calls_per_agent } => {
                    let mut search = Search::new(*agents);
                    while let Some(agents) = search.next().filter(|_| !self.stop.is_cancelled()) {
                        let shape = Shape { agents, calls_per_agent: *calls_per_agent };
                        let judged = self.level(shape, &climbed).await?;
                        search.record(agents, &judged);
                    }
                }
            }
        }
        Ok(())
    }

    fn plan(&self, shape: Shape, stage: &Climbed<'_>) -> Plan {
        Plan {
            stage: stage.name.map(str::to_owned),
            shape,
            repeat: self.settings.repeat,
            rate: self.settings.rate,
            mix: Arc::clone(&stage.mix),
            level: u64::try_from(self.levels.len()).unwrap_or(0) + 1,
            run: Arc::clone(&self.word),
            directory: self.shelf.as_deref().and_then(Shelf::directory).map(Into::into),
            probing: self.gear.trivial.is_some(),
            processes: self.processes.clone(),
        }
    }

    /// Calls one after the other. They count only when every one is answered with a success: a
    /// call that fails may be a fast one.
    /// Of several tools each is called as often as its weight says, so that they are the same calls.
    async fn sequential(&mut self, stage: &Climbed<'_>) -> Result<Option<Sequential>, Error> {
        if self.settings.sequential == 0 || self.stop.is_cancelled() {
            return Ok(None);
        }
        let calls = self.settings.sequential.next_multiple_of(stage.mix.cycle());
        tell(self.events, ToolsEvent::Sequential { calls });
        let plan = Plan {
            repeat: calls,
            rate: None,
            level: 0,
            probing: false,
            ..self.plan(Shape { agents: 1, calls_per_agent: 1 }, stage)
        };
        // Nobody watches it: its calls are no level's.
        let (silent, _) = tokio::sync::mpsc::channel(1);
        let Some(raw) = run_level(&self.gear, &plan, &silent, self.stop).await? else {
            return Ok(None);
        };
        let first = raw.made.iter().map(|made| made.started_at).min();
        let last = raw.made.iter().map(|made| made.ended_at).max();
        let whole = raw.made.len() == usize::try_from(calls).unwrap_or(usize::MAX)
            && raw.made.iter().all(|made| made.outcome == Some(CallOutcome::Ok));
        if !whole {
            tracing::warn!("calls one after the other failed: no speed-up is known");
        }
        Ok(first.zip(last).filter(|_| whole).map(|(first, last)| Sequential {
            calls,
            duration_s: last.saturating_duration_since(first).as_secs_f64(),
        }))
    }

    async fn level(&mut self, shape: Shape, stage: &Climbed<'_>) -> Result<Judgement, Error> {
        if self.stop.is_cancelled() {
            return Ok(Judgement::Untrusted(STOPPED.to_owned()));
        }
        let plan = self.plan(shape, stage);
        let floor = match &stage.bare {
            None => None,
            Some(bare) => {
                tell(self.events, ToolsEvent::Floor);
                floor::measure(bare, shape.load() * self.settings.repeat, self.stop).await
            }
        };
        let counting = match &self.upstream {
            Some(upstream) => upstream.reset().await,
            None => false,
        };
        tell(self.events, ToolsEvent::LevelStarted { stage: plan.stage.clone(), shape });
        let Some(mut raw) = run_level(&self.gear, &plan, self.events, self.stop).await? else {
            return Ok(Judgement::Untrusted(STOPPED.to_owned()));
        };
        let beside = Beside { sequential: stage.sequential, floor };
        if let Some(upstream) = &self.upstream {
            self.stats = upstream.stats().await.or(self.stats.take());
        }
        tell(self.events, ToolsEvent::Verifying { files: raw.made.len() });
        let filed = file(&mut raw, &stage.mix, self.shelf.as_deref(), self.stats.as_ref()).await;
        self.errors.merge(&raw.errors);
        let facts = Facts {
            cores: u64::try_from(runtime::workers::per_core()).unwrap_or(1),
            local: self.local,
            at_once: self.settings.rate.is_none() && self.settings.repeat == 1,
            stopped: self.stop.is_cancelled(),
        };
        let counted = self.stats.as_ref().filter(|_| counting);
        let mut level = assemble::level(&plan, &raw, filed, beside, counted);
        (level.trusted, level.trust_notes) =
            trust::judge(&level, &facts, raw.watched.as_secs_f64());
        tracing::info!(
            shape = %shape, peak_open = level.peak_open, trusted = level.trusted, "level ended"
        );
        tell(self.events, ToolsEvent::LevelFinished(Box::new(level.clone())));
        let judged = Judgement::of(&level, &self.settings.slos);
        self.levels.push(level);
        Ok(judged)
    }

    fn into_run(
        self,
        started_at: Timestamp,
        duration: Duration,
        file_limit: u64,
        embedded: bool,
    ) -> ToolsRun {
        assemble::run(self, started_at, duration, file_limit, embedded)
    }
}
