//! From numbers to places: linear and logarithmic scales, and the ticks that suit them.

/// A scale over a span of numbers and a span of places.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    start: f64,
    end: f64,
    logarithmic: bool,
}

/// Most ticks that an axis asks for; fewer when the steps are round.
const MOST_TICKS: u32 = 6;

impl Scale {
    /// Equal steps for equal differences. A span without extent becomes one around its number.
    pub(super) fn linear(domain: (f64, f64), range: (f64, f64)) -> Self {
        let (low, high) = domain;
        let (low, high) = if high > low { (low, high) } else { (low.min(0.0), low.max(0.0) + 1.0) };
        Self { low, high, start: range.0, end: range.1, logarithmic: false }
    }

    /// Equal steps for equal ratios. Both ends must be above zero; the span is at least a factor 2.
    pub(super) fn logarithmic(domain: (f64, f64), range: (f64, f64)) -> Self {
        let low = domain.0.max(f64::MIN_POSITIVE);
        let high = domain.1.max(low * 2.0);
        Self { low, high, start: range.0, end: range.1, logarithmic: true }
    }

    /// The place of a number; numbers outside the span stand at its ends.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.start + share * (self.end - self.start)
    }

    /// Whether a number lies within the span.
    pub(super) fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Round numbers within the span, in ascending order.
    pub(super) fn ticks(&self) -> Vec<f64> {
        self.few_ticks(MOST_TICKS)
    }

    /// Round numbers within the span, about `most` of them where the scale is linear.
    pub(super) fn few_ticks(&self, most: u32) -> Vec<f64> {
        if self.logarithmic { self.decades() } else { self.steps(most) }
    }

    fn steps(&self, most: u32) -> Vec<f64> {
        let step = round_step((self.high - self.low) / f64::from(most.max(1)));
        let first = (self.low / step).ceil();
        (0..=2 * most)
            .map(|index| (first + f64::from(index)) * step)
            .take_while(|tick| *tick <= self.high * (1.0 + f64::EPSILON))
            .collect()
    }

    /// Powers of ten; with round multiples between them where the span is short.
    fn decades(&self) -> Vec<f64> {
        let decades = (self.high / self.low).log10();
        let factors: &[f64] = match decades {
            ..=1.3 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            ..=2.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let mut ticks = Vec::new();
        let mut power = 10f64.powf(self.low.log10().floor());
        while power <= self.high {
            ticks.extend(factors.iter().map(|f| f * power).filter(|tick| self.contains(*tick)));
            power *= 10.0;
        }
        ticks
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// The upper end of an axis that begins at zero and holds `largest`: the next round step.
pub(super) fn round_top(largest: f64) -> f64 {
    if largest <= 0.0 || !largest.is_finite() {
        return 1.0;
    }
    let step = round_step(largest / f64::from(MOST_TICKS));
    (largest / step).ceil() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: &[f64], right: &[f64]) -> bool {
        left.len() == right.len() && left.iter().zip(right).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    #[test]
    fn linear_ticks_are_round_and_inside() {
        let ticks = Scale::linear((0.0, 3_000.0), (0.0, 1.0)).ticks();
        assert!(near(&ticks, &[0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0]), "{ticks:?}");
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_when_the_span_is_long() {
        let ticks = Scale::logarithmic((0.5, 20_000.0), (0.0, 1.0)).ticks();
        assert!(near(&ticks, &[1.0, 10.0, 100.0, 1_000.0, 10_000.0]), "{ticks:?}");
    }

    #[test]
    fn a_short_logarithmic_span_has_more_ticks_for_each_power() {
        let ticks = |low, high| Scale::logarithmic((low, high), (0.0, 1.0)).ticks();
        assert!(near(&ticks(6.2, 63.0), &[7.0, 10.0, 20.0, 30.0, 50.0]));
        assert!(near(&ticks(1.05, 57.0), &[2.0, 5.0, 10.0, 20.0, 50.0]));
    }

    #[test]
    fn ends_of_the_span_stand_at_the_ends_of_the_range() {
        for scale in [
            Scale::linear((1.0, 100.0), (10.0, 20.0)),
            Scale::logarithmic((1.0, 100.0), (10.0, 20.0)),
        ] {
            assert!(near(&[scale.place(1.0), scale.place(100.0)], &[10.0, 20.0]));
            assert!(near(&[scale.place(-5.0), scale.place(1e9)], &[10.0, 20.0]));
        }
        assert!(near(&[Scale::logarithmic((1.0, 100.0), (0.0, 1.0)).place(10.0)], &[0.5]));
    }

    #[test]
    fn a_span_without_extent_still_has_places() {
        assert!(Scale::linear((7.0, 7.0), (0.0, 1.0)).place(7.0).is_finite());
        assert!(Scale::logarithmic((7.0, 7.0), (0.0, 1.0)).place(7.0).is_finite());
        assert!(!Scale::linear((0.0, 0.0), (0.0, 1.0)).ticks().is_empty());
    }

    #[test]
    fn the_top_of_an_axis_is_round_and_above_its_largest_number() {
        assert!(near(&[round_top(3.41), round_top(97.0), round_top(0.0)], &[4.0, 100.0, 1.0]));
        assert!(round_top(f64::NAN) > 0.0);
    }
}
