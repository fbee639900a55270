//! Rates by the generic cell rate algorithm (ITU-T I.371): one number for each key, no timer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A rate: so many in a minute, and as many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PerMinute(pub(crate) u32);

const MINUTE_NS: u64 = 60_000_000_000;

/// The time, in nanoseconds since some beginning, at which everything taken so far will have been
/// earned. At most a minute ahead of now where all was only [`take`](Bucket::take)n.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicU64);

impl Bucket {
    /// Takes one.
    ///
    /// # Errors
    /// How long to wait until there is one, when there is none. Nothing is taken then.
    pub(crate) fn take(&self, rate: PerMinute, now: Duration) -> Result<(), Duration> {
        let (now, cost) = (nanos(now), rate.cost(1));
        // The whole minute's worth may be ahead of now, with this one in it.
        let latest = (now + MINUTE_NS).saturating_sub(cost);
        self.0
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |earned_at| {
                (earned_at <= latest).then(|| earned_at.max(now) + cost)
            })
            .map(drop)
            .map_err(|earned_at| Duration::from_nanos(earned_at - latest))
    }

    /// Whether anything is left, without taking it.
    ///
    /// # Errors
    /// How long to wait, when nothing is.
    pub(crate) fn check(&self, rate: PerMinute, now: Duration) -> Result<(), Duration> {
        let latest = (nanos(now) + MINUTE_NS).saturating_sub(rate.cost(1));
        match self.0.load(Ordering::Relaxed).checked_sub(latest) {
            None | Some(0) => Ok(()),
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }

    /// Charges what has been used already, even beyond what is left: the debt is waited off.
    pub(crate) fn charge(&self, rate: PerMinute, now: Duration, amount: u64) {
        let (now, cost) = (nanos(now), rate.cost(amount));
        self.0.update(Ordering::Relaxed, Ordering::Relaxed, |earned_at| {
            earned_at.max(now).saturating_add(cost)
        });
    }
}

impl PerMinute {
    /// The time in which so many are earned.
    fn cost(self, amount: u64) -> u64 {
        amount.saturating_mul(MINUTE_NS / u64::from(self.0.max(1)))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_one_at_a_time() {
        let (bucket, rate, start) = (Bucket::default(), PerMinute(60), 100 * SECOND);
        for _ in 0..60 {
            assert_eq!(bucket.take(rate, start), Ok(()));
        }
        assert_eq!(bucket.take(rate, start), Err(SECOND));
        assert_eq!(bucket.take(rate, start + SECOND / 2), Err(SECOND / 2));
        assert_eq!(bucket.take(rate, start + SECOND), Ok(()));
        assert_eq!(bucket.take(rate, start + SECOND), Err(SECOND));
    }

    #[test]
    fn what_was_used_beyond_the_rate_is_waited_off() {
        let (bucket, rate, start) = (Bucket::default(), PerMinute(600), 100 * SECOND);
        assert_eq!(bucket.check(rate, start), Ok(()));
        bucket.charge(rate, start, 1200);
        assert_eq!(bucket.check(rate, start), Err(60 * SECOND + SECOND / 10));
        assert_eq!(bucket.check(rate, start + 61 * SECOND), Ok(()));
    }
}
