//! One worker's part of a level: its agents' sessions and calls, the trivial call beside them, the
//! tester's own error.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use results::LatencyHistogram;
use results::tools::Shape;
use runtime::process::ProcessName;
use tokio::sync::{Barrier, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::agent::{Agent, Made, Opened};
use super::control::{self, Known};
use super::error::ToolsError;
use super::http::{Endpoint, HttpTransport};
use super::mix::Mix;
use super::probe::{Prober, Probing};
use super::session::{Carriage, Protocol, Session, Trivial};
use super::stdio::{Command, StdioTransport};
use super::transport::Failure;
use crate::client::{Connector, Target};
use crate::recorder::Gauges;

/// How long a session may take to open.
pub const SESSION_LIMIT: Duration = Duration::from_secs(30);

/// Files that one worker looks at at the same time, each from a thread of its own: hundreds of calls
/// that end together must not start hundreds of threads. A look is one system call.
const LOOKS_AT_ONCE: usize = 2;

/// What all levels of a run have in common.
#[derive(Debug, Clone)]
pub struct Gear {
    /// The target as people read it.
    pub words: String,
    /// How the server is reached.
    pub way: Way,
    /// The revision to speak.
    pub protocol: Protocol,
    /// Deadline of one call.
    pub timeout: Duration,
    /// The trivial call made beside the load, and how often.
    pub trivial: Option<(Trivial, Duration)>,
    /// The server of known delay.
    pub control: Known,
    /// Worker threads.
    pub workers: usize,
}

/// How a server is reached, resolved.
#[derive(Debug, Clone)]
pub enum Way {
    /// Over HTTP.
    Http {
        /// Where connections go.
        target: Target,
        /// What requests say.
        endpoint: Endpoint,
    },
    /// As a process of ours.
    Stdio {
        /// Its command.
        command: Command,
        /// All agents share one.
        shared: bool,
    },
}

/// What one level adds.
#[derive(Debug)]
pub struct Job {
    /// The run's part.
    pub gear: Arc<Gear>,
    /// The tools.
    pub mix: Arc<Mix>,
    /// The folder where files land, to look at them right after each call.
    pub directory: Option<PathBuf>,
    /// Agents, and calls of each at once.
    pub shape: Shape,
    /// Calls that each place makes, one after the other.
    pub repeat: u64,
    /// Calls a second over all agents.
    pub rate: Option<f64>,
    /// `{level}`.
    pub level: u64,
    /// `{run}`.
    pub run: Arc<str>,
    /// Trivial calls are made, before the load and beside it.
    pub probing: bool,
    /// All workers' sessions stand.
    pub open: Barrier,
    /// Tells which processes the worker started, once it waits for the begin.
    pub ready: mpsc::Sender<Vec<ProcessName>>,
    /// When the level begins.
    pub begin: watch::Receiver<Option<Instant>>,
    /// Tells that all the worker's calls have ended.
    pub done: mpsc::Sender<()>,
    /// Shared counters.
    pub gauges: Arc<Gauges>,
    /// Ends it early.
    pub stop: CancellationToken,
}

/// What one worker measured.
#[derive(Debug, Default)]
pub struct Part {
    /// Its agents' calls.
    pub made: Vec<Made>,
    /// What opening their sessions took.
    pub sessions: LatencyHistogram,
    /// By how much calls of known length were measured wrong.
    pub errors: LatencyHistogram,
    /// How late the worker's timers were.
    pub lag: LatencyHistogram,
    /// CPU time of its thread.
    pub cpu: Duration,
    /// The trivial calls, on the worker that makes them.
    pub probing: Probing,
}

/// Opens ways to the server for the agents of one worker.
#[derive(Debug)]
pub(crate) struct Opener {
    way: OpenerWay,
    /// The process that all agents share, once it runs.
    shared: OnceCell<Rc<StdioTransport>>,
}

#[derive(Debug)]
enum OpenerWay {
    Http(Rc<Connector>, Rc<Endpoint>),
    Stdio(Command, bool),
}

impl Opener {
    /// An opener for one worker.
    ///
    /// # Errors
    /// A sentence, when no connector can be made of the target.
    pub(crate) fn new(gear: &Gear) -> Result<Self, String> {
        let way = match &gear.way {
            Way::Http { target, endpoint } => {
                let connector = Connector::new(target).map_err(|error| error.to_string())?;
                OpenerWay::Http(Rc::new(connector), Rc::new(endpoint.clone()))
            }
            Way::Stdio { command, shared } => OpenerWay::Stdio(command.clone(), *shared),
        };
        Ok(Self { way, shared: OnceCell::new() })
    }

    /// A way of its own for one agent.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub(crate) fn carriage(&self) -> Result<Carriage, ToolsError> {
        Ok(match &self.way {
            OpenerWay::Http(connector, endpoint) => Carriage::Http(Box::new(HttpTransport::new(
                Rc::clone(connector),
                Rc::clone(endpoint),
            ))),
            OpenerWay::Stdio(command, false) => {
                Carriage::Stdio(Rc::new(StdioTransport::start(command)?))
            }
            OpenerWay::Stdio(command, true) => {
                if let Some(process) = self.shared.get() {
                    return Ok(Carriage::Stdio(Rc::clone(process)));
                }
                let process = Rc::new(StdioTransport::start(command)?);
                Carriage::Stdio(Rc::clone(self.shared.get_or_init(|| process)))
            }
        })
    }

    /// Opens one session.
    async fn open(&self, gear: &Gear) -> Result<Session, Failure> {
        let carriage =
            self.carriage().map_err(|error| Failure::Transport(error.to_string().into()))?;
        Session::open(carriage, gear.protocol, SESSION_LIMIT).await.map_err(
            |(carriage, failure)| {
                drop(carriage);
                failure
            },
        )
    }

    /// Opens a session for each of so many agents, all at once; over a shared process the first
    /// agent shakes hands for all.
    async fn sessions(&self, gear: &Gear, agents: usize) -> Vec<Result<Rc<Session>, Failure>> {
        if let OpenerWay::Stdio(_, true) = self.way {
            let first = self.open(gear).await.map(Rc::new);
            return std::iter::repeat_with(|| first.clone()).take(agents).collect();
        }
        let open = || async { self.open(gear).await.map(Rc::new) };
        join_all(std::iter::repeat_with(open).take(agents)).await
    }
}

/// Runs one worker's part. The error is a sentence; the check before the load has done the same.
///
/// # Errors
/// When the connector cannot be built.
pub async fn work(worker: usize, job: Arc<Job>) -> Result<Part, String> {
    let cpu_before = runtime::process::thread_cpu();
    let gear = &job.gear;
    let opener = Opener::new(gear)?;
    let numbers: Vec<u64> = (0..job.shape.agents)
        .filter(|number| number % units(gear.workers) == units(worker))
        .collect();
    let mut part = Part::default();
    let stop = &job.stop;

    let opening = opener.sessions(gear, numbers.len());
    let Some(sessions) = stop.run_until_cancelled(opening).await else { return Ok(part) };
    for session in sessions.iter().flatten() {
        part.sessions.record(session.opened_in);
    }
    let prober = match gear.trivial.filter(|_| worker == 0 && job.probing) {
        None => None,
        Some((which, every)) => {
            // A process can be asked only where it is loaded; over HTTP the probe is somebody else.
            let session = match &gear.way {
                Way::Http { .. } => opener.open(gear).await.ok().map(Rc::new),
                Way::Stdio { .. } => sessions.first().and_then(|first| first.clone().ok()),
            };
            session.map(|session| Prober { session, which, every, limit: gear.timeout })
        }
    };
    if stop.run_until_cancelled(job.open.wait()).await.is_none() {
        return Ok(part);
    }
    if let Some(prober) = &prober {
        let idle = prober.idle();
        part.probing.idle = stop.run_until_cancelled(idle).await.unwrap_or_default();
    }
    let Some(begin) = begin(&job, &sessions).await else { return Ok(part) };

    let errors = Rc::new(RefCell::new(LatencyHistogram::default()));
    let lag = Rc::new(RefCell::new(LatencyHistogram::default()));
    let mut beside = JoinSet::new();
    beside.spawn_local(crate::lag::probe(Rc::clone(&lag)));
    let (known, observed) = (gear.control.clone(), Rc::clone(&errors));
    beside.spawn_local(async move { control::watch(&known, observed).await });

    let made = RefCell::new(Vec::new());
    let looking = Semaphore::new(LOOKS_AT_ONCE);
    let loading = CancellationToken::new();
    let load = async {
        let agents = numbers.iter().zip(&sessions).map(|(&number, session)| Agent {
            number,
            session: match session {
                Ok(session) => Opened::Session(session),
                Err(failure) => Opened::Failed(failure),
            },
            job: &job,
            begin,
            worker,
            made: &made,
            looking: &looking,
        });
        join_all(agents.map(|agent| async move { agent.run().await })).await;
        loading.cancel();
    };
    let probe = async {
        match &prober {
            Some(prober) => prober.beside(begin, &loading).await,
            None => (Vec::new(), 0),
        }
    };
    let ((), (probes, failed)) = tokio::join!(load, probe);
    // A closed channel means that the run is given up: nobody waits for the word.
    let _ = job.done.send(()).await;
    (part.probing.during, part.probing.failed) = (probes, failed);
    beside.shutdown().await;
    part.cpu = runtime::process::thread_cpu().saturating_sub(cpu_before);
    part.made = made.into_inner();
    part.errors = errors.take();
    part.lag = lag.take();
    drop(opener);
    close(sessions, prober).await;
    Ok(part)
}

/// Tells that this worker is ready, and waits for the level's begin; `None` when it is stopped.
async fn begin(job: &Job, sessions: &[Result<Rc<Session>, Failure>]) -> Option<Instant> {
    let processes = sessions.iter().flatten().filter_map(|session| session.carriage().pid());
    let name = match &job.gear.way {
        Way::Stdio { command, .. } => {
            command.program.rsplit('/').next().unwrap_or_default().to_owned()
        }
        Way::Http { .. } => String::new(),
    };
    let mut processes: Vec<ProcessName> =
        processes.map(|pid| ProcessName { pid, name: name.clone() }).collect();
    processes.dedup();
    let mut receiver = job.begin.clone();
    let waiting = async {
        job.ready.send(processes).await.ok()?;
        receiver.wait_for(Option::is_some).await.ok().and_then(|begin| *begin)
    };
    job.stop.run_until_cancelled(waiting).await.flatten()
}

/// Ends all sessions, each once.
async fn close(sessions: Vec<Result<Rc<Session>, Failure>>, prober: Option<Prober>) {
    let mut sessions: Vec<Rc<Session>> = sessions.into_iter().flatten().collect();
    sessions.extend(prober.map(|prober| prober.session));
    // The last holder of a shared session ends it.
    let closing = sessions.into_iter().filter_map(Rc::into_inner).map(Session::close);
    join_all(closing).await;
}

fn units(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
