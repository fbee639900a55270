//! Whether the server still answered under load, what it needed, and how near it came to a bare
//! transfer.

use results::units::float;

use super::finding;
use crate::document::{Finding, Weight};
use crate::figure::Figure;
use crate::number::Kind;
use crate::text::text;
use crate::tools::overview::{LevelView, Metric, Overview};
use crate::tools::probe::Compared;

/// CPU time of other processes is worth a word from this share of the machine on.
const OTHER_CPU_SHARE: f64 = 0.05;

/// A machine is full of the target's work, and not of somebody else's, from this share of it on.
const MOST: f64 = 0.5;

/// From this share on all of the machine's CPU time counts as used up.
const MACHINE_FULL: f64 = crate::findings::MACHINE_FULL;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for view in &overview.trusted {
        all.extend(probes_failed(*view));
    }
    all.extend(overview.headline().and_then(probe));
    all.extend(overview.headline().and_then(floor));
    all.extend(overview.headline().and_then(cpu));
    all.extend(machine_full(overview));
    all.extend(other_load(overview));
    all
}

fn probes_failed(view: LevelView<'_>) -> Option<Finding> {
    (view.level.probes_failed > 0).then(|| {
        finding(
            "probes_failed",
            Weight::Problem,
            text![
                format!("At {} ", view.words()),
                view.counted("probes_failed", view.level.probes_failed),
                " trivial calls beside the load failed."
            ],
        )
    })
}

fn probe(view: LevelView<'_>) -> Option<Finding> {
    let compared = Compared::of(view)?;
    let statistic = compared.statistic;
    // Of a level that is not trusted it may have been the machine.
    let slow = compared.unresponsive() && view.level.trusted;
    let (weight, said) = if slow {
        (Weight::Problem, ": while it carries calls, it hardly answers anything else.")
    } else {
        (Weight::Note, ".")
    };
    Some(finding(
        "responsiveness",
        weight,
        text![
            "A trivial call takes ",
            view.summary(Metric::ProbeIdle, statistic),
            " on the idle server and ",
            view.summary(Metric::Probe, statistic),
            format!(" under {} ({})", view.words(), statistic.name()),
            said
        ],
    ))
}

fn floor(view: LevelView<'_>) -> Option<Finding> {
    let share = view.of_floor();
    share.value?;
    let floor = view.level.floor.map(|floor| floor.bytes_per_s);
    Some(finding(
        "floor",
        Weight::Note,
        text![
            format!("At {} the calls moved ", view.words()),
            view.bytes_per_s(),
            ", ",
            share,
            " of the ",
            view.measured("floor.bytes_per_s", Kind::ByteRate, floor),
            " that a bare transfer of the same bytes reached in this run."
        ],
    ))
}

fn cpu(view: LevelView<'_>) -> Option<Finding> {
    let each = view.target_cpu_per_call();
    each.value?;
    Some(finding(
        "target_cpu",
        Weight::Note,
        text![
            "The target used ",
            each,
            " of processor time for each call and held ",
            view.target_memory(),
            format!(" of memory at {}.", view.words())
        ],
    ))
}

/// The trusted levels at which the machine had nothing left; of the others it is their reason.
fn machine_full(overview: &Overview<'_>) -> Option<Finding> {
    let busy = |view: &LevelView<'_>| view.level.machine_busy.filter(|busy| *busy >= MACHINE_FULL);
    let full: Vec<_> =
        overview.trusted.iter().filter_map(|view| Some((*view, busy(view)?))).collect();
    let (lowest, _) = full.first().copied()?;
    let (view, share) = full.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let available = view.level.duration_s * float(overview.run.machine.cores);
    let tester = (available > 0.0).then(|| view.level.tester_usage.cpu_s / available * 100.0);
    let others = match full.len() - 1 {
        0 => String::new(),
        1 => " and at one more level".to_owned(),
        others => format!(" and at {others} more levels"),
    };
    Some(finding(
        "machine_full",
        Weight::Problem,
        text![
            format!("At {}{others} the machine itself is full: ", lowest.words()),
            if full.len() > 1 { "up to " } else { "" },
            view.derived("machine_busy_percent", Kind::Portion, Some(share * 100.0)),
            " of its CPU time is used, by the tester ",
            view.derived("tester_percent", Kind::Portion, tester),
            if served_share(view, available) >= Some(MOST) {
                ". This machine was the target's limit."
            } else {
                "."
            }
        ],
    ))
}

/// The share of this CPU time that target and upstream used; `None` where they were not seen.
fn served_share(view: LevelView<'_>, available_s: f64) -> Option<f64> {
    let used = view.level.target_usage.as_ref().filter(|_| available_s > 0.0)?;
    Some(used.iter().map(|process| process.cpu_s).sum::<f64>() / available_s)
}

fn other_load(overview: &Overview<'_>) -> Option<Finding> {
    let cores = float(overview.run.machine.cores);
    let share = |view: &LevelView<'_>| {
        let available = view.level.duration_s * cores;
        view.level.machine_other_cpu_s.filter(|_| available > 0.0).map(|cpu_s| cpu_s / available)
    };
    let largest = overview
        .levels
        .iter()
        .filter_map(|view| Some((*view, share(view)?)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .filter(|(_, share)| *share >= OTHER_CPU_SHARE)?;
    let figure: Figure =
        largest.0.derived("other_cpu_percent", Kind::Portion, Some(largest.1 * 100.0));
    Some(finding(
        "other_load",
        Weight::Note,
        text![
            "Other processes used up to ",
            figure,
            format!(" of the machine's CPU time (at {}).", largest.0.words())
        ],
    ))
}
