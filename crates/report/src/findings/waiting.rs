//! What users wait for: connecting, the first event, gaps, and whether all wait alike.

use results::summary::Statistic;
use results::units::float;

use super::finding;
use crate::delay::Added;
use crate::document::{Finding, Weight};
use crate::figure::{Figure, Metric};
use crate::number::Kind;
use crate::overview::{LevelView, Overview};
use crate::text::text;

/// Connecting is worth a word from this share of the mean TTFT on.
const CONNECT_SHARE: f64 = 0.2;

/// A gap p99 beyond this many ideal gaps means that events arrive in bunches.
const GAP_BUNCHED: f64 = 2.0;

/// Jain's index below this means that users were not served alike: at 0.95 a twentieth of the
/// users could have had nothing while the others shared evenly.
const FAIR: f64 = 0.95;

/// A response head that comes this much before the first event misleads tools that measure TTFB:
/// share of the mean TTFT.
const EARLY_HEAD_SHARE: f64 = 0.25;

pub(super) fn findings(overview: &Overview<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(added_time(overview));
    all.extend(connect_share(overview));
    all.extend(gaps(overview));
    all.extend(stalls(overview));
    all.extend(fairness(overview));
    all.extend(early_head(overview));
    all
}

fn added_time(overview: &Overview<'_>) -> Option<Finding> {
    let added = Added::of(overview).filter(Added::matters)?;
    let (part, percent) = added.largest()?;
    Some(finding(
        "added_time",
        Weight::Problem,
        text![
            "An answer takes ",
            Figure::derived("added_ms.total", Kind::Latency, Some(added.total_ms())),
            " longer at ",
            added.top.users(),
            " users than at ",
            added.base.users(),
            " (mean); the largest part of that, ",
            Figure::derived("added_ms.largest_percent", Kind::Portion, Some(percent)),
            format!(", is {}.", part.name())
        ],
    ))
}

fn connect_share(overview: &Overview<'_>) -> Option<Finding> {
    let view = overview.top()?;
    let (connect, ttft) = (Metric::Connect.of(view.level)?, Metric::Ttft.of(view.level)?);
    let share = connect.mean / ttft.mean;
    (share.is_finite() && share >= CONNECT_SHARE).then(|| {
        finding(
            "connect_share",
            Weight::Problem,
            text![
                "Connecting takes ",
                view.derived("connect_percent_of_ttft", Kind::Portion, Some(share * 100.0)),
                " of the mean TTFT at ",
                view.users(),
                " users (",
                view.summary(Metric::Connect, Statistic::Mean),
                " of ",
                view.summary(Metric::Ttft, Statistic::Mean),
                ")."
            ],
        )
    })
}

fn gaps(overview: &Overview<'_>) -> Option<Finding> {
    let ideal = overview.run.workload.ideal?.gap_ms;
    let bunched = |view: &&LevelView<'_>| {
        let p99 = Metric::Gap.of(view.level).and_then(|gap| gap.supported(Statistic::P99));
        ideal > 0.0 && p99.is_some_and(|p99| p99 >= ideal * GAP_BUNCHED)
    };
    let view = overview.trusted.iter().find(bunched)?;
    Some(finding(
        "gaps_bunched",
        Weight::Problem,
        text![
            "From ",
            view.users(),
            " users on events arrive in bunches: gap p99 is ",
            view.summary(Metric::Gap, Statistic::P99),
            " where ",
            Figure::of_run("workload.ideal.gap_ms", Kind::Latency, Some(ideal)),
            " is ideal."
        ],
    ))
}

fn stalls(overview: &Overview<'_>) -> Option<Finding> {
    let limit =
        Figure::of_run("workload.stall_ms", Kind::Latency, Some(overview.run.workload.stall_ms));
    let worst = overview.trusted.iter().max_by_key(|view| view.level.stalls)?;
    let gaps = worst.level.gap_ms?.count;
    if worst.level.stalls == 0 {
        return Some(finding(
            "stalls",
            Weight::Note,
            text!["No gap of any stream was longer than ", limit, "."],
        ));
    }
    let percent = float(worst.level.stalls) / float(gaps.max(1)) * 100.0;
    Some(finding(
        "stalls",
        Weight::Problem,
        text![
            "At ",
            worst.users(),
            " users ",
            worst.counted("stalls", worst.level.stalls),
            " gaps were stalls, longer than ",
            limit,
            ": ",
            worst.derived("stalls_percent", Kind::Portion, Some(percent)),
            " of all gaps."
        ],
    ))
}

fn fairness(overview: &Overview<'_>) -> Option<Finding> {
    let measured = overview.trusted.iter().filter(|view| view.level.fairness.is_some());
    let worst = measured.min_by(|a, b| {
        a.level.fairness.unwrap_or(1.0).total_cmp(&b.level.fairness.unwrap_or(1.0))
    })?;
    let index = worst.level.fairness?;
    let fair = index >= FAIR;
    let (words, weight) = if fair {
        ("Users were served alike: the lowest fairness was ", Weight::Note)
    } else {
        ("Users were not served alike: the lowest fairness was ", Weight::Problem)
    };
    Some(finding(
        "fairness",
        weight,
        text![
            words,
            worst.measured("fairness", Kind::Index, Some(index)),
            ", at ",
            worst.users(),
            " users (1 is the same for all)."
        ],
    ))
}

fn early_head(overview: &Overview<'_>) -> Option<Finding> {
    let view = overview.headline()?;
    let (ttfb, ttft) = (Metric::Ttfb.of(view.level)?, Metric::Ttft.of(view.level)?);
    let early = ttft.mean - ttfb.mean;
    (early >= ttft.mean * EARLY_HEAD_SHARE).then(|| {
        finding(
            "early_head",
            Weight::Note,
            text![
                "The response head comes ",
                view.derived("head_before_first_ms", Kind::Latency, Some(early)),
                " before the first event (mean, ",
                view.users(),
                " users): a tool that measures TTFB would call this server that much faster."
            ],
        )
    })
}
