//! Random quantities as a profile describes them.

use rand::RngExt;
use rand_distr::{Distribution as _, Gamma, LogNormal, Normal, Weibull};
use rand_pcg::Pcg64;

use super::quantity::Quantity;

/// A quantity that is drawn anew each time. `Q` says what a value is: a delay or a count.
///
/// Whatever is drawn is kept between zero and the quantity's largest value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Distribution<Q> {
    /// Always the same.
    Constant(Q),
    /// Every value of the range is equally likely; for counts both ends included.
    Uniform { min: Q, max: Q },
    /// The bell curve; what falls below zero becomes zero.
    Normal { mean: Q, deviation: Q },
    /// Its logarithm is a bell curve around the median's, with standard deviation `sigma`.
    Lognormal { median: Q, sigma: f64 },
    /// By its mean and its coefficient of variation (standard deviation / mean).
    Gamma { mean: Q, cv: f64 },
    /// By its scale (63 % of all values are below) and its shape (1 is exponential).
    Weibull { scale: Q, shape: f64 },
    /// Each value of the list is equally likely.
    Empirical { values: Vec<Q> },
}

impl<Q: Quantity> Distribution<Q> {
    /// Draws one value, in seconds or as a count.
    pub(crate) fn sample(&self, generator: &mut Pcg64) -> f64 {
        const PROVEN: &str = "parameters were checked when the profile was read";
        match self {
            Self::Constant(value) => value.number(),
            Self::Uniform { min, max } => Q::uniform(*min, *max, generator),
            Self::Normal { mean, deviation } => {
                Normal::new(mean.number(), deviation.number()).expect(PROVEN).sample(generator)
            }
            Self::Lognormal { median, sigma } => {
                LogNormal::new(median.number().ln(), *sigma).expect(PROVEN).sample(generator)
            }
            Self::Gamma { mean, cv } => {
                let variance = cv * cv;
                Gamma::new(1.0 / variance, mean.number() * variance)
                    .expect(PROVEN)
                    .sample(generator)
            }
            Self::Weibull { scale, shape } => {
                Weibull::new(scale.number(), *shape).expect(PROVEN).sample(generator)
            }
            Self::Empirical { values } => values[generator.random_range(0..values.len())].number(),
        }
        .clamp(0.0, Q::LARGEST)
    }

    /// Checks that the parameters describe a distribution that [`Self::sample`] can draw from.
    ///
    /// # Errors
    /// A message that names the parameter and says what is allowed.
    pub(super) fn check(self) -> Result<Self, String> {
        let positive = |name: &str, value: f64| {
            if value.is_finite() && value > 0.0 && value <= 1000.0 {
                Ok(())
            } else {
                Err(format!("`{name}` must be above 0 and at most 1000"))
            }
        };
        let not_zero = |name: &str, value: f64| {
            if value > 0.0 { Ok(()) } else { Err(format!("`{name}` must be above zero")) }
        };
        match &self {
            Self::Constant(_) | Self::Normal { .. } => {}
            Self::Uniform { min, max } => {
                if min.number() > max.number() {
                    return Err("`min` must not be above `max`".to_owned());
                }
            }
            Self::Lognormal { median, sigma } => {
                not_zero("median", median.number())?;
                positive("sigma", *sigma)?;
            }
            Self::Gamma { mean, cv } => {
                not_zero("mean", mean.number())?;
                positive("cv", *cv)?;
            }
            Self::Weibull { scale, shape } => {
                not_zero("scale", scale.number())?;
                positive("shape", *shape)?;
            }
            Self::Empirical { values } => {
                if values.is_empty() {
                    return Err("`values` must not be empty".to_owned());
                }
            }
        }
        Ok(self)
    }
}
