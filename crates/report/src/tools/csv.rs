//! One row a call, for spreadsheets and scripts: raw values, empty where nothing was measured.
//!
//! A level's own numbers stand in every row of its calls, so that the file is one table; a level
//! without single calls has one row with empty fields for the call.

use results::units::float;
use results::{Call, CallOutcome, Summary, ToolsLevel, ToolsRun};

use crate::csv::{field, number, summary, summary_names};

/// The run's calls as CSV, the names of the columns in the first line.
#[must_use]
pub fn render(run: &ToolsRun) -> String {
    let mut out = header();
    for level in &run.levels {
        let shared = level_fields(level);
        let mut line = |call: Option<&Call>| {
            let mut fields = vec![field(&run.id), field(&run.name)];
            fields.extend(shared.iter().cloned());
            fields.extend(call_fields(call));
            out.push_str(&fields.join(","));
            out.push('\n');
        };
        if level.files.is_empty() {
            line(None);
        }
        for call in &level.files {
            line(Some(call));
        }
    }
    out
}

/// A distribution of a level.
type OfLevel = fn(&ToolsLevel) -> Option<Summary>;

/// The distributions, by the beginning of their columns' names.
const SUMMARIES: [(&str, OfLevel); 5] = [
    ("level_connect_ms", |level| level.connect_ms),
    ("level_ttfb_ms", |level| level.ttfb_ms),
    ("level_call_ms", |level| level.call_ms),
    ("level_probe_ms", |level| level.probe_ms),
    ("level_probe_idle_ms", |level| level.probe_idle_ms),
];

fn header() -> String {
    let mut names: Vec<String> =
        ["run_id", "run_name", "stage", "agents", "calls_per_agent"].map(str::to_owned).to_vec();
    names.extend(
        [
            "level_calls",
            "level_succeeded",
            "level_correct",
            "level_cancelled",
            "level_peak_open",
            "level_upstream_peak_open",
            "level_distinct_digests",
        ]
        .map(str::to_owned),
    );
    names.extend(CallOutcome::ALL.map(|outcome| format!("level_outcomes_{}", outcome.name())));
    names.extend(SUMMARIES.into_iter().flat_map(|(name, _)| summary_names(name)));
    names.extend(
        [
            "level_duration_s",
            "level_bytes_total",
            "level_bytes_per_s",
            "level_speedup",
            "level_floor_bytes_per_s",
            "level_target_cpu_s",
            "level_tester_cpu_s",
            "level_verify_cpu_s",
            "level_trusted",
            "level_trust_notes",
            "agent",
            "call",
            "tool",
            "name",
            "bytes",
            "md5",
            "sha256",
            "start_ms",
            "end_ms",
            "outcome",
        ]
        .map(str::to_owned),
    );
    format!("{}\n", names.join(","))
}

fn level_fields(level: &ToolsLevel) -> Vec<String> {
    let optional = |count: Option<u64>| count.map_or_else(String::new, |count| count.to_string());
    let mut fields = vec![
        level.stage.as_deref().map_or_else(String::new, field),
        level.agents.to_string(),
        level.calls_per_agent.to_string(),
        level.calls.to_string(),
        level.succeeded.to_string(),
        optional(level.correct),
        level.cancelled.to_string(),
        level.peak_open.to_string(),
        optional(level.upstream_peak_open),
        level.distinct_digests.to_string(),
    ];
    fields.extend(CallOutcome::ALL.map(|outcome| level.outcomes.get(outcome).to_string()));
    fields.extend(SUMMARIES.into_iter().flat_map(|(_, of)| summary(of(level))));
    fields.extend(
        [
            Some(level.duration_s),
            Some(float(level.bytes_total)),
            Some(level.bytes_per_s),
            level.speedup,
            level.floor.map(|floor| floor.bytes_per_s),
            level.target_cpu_s(),
            Some(level.tester_usage.cpu_s),
            level.verify_cpu_s,
        ]
        .map(number),
    );
    fields.push(level.trusted.to_string());
    fields.push(field(&level.trust_notes.join("; ")));
    fields
}

/// The call's own fields: as many as there are names for them.
fn call_fields(call: Option<&Call>) -> Vec<String> {
    let Some(call) = call else { return vec![String::new(); 10] };
    let text = |text: &Option<String>| text.as_deref().map_or_else(String::new, field);
    vec![
        call.agent.to_string(),
        call.call.to_string(),
        field(&call.tool),
        text(&call.name),
        call.bytes.map_or_else(String::new, |bytes| bytes.to_string()),
        text(&call.md5),
        text(&call.sha256),
        number(Some(call.start_ms)),
        number(Some(call.end_ms)),
        call.outcome.map_or("cancelled", CallOutcome::name).to_owned(),
    ]
}
