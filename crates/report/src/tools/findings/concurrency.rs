//! Whether calls made at once were also carried at once: by counted overlap, and by what calling
//! at once gained. Equal time stamps are no evidence and are not looked at.

use results::units::float;

use super::finding;
use crate::document::{Finding, Weight};
use crate::number::Kind;
use crate::text::{Text, text};
use crate::tools::overview::{LevelView, Overview};

/// Calling at once gained nothing when it was less than this many times faster.
const SERIALISED_SPEEDUP: f64 = 1.2;

/// A level needs so many calls at once before its speed-up says anything about serialising: with
/// fewer, a single slow call decides.
const SERIALISED_MIN_CALLS: u64 = 4;

/// A speed-up above the number of calls at once is no gain of concurrency; so much of it is noise.
const IMPOSSIBLE_SPEEDUP: f64 = 1.1;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for view in &overview.trusted {
        all.extend(upstream(*view));
        all.extend(speedup(*view, overview.run.machine.cores));
        all.extend(not_reached(overview, *view));
        all.extend(fewer_transfers(overview, *view));
    }
    all
}

/// Why a level's calls were carried one at a time, where they were.
pub(in crate::tools) fn serialised(view: LevelView<'_>) -> bool {
    let several = view.level.shape().load() >= SERIALISED_MIN_CALLS;
    let upstream = view.level.upstream_peak_open == Some(1) && view.level.peak_open > 1;
    let nothing_gained = view.level.speedup.is_some_and(|speedup| speedup < SERIALISED_SPEEDUP);
    several && (upstream || nothing_gained)
}

fn speedup(view: LevelView<'_>, cores: u64) -> Option<Finding> {
    let speedup = view.level.speedup;
    if serialised(view) {
        let mut sentence: Text = text![format!("At {} the server ", view.words())];
        sentence.push("carried its calls one after the other: ");
        if view.level.upstream_peak_open == Some(1) {
            sentence.extend(text![
                "with ",
                view.counted("peak_open", view.level.peak_open),
                " calls open, the upstream never saw more than ",
                view.counted("upstream_peak_open", 1),
                " at a time"
            ]);
            if speedup.is_some() {
                sentence.push("; ");
            }
        }
        if speedup.is_some() {
            sentence.extend(text!["calling at once was ", view.speedup(), " as fast"]);
        }
        sentence.push(".");
        return Some(finding("serialised", Weight::Problem, sentence));
    }
    let speedup = speedup?;
    if speedup > float(view.level.shape().load()) * IMPOSSIBLE_SPEEDUP {
        return Some(finding(
            "speedup_impossible",
            Weight::Limit,
            text![
                format!("At {} calling at once was ", view.words()),
                view.speedup(),
                " as fast, more than the calls that were open: the sequential calls were slower \
                 for another reason, such as a cold start."
            ],
        ));
    }
    Some(finding(
        "speedup",
        Weight::Note,
        text![
            format!("At {} the calls took ", view.words()),
            view.measured("duration_s", Kind::Span, Some(view.level.duration_s)),
            " at once: ",
            view.speedup(),
            format!(" as fast as one after the other, on {cores} cores.")
        ],
    ))
}

fn upstream(view: LevelView<'_>) -> Option<Finding> {
    let upstream = view.level.upstream_peak_open?;
    let (weight, said) = if upstream >= view.level.peak_open {
        (Weight::Note, ": none waited in the target.")
    } else if upstream <= 1 {
        // The rule about serialising says it with its reasons.
        return None;
    } else {
        (Weight::Problem, ": the others waited in the target.")
    };
    Some(finding(
        "upstream_overlap",
        weight,
        text![
            format!("At {} the tester had up to ", view.words()),
            view.counted("peak_open", view.level.peak_open),
            " calls open at one moment, and the upstream counted up to ",
            view.counted("upstream_peak_open", upstream),
            " at once",
            said
        ],
    ))
}

fn not_reached(overview: &Overview<'_>, view: LevelView<'_>) -> Option<Finding> {
    let wanted = view.level.shape().load();
    let burst = overview.run.workload.start == "burst";
    (burst && view.level.peak_open < wanted).then(|| {
        finding(
            "concurrency_not_reached",
            Weight::Problem,
            text![
                "Of ",
                view.load(),
                " calls that started at once, at most ",
                view.counted("peak_open", view.level.peak_open),
                " were open at one moment: the others had ended before."
            ],
        )
    })
}

/// The upstream served fewer transfers than calls ended ok.
fn fewer_transfers(overview: &Overview<'_>, view: LevelView<'_>) -> Option<Finding> {
    let transfers = view.level.upstream_transfers?;
    let answered = view.level.outcomes.ok;
    (!overview.mixed() && transfers < answered).then(|| {
        finding(
            "fewer_transfers",
            Weight::Problem,
            text![
                format!("At {} ", view.words()),
                view.outcome(results::CallOutcome::Ok),
                " calls ended ok, but the upstream served only ",
                view.counted("upstream_transfers", transfers),
                " of them: the target answered the others from elsewhere, such as a cache."
            ],
        )
    })
}
