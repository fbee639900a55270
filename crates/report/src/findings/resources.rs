//! What the target needed, and whether it or the machine was full.

use results::level::{ProcessUsage, Role};
use results::units::float;

use super::finding;
use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::number::Kind;
use crate::overview::{LevelView, Overview};
use crate::text::{foreign, text};

/// From this share on all of the machine's CPU time counts as used up.
pub const MACHINE_FULL: f64 = 0.95;

/// A process that keeps about one core busy, this far to both sides, has used up what one thread
/// can use: with one busy thread no second core helps it.
pub const CORE_FULL: (f64, f64) = (0.9, 1.1);

/// CPU time for each event is said to change from this share on.
const CPU_CHANGE: f64 = 0.25;

/// CPU time of other processes is worth a word from this share of the machine on.
const OTHER_CPU_SHARE: f64 = 0.05;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(machine_full(overview));
    all.extend(target_cpu(overview));
    all.extend(cpu_per_event(overview));
    all.extend(memory(overview));
    all.extend(other_load(overview));
    all
}

/// The lowest level, trusted or not, at which the machine had nothing left.
fn machine_full(overview: &Overview<'_>) -> Option<Finding> {
    let full = |view: &&LevelView<'_>| view.level.machine_busy >= Some(MACHINE_FULL);
    let view = overview.levels.iter().filter(full).min_by_key(|view| view.level.users)?;
    let busy = view.level.machine_busy.map(|share| share * 100.0);
    Some(finding(
        "machine_full",
        Weight::Problem,
        text![
            "From ",
            view.users(),
            " users on the machine itself is full: ",
            view.derived("machine_busy_percent", Kind::Portion, busy),
            " of its CPU time is used."
        ],
    ))
}

fn target_cpu(overview: &Overview<'_>) -> Option<Finding> {
    let view = overview.top().or_else(|| overview.headline())?;
    let processes = view.level.target_usage.as_deref().unwrap_or_default();
    let of_target = |process: &ProcessUsage| process.role == Role::Target;
    if !processes.iter().any(of_target) {
        return Some(finding(
            "target_cpu",
            Weight::Note,
            "Whether the target's CPU was the limit is not known: its processes were not found on \
             this machine."
                .into(),
        ));
    }
    let cores = |process: &ProcessUsage| process.cpu_s / view.level.duration_s.max(f64::EPSILON);
    // By its place among all processes, which is its place in run.json.
    let busiest = processes
        .iter()
        .enumerate()
        .filter(|(_, process)| of_target(process))
        .max_by(|a, b| cores(a.1).total_cmp(&cores(b.1)))?;
    let machine =
        Figure::of_run("machine.cores", Kind::Count, Some(float(overview.run.machine.cores)));
    if (CORE_FULL.0..=CORE_FULL.1).contains(&cores(busiest.1)) && overview.run.machine.cores > 1 {
        let name = format!("target_usage.{}.cores", busiest.0);
        return Some(finding(
            "target_cpu",
            Weight::Problem,
            text![
                format!("The target's process {} keeps ", foreign(&busiest.1.process)),
                view.derived(&name, Kind::Cores, Some(cores(busiest.1))),
                " busy at ",
                view.users(),
                " users: one thread cannot use more, though the machine has ",
                machine,
                " cores."
            ],
        ));
    }
    Some(finding(
        "target_cpu",
        Weight::Note,
        text![
            "The target keeps ",
            view.target_cores(),
            " busy at ",
            view.users(),
            " users, on average over the level, of ",
            machine,
            " that the machine has."
        ],
    ))
}

fn cpu_per_event(overview: &Overview<'_>) -> Option<Finding> {
    let (base, top) = overview.base_and_top()?;
    let (low, high) = (base.target_cpu_per_event(), top.target_cpu_per_event());
    let ratio = high.value? / low.value.filter(|value| *value > 0.0)?;
    if (ratio - 1.0).abs() < CPU_CHANGE {
        return None;
    }
    let (verb, weight) =
        if ratio > 1.0 { ("rises", Weight::Problem) } else { ("falls", Weight::Note) };
    Some(finding(
        "cpu_per_event",
        weight,
        text![
            format!("The target's CPU time for each event {verb} from "),
            low,
            " at ",
            base.users(),
            " users to ",
            high,
            " at ",
            top.users(),
            "."
        ],
    ))
}

fn memory(overview: &Overview<'_>) -> Option<Finding> {
    let view = overview.headline()?;
    let each = view.target_memory_per_stream();
    each.value?;
    Some(finding(
        "memory_per_stream",
        Weight::Note,
        text![
            "The target takes ",
            each,
            " of memory for each open stream at ",
            view.users(),
            " users, ",
            view.target_memory(),
            " in all."
        ],
    ))
}

fn other_load(overview: &Overview<'_>) -> Option<Finding> {
    let cores = float(overview.run.machine.cores);
    let share = |view: &LevelView<'_>| {
        let available = view.level.duration_s * cores;
        view.level.machine_other_cpu_s.filter(|_| available > 0.0).map(|cpu_s| cpu_s / available)
    };
    let view = overview
        .levels
        .iter()
        .max_by(|a, b| share(a).unwrap_or(0.0).total_cmp(&share(b).unwrap_or(0.0)))?;
    let largest = share(view).filter(|share| *share >= OTHER_CPU_SHARE)?;
    Some(finding(
        "other_load",
        Weight::Note,
        text![
            "Other processes used up to ",
            view.derived("other_cpu_percent", Kind::Portion, Some(largest * 100.0)),
            " of the machine's CPU time (at ",
            view.users(),
            " users)."
        ],
    ))
}
