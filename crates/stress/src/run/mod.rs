//! A run: checks, warm-up, the levels one after the other, and the [`Run`] they make.

pub(crate) mod describe;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use results::{Capacity, Judgement, Level, Role, Run, RunKind};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::capacity::Search;
use crate::client::{HttpVersion, Request, RequestError, RequestParts, Security, Target};
use crate::control::{ControlServer, Errors, Script};
use crate::error::Error;
use crate::event::{RunEvent, tell};
use crate::level::worker::Gear;
use crate::level::{LevelPlan, Measured, run_level};
use crate::limits::{check_open_files, check_ports};
use crate::plan::{Plan, level_takes};
use crate::request::Draft;
use crate::settings::{Climb, Settings};
use crate::target::{is_local, resolve};
use crate::usage::{Process, TargetProcesses};
use crate::warm_up::{Probe, WarmUp, warm_up};
use crate::witness::Witness;

/// Shortest pause between two levels.
const PAUSE: Duration = Duration::from_millis(300);

/// Longest pause, for targets on this machine that still close connections.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Pause for targets that cannot be watched.
const REMOTE_PAUSE: Duration = Duration::from_secs(1);

/// Open files above its idle count with which a target is idle again: pools of its own.
const IDLE_FILES: u64 = 16;

/// Climbs the levels against the target and returns what was measured. Progress goes to
/// `events`, where it may be lost; cancelling `stop` ends the run early with what there is.
///
/// Needs a Tokio runtime with I/O and time; users run on threads of their own. `settings.url`
/// must be the target's.
///
/// # Errors
/// [`Error`] when nothing could be measured; its kind says whose turn it is.
pub async fn run(
    settings: Settings,
    processes: TargetProcesses,
    events: Sender<RunEvent>,
    stop: CancellationToken,
) -> Result<Run, Error> {
    let file_limit = runtime::limits::raise_open_files();
    let multiplexed = settings.http2 || settings.url.tls;
    if !multiplexed {
        check_open_files(settings.most_open(), file_limit)?;
    }
    let target = unless_stopped(&stop, resolve(&settings)).await?;
    let local = is_local(&target);
    let requests = requests(&settings)?;
    let found = processes.find(&settings.url, local);
    let idle_files = open_files(&found);
    let probe = Probe {
        target: target.clone(),
        request: requests.first().cloned().ok_or_else(|| Error::Bug("no request".to_owned()))?,
        deadlines: settings.deadlines,
        minimum: settings.minimum,
    };
    let warmed = warm_up(probe, &settings, &stop).await?;
    if warmed.version != Some(HttpVersion::Http2) {
        check_open_files(settings.most_open(), file_limit)?;
        check_ports(settings.most_open(), &settings.url.to_string(), &target.addresses)?;
    }
    let answer_takes = settings.longest_answer.or(warmed.takes);
    let plan = Plan::of(&settings, answer_takes);
    tell(&events, RunEvent::WarmedUp { ttft: warmed.ttft, plan });
    let control = control_server(&warmed)?;
    let gear = Arc::new(gear(&settings, target, requests, &control));
    let mut ascent = Ascent {
        settings: &settings,
        gear,
        processes: found,
        witness: processes.witness,
        local,
        idle_files,
        answer_takes,
        events: &events,
        stop: &stop,
        levels: Vec::new(),
        errors: Errors::default(),
        version: warmed.version,
        server: warmed.server,
    };
    let started_at = Timestamp::now();
    let begin = Instant::now();
    ascent.climb().await?;
    Ok(ascent.into_run(started_at, begin.elapsed(), file_limit, processes.embedded))
}

/// A process that kept memory from earlier levels is not idle with it: what it had before the
/// run's first level is its idle memory in all of them.
fn keep_idle_memory(first: &Level, level: &mut Level) {
    for process in level.target_usage.iter_mut().flatten() {
        let before = first.target_usage.iter().flatten().find(|known| known.pid == process.pid);
        if let Some(before) = before {
            process.idle_rss_bytes = before.idle_rss_bytes;
        }
    }
}

pub(crate) async fn unless_stopped<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    stop.run_until_cancelled(work).await.unwrap_or(Err(Error::Interrupted))
}

/// A control server that answers as the target did in the warm-up.
fn control_server(warmed: &WarmUp) -> Result<ControlServer, Error> {
    ControlServer::start(Script::like(warmed.ttft, warmed.streaming, warmed.chunks))
        .map_err(|source| Error::System { what: "the control server cannot start", source })
}

fn gear(
    settings: &Settings,
    target: Target,
    requests: Vec<Request>,
    control: &ControlServer,
) -> Gear {
    Gear {
        target,
        requests,
        deadlines: settings.deadlines,
        minimum: settings.minimum,
        stall: settings.stall,
        ideal: settings.ideal,
        seed: settings.seed,
        control_target: Target {
            host: control.address.ip().to_string(),
            addresses: vec![control.address],
            sources: Vec::new(),
            security: Security::Plain,
        },
        control_script: control.script,
        truths: Arc::clone(&control.truths),
        workers: runtime::workers::per_core(),
    }
}

/// The client's requests of all drafts.
fn requests(settings: &Settings) -> Result<Vec<Request>, Error> {
    let authority = settings.url.authority();
    let request = |draft: &Draft| {
        let headers: Vec<(String, String)> = draft
            .headers
            .iter()
            .map(|header| (header.name.clone(), header.value.expose().to_owned()))
            .collect();
        Request::new(&RequestParts {
            dialect: settings.api,
            method: draft.method,
            scheme: if settings.url.tls { "https" } else { "http" },
            authority: &authority,
            path: &settings.url.path,
            headers: &headers,
            body: draft.body.clone(),
        })
    };
    settings
        .drafts
        .iter()
        .map(request)
        .collect::<Result<_, RequestError>>()
        .map_err(|error| Error::Conflict(error.to_string()))
}

fn open_files(processes: &[Process]) -> u64 {
    let usages = processes.iter().filter_map(|process| runtime::process::usage(process.name.pid));
    usages.map(|usage| usage.open_files).sum()
}

/// The climb from level to level.
struct Ascent<'a> {
    settings: &'a Settings,
    gear: Arc<Gear>,
    processes: Vec<Process>,
    witness: Option<Witness>,
    local: bool,
    /// Open files of the target before the first connection.
    idle_files: u64,
    /// How long an answer takes at most: as it is meant to, as the warm-up learnt, or else as the
    /// first level measured.
    answer_takes: Option<Duration>,
    events: &'a Sender<RunEvent>,
    stop: &'a CancellationToken,
    levels: Vec<Level>,
    errors: Errors,
    version: Option<HttpVersion>,
    server: Option<String>,
}

impl Ascent<'_> {
    async fn climb(&mut self) -> Result<(), Error> {
        match &self.settings.climb {
            Climb::Ladder(ladder) => {
                let levels = ladder.levels();
                for users in levels {
                    if self.stop.is_cancelled() {
                        break;
                    }
                    self.level(*users, Some(levels.len())).await?;
                }
            }
            Climb::Search(bounds) => {
                let mut search = Search::new(*bounds);
                while let Some(users) = search.next().filter(|_| !self.stop.is_cancelled()) {
                    let judgement = self.level(users, None).await?;
                    search.record(users, &judgement);
                }
            }
            Climb::Once => {
                self.level(self.settings.most_open(), Some(1)).await?;
            }
        }
        Ok(())
    }

    async fn level(&mut self, users: u64, of: Option<usize>) -> Result<Judgement, Error> {
        self.pause().await;
        let index = self.levels.len();
        let answer = self.answer_takes;
        let expected = answer.map(|takes| level_takes(&self.settings.load, users, takes));
        tell(self.events, RunEvent::LevelStarted { index, of, users, expected });
        let plan = LevelPlan {
            index,
            users,
            load: self.settings.load.clone(),
            expected,
            processes: self.processes.clone(),
            witness: self.witness,
            local: self.local,
        };
        let Measured { mut level, errors, server, version } =
            run_level(&self.gear, &plan, self.events, self.stop).await?;
        if let Some(first) = self.levels.first() {
            keep_idle_memory(first, &mut level);
        }
        tracing::info!(users, peak_open = level.peak_open, trusted = level.trusted, "level ended");
        tell(self.events, RunEvent::LevelFinished(Box::new(level.clone())));
        let judgement = Judgement::of(&level, &self.settings.slos);
        let measured = level.total_ms.map(|total| Duration::from_secs_f64(total.max / 1_000.0));
        self.answer_takes = self.answer_takes.or(measured);
        self.levels.push(level);
        self.errors.merge(&errors);
        self.server = self.server.take().or(server);
        self.version = self.version.or(version);
        Ok(judgement)
    }

    /// Lets the target close the connections of the level before.
    async fn pause(&self) {
        if self.processes.is_empty() {
            let pause = if self.local { PAUSE } else { REMOTE_PAUSE };
            self.stop.run_until_cancelled(sleep(pause)).await;
            return;
        }
        let end = Instant::now() + LONGEST_PAUSE;
        let idle = async {
            sleep(PAUSE).await;
            while open_files(&self.processes) > self.idle_files + IDLE_FILES {
                sleep(PAUSE / 3).await;
            }
        };
        tokio::select! {
            () = idle => {}
            () = sleep_until(end) => tracing::debug!("the target still holds connections"),
            () = self.stop.cancelled() => {}
        }
    }

    fn into_run(
        self,
        started_at: Timestamp,
        duration: Duration,
        file_limit: u64,
        embedded: bool,
    ) -> Run {
        let settings = self.settings;
        Run {
            format: results::run::FORMAT.to_owned(),
            id: describe::id(started_at),
            name: settings.name.clone(),
            weir_version: env!("CARGO_PKG_VERSION").to_owned(),
            kind: RunKind::Streams,
            started_at,
            duration_s: duration.as_secs_f64(),
            command_line: crate::secret::redact_command_line(&settings.command_line),
            target: results::Target {
                url: settings.url.to_string(),
                api: settings.api.name().to_owned(),
                embedded,
                server: self.server,
                process: self
                    .processes
                    .first()
                    .filter(|process| process.role == Role::Target)
                    .map(|process| process.name.name.clone()),
                local: self.local,
                http_version: describe::http_version(self.version).to_owned(),
            },
            machine: describe::machine(file_limit),
            workload: describe::workload(settings),
            tester: describe::tester(&self.levels, self.errors.summary(), self.gear.workers),
            slo: settings.slos.iter().map(|slo| slo.judge(&self.levels)).collect(),
            capacity: Capacity::of(&self.levels, &settings.slos),
            interrupted: self.stop.is_cancelled(),
            levels: self.levels,
        }
    }
}

/// What is said of a level that was stopped before it began.
pub(crate) const STOPPED: &str = "stopped before it began";

#[cfg(test)]
mod tests;
