//! The few numbers that stand for a distribution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Count, mean, percentiles and maximum of one measured quantity.
///
/// The unit is that of the field that holds it (`ttft_ms` holds milliseconds).
/// A quantity without a single sample is `null`, never a summary of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Number of samples.
    pub count: u64,
    /// Arithmetic mean of all samples.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 95th percentile. Meaningful from 20 samples on.
    pub p95: f64,
    /// 99th percentile. Meaningful from 100 samples on.
    pub p99: f64,
    /// Largest sample.
    pub max: f64,
}

/// Samples that a 95th percentile needs before it says anything (one sample above it).
pub const SAMPLES_FOR_P95: u64 = 20;
/// Samples that a 99th percentile needs before it says anything (one sample above it).
pub const SAMPLES_FOR_P99: u64 = 100;

/// Which number of a [`Summary`] is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Median.
    P50,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// Largest sample.
    Max,
}

impl Statistic {
    /// All statistics, in the order of the columns of a report.
    pub const ALL: [Self; 6] = [Self::Mean, Self::P50, Self::P90, Self::P95, Self::P99, Self::Max];

    /// What tells about the slowest samples, the most telling first: a single sample is enough for
    /// the maximum, and it may be chance.
    pub const TAILS: [Self; 3] = [Self::P99, Self::P95, Self::Max];

    /// The first of [`Statistic::TAILS`] that each of these has enough samples for; `None` of none.
    #[must_use]
    pub fn tail_of(summaries: impl IntoIterator<Item = Summary>) -> Option<Self> {
        let fewest = summaries.into_iter().min_by_key(|summary| summary.count)?;
        Self::TAILS.into_iter().find(|statistic| fewest.supports(*statistic))
    }

    /// The name as it is written in an SLO: `mean`, `p50`, …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Max => "max",
        }
    }

    /// The statistic with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|statistic| statistic.name() == name)
    }
}

impl Summary {
    /// The value of one statistic, whatever the number of samples.
    #[must_use]
    pub fn get(&self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Mean => self.mean,
            Statistic::P50 => self.p50,
            Statistic::P90 => self.p90,
            Statistic::P95 => self.p95,
            Statistic::P99 => self.p99,
            Statistic::Max => self.max,
        }
    }

    /// Whether there are enough samples for this statistic to be shown.
    #[must_use]
    pub fn supports(&self, statistic: Statistic) -> bool {
        self.count
            >= match statistic {
                Statistic::Mean | Statistic::P50 | Statistic::Max => 1,
                Statistic::P90 => 10,
                Statistic::P95 => SAMPLES_FOR_P95,
                Statistic::P99 => SAMPLES_FOR_P99,
            }
    }

    /// The value of one statistic, or `None` where there are too few samples.
    #[must_use]
    pub fn supported(&self, statistic: Statistic) -> Option<f64> {
        self.supports(statistic).then(|| self.get(statistic))
    }

    /// A summary of exact values (counts of chunks or bytes per stream), or `None` without any.
    /// Percentiles are nearest-rank: the smallest value with at least that share at or below it.
    #[must_use]
    pub fn of(values: &mut [f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let rank = |percent: usize| values[(count * percent).div_ceil(100).clamp(1, count) - 1];
        Some(Self {
            count: u64::try_from(count).unwrap_or(u64::MAX),
            mean: values.iter().sum::<f64>() / crate::units::ratio_base(count),
            p50: rank(50),
            p90: rank(90),
            p95: rank(95),
            p99: rank(99),
            max: values[count - 1],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_of_one_to_a_hundred_is_the_number_itself() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let summary = Summary::of(&mut values).unwrap();
        assert_eq!((summary.p50, summary.p95, summary.p99, summary.max), (50.0, 95.0, 99.0, 100.0));
        assert_eq!((summary.count, summary.mean), (100, 50.5));
    }

    #[test]
    fn one_sample_is_its_own_every_percentile() {
        let summary = Summary::of(&mut [7.0]).unwrap();
        assert_eq!((summary.p50, summary.p99, summary.max), (7.0, 7.0, 7.0));
        assert_eq!(summary.supported(Statistic::P95), None);
        assert_eq!(summary.supported(Statistic::Max), Some(7.0));
    }

    #[test]
    fn no_samples_give_no_summary() {
        assert_eq!(Summary::of(&mut []), None);
    }

    #[test]
    fn p95_needs_twenty_samples_and_p99_a_hundred() {
        let at = |count: u64| Summary {
            count,
            mean: 0.0,
            p50: 0.0,
            p90: 0.0,
            p95: 0.0,
            p99: 0.0,
            max: 0.0,
        };
        assert!(!at(19).supports(Statistic::P95) && at(20).supports(Statistic::P95));
        assert!(!at(99).supports(Statistic::P99) && at(100).supports(Statistic::P99));
        assert_eq!(Statistic::tail_of([at(100), at(100)]), Some(Statistic::P99));
        assert_eq!(Statistic::tail_of([at(100), at(99)]), Some(Statistic::P95));
        assert_eq!(Statistic::tail_of([at(19), at(100)]), Some(Statistic::Max));
        assert_eq!(Statistic::tail_of([]), None);
    }
}
