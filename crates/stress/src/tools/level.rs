//! One level of tool calls: its workers run, somebody watches, and every call is noted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use results::tools::Shape;
use results::{LatencyHistogram, Role};
use runtime::workers::{Batching, Workers};
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::{Barrier, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::agent::Made;
use super::event::{ToolsEvent, ToolsProgress};
use super::mix::Mix;
use super::probe::Probing;
use super::worker::{Gear, Job, Part, work};
use crate::error::Error;
use crate::event::tell;
use crate::level::{SAMPLE_PERIOD, parts_of};
use crate::live::totals;
use crate::recorder::Gauges;
use crate::usage::{Cost, Process, Watch};

/// From the word to a level's begin, so that all threads have heard it.
const LEAD: Duration = Duration::from_millis(20);

/// Which level is to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The stage that the level is of, where the run has several.
    pub stage: Option<String>,
    /// Its shape.
    pub shape: Shape,
    /// Calls that each place makes.
    pub repeat: u64,
    /// Calls a second over all agents.
    pub rate: Option<f64>,
    /// The tools.
    pub mix: Arc<Mix>,
    /// `{level}`.
    pub level: u64,
    /// `{run}`.
    pub run: Arc<str>,
    /// The folder where files land.
    pub directory: Option<PathBuf>,
    /// Trivial calls are made, before the load and beside it.
    pub probing: bool,
    /// The target's processes, where they are not ours to start.
    pub processes: Vec<Process>,
}

/// What a level measured, before any file was read back.
#[derive(Debug)]
pub struct Raw {
    /// Its begin.
    pub begin: Instant,
    /// The same on the clock that stamps files.
    pub begin_wall: SystemTime,
    /// The calls.
    pub made: Vec<Made>,
    /// Opening sessions.
    pub sessions: LatencyHistogram,
    /// The tester's errors.
    pub errors: LatencyHistogram,
    /// How late its timers were.
    pub lag: LatencyHistogram,
    /// CPU time of its busiest worker.
    pub busiest: Duration,
    /// The trivial calls.
    pub probing: Probing,
    /// What it cost.
    pub cost: Cost,
    /// How long the cost was watched.
    pub watched: Duration,
}

/// Runs a level. Cancelling `stop` ends it early; what was measured until then is returned, or
/// `None` when it had not begun.
///
/// # Errors
/// When threads cannot be started, or one panicked.
pub async fn run_level(
    gear: &Arc<Gear>,
    plan: &Plan,
    events: &Sender<ToolsEvent>,
    stop: &CancellationToken,
) -> Result<Option<Raw>, Error> {
    let gauges = Arc::new(Gauges::new(gear.workers));
    let (ready, mut readied) = mpsc::channel(gear.workers);
    let (done, mut ended) = mpsc::channel(gear.workers);
    let (word, begin) = watch::channel(None);
    let job = Arc::new(Job {
        gear: Arc::clone(gear),
        mix: Arc::clone(&plan.mix),
        directory: plan.directory.clone(),
        shape: plan.shape,
        repeat: plan.repeat,
        rate: plan.rate,
        level: plan.level,
        run: Arc::clone(&plan.run),
        probing: plan.probing,
        open: Barrier::new(gear.workers),
        ready,
        begin,
        done,
        gauges: Arc::clone(&gauges),
        stop: stop.clone(),
    });
    let threads = Workers::start("agents", gear.workers, &Batching::default(), move |index| {
        work(index, Arc::clone(&job))
    })
    .map_err(|source| Error::System { what: "worker threads cannot start", source })?;
    let joined = tokio::task::spawn_blocking(move || threads.join());
    let mut parts = std::pin::pin!(async move { parts_of(joined.await) });

    let mut processes = plan.processes.clone();
    for _ in 0..gear.workers {
        tokio::select! {
            started = readied.recv() => processes.extend(
                started.into_iter().flatten().map(|name| Process { name, role: Role::Target }),
            ),
            // A worker that ends before the level begins was stopped, or cannot work.
            parts = &mut parts => return parts.map(|_| None),
        }
    }
    let mut watch = Watch::begin(&processes);
    let begin = Instant::now() + LEAD;
    let begin_wall = SystemTime::now() + LEAD;
    // Without receivers there are no workers: their parts tell why.
    let _ = word.send(Some(begin));
    let mut ticks = interval(SAMPLE_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut working = gear.workers;
    let mut early = None;
    while working > 0 && early.is_none() {
        tokio::select! {
            _ = ended.recv() => working -= 1,
            parts = &mut parts => early = Some(parts?),
            _ = ticks.tick() => {
                watch.sample();
                look(&gauges, plan, begin, events);
            }
        }
    }
    let watched = watch.elapsed();
    // CPU per chunk is a matter of streams.
    let cost = watch.end(0);
    let parts = match early {
        Some(parts) => parts,
        None => parts.await?,
    };
    Ok(Some(gather(parts, begin, begin_wall, cost, watched)))
}

fn look(gauges: &Gauges, plan: &Plan, begin: Instant, events: &Sender<ToolsEvent>) {
    let totals = totals(&gauges.workers);
    let progress = ToolsProgress {
        shape: plan.shape,
        calls: plan.shape.load() * plan.repeat,
        elapsed: begin.elapsed(),
        open: gauges.open.now(),
        ended: totals.ended,
        failed: totals.failed,
        call_p95_ms: totals.ttft_p95_ms,
    };
    tell(events, ToolsEvent::Progress(progress));
}

fn gather(
    parts: Vec<Part>,
    begin: Instant,
    begin_wall: SystemTime,
    cost: Cost,
    watched: Duration,
) -> Raw {
    let mut raw = Raw {
        begin,
        begin_wall,
        made: Vec::new(),
        sessions: LatencyHistogram::default(),
        errors: LatencyHistogram::default(),
        lag: LatencyHistogram::default(),
        busiest: Duration::ZERO,
        probing: Probing::default(),
        cost,
        watched,
    };
    for part in parts {
        raw.made.extend(part.made);
        raw.sessions.merge(&part.sessions);
        raw.errors.merge(&part.errors);
        raw.lag.merge(&part.lag);
        raw.busiest = raw.busiest.max(part.cpu);
        // One worker alone probes.
        if part.probing.idle.count() > 0 || !part.probing.during.is_empty() {
            raw.probing = part.probing;
        }
    }
    raw.made.sort_by_key(|made| (made.started_at, made.agent, made.call));
    raw
}
