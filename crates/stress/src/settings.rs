//! What a run will do: a checked [`Config`], with every default filled in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use results::{Ideal, Slo};

use crate::arrival::{Arrival, Start, Trace};
use crate::capacity::Bounds;
use crate::client::{Deadlines, Minimum};
use crate::config::Config;
use crate::dialect;
use crate::error::Error;
use crate::ladder::Ladder;
use crate::prompt::{DEFAULT_PROMPT, Prompt, read_prompts, read_text};
use crate::request::{DEFAULT_MODEL, Draft, Question};
use crate::target_url::TargetUrl;
use wire::Dialect;

/// Levels when a target is given and nobody says: gentle, for it may be anybody's.
pub const DEFAULT_LADDER: [u64; 3] = [10, 50, 100];
/// Chunks that a complete stream needs, as in the report that Weir replaces.
pub const DEFAULT_MIN_CHUNKS: u64 = 10;
/// Body bytes that a complete stream needs, as in the report that Weir replaces.
pub const DEFAULT_MIN_BYTES: u64 = 1000;
/// Deadline for the first chunk: models that reason first have been seen to take 30 s.
pub const DEFAULT_TIMEOUT_FIRST: Duration = Duration::from_secs(60);
/// Deadline between two chunks.
pub const DEFAULT_TIMEOUT_IDLE: Duration = Duration::from_secs(30);
/// A gap longer than this is a stall: a reader notices a pause of a second.
pub const DEFAULT_STALL: Duration = Duration::from_secs(1);
/// The seed when nobody says: runs are alike unless asked to differ.
pub const DEFAULT_SEED: u64 = 1;
/// How long an open loop runs when nobody says.
pub const DEFAULT_OPEN_DURATION: Duration = Duration::from_secs(60);
/// Most streams that an open loop holds open when nobody says.
pub const DEFAULT_MAX_OPEN: u64 = 10_000;
/// Most arrivals of one level.
pub const MAX_ARRIVALS: f64 = 10_000_000.0;
/// Most requests that one user makes in one level.
pub const MAX_REQUESTS_PER_USER: u64 = 1_000_000;
/// From this many users on, workers batch their wake-ups.
pub const BATCHING_FROM_USERS: u64 = 5_000;
/// How long a worker batches its wake-ups then. Measured on two cores: a client polled every few
/// milliseconds costs a third less CPU than one woken for each event; time stamps gain at most
/// this much.
pub const BATCHING: Duration = Duration::from_millis(2);

/// Everything that a run does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The run's name.
    pub name: String,
    /// The scenario's name, or `custom`.
    pub scenario: String,
    /// The command line to note in the run, with its secrets: they are replaced there.
    pub command_line: Vec<String>,
    /// Where requests go.
    pub url: TargetUrl,
    /// The dialect.
    pub api: Dialect,
    /// The requests: one, or one for each prompt.
    pub drafts: Vec<Draft>,
    /// Where prompts come from, as the run notes it.
    pub prompt: String,
    /// The model asked for.
    pub model: Option<String>,
    /// The most tokens asked for.
    pub max_tokens: Option<u64>,
    /// Which levels run.
    pub climb: Climb,
    /// How the load of a level arrives.
    pub load: Load,
    /// Deadlines of every stream.
    pub deadlines: Deadlines,
    /// What a complete stream needs.
    pub minimum: Minimum,
    /// A gap longer than this is a stall.
    pub stall: Duration,
    /// The SLO; at least one predicate.
    pub slos: Vec<Slo>,
    /// Seed of everything random.
    pub seed: u64,
    /// Profile of the embedded simulator.
    pub profile: Option<String>,
    /// The ideal course of every answer, where it is known.
    pub ideal: Option<Ideal>,
    /// The longest that an answer is meant to take, where it is known: for the plan of the run.
    pub longest_answer: Option<Duration>,
    /// Certificates to trust beside the system's.
    pub cacert: Option<PathBuf>,
    /// Whether any certificate is taken.
    pub insecure: bool,
    /// HTTP/2 without TLS.
    pub http2: bool,
    /// The monthly price of one server.
    pub server_cost: Option<f64>,
    /// Users to plan replicas for.
    pub plan_users: Option<u64>,
}

/// Which levels run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Climb {
    /// The levels of a ladder, in order.
    Ladder(Ladder),
    /// The levels that a capacity search asks for.
    Search(Bounds),
    /// One level: the open loop's.
    Once,
}

/// How the load of a level arrives.
#[derive(Debug, Clone, PartialEq)]
pub enum Load {
    /// Users who wait for their answers.
    Closed {
        /// How they start.
        start: Start,
        /// When a user stops asking.
        repeat: Repeat,
        /// Pause between an answer's end and the next request.
        think: Duration,
    },
    /// Requests that arrive whatever the target does.
    Open {
        /// How they arrive.
        arrival: Arrival,
        /// The recorded arrivals, where that is how.
        trace: Option<Trace>,
        /// How long they arrive.
        duration: Duration,
        /// Most streams open at once; arrivals beyond are refused and counted.
        max_open: u64,
    },
}

/// When a user of a closed loop stops asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// After so many requests.
    Times(u64),
    /// When the level has run this long; a request under way is finished.
    For(Duration),
}

impl Settings {
    /// Checks a configuration against a target and fills in the defaults. Reads the files that
    /// it names. The command line, which the run notes, is set by the caller afterwards.
    ///
    /// # Errors
    /// When options exclude each other or a file cannot be taken.
    pub fn resolve(config: Config, scenario: Option<&str>, url: TargetUrl) -> Result<Self, Error> {
        let api = config.api.unwrap_or_else(|| dialect::of_path(&url.path));
        let load = load(&config)?;
        let climb = climb(&config, &load)?;
        let (drafts, prompt) = drafts(&config, api)?;
        let known_format = dialect::has_requests(api);
        let default_model =
            || (known_format && config.body.is_none()).then(|| DEFAULT_MODEL.to_owned());
        let scenario = scenario.unwrap_or("custom").to_owned();
        Ok(Self {
            name: config.name.unwrap_or_else(|| scenario.clone()),
            scenario,
            command_line: Vec::new(),
            url,
            api,
            drafts,
            prompt,
            model: config.model.or_else(default_model),
            max_tokens: config.max_tokens,
            climb,
            load,
            deadlines: Deadlines {
                first: config.timeout_first.unwrap_or(DEFAULT_TIMEOUT_FIRST),
                idle: config.timeout_idle.unwrap_or(DEFAULT_TIMEOUT_IDLE),
                total: config.timeout_total,
            },
            minimum: Minimum {
                chunks: config.min_chunks.unwrap_or(DEFAULT_MIN_CHUNKS),
                bytes: config.min_bytes.unwrap_or(DEFAULT_MIN_BYTES),
            },
            stall: config.stall.unwrap_or(DEFAULT_STALL),
            slos: if config.slo.is_empty() { vec![Slo::default()] } else { config.slo },
            seed: config.seed.unwrap_or(DEFAULT_SEED),
            profile: config.profile,
            ideal: config.ideal,
            longest_answer: None,
            cacert: config.cacert,
            insecure: config.insecure.unwrap_or(false),
            http2: config.http2.unwrap_or(false),
            server_cost: config.server_cost,
            plan_users: config.plan_users,
        })
    }

    /// Most streams that the run may hold open at once: what limits are checked against.
    #[must_use]
    pub fn most_open(&self) -> u64 {
        match (&self.climb, &self.load) {
            (Climb::Ladder(ladder), _) => ladder.highest(),
            (Climb::Search(bounds), _) => bounds.max,
            (Climb::Once, Load::Open { max_open, .. }) => *max_open,
            (Climb::Once, Load::Closed { .. }) => 1,
        }
    }
}

/// How long workers batch their wake-ups in a level of this many users.
#[must_use]
pub fn batching(users: u64) -> Duration {
    if users < BATCHING_FROM_USERS { Duration::ZERO } else { BATCHING }
}

fn conflict(text: &str) -> Error {
    Error::Conflict(text.to_owned())
}

fn load(config: &Config) -> Result<Load, Error> {
    match config.arrival.clone().unwrap_or_default() {
        Arrival::Burst => closed_loop(config),
        arrival => open_loop(config, arrival),
    }
}

fn closed_loop(config: &Config) -> Result<Load, Error> {
    if config.max_open.is_some() {
        return Err(conflict("--max-open bounds an open loop: it needs --arrival"));
    }
    let repeat = match (config.requests_per_user, config.duration) {
        (Some(_), Some(_)) => {
            return Err(conflict(
                "--requests-per-user and --duration both end a level: give one of them",
            ));
        }
        (None, Some(Duration::ZERO)) | (Some(0), None) => {
            return Err(conflict("a user makes at least one request"));
        }
        (Some(requests), None) if requests > MAX_REQUESTS_PER_USER => {
            return Err(conflict("--requests-per-user is at most 1000000; use --duration"));
        }
        (None, Some(duration)) => Repeat::For(duration),
        (requests, None) => Repeat::Times(requests.unwrap_or(1)),
    };
    Ok(Load::Closed {
        start: config.start.unwrap_or_default(),
        repeat,
        think: config.think.unwrap_or_default(),
    })
}

fn open_loop(config: &Config, arrival: Arrival) -> Result<Load, Error> {
    let given = [
        ("--ladder", config.ladder.is_some()),
        ("--find-capacity", config.find_capacity.is_some()),
        ("--start", config.start.is_some()),
        ("--requests-per-user", config.requests_per_user.is_some()),
        ("--think", config.think.is_some()),
    ];
    if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
        return Err(Error::Conflict(format!(
            "{option} is for users who wait for their answers; with --arrival {arrival} requests \
             come at their own times: leave one of them out"
        )));
    }
    let trace = match &arrival {
        Arrival::Trace { file } => Some(Trace::read(file)?),
        _ => None,
    };
    let default_duration = trace.as_ref().map_or(DEFAULT_OPEN_DURATION, |trace| {
        // The last arrival belongs to the trace, the end of a duration does not.
        trace.length() + Duration::from_millis(1)
    });
    let duration = config.duration.unwrap_or(default_duration);
    let rate = match arrival {
        Arrival::Poisson { rate } | Arrival::Gamma { rate, .. } => rate,
        Arrival::Burst | Arrival::Trace { .. } => 0.0,
    };
    if rate * duration.as_secs_f64() > MAX_ARRIVALS {
        return Err(conflict("these are more than ten million arrivals: lower rate or --duration"));
    }
    let max_open = config.max_open.unwrap_or(DEFAULT_MAX_OPEN);
    if duration.is_zero() || !(1..=crate::ladder::MAX_USERS).contains(&max_open) {
        return Err(conflict("--duration is above zero and --max-open from 1 to 1000000"));
    }
    Ok(Load::Open { arrival, trace, duration, max_open })
}

fn climb(config: &Config, load: &Load) -> Result<Climb, Error> {
    match (config.find_capacity, &config.ladder, load) {
        (_, _, Load::Open { .. }) => Ok(Climb::Once),
        (Some(_), Some(_), _) => {
            Err(conflict("--ladder and --find-capacity both choose the levels: give one of them"))
        }
        (Some(bounds), None, _) => Ok(Climb::Search(bounds)),
        (None, Some(ladder), _) => Ok(Climb::Ladder(ladder.clone())),
        (None, None, _) => Ok(Climb::Ladder(Ladder::new(DEFAULT_LADDER.to_vec())?)),
    }
}

/// The requests, and where their prompts come from.
fn drafts(config: &Config, api: Dialect) -> Result<(Vec<Draft>, String), Error> {
    let question = Question {
        api,
        model: config.model.clone(),
        max_tokens: config.max_tokens,
        key: config.api_key.clone(),
        headers: config.header.clone(),
    };
    match (&config.body, &config.prompts, config.prompt.as_deref()) {
        (Some(file), None, None) => {
            let body = Bytes::from(read_text(without_at(file))?);
            Ok((vec![question.draft_of_body(body)], format!("body {}", name_of(file))))
        }
        (None, Some(file), None) => {
            let prompts = read_prompts(without_at(file))?;
            let source = format!("file {}, {} prompts", name_of(file), prompts.len());
            Ok((prompts.iter().map(|prompt| question.draft(Some(prompt))).collect(), source))
        }
        (None, None, Some(text)) => {
            let (text, source) = match text.strip_prefix('@') {
                Some(file) => {
                    (read_text(Path::new(file))?, format!("file {}", name_of(Path::new(file))))
                }
                None => (text.to_owned(), "text".to_owned()),
            };
            Ok((vec![question.draft(Some(&Prompt::Text(text)))], source))
        }
        (None, None, None) => {
            let asks =
                dialect::has_requests(api) || config.model.is_some() || config.max_tokens.is_some();
            let prompt = asks.then(|| Prompt::Text(DEFAULT_PROMPT.to_owned()));
            let source = if asks { "default" } else { "none" };
            Ok((vec![question.draft(prompt.as_ref())], source.to_owned()))
        }
        _ => Err(conflict("--prompt, --prompts and --body exclude each other: give one of them")),
    }
}

/// `--body @FILE` and `--body FILE` mean the same.
fn without_at(file: &Path) -> &Path {
    file.to_str().and_then(|text| text.strip_prefix('@')).map_or(file, Path::new)
}

/// A file's name without its folders: runs are shown to others.
fn name_of(file: &Path) -> String {
    without_at(file).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
