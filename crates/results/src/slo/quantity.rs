//! What a predicate can be about.

use super::notation::{parse_bytes, parse_duration_ms};
use crate::load::RunKind;
use crate::summary::Statistic;

/// What a predicate is about. Which value a level has of it says [`crate::Judged::value`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// A latency, in milliseconds.
    Latency(Latency, Statistic),
    /// Total over ideal, a ratio.
    Stretch(Statistic),
    /// A share of the ended streams or calls, in percent.
    Share(Share),
    /// Stalls in the level, a count.
    Stalls,
    /// Wall time one after the other over wall time at once, a ratio.
    Speedup,
    /// So much a second over the level's duration.
    Rate(Rate),
}

/// A latency that a predicate can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the level's field of the same name")]
pub enum Latency {
    Connect,
    Ttfb,
    Ttft,
    Gap,
    Total,
    Session,
    Call,
    Probe,
    ProbeIdle,
}

/// A share that a predicate can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the level's field of the same name")]
pub enum Share {
    Success,
    Complete,
    Correct,
    Ok,
}

/// A rate that a predicate can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Chunks of streams a second.
    Chunks,
    /// Calls that ended a second.
    Calls,
    /// Bytes a second.
    Bytes,
}

impl Latency {
    const ALL: [(&'static str, Self); 9] = [
        ("ttft", Self::Ttft),
        ("ttfb", Self::Ttfb),
        ("connect", Self::Connect),
        ("gap", Self::Gap),
        ("total", Self::Total),
        ("call", Self::Call),
        ("probe", Self::Probe),
        ("probe_idle", Self::ProbeIdle),
        ("session", Self::Session),
    ];

    fn measured_in(self, kind: RunKind) -> bool {
        match self {
            Self::Connect | Self::Ttfb => true,
            Self::Ttft | Self::Gap | Self::Total => kind == RunKind::Streams,
            Self::Session | Self::Call | Self::Probe | Self::ProbeIdle => kind == RunKind::Tools,
        }
    }
}

/// The quantities that are one number and have no statistic.
const SINGLE: [(&str, Quantity); 9] = [
    ("success", Quantity::Share(Share::Success)),
    ("complete", Quantity::Share(Share::Complete)),
    ("ok", Quantity::Share(Share::Ok)),
    ("correct", Quantity::Share(Share::Correct)),
    ("stalls", Quantity::Stalls),
    ("speedup", Quantity::Speedup),
    ("chunks_per_s", Quantity::Rate(Rate::Chunks)),
    ("calls_per_s", Quantity::Rate(Rate::Calls)),
    ("bytes_per_s", Quantity::Rate(Rate::Bytes)),
];

impl Quantity {
    /// The unit in which the quantity and its limit are given.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Latency(..) => "ms",
            Self::Stretch(_) | Self::Speedup => "ratio",
            Self::Share(_) => "%",
            Self::Stalls => "count",
            Self::Rate(Rate::Bytes) => "bytes/s",
            Self::Rate(Rate::Chunks | Rate::Calls) => "1/s",
        }
    }

    /// The name as it is written in a predicate: `ttft.p95`, `complete`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Latency(latency, statistic) => {
                let known = Latency::ALL.into_iter().find(|(_, other)| *other == latency);
                let (name, _) = known.expect("every latency stands in the list of all");
                format!("{name}.{}", statistic.name())
            }
            Self::Stretch(statistic) => format!("stretch.{}", statistic.name()),
            other => {
                let known = SINGLE.into_iter().find(|(_, quantity)| *quantity == other);
                known.expect("every quantity without statistic stands in the list").0.to_owned()
            }
        }
    }

    /// Whether less of it is better.
    #[must_use]
    pub fn lower_is_better(self) -> bool {
        matches!(self, Self::Latency(..) | Self::Stretch(_) | Self::Stalls)
    }

    /// Whether a run of this kind has such a number at all.
    #[must_use]
    pub fn measured_in(self, kind: RunKind) -> bool {
        match self {
            Self::Latency(latency, _) => latency.measured_in(kind),
            Self::Share(Share::Success | Share::Correct) | Self::Rate(Rate::Bytes) => true,
            Self::Stretch(_)
            | Self::Stalls
            | Self::Share(Share::Complete)
            | Self::Rate(Rate::Chunks) => kind == RunKind::Streams,
            Self::Speedup | Self::Share(Share::Ok) | Self::Rate(Rate::Calls) => {
                kind == RunKind::Tools
            }
        }
    }

    /// Reads a name as [`Quantity::name`] writes it; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, statistic) = match text.split_once('.') {
            Some((name, statistic)) => (name, Some(statistic)),
            None => (text, None),
        };
        let single = SINGLE.into_iter().find(|(known, _)| *known == name);
        match (single, statistic) {
            (Some((_, quantity)), None) => return Ok(quantity),
            (Some(_), Some(statistic)) => {
                return Err(format!("{name} is one number and has no .{statistic}"));
            }
            (None, _) => {}
        }
        let latency = Latency::ALL.into_iter().find(|(known, _)| *known == name);
        if latency.is_none() && name != "stretch" {
            return Err(format!(
                "{name:?} is not measured; known are {} for streams, and {} for tool calls",
                names(RunKind::Streams),
                names(RunKind::Tools)
            ));
        }
        let statistic = statistic
            .ok_or_else(|| format!("{name} needs a statistic, such as {name}.p95"))
            .and_then(|text| {
                Statistic::from_name(text).ok_or_else(|| {
                    format!("{text:?} is not one of mean, p50, p90, p95, p99 and max")
                })
            })?;
        Ok(latency
            .map_or(Self::Stretch(statistic), |(_, latency)| Self::Latency(latency, statistic)))
    }

    /// Reads a limit in the quantity's unit; the error says what is wrong with it.
    pub(crate) fn parse_limit(self, text: &str) -> Result<f64, String> {
        let finite = |number: &str| {
            number
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|value| value.is_finite() && *value >= 0.0)
                .ok_or_else(|| format!("{number:?} is not a number of zero or more"))
        };
        match self {
            Self::Latency(..) => parse_duration_ms(text)
                .ok_or_else(|| format!("{text:?} is not a duration such as 250ms, 2.5s or 1m30s")),
            Self::Rate(Rate::Bytes) => parse_bytes(text)
                .ok_or_else(|| format!("{text:?} is not a size such as 500KB, 50MB or 1GiB")),
            Self::Stretch(_) | Self::Speedup | Self::Stalls | Self::Rate(_) => finite(text),
            Self::Share(_) => {
                let value = finite(text.trim_end_matches('%'))?;
                if value > 100.0 { Err(format!("{text} is more than all")) } else { Ok(value) }
            }
        }
    }
}

/// The names of all quantities that a kind of load measures, as a list in words.
pub(super) fn names(kind: RunKind) -> String {
    let latencies = Latency::ALL.into_iter().filter(|(_, latency)| latency.measured_in(kind));
    let mut names: Vec<&str> = latencies.map(|(name, _)| name).collect();
    if Quantity::Stretch(Statistic::P95).measured_in(kind) {
        names.push("stretch");
    }
    let single = SINGLE.into_iter().filter(|(_, quantity)| quantity.measured_in(kind));
    names.extend(single.map(|(name, _)| name));
    let last = names.pop().unwrap_or_default();
    format!("{} and {last}", names.join(", "))
}
