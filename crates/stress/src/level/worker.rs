//! One worker's part of a level: its users, the control users beside them, its own lag.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use results::{Ideal, LatencyHistogram};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::arrival::Schedule;
use crate::carrier::Carrier;
use crate::client::{
    Connection, Connector, Deadlines, HttpVersion, Minimum, Observer, Request, RequestParts,
    StreamReport, Target,
};
use crate::control::{Controls, Errors, Script, TruthLog, starts_with};
use crate::recorder::{Gauges, Recorder, Tally};
use crate::settings::Load;
use crate::user::{ClosedLoop, OpenLoop, Share, closed_loop, open_loop};

/// How long control users may take beyond their script before they are given up.
const CONTROL_PATIENCE: Duration = Duration::from_secs(2);

/// Control users of an open loop.
const OPEN_LOOP_CONTROLS: u64 = 4;

/// What all levels of a run have in common.
#[derive(Debug)]
pub struct Gear {
    /// Where users connect to.
    pub target: Target,
    /// What they send: one request, or one for each prompt.
    pub requests: Vec<Request>,
    /// Their deadlines.
    pub deadlines: Deadlines,
    /// What a complete stream needs.
    pub minimum: Minimum,
    /// A gap longer than this is a stall.
    pub stall: Duration,
    /// The ideal course of every answer, where it is known.
    pub ideal: Option<Ideal>,
    /// Seed of everything random.
    pub seed: u64,
    /// Where control users connect to.
    pub control_target: Target,
    /// What they are answered.
    pub control_script: Script,
    /// What was true.
    pub truths: Arc<TruthLog>,
    /// Worker threads.
    pub workers: usize,
}

/// What one level adds.
#[derive(Debug)]
pub struct Job {
    /// The run's part.
    pub gear: Arc<Gear>,
    /// Users of the level; in the open loop the most streams that may be open.
    pub users: u64,
    /// How its load arrives.
    pub load: Load,
    /// Index of the level: it shifts which prompt comes first.
    pub index: u64,
    /// When it begins, the same for all workers.
    pub begin: Instant,
    /// Shared counters.
    pub gauges: Arc<Gauges>,
    /// Ends it early.
    pub stop: CancellationToken,
}

/// What one worker measured.
#[derive(Debug)]
pub struct Part {
    /// The users' streams.
    pub tally: Tally,
    /// The control streams.
    pub errors: Errors,
    /// How late the worker's timers were.
    pub lag: LatencyHistogram,
    /// CPU time of its thread.
    pub cpu: Duration,
    /// When its last user ended.
    pub ended_at: Instant,
    /// The `server` header of the target's answers.
    pub server: Option<String>,
    /// The version of HTTP spoken.
    pub version: Option<HttpVersion>,
}

/// Runs one worker's part. The error is a sentence: nothing but a bug can cause one, since the
/// warm-up has done the same before.
///
/// # Errors
/// When the connector cannot be built.
///
/// # Panics
/// When a user panicked: its panic is carried on.
pub async fn work(worker: usize, job: Arc<Job>) -> Result<Part, String> {
    let cpu_before = runtime::process::thread_cpu();
    let gear = &job.gear;
    let connector = Connector::new(&gear.target).map_err(|error| error.to_string())?;
    let control = Connector::new(&gear.control_target).map_err(|error| error.to_string())?;
    let carrier = Rc::new(Client { connector, gear: Arc::clone(gear) });
    let gauges = Arc::clone(&job.gauges);
    let recorder = Rc::new(Recorder::new(gauges, worker, gear.stall, gear.ideal));
    let control = ControlClient { connector: control, gear: Arc::clone(gear) };
    let controls = Rc::new(Controls::new(control, Arc::clone(&gear.truths)));
    let lateness = Rc::new(RefCell::new(LatencyHistogram::default()));

    let mut beside = JoinSet::new();
    beside.spawn_local(crate::lag::probe(Rc::clone(&lateness)));
    let share = Share { worker: units(worker), workers: units(gear.workers) };
    let finished = tokio::select! {
        finished = carry(&job, share, &carrier, &recorder, &controls, &mut beside) => Some(finished),
        () = job.stop.cancelled() => None,
    };
    let ended_at = Instant::now();
    let tally = recorder.finish();
    match finished {
        Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
        Some(Ok(())) => controls.stop(gear.control_script.length() + CONTROL_PATIENCE).await,
        None => {}
    }
    beside.shutdown().await;
    Ok(Part {
        tally,
        errors: controls.errors(),
        lag: lateness.take(),
        cpu: runtime::process::thread_cpu().saturating_sub(cpu_before),
        ended_at,
        server: carrier.connector.server().map(str::to_owned),
        version: carrier.connector.http_version(),
    })
}

/// Runs the level's load, and starts control users among it.
async fn carry(
    job: &Job,
    share: Share,
    carrier: &Rc<Client>,
    recorder: &Rc<Recorder>,
    controls: &Rc<Controls<ControlClient>>,
    beside: &mut JoinSet<()>,
) -> Result<(), JoinError> {
    // Prompts begin elsewhere in every level, the same for the same seed.
    let first_request = job.gear.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(job.index);
    let users = job.users;
    match &job.load {
        Load::Closed { start, repeat, think } => {
            let plan = ClosedLoop {
                users,
                start: *start,
                repeat: *repeat,
                think: *think,
                first_request,
                begin: job.begin,
            };
            let beside = |number| {
                if starts_with(number, users) {
                    beside.spawn_local(Rc::clone(controls).user());
                }
            };
            closed_loop(plan, share, carrier, recorder, beside).await
        }
        Load::Open { arrival, trace, duration, max_open } => {
            let Some(schedule) = Schedule::new(arrival, trace.as_ref(), job.gear.seed) else {
                return Ok(());
            };
            let plan = OpenLoop {
                schedule,
                duration: *duration,
                max_open: *max_open,
                first_request,
                begin: job.begin,
            };
            let beside = |number| {
                if number < OPEN_LOOP_CONTROLS {
                    beside.spawn_local(Rc::clone(controls).user());
                }
            };
            open_loop(plan, share, carrier, recorder, &job.gauges, beside).await
        }
    }
}

fn units(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Carries users' requests to the target.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) connector: Connector,
    pub(crate) gear: Arc<Gear>,
}

impl Carrier for Client {
    type Connection = Connection;

    async fn carry(
        &self,
        request: usize,
        connection: &mut Option<Connection>,
        scheduled: Option<Instant>,
        observer: &impl Observer,
    ) -> StreamReport {
        let (request, deadlines) = (&self.gear.requests[request], &self.gear.deadlines);
        let minimum = self.gear.minimum;
        self.connector.stream(request, connection, scheduled, deadlines, minimum, observer).await
    }

    fn requests(&self) -> usize {
        self.gear.requests.len()
    }
}

/// Carries control users' requests to the control server, each under a number of its own.
#[derive(Debug)]
struct ControlClient {
    connector: Connector,
    gear: Arc<Gear>,
}

impl ControlClient {
    fn request(&self, number: usize) -> Request {
        let authority =
            self.gear.control_target.addresses.first().map(ToString::to_string).unwrap_or_default();
        Request::new(&RequestParts {
            dialect: wire::Dialect::Sse,
            method: "GET",
            scheme: "http",
            authority: &authority,
            path: &format!("/{number}"),
            headers: &[],
            body: bytes::Bytes::new(),
        })
        .expect("an address and a number make a request")
    }
}

impl Carrier for ControlClient {
    type Connection = Connection;

    async fn carry(
        &self,
        number: usize,
        connection: &mut Option<Connection>,
        scheduled: Option<Instant>,
        observer: &impl Observer,
    ) -> StreamReport {
        let request = self.request(number);
        let minimum = Minimum { chunks: 1, bytes: 1 };
        let deadlines = &self.gear.deadlines;
        self.connector.stream(&request, connection, scheduled, deadlines, minimum, observer).await
    }

    fn requests(&self) -> usize {
        usize::MAX
    }
}
