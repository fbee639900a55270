//! The measured numbers in the shape of `run.json`.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use results::level::MAX_ERROR_GROUPS;
use results::tools::{
    Expected, MAX_CALLS_KEPT, PreparedCall, Probe, ProbeKind, ReadBack, Tally, ToolShare, ToolsRun,
    Transport, Verification, keep,
};
use results::units::{float, millis};
use results::{
    CallOutcome, Capacity, ErrorGroup, RunKind, Summary, Tester, TesterUsage, ToolsControl,
    ToolsLevel, ToolsWorkload,
};

use super::{
    Ascent, Beside, Climb, DEFAULT_PROBE_EVERY, Plan, Raw, Reach, Shape, Source, Stage, Stats,
};
use crate::client::Detail;
use crate::recorder::OTHER_DETAILS;
use crate::run::describe;
use crate::tools::files::{Filed, common_expectation};
use crate::tools::mix::Share;
use crate::tools::session::Trivial;
use crate::tools::transport::Phases;

/// Most probes that a level keeps one by one: 200 s of one every 50 ms.
pub(super) const MAX_PROBES_KEPT: usize = 4_000;

/// The level that a plan's numbers make, before it is judged.
pub(super) fn level(
    plan: &Plan,
    raw: &Raw,
    filed: Filed,
    beside: Beside,
    counted: Option<&Stats>,
) -> ToolsLevel {
    let tally = Tally::of(&filed.calls);
    let errors = errors(&filed);
    let begun = filed.calls.iter().map(|call| call.start_ms).min_by(f64::total_cmp);
    let ended = filed.calls.iter().map(|call| call.end_ms).max_by(f64::total_cmp);
    let duration_s = ended.zip(begun).map_or(0.0, |(end, begin)| (end - begin) / 1000.0);
    let (files, files_left_out) = keep(filed.calls, MAX_CALLS_KEPT);
    let mut probe_times = results::LatencyHistogram::default();
    for took in raw.probing.during.iter().filter_map(|(_, took)| *took) {
        probe_times.record(took);
    }
    let cost = &raw.cost;
    let mut level = ToolsLevel {
        stage: plan.stage.clone(),
        agents: plan.shape.agents,
        calls_per_agent: plan.shape.calls_per_agent,
        calls: tally.calls,
        succeeded: tally.succeeded,
        correct: filed.correct,
        outcomes: tally.outcomes,
        cancelled: tally.cancelled,
        errors,
        peak_open: tally.peak_open,
        upstream_peak_open: counted.and_then(|stats| stats.peak_open),
        upstream_transfers: counted.and_then(|stats| stats.transfers),
        duration_s,
        session_ms: raw.sessions.summary_ms(),
        connect_ms: phase(raw, |phases| phases.connect),
        ttfb_ms: phase(raw, |phases| phases.first_byte),
        call_ms: tally.call_ms,
        bytes_total: tally.bytes_total,
        bytes_per_s: if duration_s > 0.0 { float(tally.bytes_total) / duration_s } else { 0.0 },
        distinct_digests: tally.distinct_digests,
        files,
        files_left_out,
        tools: tally.tools,
        probe_ms: probe_times.summary_ms(),
        probe_idle_ms: raw.probing.idle.summary_ms(),
        probes_failed: raw.probing.failed,
        probes: probes(raw),
        sequential: beside.sequential,
        speedup: None,
        floor: beside.floor,
        verify_s: filed.took.map(|took| took.as_secs_f64()),
        verify_cpu_s: filed.cpu.map(|cpu| cpu.as_secs_f64()),
        target_usage: cost.target.clone(),
        tester_usage: TesterUsage {
            cpu_s: cost.tester_cpu_s,
            busiest_worker: (raw.busiest.as_secs_f64() / raw.watched.as_secs_f64()).min(1.0),
            peak_rss_bytes: cost.tester_peak_rss,
            lag_ms: raw.lag.summary_ms(),
        },
        control: Some(ToolsControl { call_error_ms: raw.errors.summary_ms() }),
        machine_other_cpu_s: cost.other_cpu_s,
        machine_busy: cost.machine_busy,
        trusted: true,
        trust_notes: Vec::new(),
    };
    level.speedup = beside.sequential.and_then(|sequential| level.speedup_over(sequential));
    level
}

/// One phase of the calls that were answered with a success. Exact, as the times of calls are.
fn phase(raw: &Raw, of: impl Fn(&Phases) -> Option<Duration>) -> Option<Summary> {
    let answered = raw.made.iter().filter(|made| made.outcome == Some(CallOutcome::Ok));
    let phases = answered.filter_map(|made| made.phases.as_ref());
    let mut times: Vec<f64> = phases.filter_map(of).map(millis).collect();
    Summary::of(&mut times)
}

fn probes(raw: &Raw) -> Vec<Probe> {
    let probe = |(due, took): &(tokio::time::Instant, Option<Duration>)| Probe {
        at_ms: millis(due.saturating_duration_since(raw.begin)),
        took_ms: took.map(millis),
    };
    raw.probing.during.iter().take(MAX_PROBES_KEPT).map(probe).collect()
}

/// What went wrong, by outcome and detail, most frequent first; bounded by [`MAX_ERROR_GROUPS`].
fn errors(filed: &Filed) -> Vec<ErrorGroup<CallOutcome>> {
    let mut counts: HashMap<(CallOutcome, Detail), u64> = HashMap::new();
    for (call, detail) in filed.calls.iter().zip(&filed.details) {
        let Some(class) = call.outcome.filter(|outcome| *outcome != CallOutcome::Ok) else {
            continue;
        };
        let full = counts.len() >= MAX_ERROR_GROUPS - CallOutcome::ALL.len();
        let key = (class, detail.clone());
        let key = if full && !counts.contains_key(&key) {
            (class, Detail::Borrowed(OTHER_DETAILS))
        } else {
            key
        };
        *counts.entry(key).or_default() += 1;
    }
    let mut groups: Vec<ErrorGroup<CallOutcome>> = counts
        .into_iter()
        .map(|((class, detail), count)| ErrorGroup { class, detail: detail.into_owned(), count })
        .collect();
    groups.sort_by(|left, right| {
        (right.count, left.class, &left.detail).cmp(&(left.count, right.class, &right.detail))
    });
    groups
}

/// The run of an ascent that has ended.
pub(super) fn run(
    ascent: Ascent<'_>,
    started_at: Timestamp,
    duration: Duration,
    file_limit: u64,
    embedded: bool,
) -> ToolsRun {
    let settings = ascent.settings;
    ToolsRun {
        format: results::run::FORMAT.to_owned(),
        id: ascent.id.clone(),
        name: settings.name.clone(),
        weir_version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: RunKind::Tools,
        started_at,
        duration_s: duration.as_secs_f64(),
        command_line: crate::secret::redact_command_line(&settings.command_line),
        target: results::Target {
            url: settings.reach.words(),
            api: "mcp".to_owned(),
            embedded,
            server: ascent.found.server.clone(),
            process: process(&ascent),
            local: ascent.local,
            http_version: match settings.reach {
                Reach::Http { .. } => "HTTP/1.1",
                Reach::Stdio { .. } => "stdio",
            }
            .to_owned(),
        },
        machine: describe::machine(file_limit),
        workload: workload(&ascent),
        tester: Tester {
            control: ToolsControl { call_error_ms: ascent.errors.summary_ms() },
            workers: u64::try_from(ascent.gear.workers).unwrap_or(0),
            batch_ms: 0.0,
        },
        slo: settings.slos.iter().map(|slo| slo.judge(&ascent.levels)).collect(),
        capacity: Capacity::of(&ascent.levels, &settings.slos),
        interrupted: ascent.stop.is_cancelled(),
        levels: ascent.levels,
    }
}

fn process(ascent: &Ascent<'_>) -> Option<String> {
    match &ascent.settings.reach {
        Reach::Http { .. } => ascent.processes.first().map(|process| process.name.name.clone()),
        Reach::Stdio { command, .. } => command.program.rsplit('/').next().map(str::to_owned),
    }
}

fn workload(ascent: &Ascent<'_>) -> ToolsWorkload {
    let settings = ascent.settings;
    // As they were written: ids that a step before the load has brought differ from run to run.
    let shares = |stage: &Stage| {
        let name = stage.name.clone();
        let shares = stage.mix.shares.iter().map(|share| ToolShare {
            stage: name.clone(),
            tool: share.tool.clone(),
            weight: float(share.weight),
            arguments: share.arguments.to_string(),
            same_as: share.same_as.clone(),
        });
        shares.collect::<Vec<_>>()
    };
    let steps = |stage: &Stage| {
        let name = stage.name.clone();
        let steps = stage.mix.prepare.iter().map(|step| PreparedCall {
            stage: name.clone(),
            tool: step.tool.clone(),
            arguments: step.arguments.to_string(),
        });
        steps.collect::<Vec<_>>()
    };
    ToolsWorkload {
        scenario: settings.scenario.clone(),
        ladder: match &settings.climb {
            // Every stage climbs the whole ladder; a search, and a run that was stopped, are what
            // they came to.
            Climb::Ladder(shapes) if !ascent.stop.is_cancelled() => {
                settings.stages.iter().flat_map(|_| shapes.iter().copied()).collect()
            }
            _ => ascent.levels.iter().map(|level| level.shape()).collect::<Vec<Shape>>(),
        },
        tools: settings.stages.iter().flat_map(shares).collect(),
        prepare: settings.stages.iter().flat_map(steps).collect(),
        start: settings.rate.map_or("burst".to_owned(), |rate| format!("rate={rate}/s")),
        transport: match &settings.reach {
            Reach::Http { .. } => Transport::Http,
            Reach::Stdio { shared: true, .. } => Transport::StdioShared,
            Reach::Stdio { shared: false, .. } => Transport::Stdio,
        },
        protocol: ascent.found.revision.to_owned(),
        sessions: ascent.found.sessions,
        timeout_ms: millis(settings.timeout),
        probe: ascent.gear.trivial.map(|(which, _)| match which {
            Trivial::Ping => ProbeKind::Ping,
            Trivial::ToolsList => ProbeKind::ToolsList,
        }),
        probe_every_ms: millis(settings.probe_every.unwrap_or(DEFAULT_PROBE_EVERY)),
        sequential_calls: settings.sequential,
        verification: settings.source.as_ref().map(|source| verification(ascent, source)),
        seed: settings.seed,
        profile: settings.profile.clone(),
    }
}

fn verification(ascent: &Ascent<'_>, source: &Source) -> Verification {
    let common = common_expectation(ascent.settings.shares());
    let known = |share: &Share| !share.expected.is_empty() || share.same_as.is_some();
    let given = ascent.settings.shares().any(known);
    let told = ascent.stats.as_ref().is_some_and(|stats| !stats.files.is_empty())
        && ascent.settings.shares().any(|share| share.file.is_some() && !known(share));
    let judged = ascent.levels.iter().any(|level| level.correct.is_some());
    Verification {
        read_back: match source {
            Source::Directory(_) => ReadBack::Directory,
            Source::Url(_) => ReadBack::Url,
        },
        expected: match (given, told && judged) {
            (_, true) => Expected::Upstream,
            (true, false) => Expected::Given,
            (false, false) => Expected::Nothing,
        },
        bytes: common.bytes,
        sha256: common.sha256,
    }
}
