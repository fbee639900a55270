//! One level of the ladder: a number of users held at once, and what became of their streams.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::load::Judged;
use crate::slo::{Latency, Quantity, Rate, Share};
use crate::summary::Summary;

/// What became of one stream, decided by the dialect's grammar and not by the status code.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Whole: finish reason, terminal event, enough chunks and bytes, the right text.
    Ok,
    /// It ended (cleanly or cut) before its terminal event.
    Truncated,
    /// It ended well but with fewer chunks or bytes than asked for.
    Short,
    /// It ended well without a single chunk.
    Empty,
    /// An event that the dialect's grammar does not allow, or broken framing.
    Malformed,
    /// Self-verifying text whose checksum does not match: a chunk lost, doubled or altered.
    WrongText,
    /// The server reported an error inside the stream.
    ErrorEvent,
    /// A status other than 2xx, or a content type that is no stream of this dialect.
    HttpError,
    /// No connection: refused, reset before the head, TLS failure, no route.
    ConnectError,
    /// One of the named deadlines passed.
    Timeout,
}

impl Outcome {
    /// All outcomes in the order in which reports stack them.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Short,
        Self::Truncated,
        Self::Empty,
        Self::Malformed,
        Self::WrongText,
        Self::ErrorEvent,
        Self::HttpError,
        Self::ConnectError,
        Self::Timeout,
    ];

    /// The field name in `run.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Truncated => "truncated",
            Self::Short => "short",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::WrongText => "wrong_text",
            Self::ErrorEvent => "error_event",
            Self::HttpError => "http_error",
            Self::ConnectError => "connect_error",
            Self::Timeout => "timeout",
        }
    }
}

/// Streams counted by [`Outcome`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each field is the outcome of the same name")]
pub struct Outcomes {
    pub ok: u64,
    pub truncated: u64,
    pub short: u64,
    pub empty: u64,
    pub malformed: u64,
    pub wrong_text: u64,
    pub error_event: u64,
    pub http_error: u64,
    pub connect_error: u64,
    pub timeout: u64,
}

impl Outcomes {
    /// Counts one stream.
    pub fn count(&mut self, outcome: Outcome) {
        *self.slot(outcome) += 1;
    }

    /// Streams with this outcome.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> u64 {
        *self.clone().slot(outcome)
    }

    /// All streams that came to an end, whatever it was.
    #[must_use]
    pub fn total(&self) -> u64 {
        Outcome::ALL.into_iter().map(|outcome| self.get(outcome)).sum()
    }

    /// Adds the counts of another worker.
    pub fn merge(&mut self, other: &Self) {
        for outcome in Outcome::ALL {
            *self.slot(outcome) += other.get(outcome);
        }
    }

    fn slot(&mut self, outcome: Outcome) -> &mut u64 {
        match outcome {
            Outcome::Ok => &mut self.ok,
            Outcome::Truncated => &mut self.truncated,
            Outcome::Short => &mut self.short,
            Outcome::Empty => &mut self.empty,
            Outcome::Malformed => &mut self.malformed,
            Outcome::WrongText => &mut self.wrong_text,
            Outcome::ErrorEvent => &mut self.error_event,
            Outcome::HttpError => &mut self.http_error,
            Outcome::ConnectError => &mut self.connect_error,
            Outcome::Timeout => &mut self.timeout,
        }
    }
}

/// Failures of one class with the same detail, counted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ErrorGroup_of_{O}")]
pub struct ErrorGroup<O = Outcome> {
    /// The outcome that these streams or calls had.
    pub class: O,
    /// What happened, without anything that differs from one to the next (ids, ports).
    pub detail: String,
    /// How many streams or calls.
    pub count: u64,
}

/// Most error groups that a level keeps; further details are counted under `other`.
pub const MAX_ERROR_GROUPS: usize = 50;

/// CPU seconds that a process must have used before they are divided by anything: the kernel
/// counts in ticks of 10 ms, and below five of them a quotient is mostly rounding.
pub const MIN_CPU_S_TO_DIVIDE: f64 = 0.05;

/// What a process is to the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is stressed: what it uses is what the target costs.
    #[default]
    Target,
    /// It answers the target, as a provider would: shown beside it, and no part of its cost.
    Upstream,
}

/// What one process used during the level, read from the operating system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessUsage {
    /// The process's name (`weir serve`, `uvicorn`).
    pub process: String,
    /// What it is to the run; runs of older versions knew targets alone.
    #[serde(default)]
    pub role: Role,
    /// Its process id.
    pub pid: u32,
    /// CPU seconds, user and system together.
    pub cpu_s: f64,
    /// CPU microseconds for each chunk that the tester received; null without chunks or below
    /// [`MIN_CPU_S_TO_DIVIDE`].
    pub cpu_us_per_chunk: Option<f64>,
    /// Highest resident memory seen, in bytes.
    pub peak_rss_bytes: u64,
    /// Resident memory before the run's first level, in bytes: memory that a process keeps from
    /// earlier levels is not idle.
    pub idle_rss_bytes: u64,
    /// Most open file descriptors seen.
    pub peak_fds: u64,
}

/// What the embedded simulator counted of the level itself: a witness beside the tester, on the
/// other side of whatever stands between them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// Requests that reached it.
    pub started: u64,
    /// Those that it answered to their end.
    pub finished: u64,
    /// Those whose client, the tester or a gateway, left before the end.
    pub cancelled: u64,
    /// Most under way at one moment.
    pub peak_active: u64,
    /// How late it sent its events.
    pub lateness_ms: Lateness,
}

/// How long after its absolute deadline the simulator sent each event, in milliseconds; nulls
/// without any.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lateness {
    /// Events.
    pub count: u64,
    /// Median.
    pub p50: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Latest.
    pub max: Option<f64>,
}

/// What the tester itself used during the level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TesterUsage {
    /// CPU seconds, user and system together.
    pub cpu_s: f64,
    /// CPU share of the busiest worker thread, 0 to 1.
    pub busiest_worker: f64,
    /// Highest resident memory of the process so far, in bytes.
    pub peak_rss_bytes: u64,
    /// How late the tester's own timers fired on its workers.
    pub lag_ms: Option<Summary>,
}

/// One bar of a distribution: samples up to `upper_ms` and above the bar before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// Upper edge in milliseconds, inclusive.
    pub upper_ms: f64,
    /// Samples in this bar.
    pub count: u64,
}

/// What went on during one slice of a level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimelinePoint {
    /// Seconds since the level's start, at the end of this slice.
    pub t_s: f64,
    /// Streams open at that moment.
    pub open: u64,
    /// Chunks received per second during the slice.
    pub chunks_per_s: f64,
    /// Streams that have ended so far.
    pub ended: u64,
}

/// One level: so many users at once, and everything that was measured about them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// Users asked for; in the open loop, which has none, the most streams open at one moment.
    pub users: u64,
    /// Streams started.
    pub started: u64,
    /// Open loop: arrivals that were not sent because as many streams as allowed were open.
    pub refused: u64,
    /// 2xx, and the stream reached its end without an error.
    pub succeeded: u64,
    /// The dialect's grammar satisfied, and enough chunks and bytes.
    pub complete: u64,
    /// Self-verifying text matched; null when the target's text cannot be verified.
    pub correct: Option<u64>,
    /// All ended streams by outcome.
    pub outcomes: Outcomes,
    /// Failures grouped by class and detail, most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// Streams cut off by an interruption (SIGINT), in no outcome.
    pub interrupted: u64,
    /// Most streams open at one moment.
    pub peak_open: u64,
    /// Wall-clock time of the level in seconds.
    pub duration_s: f64,
    /// Time from the first start of a stream to the last one's, in seconds.
    pub start_spread_s: f64,
    /// Opening a connection: TCP, and TLS where used. Reused connections do not count.
    pub connect_ms: Option<Summary>,
    /// Request start to the first byte of the response head.
    pub ttfb_ms: Option<Summary>,
    /// Request start to the first chunk.
    pub ttft_ms: Option<Summary>,
    /// Time between two consecutive chunks of one stream, every single one.
    pub gap_ms: Option<Summary>,
    /// Request start to the terminal event, of complete streams.
    pub total_ms: Option<Summary>,
    /// Total divided by the ideal total; null when the ideal is unknown.
    pub stretch: Option<Summary>,
    /// Request start to the end of the answer, of streams that were answered with another status
    /// than 2xx: how long a client waits to be refused.
    pub refusal_ms: Option<Summary>,
    /// Gaps longer than the stall limit.
    pub stalls: u64,
    /// Chunks of each complete stream.
    pub chunks_per_stream: Option<Summary>,
    /// Body bytes of each complete stream.
    pub bytes_per_stream: Option<Summary>,
    /// Characters of text of each complete stream.
    pub chars_per_stream: Option<Summary>,
    /// Jain's fairness index of the streams' pace (1 = all users got the same), complete streams.
    pub fairness: Option<f64>,
    /// Chunks received, all streams.
    pub chunks: u64,
    /// Body bytes received, all streams.
    pub bytes: u64,
    /// Chunks per second over the level's duration.
    pub chunks_per_s: f64,
    /// Body bytes per second over the level's duration.
    pub bytes_per_s: f64,
    /// Distribution of the gaps.
    pub gap_buckets: Vec<Bucket>,
    /// Distribution of TTFT.
    pub ttft_buckets: Vec<Bucket>,
    /// Open streams and chunks over time.
    pub timeline: Vec<TimelinePoint>,
    /// The target's processes and those that answer it, where they run on this machine; else null.
    pub target_usage: Option<Vec<ProcessUsage>>,
    /// What the embedded simulator counted itself; null without one.
    #[serde(default)]
    pub simulator: Option<Witness>,
    /// The tester's own use.
    pub tester_usage: TesterUsage,
    /// The tester's error during this level, from the control streams that ran beside the users.
    pub control: Option<crate::run::Control>,
    /// CPU seconds that neither tester nor target used on this machine.
    pub machine_other_cpu_s: Option<f64>,
    /// Share of all the machine's CPU time that was used by anybody, 0 to 1.
    pub machine_busy: Option<f64>,
    /// Whether the tester and the machine left the result alone.
    pub trusted: bool,
    /// Why not, or what to keep in mind.
    pub trust_notes: Vec<String>,
}

impl Level {
    /// Share of started streams that succeeded, 0 to 1; `None` when none ended.
    #[must_use]
    pub fn success_share(&self) -> Option<f64> {
        crate::units::share(self.succeeded, self.outcomes.total())
    }

    /// Share of ended streams that were complete.
    #[must_use]
    pub fn complete_share(&self) -> Option<f64> {
        crate::units::share(self.complete, self.outcomes.total())
    }

    /// The processes of one role; none where they could not be seen.
    pub fn processes(&self, role: Role) -> impl Iterator<Item = &ProcessUsage> {
        self.target_usage.iter().flatten().filter(move |process| process.role == role)
    }

    /// Share of ended streams with the right text; `None` when it cannot be known.
    #[must_use]
    pub fn correct_share(&self) -> Option<f64> {
        crate::units::share(self.correct?, self.outcomes.total())
    }
}

impl Judged for Level {
    fn load(&self) -> u64 {
        self.users
    }

    fn load_words(&self) -> String {
        format!("{} users", self.users)
    }

    fn ended(&self) -> u64 {
        self.outcomes.total()
    }

    fn wrong(&self) -> u64 {
        self.outcomes.wrong_text
    }

    fn duration_s(&self) -> f64 {
        self.duration_s
    }

    fn trusted(&self) -> bool {
        self.trusted
    }

    fn trust_notes(&self) -> &[String] {
        &self.trust_notes
    }

    fn value(&self, quantity: Quantity) -> Option<f64> {
        let percent = |share: Option<f64>| share.map(|share| share * 100.0);
        match quantity {
            Quantity::Latency(latency, statistic) => {
                let summary = match latency {
                    Latency::Connect => self.connect_ms,
                    Latency::Ttfb => self.ttfb_ms,
                    Latency::Ttft => self.ttft_ms,
                    Latency::Gap => self.gap_ms,
                    Latency::Total => self.total_ms,
                    Latency::Session | Latency::Call | Latency::Probe | Latency::ProbeIdle => None,
                };
                summary.map(|summary| summary.get(statistic))
            }
            Quantity::Stretch(statistic) => self.stretch.map(|summary| summary.get(statistic)),
            Quantity::Share(Share::Success) => percent(self.success_share()),
            Quantity::Share(Share::Complete) => percent(self.complete_share()),
            Quantity::Share(Share::Correct) => percent(self.correct_share()),
            Quantity::Share(Share::Ok) => None,
            Quantity::Stalls => Some(crate::units::float(self.stalls)),
            Quantity::Rate(Rate::Chunks) => Some(self.chunks_per_s),
            Quantity::Rate(Rate::Bytes) => Some(self.bytes_per_s),
            Quantity::Rate(Rate::Calls) | Quantity::Speedup => None,
        }
    }
}
