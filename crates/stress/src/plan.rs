//! What a run will do, as far as that is known before its first level.

use std::time::Duration;

use results::units::float;

use crate::settings::{Climb, Load, Repeat, Settings};

/// What every level takes beside its streams, for the most part a pause in which the target closes its
/// connections: 0.33 s in each of eight ladders of 100 to 3,000 users on two cores.
const BESIDE: Duration = Duration::from_millis(330);

/// What a run with a fixed number of levels will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many levels there are.
    pub levels: usize,
    /// Streams of all levels; `None` where a time or a schedule decides how many there will be.
    pub streams: Option<u64>,
    /// How long it takes if nothing gets slower; `None` where it is not known how long an answer takes.
    pub takes: Option<Duration>,
}

impl Plan {
    /// The plan of a run whose answers take this long; `None` for a capacity search, whose levels
    /// depend on what it finds.
    #[must_use]
    pub fn of(settings: &Settings, answer: Option<Duration>) -> Option<Self> {
        let levels = match &settings.climb {
            Climb::Ladder(ladder) => ladder.levels().to_vec(),
            Climb::Once => vec![settings.most_open()],
            Climb::Search(_) => return None,
        };
        let streams = match &settings.load {
            Load::Closed { repeat: Repeat::Times(requests), .. } => {
                Some(levels.iter().sum::<u64>().saturating_mul(*requests))
            }
            Load::Closed { repeat: Repeat::For(_), .. } | Load::Open { .. } => None,
        };
        let takes = answer.map(|answer| {
            let level = |users: &u64| level_takes(&settings.load, *users, answer);
            let levels = levels.iter().map(|users| level(users).saturating_add(BESIDE));
            levels.fold(Duration::ZERO, Duration::saturating_add)
        });
        Some(Self { levels: levels.len(), streams, takes })
    }
}

/// How long a level of so many users takes if nothing gets slower, with answers that take this long.
pub(crate) fn level_takes(load: &Load, users: u64, answer: Duration) -> Duration {
    match load {
        Load::Open { duration, .. } => duration.saturating_add(answer),
        Load::Closed { start, repeat, think } => {
            let last_start = start.offset(users.saturating_sub(1), users);
            let asking = match repeat {
                Repeat::For(duration) => return (*duration).max(last_start).saturating_add(answer),
                Repeat::Times(requests) => {
                    let requests = float(*requests);
                    times(answer, requests).saturating_add(times(*think, requests - 1.0))
                }
            };
            last_start.saturating_add(asking)
        }
    }
}

/// So many times a duration, or the longest there is.
fn times(each: Duration, count: f64) -> Duration {
    Duration::try_from_secs_f64(each.as_secs_f64() * count).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(toml: &str, answer_s: u64) -> Option<Plan> {
        let url = "http://127.0.0.1/v1/chat/completions".parse().unwrap();
        let settings = Settings::resolve(toml::from_str(toml).unwrap(), None, url).unwrap();
        Plan::of(&settings, (answer_s > 0).then(|| Duration::from_secs(answer_s)))
    }

    #[test]
    fn the_scenario_ladder_is_19_600_streams_in_13_levels_of_one_answer_each() {
        let scenario = crate::scenario::Scenario::load("ladder").unwrap();
        let url = "http://127.0.0.1/v1/chat/completions".parse().unwrap();
        let settings = Settings::resolve(scenario.config, None, url).unwrap();
        let plan = Plan::of(&settings, Some(Duration::from_secs(43))).unwrap();
        assert_eq!((plan.levels, plan.streams), (13, Some(19_600)));
        assert_eq!(plan.takes, Some((Duration::from_secs(43) + BESIDE) * 13));
    }

    #[test]
    fn requests_thinking_and_late_starts_are_counted() {
        let all = "ladder = '10,20'\nrequests-per-user = 3\nthink = '1s'\nstart = 'spread=5s'";
        let plan = plan(all, 10).unwrap();
        assert_eq!((plan.levels, plan.streams), (2, Some(90)));
        let level = |users: u32| {
            let last_start = Duration::from_secs(5) * (users - 1) / users;
            last_start + Duration::from_secs(3 * 10 + 2) + BESIDE
        };
        assert_eq!(plan.takes, Some(level(10) + level(20)));
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        assert_eq!(plan("ladder = '10'", 0).unwrap().takes, None);
        assert_eq!(plan("ladder = '10'\nduration = '30s'", 10).unwrap().streams, None);
        assert_eq!(plan("find-capacity = '10..100'", 10), None);
    }
}
