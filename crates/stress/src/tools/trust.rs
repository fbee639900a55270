//! Whether a level of tool calls says something about the target, or about the tester and the
//! machine. The rules and their limits are those of streams, where they are the same.

use results::summary::Statistic;
use results::units::float;
use results::{CallOutcome, Summary, ToolsLevel};

use crate::trust::{
    ERROR_FLOOR_MS, ERROR_SHARE, Facts, HELD_SHARE, MACHINE_BUSY, OTHERS_SHARE,
    SHORTEST_FOR_SHARES_S, WORKER_BUSY, percent, tail,
};

/// On a machine that is busy all the time, the tester may use this share of it. Moving files keeps
/// a whole machine busy, and that is the target's work; more than this is the tester's.
pub const TESTER_SHARE: f64 = 0.15;

/// Details of failures that are the tester's own limits.
const LIMITS: [&str; 2] = ["out of file descriptors", "out of local ports"];

/// Judges a level: whether it is trusted, and notes in the order of the rules. Notes may stand
/// beside a trusted level, too. CPU seconds were counted for `watched_s`, somewhat longer than the
/// calls took.
#[must_use]
pub fn judge(level: &ToolsLevel, facts: &Facts, watched_s: f64) -> (bool, Vec<String>) {
    let reasons: Vec<String> = [
        interrupted(level, facts),
        limits(level),
        held(level, facts),
        lag(level),
        call_error(level),
        worker(level, watched_s),
        others(level, facts, watched_s),
        machine(level, facts, watched_s),
    ]
    .into_iter()
    .flatten()
    .collect();
    let trusted = reasons.is_empty();
    let notes = [shared_names(level), no_control(level)];
    (trusted, reasons.into_iter().chain(notes.into_iter().flatten()).collect())
}

fn interrupted(level: &ToolsLevel, facts: &Facts) -> Option<String> {
    facts.stopped.then(|| {
        format!(
            "the run was stopped during this level: {} calls were cancelled and are in no outcome",
            level.cancelled
        )
    })
}

fn limits(level: &ToolsLevel) -> Option<String> {
    let failed = |class| matches!(class, CallOutcome::TransportError);
    let group = level.errors.iter().find(|group| {
        failed(group.class) && LIMITS.iter().any(|text| group.detail.contains(text))
    })?;
    Some(format!("{} calls failed here: {}", group.count, group.detail))
}

/// All places were to be busy at once, and calls took long enough to overlap.
fn held(level: &ToolsLevel, facts: &Facts) -> Option<String> {
    let load = level.shape().load();
    let last_start = level.files.iter().map(|call| call.start_ms).fold(0.0, f64::max);
    let overlaps = level.call_ms.is_some_and(|calls| last_start < calls.p50 / 2.0);
    let failed = level.outcomes.not_ok();
    let expected = float(load.saturating_sub(failed)) * HELD_SHARE;
    let missed = facts.at_once && overlaps && float(level.peak_open) < expected;
    missed.then(|| {
        format!(
            "only {} of {load} calls were open at once although they should overlap",
            level.peak_open
        )
    })
}

fn bearable(measured: Option<Summary>) -> f64 {
    measured.map_or(0.0, |summary| summary.p50 * ERROR_SHARE).max(ERROR_FLOOR_MS)
}

fn lag(level: &ToolsLevel) -> Option<String> {
    let (late, name) = tail(&level.tester_usage.lag_ms?);
    let limit = bearable(level.call_ms);
    (late > limit).then(|| {
        format!(
            "the tester's own timers were late by {late:.1} ms ({name}), more than {limit:.0} ms; \
             give it more cores or another machine, or use fewer agents"
        )
    })
}

fn call_error(level: &ToolsLevel) -> Option<String> {
    let errors = level.control?.call_error_ms?;
    // A level of a fraction of a second has few control calls: one late answer is no tail.
    let (error, name) =
        errors.supported(Statistic::P95).map_or((errors.p50, "p50"), |p95| (p95, "p95"));
    let limit = bearable(level.call_ms);
    (error > limit).then(|| {
        format!(
            "the tester measured calls {error:.1} ms wrong ({name} of its control calls), more \
             than {limit:.0} ms; give it more cores or another machine"
        )
    })
}

fn worker(level: &ToolsLevel, watched_s: f64) -> Option<String> {
    let busy = level.tester_usage.busiest_worker;
    (watched_s >= SHORTEST_FOR_SHARES_S && busy > WORKER_BUSY).then(|| {
        format!(
            "a worker thread of the tester computed {} of the time; give it more cores",
            percent(busy)
        )
    })
}

fn others(level: &ToolsLevel, facts: &Facts, watched_s: f64) -> Option<String> {
    let other_s = level.machine_other_cpu_s?;
    // A local target that cannot be seen is among the others.
    let unseen_target = facts.local && level.target_usage.is_none();
    let share = other_s / (float(facts.cores) * watched_s);
    let broken = watched_s >= SHORTEST_FOR_SHARES_S && share > OTHERS_SHARE;
    (broken && !unseen_target).then(|| {
        format!(
            "other programs used {} of this machine's CPU time; stop them and measure again",
            percent(share.min(1.0))
        )
    })
}

/// The machine's share that the tester used, where the machine was busy all the time.
fn tester_share_when_busy(level: &ToolsLevel, facts: &Facts, watched_s: f64) -> Option<f64> {
    let busy = level.machine_busy?;
    let long = watched_s >= SHORTEST_FOR_SHARES_S;
    (long && busy > MACHINE_BUSY)
        .then(|| level.tester_usage.cpu_s / (float(facts.cores) * watched_s))
}

fn machine(level: &ToolsLevel, facts: &Facts, watched_s: f64) -> Option<String> {
    let tester = tester_share_when_busy(level, facts, watched_s)?;
    (tester > TESTER_SHARE).then(|| {
        format!(
            "all {} cores were busy, and the tester used {} of them: run it on another machine",
            facts.cores,
            percent(tester.min(1.0)),
        )
    })
}

fn shared_names(level: &ToolsLevel) -> Option<String> {
    let mut names: Vec<(&str, &str)> = level
        .files
        .iter()
        .filter_map(|call| Some((call.tool.as_str(), call.name.as_deref()?)))
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    (names.len() < all).then(|| {
        format!(
            "{all} calls left files under {} names: what one left another may have overwritten; \
             use {{agent}} and {{call}} in the file name",
            names.len()
        )
    })
}

fn no_control(level: &ToolsLevel) -> Option<String> {
    level.control.and_then(|control| control.call_error_ms).is_none().then(|| {
        "no control call ended in this level: the tester's own error is not known".to_owned()
    })
}

#[cfg(test)]
mod tests;
