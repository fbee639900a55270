//! The arrivals of an open loop as a sequence of offsets, the same for the same seed.

use std::sync::Arc;
use std::time::Duration;

use rand_distr::{Distribution, Exp, Gamma};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::SeedableRng;

use super::Arrival;
use super::trace::Trace;

/// The offsets of all arrivals after the level's begin, in ascending order, without end for
/// random arrivals: the level's duration cuts them.
///
/// Every worker walks the whole schedule and takes each n-th arrival: nothing is handed over
/// between threads, and the schedule does not depend on their number.
#[derive(Debug, Clone)]
pub struct Schedule {
    gaps: Gaps,
    random: Pcg64,
    at: Duration,
}

#[derive(Debug, Clone)]
enum Gaps {
    Exponential(Exp<f64>),
    Gamma(Gamma<f64>),
    Trace { arrivals: Arc<[Duration]>, next: usize },
}

impl Schedule {
    /// The schedule of an open loop, or `None` for the closed loop (and for a trace without its
    /// file read).
    #[must_use]
    pub fn new(arrival: &Arrival, trace: Option<&Trace>, seed: u64) -> Option<Self> {
        let gaps = match arrival {
            Arrival::Burst => return None,
            Arrival::Poisson { rate } => Gaps::Exponential(Exp::new(*rate).ok()?),
            // Mean 1/rate and variation cv: shape 1/cv², scale cv²/rate.
            Arrival::Gamma { rate, cv } => {
                Gaps::Gamma(Gamma::new(1.0 / (cv * cv), cv * cv / rate).ok()?)
            }
            Arrival::Trace { .. } => Gaps::Trace { arrivals: trace?.arrivals(), next: 0 },
        };
        Some(Self { gaps, random: Pcg64::seed_from_u64(seed), at: Duration::ZERO })
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let gap_s = match &mut self.gaps {
            Gaps::Exponential(gaps) => gaps.sample(&mut self.random),
            Gaps::Gamma(gaps) => gaps.sample(&mut self.random),
            Gaps::Trace { arrivals, next } => {
                *next += 1;
                return arrivals.get(*next - 1).copied();
            }
        };
        self.at = self.at.checked_add(Duration::try_from_secs_f64(gap_s).ok()?)?;
        Some(self.at)
    }
}
