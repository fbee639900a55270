//! Whether a level says something about the target, or about the tester and the machine.
//!
//! Each rule is one constant and one function; a level that breaks one is not trusted, and says
//! why and what would help. The rules look at facts alone: a pure function of them.

use results::summary::Statistic;
use results::units::float;
use results::{Level, Outcome, Role, Summary};

/// An error of the tester below this is never held against a level: it is what a burst of 3,000
/// users costs on two cores, and no reader notices it.
pub const ERROR_FLOOR_MS: f64 = 20.0;

/// Above the floor, an error may be this share of what is measured: a target that takes ten
/// seconds may be measured to half a second.
pub const ERROR_SHARE: f64 = 0.05;

/// A worker thread that computes more than this share of the time has a queue.
pub const WORKER_BUSY: f64 = 0.95;

/// A machine that is busier than this has a queue, whoever fills it.
pub const MACHINE_BUSY: f64 = 0.95;

/// Others may use this share of the machine. More, and it is their load that is measured.
pub const OTHERS_SHARE: f64 = 0.2;

/// Levels shorter than this are not judged by shares of CPU time: the kernel counts in ticks of
/// 10 ms.
pub const SHORTEST_FOR_SHARES_S: f64 = 1.0;

/// Users really held at once, as a share of those asked for, where all should overlap.
pub const HELD_SHARE: f64 = 0.99;

/// What the rules need beside the level itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    /// Processors that the tester may use.
    pub cores: u64,
    /// The target runs on this machine.
    pub local: bool,
    /// All the level's users were to be open at once: a closed loop of one request each.
    pub at_once: bool,
    /// The run was stopped by hand during the level.
    pub stopped: bool,
}

/// Judges a level: whether it is trusted, and notes in the order of the rules. Notes may stand
/// beside a trusted level, too.
#[must_use]
pub fn judge(level: &Level, facts: &Facts) -> (bool, Vec<String>) {
    let reasons: Vec<String> = [
        interrupted(level, facts),
        refused(level),
        limits(level),
        held(level, facts),
        lag(level),
        ttft_error(level),
        gap_error(level),
        worker(level),
        others(level, facts).or_else(|| machine(level, facts)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let trusted = reasons.is_empty();
    let notes = [short_streams(level, facts), no_control(level)];
    (trusted, reasons.into_iter().chain(notes.into_iter().flatten()).collect())
}

fn interrupted(level: &Level, facts: &Facts) -> Option<String> {
    facts.stopped.then(|| {
        format!(
            "the run was stopped during this level: {} streams were cut off and are in no count",
            level.interrupted
        )
    })
}

fn refused(level: &Level) -> Option<String> {
    (level.refused > 0).then(|| {
        format!(
            "{} arrivals were not sent because as many streams as allowed were open; raise \
             --max-open or lower the rate",
            level.refused
        )
    })
}

/// Details of failures that are the tester's own limits.
const LIMIT_DETAILS: [(&str, &str); 2] = [
    ("out of file descriptors", "raise the limit of open files (ulimit -n)"),
    ("out of local ports", "use fewer users, or several addresses of the target"),
];

fn limits(level: &Level) -> Option<String> {
    level.errors.iter().filter(|group| group.class == Outcome::ConnectError).find_map(|group| {
        let (_, remedy) = LIMIT_DETAILS.iter().find(|(text, _)| group.detail.contains(text))?;
        Some(format!("{} connections failed here: {}; {remedy}", group.count, group.detail))
    })
}

/// Starts overlap when the last came before half the streams could have ended.
fn starts_overlap(level: &Level) -> bool {
    level.total_ms.is_some_and(|total| level.start_spread_s * 1000.0 < total.p50 / 2.0)
}

fn held(level: &Level, facts: &Facts) -> Option<String> {
    let failed = level.outcomes.total().saturating_sub(level.outcomes.ok);
    let expected = float(level.users.saturating_sub(failed)) * HELD_SHARE;
    let missed = facts.at_once && starts_overlap(level) && float(level.peak_open) < expected;
    missed.then(|| {
        format!(
            "only {} of {} users were open at once although their streams should overlap",
            level.peak_open, level.users
        )
    })
}

/// The sharpest statistic that has samples enough.
pub(crate) fn tail(summary: &Summary) -> (f64, &'static str) {
    [Statistic::P99, Statistic::P95]
        .into_iter()
        .find_map(|statistic| Some((summary.supported(statistic)?, statistic.name())))
        .unwrap_or((summary.max, "max"))
}

/// The largest error that a measured quantity bears.
fn bearable(measured: Option<Summary>) -> f64 {
    measured.map_or(0.0, |summary| summary.p50 * ERROR_SHARE).max(ERROR_FLOOR_MS)
}

fn lag(level: &Level) -> Option<String> {
    let (late, name) = tail(&level.tester_usage.lag_ms?);
    let limit = bearable(level.ttft_ms);
    (late > limit).then(|| {
        format!(
            "the tester's own timers were late by {late:.1} ms ({name}), more than {limit:.0} ms; \
             give it more cores or another machine, or use fewer users"
        )
    })
}

fn ttft_error(level: &Level) -> Option<String> {
    let (error, name) = tail(&level.control?.ttft_error_ms?);
    let limit = bearable(level.ttft_ms);
    (error > limit).then(|| {
        format!(
            "the tester measured TTFT {error:.1} ms wrong ({name} of its control streams), more \
             than {limit:.0} ms; use --start spread=2s, more cores or another machine"
        )
    })
}

fn gap_error(level: &Level) -> Option<String> {
    let (error, name) = tail(&level.control?.gap_error_ms?);
    let limit = bearable(level.gap_ms);
    (error > limit).then(|| {
        format!(
            "the tester measured gaps {error:.1} ms wrong ({name} of its control streams), more \
             than {limit:.0} ms; use more cores or another machine"
        )
    })
}

fn worker(level: &Level) -> Option<String> {
    let busy = level.tester_usage.busiest_worker;
    (level.duration_s >= SHORTEST_FOR_SHARES_S && busy > WORKER_BUSY).then(|| {
        format!(
            "a worker thread of the tester computed {} of the time; give it more cores",
            percent(busy)
        )
    })
}

fn machine(level: &Level, facts: &Facts) -> Option<String> {
    let busy = level.machine_busy?;
    if level.duration_s < SHORTEST_FOR_SHARES_S || busy <= MACHINE_BUSY {
        return None;
    }
    let whole = float(facts.cores) * level.duration_s;
    let share = |cpu_s: f64| percent((cpu_s / whole).min(1.0));
    let tester = share(level.tester_usage.cpu_s);
    let of = |role| share(level.processes(role).map(|process| process.cpu_s).sum());
    Some(match &level.target_usage {
        Some(_) => format!(
            "all {} cores were {} busy (target {}, {}tester {tester}): the machine was the limit, \
             not the target alone; run the tester on another machine",
            facts.cores,
            percent(busy),
            of(Role::Target),
            match level.processes(Role::Upstream).next() {
                Some(_) => format!("its upstream {}, ", of(Role::Upstream)),
                None => String::new(),
            },
        ),
        None if facts.local => format!(
            "all {} cores were {} busy, tester {tester}: the machine that target and tester share \
             was the limit; run the tester on another machine",
            facts.cores,
            percent(busy),
        ),
        None => format!(
            "all {} cores of the tester's machine were {} busy, tester {tester}; use a larger one",
            facts.cores,
            percent(busy),
        ),
    })
}

fn others(level: &Level, facts: &Facts) -> Option<String> {
    let other_s = level.machine_other_cpu_s?;
    // A local target that cannot be seen is among the others.
    let unseen_target = facts.local && level.target_usage.is_none();
    let share = other_s / (float(facts.cores) * level.duration_s);
    let broken = level.duration_s >= SHORTEST_FOR_SHARES_S && share > OTHERS_SHARE;
    (broken && !unseen_target).then(|| {
        format!(
            "other programs used {} of this machine's CPU time; stop them and measure again",
            percent(share)
        )
    })
}

fn short_streams(level: &Level, facts: &Facts) -> Option<String> {
    let fewer = float(level.peak_open) < float(level.users) * HELD_SHARE;
    (facts.at_once && fewer && level.total_ms.is_some() && !starts_overlap(level)).then(|| {
        format!(
            "answers end sooner than {} users can start: {} were open at once at most",
            level.users, level.peak_open
        )
    })
}

fn no_control(level: &Level) -> Option<String> {
    level.control.and_then(|control| control.ttft_error_ms).is_none().then(|| {
        "no control stream ended in this level: the tester's own error is not known".to_owned()
    })
}

/// A note about an embedded simulator that was later than a reader may overlook: what it was late
/// by is in every latency, and no fault of what stands before it.
pub(crate) fn late_simulator(level: &Level) -> Option<String> {
    let late = level.simulator?.lateness_ms.p99?;
    let limit = bearable(level.gap_ms);
    (late > limit).then(|| {
        format!(
            "the simulator itself sent its events up to {late:.0} ms late (p99): so much of every \
             latency is not the target's"
        )
    })
}

/// A share as whole per cent, rounded down: 95.9 % is not 96 %.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", (share * 100.0).floor())
}

#[cfg(test)]
mod tests;
