//! How a quantity grows with the number of users, and where the growth bends.

use results::summary::Statistic;
use results::units::float;

use crate::figure::{Figure, Metric};
use crate::number::Kind;
use crate::overview::{LevelView, Overview};

/// A bend is where the growth per user after a level is at least this many times that before it.
pub const BEND_FACTOR: f64 = 3.0;

/// And where the quantity rises by at least this share of its value at the bend: three times
/// almost nothing is still almost nothing.
pub const BEND_MIN_RISE: f64 = 0.1;

/// Growth of one statistic over the trusted levels.
#[derive(Debug, Clone)]
pub struct Growth<'r> {
    /// The lowest trusted level with the statistic.
    pub base: LevelView<'r>,
    /// The highest.
    pub top: LevelView<'r>,
    /// What is looked at.
    pub metric: Metric,
    /// Which statistic of it.
    pub statistic: Statistic,
    /// Growth for each user from base to top, in the metric's unit.
    pub per_user: f64,
    /// Where it bends, if it does.
    pub bend: Option<Bend<'r>>,
}

/// Where growth bends upwards.
#[derive(Debug, Clone, Copy)]
pub struct Bend<'r> {
    /// The last level before the steeper growth.
    pub at: LevelView<'r>,
    /// Growth for each user up to it.
    pub before: f64,
    /// Growth for each user after it.
    pub after: f64,
}

impl<'r> Growth<'r> {
    /// The growth of a statistic; `None` with fewer than two trusted levels that have it.
    #[must_use]
    pub fn of(overview: &Overview<'r>, metric: Metric, statistic: Statistic) -> Option<Self> {
        let points: Vec<(LevelView<'r>, f64, f64)> = overview
            .trusted
            .iter()
            .filter_map(|view| {
                let value = metric.of(view.level)?.supported(statistic)?;
                Some((*view, float(view.level.users), value))
            })
            .collect();
        let (first, last) = (*points.first()?, *points.last()?);
        let per_user = slope(first, last)?;
        let bend = points
            .iter()
            .skip(1)
            .rev()
            .skip(1)
            .filter_map(|&middle| {
                let bend = Bend {
                    at: middle.0,
                    before: slope(first, middle)?,
                    after: slope(middle, last)?,
                };
                let rises = last.2 - middle.2 >= BEND_MIN_RISE * middle.2;
                (rises && bend.after >= BEND_FACTOR * bend.before.max(0.0)).then_some(bend)
            })
            .max_by(|a, b| (a.after - a.before).total_cmp(&(b.after - b.before)));
        Some(Self { base: first.0, top: last.0, metric, statistic, per_user, bend })
    }

    /// Growth for each user, or each thousand users where it is a ratio, as a number of the report.
    #[must_use]
    pub fn figure(&self, name: &str, value: f64) -> Figure {
        let kind = match self.metric.kind() {
            Kind::Latency => Kind::MillisPerUser,
            _ => Kind::Quantity,
        };
        // A ratio grows by so little for one user that it is said for a thousand.
        let value = if kind == Kind::MillisPerUser { value } else { value * 1_000.0 };
        Figure::derived(
            &format!("growth.{}.{}.{name}", self.metric.field(), self.statistic.name()),
            kind,
            Some(value),
        )
    }
}

/// Rise over run between two levels; `None` between levels of the same size.
fn slope(from: (LevelView<'_>, f64, f64), to: (LevelView<'_>, f64, f64)) -> Option<f64> {
    (to.1 > from.1).then(|| (to.2 - from.2) / (to.1 - from.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn bend_of(points: &[(u64, f64)]) -> Option<u64> {
        let run = samples::run_with_ttft(points);
        let overview = Overview::of(&run);
        let growth = Growth::of(&overview, Metric::Ttft, Statistic::P95).unwrap();
        growth.bend.map(|bend| bend.at.level.users)
    }

    #[test]
    fn growth_bends_where_it_gets_much_steeper() {
        assert_eq!(
            bend_of(&[
                (100, 1110.0),
                (500, 1118.0),
                (1000, 1130.0),
                (2000, 2500.0),
                (3000, 3900.0)
            ]),
            Some(1000)
        );
    }

    #[test]
    fn even_growth_does_not_bend() {
        assert_eq!(bend_of(&[(100, 1100.0), (1000, 2000.0), (2000, 3000.0), (3000, 4000.0)]), None);
    }

    #[test]
    fn three_times_almost_nothing_is_no_bend() {
        assert_eq!(bend_of(&[(100, 1100.0), (1000, 1100.5), (3000, 1105.0)]), None);
    }

    #[test]
    fn one_level_has_no_growth() {
        let run = samples::run_with_ttft(&[(100, 1100.0)]);
        assert!(Growth::of(&Overview::of(&run), Metric::Ttft, Statistic::P95).is_none());
    }
}
