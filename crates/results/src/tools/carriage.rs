//! Whether a target carried at once what was open at once.

use super::level::ToolsLevel;
use crate::units::float;

/// A level needs so many calls open at once before anything is said about how they were carried:
/// with fewer, a single slow call decides.
const MIN_OPEN: u64 = 4;

/// The upstream has counted so many transfers before its counter says anything: of one or two,
/// none need ever have met.
const MIN_TRANSFERS: u64 = 4;

/// Calling at once gained nothing when it was less than this many times faster. A perfect server
/// gains the number of calls; two runs of the same calls differ by some per cent.
const NO_GAIN: f64 = 1.2;

/// Shortest wall time of a level for each of its calls, in seconds, from which the upstream's counter
/// accuses anybody: shorter transfers may never meet, however they are let through, because a
/// scheduler gives turns of some milliseconds.
const MIN_EACH_S: f64 = 0.005;

/// How a target carried the calls that were open at once. Drawn from counters and wall times alone:
/// that calls began or ended together shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carriage {
    /// Too little is known, or too few calls were open.
    Unknown,
    /// The upstream had several at once, or calling at once was faster.
    AtOnce,
    /// One after the other: the upstream never had two at once, although the tester had, and
    /// calling at once gained nothing (or nobody measured what it gains).
    Serial,
    /// Calling at once gained nothing, and whether the target or the machine held the calls back is
    /// not known: the upstream had several at once, or does not count.
    NoGain,
}

impl ToolsLevel {
    /// How the target carried this level's calls.
    #[must_use]
    pub fn carriage(&self) -> Carriage {
        if self.peak_open < MIN_OPEN {
            return Carriage::Unknown;
        }
        let gained = self.speedup.map(|speedup| speedup >= NO_GAIN);
        let transfers = self.upstream_transfers.unwrap_or(self.calls);
        let long = self.duration_s >= MIN_EACH_S * float(self.calls);
        let counts = transfers >= MIN_TRANSFERS && long;
        let upstream = self.upstream_peak_open.filter(|open| *open > 1 || counts);
        match (upstream, gained) {
            (_, Some(true)) => Carriage::AtOnce,
            (Some(0 | 1), _) => Carriage::Serial,
            (_, Some(false)) => Carriage::NoGain,
            (Some(_), None) => Carriage::AtOnce,
            (None, None) => Carriage::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{call, level};

    fn check(open: u64, upstream: Option<u64>, speedup: Option<f64>, expected: Carriage) {
        let level = ToolsLevel {
            upstream_peak_open: upstream,
            speedup,
            ..level((1..=open).map(|number| call(number, 0.0, 1_000.0)).collect())
        };
        assert_eq!(level.carriage(), expected, "{open} open, {upstream:?}, {speedup:?}");
    }

    #[test]
    fn one_at_a_time_behind_many_open_calls_is_serial() {
        check(32, Some(1), Some(1.0), Carriage::Serial);
        check(32, Some(1), None, Carriage::Serial);
        check(3, Some(1), Some(1.0), Carriage::Unknown);
    }

    #[test]
    fn what_gained_was_not_serial_whatever_the_upstream_counted() {
        // Transfers may be too short to meet, or be answered from elsewhere.
        check(32, Some(1), Some(7.5), Carriage::AtOnce);
        check(32, None, Some(7.5), Carriage::AtOnce);
        check(32, Some(32), None, Carriage::AtOnce);
    }

    #[test]
    fn without_gain_the_target_is_accused_only_by_the_upstream_s_counters() {
        check(32, Some(32), Some(1.0), Carriage::NoGain);
        check(32, None, Some(1.0), Carriage::NoGain);
        check(32, None, None, Carriage::Unknown);
    }

    #[test]
    fn few_transfers_and_short_ones_accuse_nobody() {
        let one = |took_ms: f64| ToolsLevel {
            upstream_peak_open: Some(1),
            ..level((1..=32).map(|number| call(number, 0.0, took_ms)).collect())
        };
        assert_eq!(one(160.0).carriage(), Carriage::Serial);
        assert_eq!(one(159.0).carriage(), Carriage::Unknown, "less than 5 ms for each call");
        let few = ToolsLevel { upstream_transfers: Some(3), ..one(160.0) };
        assert_eq!(few.carriage(), Carriage::Unknown);
        let several = ToolsLevel { upstream_peak_open: Some(2), ..one(1.0) };
        assert_eq!(several.carriage(), Carriage::AtOnce, "what met was carried at once");
    }
}
