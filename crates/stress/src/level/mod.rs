//! One level: its workers run, somebody watches, and what they measured becomes a [`Level`].

pub mod timeline;
pub mod worker;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use results::units::float;
use results::{Level, TesterUsage};
use runtime::workers::{Batching, Workers};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinError;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::client::HttpVersion;
use crate::control::Errors;
use crate::error::Error;
use crate::event::{Progress, RunEvent, tell};
use crate::live::totals;
use crate::recorder::{Gauges, Tally};
use crate::settings::{Load, Repeat, batching};
use crate::trust::{Facts, judge, late_simulator};
use crate::usage::{Cost, Process, Watch};
use crate::witness::Witness;
use results::LatencyHistogram;
use timeline::{Sample, Timeline};
use worker::{Gear, Job, Part, work};

/// How often progress is told, and memory and files are looked at.
pub const SAMPLE_PERIOD: Duration = Duration::from_millis(200);

/// From the start of the threads to a level's begin, so that all of them are ready for it.
const LEAD: Duration = Duration::from_millis(20);

/// Which level is to run.
#[derive(Debug, Clone)]
pub struct LevelPlan {
    /// Its index, from 0.
    pub index: usize,
    /// Its users; in the open loop the most streams that may be open.
    pub users: u64,
    /// How its load arrives.
    pub load: Load,
    /// How long it will probably take.
    pub expected: Option<Duration>,
    /// The target's processes, and those that answer it.
    pub processes: Vec<Process>,
    /// The embedded simulator.
    pub witness: Option<Witness>,
    /// The target runs on this machine.
    pub local: bool,
}

/// A level and what else was learnt.
#[derive(Debug)]
pub struct Measured {
    /// The level.
    pub level: Level,
    /// The tester's errors, to be merged over the run.
    pub errors: Errors,
    /// The `server` header of the target's answers.
    pub server: Option<String>,
    /// The version of HTTP spoken.
    pub version: Option<HttpVersion>,
}

/// Runs a level. Cancelling `stop` ends it early; what was measured until then is returned.
///
/// # Errors
/// When threads cannot be started, or one panicked.
pub async fn run_level(
    gear: &Arc<Gear>,
    plan: &LevelPlan,
    events: &Sender<RunEvent>,
    stop: &CancellationToken,
) -> Result<Measured, Error> {
    let witness = match plan.witness {
        Some(witness) => witness.reset().await.then_some(witness),
        None => None,
    };
    let mut watch = Watch::begin(&plan.processes);
    let gauges = Arc::new(Gauges::new(gear.workers));
    let begin = Instant::now() + LEAD;
    let job = Arc::new(Job {
        gear: Arc::clone(gear),
        users: plan.users,
        load: plan.load.clone(),
        index: u64::try_from(plan.index).unwrap_or(0),
        begin,
        gauges: Arc::clone(&gauges),
        stop: stop.clone(),
    });
    let parts = start(gear.workers, batching(plan.users), job)?;
    tokio::pin!(parts);
    let mut timeline = Timeline::default();
    let mut ticks = interval(SAMPLE_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let parts = loop {
        tokio::select! {
            parts = &mut parts => break parts?,
            _ = ticks.tick() => {
                watch.sample();
                let elapsed = begin.elapsed();
                if !elapsed.is_zero() {
                    look(&gauges, plan, elapsed, &mut timeline, events);
                }
            }
        }
    };
    let elapsed = watch.elapsed();
    let gathered = gather(parts, begin);
    let cost = watch.end(gathered.tally.chunks);
    let facts = Facts {
        cores: u64::try_from(runtime::workers::per_core()).unwrap_or(1),
        local: plan.local,
        at_once: matches!(plan.load, Load::Closed { repeat: Repeat::Times(1), .. }),
        stopped: stop.is_cancelled(),
    };
    let mut measured = assemble(plan, gathered, cost, elapsed, &gauges, &timeline, &facts);
    if let Some(witness) = witness {
        measured.level.simulator = witness.testify().await;
        measured.level.trust_notes.extend(late_simulator(&measured.level));
    }
    Ok(measured)
}

/// Starts the workers; the future is their parts.
fn start(
    workers: usize,
    wait: Duration,
    job: Arc<Job>,
) -> Result<impl Future<Output = Result<Vec<Part>, Error>>, Error> {
    let batching = Batching::default();
    batching.set(wait);
    let threads =
        Workers::start("stress", workers, &batching, move |index| work(index, Arc::clone(&job)))
            .map_err(|source| Error::System { what: "worker threads cannot start", source })?;
    let joined = tokio::task::spawn_blocking(move || threads.join());
    Ok(async move { parts_of(joined.await) })
}

pub(crate) fn parts_of<P>(
    joined: Result<io::Result<Vec<Result<P, String>>>, JoinError>,
) -> Result<Vec<P>, Error> {
    joined
        .map_err(|panic| Error::Bug(format!("a worker thread panicked: {panic}")))?
        .map_err(|source| Error::System { what: "a worker's runtime cannot start", source })?
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(Error::Bug)
}

/// Adds a sample to the time line and tells how the level goes.
fn look(
    gauges: &Gauges,
    plan: &LevelPlan,
    elapsed: Duration,
    timeline: &mut Timeline,
    events: &Sender<RunEvent>,
) {
    let totals = totals(&gauges.workers);
    let open = gauges.open.now();
    let sample = Sample { at: elapsed, open, chunks: totals.chunks, ended: totals.ended };
    let progress = Progress {
        index: plan.index,
        users: plan.users,
        elapsed,
        expected: plan.expected,
        open,
        started: totals.started,
        ended: totals.ended,
        failed: totals.failed,
        chunks_per_s: timeline.rate_to(&sample),
        ttft_p95_ms: totals.ttft_p95_ms,
    };
    timeline.push(sample);
    tell(events, RunEvent::Progress(progress));
}

/// All workers' parts together.
#[derive(Debug)]
struct Gathered {
    tally: Tally,
    errors: Errors,
    lag: LatencyHistogram,
    busiest: Duration,
    duration: Duration,
    server: Option<String>,
    version: Option<HttpVersion>,
}

fn gather(parts: Vec<Part>, begin: Instant) -> Gathered {
    let mut all = Gathered {
        tally: Tally::default(),
        errors: Errors::default(),
        lag: LatencyHistogram::default(),
        busiest: Duration::ZERO,
        duration: Duration::ZERO,
        server: None,
        version: None,
    };
    for part in parts {
        all.tally.merge(&part.tally);
        all.errors.merge(&part.errors);
        all.lag.merge(&part.lag);
        all.busiest = all.busiest.max(part.cpu);
        all.duration = all.duration.max(part.ended_at.saturating_duration_since(begin));
        all.server = all.server.or(part.server);
        all.version = all.version.or(part.version);
    }
    all
}

fn assemble(
    plan: &LevelPlan,
    gathered: Gathered,
    cost: Cost,
    elapsed: Duration,
    gauges: &Gauges,
    timeline: &Timeline,
    facts: &Facts,
) -> Measured {
    let tally = &gathered.tally;
    let duration_s = gathered.duration.as_secs_f64();
    let peak_open = gauges.open.peak();
    let per_s = |count: u64| if duration_s > 0.0 { float(count) / duration_s } else { 0.0 };
    let mut level = Level {
        users: if matches!(plan.load, Load::Open { .. }) { peak_open } else { plan.users },
        started: tally.started,
        refused: tally.refused,
        succeeded: tally.succeeded,
        complete: tally.complete,
        correct: (tally.verifiable > 0).then_some(tally.correct),
        outcomes: tally.outcomes,
        errors: tally.errors(),
        interrupted: tally.interrupted,
        peak_open,
        duration_s,
        start_spread_s: tally
            .starts
            .map_or(0.0, |(first, last)| last.saturating_duration_since(first).as_secs_f64()),
        connect_ms: tally.connect.summary_ms(),
        ttfb_ms: tally.ttfb.summary_ms(),
        ttft_ms: tally.ttft.summary_ms(),
        gap_ms: tally.gap.summary_ms(),
        total_ms: tally.total.summary_ms(),
        stretch: tally.stretch.summary_of_ratios(),
        refusal_ms: tally.refusal.summary_ms(),
        stalls: tally.stalls,
        chunks_per_stream: tally.chunks_per_stream.summary(),
        bytes_per_stream: tally.bytes_per_stream.summary(),
        chars_per_stream: tally.chars_per_stream.summary(),
        fairness: tally.fairness.index(),
        chunks: tally.chunks,
        bytes: tally.bytes,
        chunks_per_s: per_s(tally.chunks),
        bytes_per_s: per_s(tally.bytes),
        gap_buckets: tally.gap.buckets_ms(),
        ttft_buckets: tally.ttft.buckets_ms(),
        timeline: timeline.points(gathered.duration),
        target_usage: cost.target,
        simulator: None,
        tester_usage: TesterUsage {
            cpu_s: cost.tester_cpu_s,
            busiest_worker: (gathered.busiest.as_secs_f64() / elapsed.as_secs_f64()).min(1.0),
            peak_rss_bytes: cost.tester_peak_rss,
            lag_ms: gathered.lag.summary_ms(),
        },
        control: Some(gathered.errors.summary()),
        machine_other_cpu_s: cost.other_cpu_s,
        machine_busy: cost.machine_busy,
        trusted: true,
        trust_notes: Vec::new(),
    };
    (level.trusted, level.trust_notes) = judge(&level, facts);
    level
        .trust_notes
        .extend(cost.gone.iter().map(|name| format!("{name} ended during this level")));
    Measured { level, errors: gathered.errors, server: gathered.server, version: gathered.version }
}
