//! One level of a run of tool calls: so many agents with so many calls each at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::carriage::Carriage;
use super::outcome::{CallOutcome, CallOutcomes};
use super::workload::Shape;
use crate::level::{ErrorGroup, ProcessUsage, Role, TesterUsage};
use crate::load::Judged;
use crate::slo::{Latency, Quantity, Rate, Share};
use crate::summary::Summary;
use crate::units::{float, share};

/// What the tester measured on calls whose true length it knew: measured minus true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolsControl {
    /// Error of a call's time, against a server of known delay.
    pub call_error_ms: Option<Summary>,
}

/// Calls made one after the other before the load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sequential {
    /// How many.
    pub calls: u64,
    /// From the first one's start to the last one's end, in seconds.
    pub duration_s: f64,
}

/// A bare transfer of the same bytes without any tool, in the same run: what the machine gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Floor {
    /// Transfers that ran at once.
    pub transfers: u64,
    /// Bytes of all of them.
    pub bytes_total: u64,
    /// From the first one's start to the last one's end, in seconds.
    pub duration_s: f64,
    /// Bytes per second over that time.
    pub bytes_per_s: f64,
}

/// One trivial call that was made beside the load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Probe {
    /// When it was due, in milliseconds since the level's start.
    pub at_ms: f64,
    /// How long it took, in milliseconds; null when it failed.
    pub took_ms: Option<f64>,
}

/// The calls of one tool, where a level mixes several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolRow {
    /// The tool.
    pub tool: String,
    /// Calls made.
    pub calls: u64,
    /// Ended calls by outcome.
    pub outcomes: CallOutcomes,
    /// Times of the calls that ended ok.
    pub call_ms: Option<Summary>,
    /// Bytes of the files of calls that ended ok.
    pub bytes_total: u64,
}

/// One level: so many agents with so many calls each at once, and what was measured about them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolsLevel {
    /// The stage of the run that the level is of, where a run has several: levels of different
    /// stages make different calls, and are no ladder.
    pub stage: Option<String>,
    /// Agents, each with a session of its own.
    pub agents: u64,
    /// Calls that each agent has open at once.
    pub calls_per_agent: u64,
    /// Calls made in all.
    pub calls: u64,
    /// Calls that the server answered with a success; `outcomes.ok` also looks at the files.
    pub succeeded: u64,
    /// Calls whose file was the expected one, byte for byte; null when nothing was expected.
    pub correct: Option<u64>,
    /// All ended calls by outcome.
    pub outcomes: CallOutcomes,
    /// Calls that an interruption (SIGINT) cancelled, in no outcome.
    pub cancelled: u64,
    /// Failures grouped by class and detail, most frequent first.
    pub errors: Vec<ErrorGroup<CallOutcome>>,
    /// Most calls open at one moment, as the tester saw it.
    pub peak_open: u64,
    /// Most transfers open at one moment, as the upstream behind the target counted them; null
    /// where it does not count. Below `peak_open`, somebody between made calls wait.
    pub upstream_peak_open: Option<u64>,
    /// Transfers that the upstream counted during the level. Fewer than calls: some were answered
    /// from elsewhere, or not at all.
    pub upstream_transfers: Option<u64>,
    /// From the first call's start to the last one's end, in seconds.
    pub duration_s: f64,
    /// Opening an agent's session: connecting and initializing.
    pub session_ms: Option<Summary>,
    /// Opening a connection for a call, with TLS where it is used; of answered calls that needed a
    /// new one. Part of the call.
    pub connect_ms: Option<Summary>,
    /// From a call's start to its answer's first byte (over stdio to the first message about it),
    /// of calls that were answered.
    pub ttfb_ms: Option<Summary>,
    /// From the call's first byte written to its answer's last byte read, of calls that ended ok.
    pub call_ms: Option<Summary>,
    /// Bytes of the files of calls that ended ok.
    pub bytes_total: u64,
    /// Bytes per second over the level's duration.
    pub bytes_per_s: f64,
    /// Different SHA-256 digests among all files that were read back.
    pub distinct_digests: u64,
    /// The calls one by one, by their start; at most [`super::MAX_CALLS_KEPT`].
    pub files: Vec<Call>,
    /// Calls that are not in `files`, all of them ok unless all of `files` failed.
    pub files_left_out: u64,
    /// The same counts and times by tool.
    pub tools: Vec<ToolRow>,
    /// Time of a trivial call made during the load, again and again.
    pub probe_ms: Option<Summary>,
    /// Time of the same call before the load.
    pub probe_idle_ms: Option<Summary>,
    /// Probes during the load that failed; in no time.
    pub probes_failed: u64,
    /// The probes one by one, by time.
    pub probes: Vec<Probe>,
    /// The same calls one after the other.
    pub sequential: Option<Sequential>,
    /// What calling at once gained: [`ToolsLevel::speedup_over`]; null without sequential calls.
    pub speedup: Option<f64>,
    /// A bare transfer of the same bytes.
    pub floor: Option<Floor>,
    /// Seconds that reading the files back and hashing them took, after the calls.
    pub verify_s: Option<f64>,
    /// CPU seconds of the tester for reading the files back and hashing them, after the calls; null
    /// when nothing was read.
    pub verify_cpu_s: Option<f64>,
    /// The target's processes and those of its upstream, where they run on this machine; else
    /// null.
    pub target_usage: Option<Vec<ProcessUsage>>,
    /// The tester's own use, without reading back and hashing.
    pub tester_usage: TesterUsage,
    /// The tester's error during this level, from calls of known length beside the load.
    pub control: Option<ToolsControl>,
    /// CPU seconds that neither tester nor target used on this machine.
    pub machine_other_cpu_s: Option<f64>,
    /// Share of all the machine's CPU time that was used by anybody, 0 to 1.
    pub machine_busy: Option<f64>,
    /// Whether the tester and the machine left the result alone.
    pub trusted: bool,
    /// Why not, or what to keep in mind.
    pub trust_notes: Vec<String>,
}

impl ToolsLevel {
    /// Agents and calls as they were asked for.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape { agents: self.agents, calls_per_agent: self.calls_per_agent }
    }

    /// Share of ended calls that the server answered with a success, 0 to 1.
    #[must_use]
    pub fn success_share(&self) -> Option<f64> {
        share(self.succeeded, self.outcomes.total())
    }

    /// Share of ended calls that ended ok: a success, and nothing wrong with the file.
    #[must_use]
    pub fn ok_share(&self) -> Option<f64> {
        share(self.outcomes.ok, self.outcomes.total())
    }

    /// Share of ended calls whose file was proved right; `None` when nothing was expected.
    #[must_use]
    pub fn correct_share(&self) -> Option<f64> {
        share(self.correct?, self.outcomes.total())
    }

    /// Calls that ended, per second.
    #[must_use]
    pub fn calls_per_s(&self) -> Option<f64> {
        (self.duration_s > 0.0).then(|| float(self.outcomes.total()) / self.duration_s)
    }

    /// Wall time of the calls one after the other over their wall time at once. Where fewer calls
    /// were made one after the other, each counts for its share of the level's.
    ///
    /// `None` when either took no time, or a call did not end ok: a failed call may be a fast one.
    #[must_use]
    pub fn speedup_over(&self, sequential: Sequential) -> Option<f64> {
        let whole = self.outcomes.ok == self.calls && sequential.calls > 0;
        let measured = self.duration_s > 0.0 && sequential.duration_s > 0.0;
        (whole && measured).then(|| {
            let each_s = sequential.duration_s / float(sequential.calls);
            each_s * float(self.calls) / self.duration_s
        })
    }

    /// The processes of one role; none where they could not be seen.
    pub fn processes(&self, role: Role) -> impl Iterator<Item = &ProcessUsage> {
        self.target_usage.iter().flatten().filter(move |process| process.role == role)
    }

    /// CPU seconds of all the target's processes; `None` where they are not seen.
    #[must_use]
    pub fn target_cpu_s(&self) -> Option<f64> {
        let mut processes = self.processes(Role::Target).peekable();
        processes.peek()?;
        Some(processes.map(|process| process.cpu_s).sum())
    }
}

impl Judged for ToolsLevel {
    fn load(&self) -> u64 {
        self.shape().load()
    }

    fn load_words(&self) -> String {
        let shape = self.shape().words();
        self.stage.as_ref().map_or(shape.clone(), |stage| format!("{shape} ({stage})"))
    }

    fn stage(&self) -> Option<&str> {
        self.stage.as_deref()
    }

    fn ended(&self) -> u64 {
        self.outcomes.total()
    }

    fn wrong(&self) -> u64 {
        self.outcomes.wrong_bytes + self.outcomes.missing_file
    }

    fn serialised(&self) -> bool {
        self.carriage() == Carriage::Serial
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
                    Latency::Call => self.call_ms,
                    Latency::Probe => self.probe_ms,
                    Latency::ProbeIdle => self.probe_idle_ms,
                    Latency::Session => self.session_ms,
                    Latency::Connect => self.connect_ms,
                    Latency::Ttfb => self.ttfb_ms,
                    Latency::Ttft | Latency::Gap | Latency::Total => None,
                };
                summary.map(|summary| summary.get(statistic))
            }
            Quantity::Share(Share::Success) => percent(self.success_share()),
            Quantity::Share(Share::Ok) => percent(self.ok_share()),
            Quantity::Share(Share::Correct) => percent(self.correct_share()),
            Quantity::Share(Share::Complete) => None,
            Quantity::Rate(Rate::Bytes) => (self.outcomes.ok > 0).then_some(self.bytes_per_s),
            Quantity::Rate(Rate::Calls) => self.calls_per_s(),
            Quantity::Rate(Rate::Chunks) => None,
            Quantity::Speedup => self.speedup,
            Quantity::Stretch(_) | Quantity::Stalls => None,
        }
    }
}
