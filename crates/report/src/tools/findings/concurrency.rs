//! Whether calls made at once were also carried at once: by counted overlap, and by what calling
//! at once gained. Equal time stamps are no evidence and are not looked at.

use results::tools::Carriage;
use results::units::float;

use super::finding;
use crate::document::{Finding, Weight};
use crate::number::Kind;
use crate::text::{Text, text};
use crate::tools::overview::{LevelView, Overview};

/// A call opens before its transfer and ends after it: from this share on, the difference between
/// the calls open and the transfers open is taken for that, and not for waiting.
const MET_SHARE: f64 = 0.5;

/// A speed-up above the number of calls at once is no gain of concurrency; so much of it is noise.
const IMPOSSIBLE_SPEEDUP: f64 = 1.1;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for view in &overview.trusted {
        all.extend(upstream(*view));
        all.extend(speedup(*view, overview.run.machine.cores));
        all.extend(not_reached(overview, *view));
        all.extend(fewer_transfers(*view));
    }
    all
}

fn speedup(view: LevelView<'_>, cores: u64) -> Option<Finding> {
    match view.level.carriage() {
        Carriage::Serial => return Some(serialised(view)),
        Carriage::NoGain => return Some(no_gain(view)),
        Carriage::AtOnce | Carriage::Unknown => {}
    }
    let speedup = view.level.speedup;
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

/// Many calls were open, and behind the target there was never more than one.
fn serialised(view: LevelView<'_>) -> Finding {
    let mut sentence: Text = text![
        format!("At {} the server ", view.words()),
        "carried its calls one after the other: with ",
        view.counted("peak_open", view.level.peak_open),
        " calls open, the upstream never saw more than ",
        view.counted("upstream_peak_open", view.level.upstream_peak_open.unwrap_or(1)),
        " at a time"
    ];
    if view.level.speedup.is_some() {
        sentence.extend(text!["; calling at once was ", view.speedup(), " as fast"]);
    }
    sentence.push(".");
    finding("serialised", Weight::Problem, sentence)
}

/// Nothing was gained, and who held the calls back is not known.
fn no_gain(view: LevelView<'_>) -> Finding {
    let mut sentence: Text = text![
        format!("At {} calling at once gained nothing: it was ", view.words()),
        view.speedup(),
        " as fast as one after the other. "
    ];
    match view.level.upstream_peak_open {
        Some(upstream) => sentence.extend(text![
            "The upstream had up to ",
            view.counted("upstream_peak_open", upstream),
            " at once: the calls were carried together, and what all of them need was used up by \
             one already."
        ]),
        None => sentence.push(
            "Either the server carries them one after the other, or one call alone uses all of \
             what they share; to know, give --upstream-stats where the upstream counts.",
        ),
    }
    finding("no_gain", Weight::Problem, sentence)
}

fn upstream(view: LevelView<'_>) -> Option<Finding> {
    let upstream = view.level.upstream_peak_open?;
    let all_transfer = view.level.upstream_transfers.is_none_or(|it| it >= view.level.calls);
    let (weight, said) = if upstream >= view.level.peak_open {
        (Weight::Note, ": none waited in the target.")
    } else if view.level.carriage() == Carriage::Serial {
        // The rule about serialising says it with its reasons.
        return None;
    } else if !all_transfer {
        (Weight::Note, ", of those calls that are transfers for it.")
    } else if float(upstream) >= float(view.level.peak_open) * MET_SHARE {
        (Weight::Note, ": a call is longer than its transfer, so that not all of them meet there.")
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
fn fewer_transfers(view: LevelView<'_>) -> Option<Finding> {
    let transfers = view.level.upstream_transfers?;
    let answered = view.level.outcomes.ok;
    (!view.mixed() && transfers < answered).then(|| {
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
