//! How late events leave, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bits of a value that its bucket keeps: 128 buckets for each power of two, so that a
/// percentile is at most 0.8 % above the truth.
const PRECISION: u32 = 7;

/// Values below this have a bucket of their own.
const EXACT: u64 = 2 << PRECISION;

/// Buckets for everything up to 2^32 µs (71 minutes); what is later counts as that.
const BUCKETS: usize = 26 << PRECISION;

/// Counts latenesses in microseconds. One thread writes, any thread reads.
#[derive(Debug)]
pub(crate) struct Lateness {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

/// Counts of several [`Lateness`] added up.
#[derive(Debug, Clone)]
pub(crate) struct LatenessTotal {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Lateness {
    fn default() -> Self {
        let buckets = std::iter::repeat_with(AtomicU64::default).take(BUCKETS).collect();
        Self { buckets, max: AtomicU64::new(0) }
    }
}

impl Lateness {
    /// Counts one event.
    pub(crate) fn record(&self, lateness: Duration) {
        let micros = u64::try_from(lateness.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(bucket_of(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.max.fetch_max(micros, Ordering::Relaxed);
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        self.buckets.iter().for_each(|bucket| bucket.store(0, Ordering::Relaxed));
        self.max.store(0, Ordering::Relaxed);
    }
}

impl Default for LatenessTotal {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max: 0 }
    }
}

impl LatenessTotal {
    /// Adds the counts of one thread.
    pub(crate) fn add(&mut self, lateness: &Lateness) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&lateness.buckets) {
            let count = bucket.load(Ordering::Relaxed);
            *sum += count;
            self.count += count;
        }
        self.max = self.max.max(lateness.max.load(Ordering::Relaxed));
    }

    /// Events counted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The largest, in milliseconds; `None` without any.
    pub(crate) fn max_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| millis(self.max))
    }

    /// So many of a thousand events are at most this late, in milliseconds: 990 for p99.
    pub(crate) fn per_mille_ms(&self, per_mille: u64) -> Option<f64> {
        let rank = (self.count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(millis(upper_edge(bucket).min(self.max)))
    }

    /// Events that are at most so many microseconds late, to within a bucket.
    pub(crate) fn within(&self, micros: u64) -> u64 {
        self.buckets.iter().take(bucket_of(micros) + 1).sum()
    }

    /// Sum of all, in seconds, from the upper edges of the buckets (at most 0.8 % too much).
    pub(crate) fn sum_seconds(&self) -> f64 {
        let weighted = |(bucket, count): (usize, &u64)| millis(upper_edge(bucket) * count);
        self.buckets.iter().enumerate().map(weighted).sum::<f64>() / 1000.0
    }
}

fn bucket_of(micros: u64) -> usize {
    let bucket = if micros < EXACT {
        micros
    } else {
        let shift = micros.ilog2() - PRECISION;
        (u64::from(shift) << PRECISION) + (micros >> shift)
    };
    usize::try_from(bucket).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The largest value of a bucket.
fn upper_edge(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(0);
    if bucket < EXACT {
        return bucket;
    }
    let shift = (bucket >> PRECISION) - 1;
    let mantissa = bucket - (shift << PRECISION);
    ((mantissa + 1) << shift) - 1
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 µs, 285 years")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_events_there_are_no_numbers() {
        let total = LatenessTotal::default();
        assert_eq!((total.per_mille_ms(990), total.max_ms(), total.count()), (None, None, 0));
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_hundredth_of_the_sorted_samples(
            mut samples in prop::collection::vec(0u64..4_000_000_000, 1..300),
        ) {
            let lateness = Lateness::default();
            samples.iter().for_each(|&sample| lateness.record(Duration::from_micros(sample)));
            let mut total = LatenessTotal::default();
            total.add(&lateness);
            samples.sort_unstable();
            for per_mille in [500, 990, 1000] {
                let rank = (samples.len() * per_mille).div_ceil(1000).max(1) - 1;
                let exact = millis(samples[rank]);
                let shown = total.per_mille_ms(u64::try_from(per_mille).unwrap()).unwrap();
                prop_assert!(shown >= exact && shown <= exact * 1.008, "{shown} for {exact}");
            }
            prop_assert_eq!(total.max_ms(), Some(millis(*samples.last().unwrap())));
        }
    }
}
