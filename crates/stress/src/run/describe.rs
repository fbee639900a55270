//! The parts of a run that describe rather than measure.

use jiff::Timestamp;
use results::units::millis;
use results::{Control, Level, Machine, Tester, Workload};

use crate::client::HttpVersion;
use crate::settings::{Climb, Load, Repeat, Settings, batching};

/// A name that no other run has: its start, to the second, and six digits from the clock's
/// fraction and the process.
pub(crate) fn id(started_at: Timestamp) -> String {
    let fraction = started_at.subsec_nanosecond().unsigned_abs();
    let random = (fraction ^ std::process::id().wrapping_mul(0x9e37_79b9)) & 0x00ff_ffff;
    format!("{}-{random:06x}", started_at.strftime("%Y%m%dT%H%M%SZ"))
}

pub(super) fn http_version(version: Option<HttpVersion>) -> &'static str {
    match version {
        Some(HttpVersion::Http2) => "HTTP/2",
        Some(HttpVersion::Http1) | None => "HTTP/1.1",
    }
}

pub(crate) fn machine(file_limit: u64) -> Machine {
    let machine = runtime::machine::describe();
    Machine {
        cpu: machine.cpu,
        cores: u64::try_from(machine.cores).unwrap_or(1),
        memory_bytes: machine.memory_bytes,
        os: machine.os,
        kernel: machine.kernel,
        fd_limit: file_limit,
    }
}

pub(super) fn tester(levels: &[Level], control: Control, workers: usize) -> Tester {
    let batch = levels.iter().map(|level| batching(level.users)).max().unwrap_or_default();
    Tester { control, workers: u64::try_from(workers).unwrap_or(0), batch_ms: millis(batch) }
}

pub(super) fn workload(settings: &Settings) -> Workload {
    let (start, arrival, duration, requests_per_user, think) = match &settings.load {
        Load::Closed { start, repeat, think } => {
            let (requests, duration) = match repeat {
                Repeat::Times(requests) => (*requests, None),
                Repeat::For(duration) => (0, Some(*duration)),
            };
            (start.to_string(), None, duration, requests, *think)
        }
        Load::Open { arrival, duration, .. } => {
            let none = std::time::Duration::ZERO;
            ("burst".to_owned(), Some(arrival.to_string()), Some(*duration), 1, none)
        }
    };
    Workload {
        scenario: settings.scenario.clone(),
        ladder: match &settings.climb {
            Climb::Ladder(ladder) => ladder.levels().to_vec(),
            Climb::Search(bounds) => vec![bounds.min, bounds.max],
            Climb::Once => Vec::new(),
        },
        start,
        arrival,
        duration_s: duration.map(|duration| duration.as_secs_f64()),
        requests_per_user,
        think_ms: millis(think),
        model: settings.model.clone(),
        max_tokens: settings.max_tokens,
        prompt: settings.prompt.clone(),
        min_chunks: settings.minimum.chunks,
        min_bytes: settings.minimum.bytes,
        timeout_first_ms: millis(settings.deadlines.first),
        timeout_idle_ms: millis(settings.deadlines.idle),
        timeout_total_ms: settings.deadlines.total.map(millis),
        stall_ms: millis(settings.stall),
        seed: settings.seed,
        profile: settings.profile.clone(),
        ideal: settings.ideal,
        server_cost_per_month: settings.server_cost,
        plan_users: settings.plan_users,
    }
}
