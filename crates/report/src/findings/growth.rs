//! What more users cost: first events, whole answers, throughput.

use results::summary::Statistic;
use results::units::float;

use super::finding;
use crate::document::{Finding, Weight};
use crate::figure::{Figure, Metric};
use crate::growth::Growth;
use crate::number::Kind;
use crate::overview::Overview;
use crate::text::text;

/// Below this share of perfect scaling, throughput is said to fall behind.
const SCALING_BEHIND: f64 = 0.9;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(
        Growth::of(overview, Metric::Ttft, Statistic::P95)
            .map(|growth| latency(&growth, "ttft_growth", "TTFT p95")),
    );
    all.extend(
        Growth::of(overview, Metric::Stretch, Statistic::P95).map(|growth| stretch(&growth)),
    );
    all.extend(throughput(overview));
    all
}

fn latency(growth: &Growth<'_>, rule: &'static str, name: &str) -> Finding {
    let at = |view: crate::overview::LevelView<'_>| view.summary(growth.metric, growth.statistic);
    match growth.bend {
        Some(bend) => finding(
            rule,
            Weight::Problem,
            text![
                format!("{name} grows "),
                growth.figure("before", bend.before),
                " up to ",
                bend.at.users(),
                " users and ",
                growth.figure("after", bend.after),
                " after: from ",
                at(bend.at),
                " to ",
                at(growth.top),
                " at ",
                growth.top.users(),
                " users."
            ],
        ),
        None => finding(
            rule,
            Weight::Note,
            text![
                format!("{name} goes from "),
                at(growth.base),
                " at ",
                growth.base.users(),
                " users to ",
                at(growth.top),
                " at ",
                growth.top.users(),
                ", ",
                growth.figure("per_user", growth.per_user),
                ", without a bend."
            ],
        ),
    }
}

fn stretch(growth: &Growth<'_>) -> Finding {
    let at = |view: crate::overview::LevelView<'_>| view.summary(growth.metric, growth.statistic);
    let weight = if growth.bend.is_some() { Weight::Problem } else { Weight::Note };
    let mut sentence = text![
        "Whole answers take ",
        at(growth.base),
        " their ideal time (p95) at ",
        growth.base.users(),
        " users and ",
        at(growth.top),
        " at ",
        growth.top.users()
    ];
    match growth.bend {
        Some(bend) => {
            sentence.extend(text!["; the growth bends at ", bend.at.users(), " users."]);
        }
        None => sentence.push("."),
    }
    finding("stretch_growth", weight, sentence)
}

/// Events per second at the highest trusted level against those of the lowest, user for user.
fn throughput(overview: &Overview<'_>) -> Option<Finding> {
    let (base, top) = overview.base_and_top()?;
    if base.level.chunks_per_s <= 0.0 {
        return None;
    }
    let perfect = base.level.chunks_per_s * float(top.level.users) / float(base.level.users);
    let reached = top.level.chunks_per_s / perfect;
    (reached < SCALING_BEHIND).then(|| {
        finding(
            "throughput_behind",
            Weight::Problem,
            text![
                "At ",
                top.users(),
                " users events arrive at ",
                top.measured("chunks_per_s", Kind::Rate, Some(top.level.chunks_per_s)),
                ", ",
                Figure::derived("scaling_percent", Kind::Portion, Some(reached * 100.0)),
                " of what perfect scaling from ",
                base.users(),
                " users would give."
            ],
        )
    })
}
