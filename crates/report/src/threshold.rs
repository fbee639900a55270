//! Limits to watch in production, derived from the run. The report's table and the alert rules
//! both come from here.

use results::slo::{Comparison, Latency, Quantity, Share};
use results::summary::Statistic;

use crate::figure::{Figure, Metric};
use crate::number::Kind;
use crate::overview::{LevelView, Overview};
use crate::plan::Plan;

/// A limit stands this much above what was measured: at the measured value itself it would be
/// crossed in half of all quiet hours.
pub const SLACK: f64 = 1.2;

/// Share of answers that may fail where the rule says nothing about it, in percent: the
/// complement of the default rule `complete >= 99.5%`.
pub const DEFAULT_FAILED_PERCENT: f64 = 0.5;

/// A quantity to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Which quantity.
    pub watched: Watched,
    /// Look into it from here on; a dash where the run says nothing.
    pub warning: Figure,
    /// Act from here on.
    pub critical: Figure,
    /// Where the two come from.
    pub origin: String,
}

/// A quantity that can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`name` says what each is")]
pub enum Watched {
    Ttft,
    OpenStreams,
    FailedShare,
    Gap,
    Cpu,
    Memory,
}

impl Watched {
    /// The quantity as people read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ttft => "TTFT p95",
            Self::OpenStreams => "open streams on one server",
            Self::FailedShare => "share of answers not whole",
            Self::Gap => "gap p99",
            Self::Cpu => "busy cores of one server",
            Self::Memory => "resident memory of one server",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Self::Ttft => "ttft_p95",
            Self::OpenStreams => "open_streams",
            Self::FailedShare => "failed_percent",
            Self::Gap => "gap_p99",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// All thresholds that the run supports; none without a level that met the rule.
#[must_use]
pub fn thresholds(overview: &Overview<'_>) -> Vec<Threshold> {
    let plan = Plan::of(overview);
    let Some(maximum) = plan.maximum else { return Vec::new() };
    let optimal = plan.optimal.unwrap_or(maximum);
    let measured = |watched, kind, figure: &dyn Fn(LevelView<'_>) -> Figure| {
        let at = |view| figure(view).value.map(|value| value * SLACK);
        threshold(watched, kind, at(optimal), at(maximum), &levels(optimal, maximum))
    };
    [
        Some(ttft(overview, optimal, maximum)),
        Some(threshold(
            Watched::OpenStreams,
            Kind::Count,
            optimal.users().value,
            maximum.users().value,
            "the optimal and the maximum level",
        )),
        Some(failed(overview)),
        Some(measured(Watched::Gap, Kind::Latency, &|view| {
            view.summary(Metric::Gap, Statistic::P99)
        })),
        Some(measured(Watched::Cpu, Kind::Cores, &|view| view.target_cores())),
        Some(measured(Watched::Memory, Kind::Bytes, &|view| view.target_memory())),
    ]
    .into_iter()
    .flatten()
    .filter(|threshold| threshold.critical.value.is_some())
    .collect()
}

/// What was measured at the optimal level; and the rule's own limit where it has one.
fn ttft(overview: &Overview<'_>, optimal: LevelView<'_>, maximum: LevelView<'_>) -> Threshold {
    let p95 = |view: LevelView<'_>| {
        view.summary(Metric::Ttft, Statistic::P95).value.map(|value| value * SLACK)
    };
    let rule = overview
        .latency_limit(Latency::Ttft)
        .filter(|(statistic, _)| *statistic == Statistic::P95)
        .map(|(_, limit)| limit);
    let critical = rule.or_else(|| p95(maximum));
    let warning = p95(optimal).zip(critical).map(|(warning, critical)| warning.min(critical));
    let origin = match rule {
        Some(_) => format!(
            "measured at {} users, a fifth above; critical is the rule's own limit",
            optimal.users().show()
        ),
        None => levels(optimal, maximum),
    };
    threshold(Watched::Ttft, Kind::Latency, warning, critical, &origin)
}

/// What the rule allows to fail; a warning from half of it on.
fn failed(overview: &Overview<'_>) -> Threshold {
    let rule = overview.slos.iter().find_map(|slo| match (slo.quantity, slo.comparison) {
        (
            Quantity::Share(Share::Complete | Share::Success),
            Comparison::AtLeast | Comparison::Above,
        ) => Some(100.0 - slo.limit),
        _ => None,
    });
    let critical = rule.unwrap_or(DEFAULT_FAILED_PERCENT);
    let origin =
        if rule.is_some() { "the rule; a warning at half of it" } else { "the default rule" };
    threshold(Watched::FailedShare, Kind::Percent, Some(critical / 2.0), Some(critical), origin)
}

fn levels(optimal: LevelView<'_>, maximum: LevelView<'_>) -> String {
    if optimal.level.users == maximum.level.users {
        return format!("measured at {} users, a fifth above", maximum.users().show());
    }
    format!(
        "measured at {} and {} users, each a fifth above",
        optimal.users().show(),
        maximum.users().show()
    )
}

fn threshold(
    watched: Watched,
    kind: Kind,
    warning: Option<f64>,
    critical: Option<f64>,
    origin: &str,
) -> Threshold {
    let figure = |name: &str, value| {
        Figure::derived(&format!("threshold.{}.{name}", watched.id()), kind, value)
    };
    Threshold {
        watched,
        warning: figure("warning", warning),
        critical: figure("critical", critical),
        origin: origin.to_owned(),
    }
}
