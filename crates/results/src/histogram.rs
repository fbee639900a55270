//! Latencies, recorded as whole microseconds with three significant digits.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::level::Bucket;
use crate::summary::Summary;
use crate::units::{float, micros, millis_from_micros};

/// A mergeable histogram of durations.
///
/// Values are microseconds with a relative error of at most 0.1 % (three significant digits).
/// It grows with the largest value seen, so that an empty one is small: a worker holds several.
#[derive(Debug, Clone)]
pub struct LatencyHistogram {
    inner: Histogram<u64>,
}

/// Longest duration that is told apart: one day. Longer ones are counted as one day.
const MAX_MICROS: u64 = 24 * 60 * 60 * 1_000_000;

impl Default for LatencyHistogram {
    fn default() -> Self {
        let mut inner = Histogram::new_with_bounds(1, 2_000_000, 3)
            .expect("1 and 2,000,000 are valid bounds for three digits");
        inner.auto(true);
        Self { inner }
    }
}

impl LatencyHistogram {
    /// Counts one duration. Never fails and allocates only when the range grows.
    pub fn record(&mut self, duration: Duration) {
        self.record_micros(micros(duration));
    }

    /// Counts one duration given in microseconds.
    pub fn record_micros(&mut self, micros: u64) {
        self.inner
            .record(micros.min(MAX_MICROS))
            .expect("an auto-resizing histogram takes every value up to a day");
    }

    /// Adds all samples of another histogram.
    pub fn merge(&mut self, other: &Self) {
        self.inner.add(&other.inner).expect("an auto-resizing histogram takes every other one");
    }

    /// Number of samples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner.len()
    }

    /// The value at a percentile in milliseconds, or `None` without samples.
    #[must_use]
    pub fn percentile_ms(&self, percentile: f64) -> Option<f64> {
        (!self.inner.is_empty()).then(|| {
            millis_from_micros(self.inner.value_at_percentile(percentile).min(self.inner.max()))
        })
    }

    /// Mean, percentiles and maximum in milliseconds, or `None` without samples.
    #[must_use]
    pub fn summary_ms(&self) -> Option<Summary> {
        if self.inner.is_empty() {
            return None;
        }
        let at = |percentile: f64| {
            millis_from_micros(self.inner.value_at_percentile(percentile).min(self.inner.max()))
        };
        Some(Summary {
            count: self.inner.len(),
            mean: self.inner.mean() / 1000.0,
            p50: at(50.0),
            p90: at(90.0),
            p95: at(95.0),
            p99: at(99.0),
            max: millis_from_micros(self.inner.max()),
        })
    }

    /// The distribution in buckets that double every eight steps (each 9 % wider than the one
    /// before), without the empty ones: enough for a chart, small enough for a file.
    #[must_use]
    pub fn buckets_ms(&self) -> Vec<Bucket> {
        let mut buckets: Vec<Bucket> = Vec::new();
        for step in self.inner.iter_recorded() {
            let upper_ms = bucket_upper_ms(millis_from_micros(step.value_iterated_to()));
            let count = step.count_since_last_iteration();
            match buckets.last_mut() {
                Some(last) if last.upper_ms >= upper_ms => last.count += count,
                _ => buckets.push(Bucket { upper_ms, count }),
            }
        }
        buckets
    }

    /// Sum of all samples in milliseconds, from the histogram's mean.
    #[must_use]
    pub fn sum_ms(&self) -> f64 {
        self.inner.mean() * float(self.inner.len()) / 1000.0
    }
}

/// The upper edge of the bucket a value falls into: the next power of 2^(1/8) ms.
fn bucket_upper_ms(value_ms: f64) -> f64 {
    let step = (value_ms.max(0.001).log2() * 8.0).ceil();
    (step / 8.0).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram_of(samples: &[u64]) -> LatencyHistogram {
        let mut histogram = LatencyHistogram::default();
        for &sample in samples {
            histogram.record_micros(sample);
        }
        histogram
    }

    #[test]
    fn no_samples_give_no_summary() {
        assert_eq!(LatencyHistogram::default().summary_ms(), None);
        assert_eq!(LatencyHistogram::default().percentile_ms(99.0), None);
    }

    #[test]
    fn values_beyond_a_day_count_as_a_day() {
        let histogram = histogram_of(&[u64::MAX]);
        assert_eq!(histogram.count(), 1);
        assert!((histogram.summary_ms().unwrap().max - 86_400_000.0).abs() < 86_400.0);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_thousandth_of_the_sorted_samples(
            mut samples in prop::collection::vec(1_000u64..100_000_000, 1..500)
        ) {
            let histogram = histogram_of(&samples);
            samples.sort_unstable();
            for percentile in [50usize, 95, 99] {
                let rank = (samples.len() * percentile).div_ceil(100).max(1) - 1;
                let exact = millis_from_micros(samples[rank]);
                let shown = histogram.percentile_ms(f64::from(u8::try_from(percentile).unwrap())).unwrap();
                prop_assert!((shown - exact).abs() <= exact / 1000.0 + 0.001, "{shown} for {exact}");
            }
        }

        #[test]
        fn merging_is_the_same_as_recording_all(
            left in prop::collection::vec(0u64..10_000_000, 0..100),
            right in prop::collection::vec(0u64..10_000_000, 0..100),
        ) {
            let mut merged = histogram_of(&left);
            merged.merge(&histogram_of(&right));
            let all = histogram_of(&[left, right].concat());
            prop_assert_eq!(merged.summary_ms(), all.summary_ms());
            prop_assert_eq!(merged.buckets_ms(), all.buckets_ms());
        }

        #[test]
        fn buckets_hold_every_sample_once_and_ascend(samples in prop::collection::vec(0u64..10_000_000, 0..200)) {
            let buckets = histogram_of(&samples).buckets_ms();
            let total: u64 = buckets.iter().map(|bucket| bucket.count).sum();
            prop_assert_eq!(total, u64::try_from(samples.len()).unwrap());
            prop_assert!(buckets.windows(2).all(|pair| pair[0].upper_ms < pair[1].upper_ms));
        }
    }
}
