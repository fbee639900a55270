//! `--find-capacity MIN..MAX`: the highest number of users that meets the SLO, by doubling and
//! then halving the bracket.

use std::fmt;
use std::str::FromStr;

use results::Judgement;
use serde::{Deserialize, Deserializer, de};

use crate::ladder::MAX_USERS;
use crate::notation::NotationError;

/// The bracket is narrow enough when it is at most this share of its upper end: 5 %, about what
/// two runs of the same level differ by on a shared machine.
pub const RESOLUTION: f64 = 0.05;

/// Between which numbers of users to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first level.
    pub min: u64,
    /// The highest level.
    pub max: u64,
}

impl FromStr for Bounds {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let error = |reason: &str| NotationError::new("capacity search", text, reason);
        let (min, max) =
            text.split_once("..").ok_or_else(|| error("write MIN..MAX, such as 100..10000"))?;
        let number = |part: &str| {
            part.trim()
                .replace('_', "")
                .parse::<u64>()
                .ok()
                .filter(|users| (1..=MAX_USERS).contains(users))
                .ok_or_else(|| error("both ends are users, from 1 to 1000000"))
        };
        let bounds = Self { min: number(min)?, max: number(max)? };
        if bounds.min > bounds.max {
            return Err(error("it runs downwards; write the smaller number first"));
        }
        Ok(bounds)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}..{}", self.min, self.max)
    }
}

impl<'de> Deserialize<'de> for Bounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The search itself: ask [`Search::next`], run that level, [`Search::record`] its judgement.
///
/// It ends for any server, monotone or noisy: every level either raises the lower end, lowers
/// the upper end, or ends it; at most 21 doublings and 5 halvings within [`MAX_USERS`].
#[derive(Debug, Clone)]
pub struct Search {
    bounds: Bounds,
    passed: Option<u64>,
    failed: Option<u64>,
    ended: bool,
}

impl Search {
    /// A search that has not begun.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, passed: None, failed: None, ended: false }
    }

    /// Users of the level to run next, or `None` when the bracket is narrow enough, an end of the
    /// bounds was reached, or a level could not be trusted.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        if self.ended {
            return None;
        }
        match (self.passed, self.failed) {
            (None, None) => Some(self.bounds.min),
            (None, Some(_)) => None,
            (Some(passed), None) => {
                (passed < self.bounds.max).then(|| passed.saturating_mul(2).min(self.bounds.max))
            }
            (Some(passed), Some(failed)) => {
                let width = failed - passed;
                let narrow = width <= 1
                    || results::units::float(width) <= results::units::float(failed) * RESOLUTION;
                (!narrow).then_some(passed + width / 2)
            }
        }
    }

    /// Takes the judgement of the level that [`Search::next`] asked for.
    /// One that is not trusted ends the search: higher levels would not tell more.
    pub fn record(&mut self, users: u64, judgement: &Judgement) {
        match judgement {
            Judgement::Met => self.passed = Some(users),
            Judgement::Missed(_) => self.failed = Some(users),
            Judgement::Untrusted(_) => self.ended = true,
        }
    }

    /// Highest level passed and lowest level failed so far.
    #[must_use]
    pub fn bracket(&self) -> (Option<u64>, Option<u64>) {
        (self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Most levels any search within [`MAX_USERS`] runs: 20 doublings from 1, and halvings of
    /// an upper half down to 5 %.
    const MOST_LEVELS: usize = 21 + 5;

    fn climb(bounds: Bounds, mut judge: impl FnMut(u64) -> Judgement) -> (Search, Vec<u64>) {
        let mut search = Search::new(bounds);
        let mut levels = Vec::new();
        while let Some(users) = search.next() {
            levels.push(users);
            assert!(levels.len() <= MOST_LEVELS, "no end after {levels:?}");
            search.record(users, &judge(users));
        }
        (search, levels)
    }

    fn missed() -> Judgement {
        Judgement::Missed(String::new())
    }

    fn holds_up_to(limit: u64) -> impl FnMut(u64) -> Judgement {
        move |users| if users <= limit { Judgement::Met } else { missed() }
    }

    #[test]
    fn it_doubles_and_then_halves() {
        let (search, levels) = climb(Bounds { min: 100, max: 10_000 }, holds_up_to(1000));
        assert_eq!(levels, [100, 200, 400, 800, 1600, 1200, 1000, 1100, 1050]);
        assert_eq!(search.bracket(), (Some(1000), Some(1050)));
    }

    #[test]
    fn a_server_that_holds_everything_is_asked_for_the_maximum_and_no_more() {
        let (search, levels) = climb(Bounds { min: 100, max: 500 }, holds_up_to(9999));
        assert_eq!(levels, [100, 200, 400, 500]);
        assert_eq!(search.bracket(), (Some(500), None));
    }

    #[test]
    fn a_server_that_fails_the_minimum_ends_at_once() {
        let (search, levels) = climb(Bounds { min: 100, max: 500 }, holds_up_to(99));
        assert_eq!((levels.as_slice(), search.bracket()), (&[100][..], (None, Some(100))));
    }

    #[test]
    fn an_untrusted_level_ends_the_climb() {
        let judge =
            |users| if users < 400 { Judgement::Met } else { Judgement::Untrusted(String::new()) };
        let (search, levels) = climb(Bounds { min: 100, max: 5000 }, judge);
        assert_eq!(levels, [100, 200, 400]);
        assert_eq!(search.bracket(), (Some(200), None));
    }

    #[test]
    fn what_are_no_bounds_says_why() {
        for wrong in ["", "100", "0..5", "5..1", "a..b", "1..2000000", "1..2..3"] {
            assert!(wrong.parse::<Bounds>().is_err(), "{wrong}");
        }
        assert_eq!("100..10_000".parse::<Bounds>().unwrap(), Bounds { min: 100, max: 10_000 });
    }

    proptest! {
        #[test]
        fn the_bracket_of_a_monotone_server_is_true_and_narrow(
            min in 1u64..2000, width in 0u64..100_000, limit in 0u64..120_000,
        ) {
            let bounds = Bounds { min, max: min + width };
            let (search, _) = climb(bounds, holds_up_to(limit));
            match search.bracket() {
                (Some(passed), Some(failed)) => {
                    prop_assert!(passed <= limit && limit < failed);
                    prop_assert!(failed - passed <= 1.max(failed / 20));
                }
                (Some(passed), None) => prop_assert!(passed == bounds.max && bounds.max <= limit),
                (None, Some(failed)) => prop_assert!(failed == min && limit < min),
                (None, None) => prop_assert!(false, "nothing was learnt"),
            }
        }

        #[test]
        fn it_ends_for_any_noise(
            min in 1u64..MAX_USERS, noise in prop::collection::vec(any::<bool>(), 64),
        ) {
            let mut noise = noise.into_iter().cycle();
            let bounds = Bounds { min, max: MAX_USERS };
            let (search, levels) = climb(bounds, |_| {
                if noise.next() == Some(true) { Judgement::Met } else { missed() }
            });
            prop_assert!(levels.iter().all(|users| (bounds.min..=bounds.max).contains(users)));
            if let (Some(passed), Some(failed)) = search.bracket() {
                prop_assert!(passed < failed);
            }
        }
    }
}
