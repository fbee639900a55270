//! A timer wheel of one-millisecond steps: what falls due in one step is handed over together.

use std::time::Duration;

use tokio::time::Instant;

/// Steps until the wheel comes round; later deadlines wait in their slot for another round.
const SLOTS: u64 = 4096;

/// Items that wait for a moment.
pub(crate) struct Wheel<T> {
    slots: Vec<Vec<(u64, T)>>,
    origin: Instant,
    /// All steps up to this one have been handed over.
    done: u64,
    waiting: usize,
}

impl<T> Wheel<T> {
    pub(crate) fn new(origin: Instant) -> Self {
        Self { slots: (0..SLOTS).map(|_| Vec::new()).collect(), origin, done: 0, waiting: 0 }
    }

    /// Lets an item wait until `due`; never handed over early, and at most a step late by the wheel.
    pub(crate) fn insert(&mut self, due: Instant, item: T) {
        let step = self.step(due, Duration::from_nanos(999_999)).max(self.done + 1);
        self.slots[slot(step)].push((step, item));
        self.waiting += 1;
    }

    /// Moves everything that is due by now to the end of `due`.
    pub(crate) fn advance(&mut self, now: Instant, due: &mut Vec<T>) {
        let step = self.step(now, Duration::ZERO);
        let before = due.len();
        for passed in self.done + 1..=step.min(self.done + SLOTS) {
            due.extend(self.slots[slot(passed)].extract_if(.., |it| it.0 <= step).map(|it| it.1));
        }
        self.done = self.done.max(step);
        self.waiting -= due.len() - before;
    }

    /// How long nothing is due, or `None` when nothing waits.
    pub(crate) fn idle(&self, now: Instant) -> Option<Duration> {
        if self.waiting == 0 {
            return None;
        }
        let steps = self.done + 1..=self.done + SLOTS;
        let next = steps.clone().find(|&step| !self.slots[slot(step)].is_empty());
        let next = self.origin + Duration::from_millis(next.unwrap_or(*steps.end()));
        Some(next.saturating_duration_since(now))
    }

    fn step(&self, at: Instant, round_up: Duration) -> u64 {
        let since = at.saturating_duration_since(self.origin) + round_up;
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

fn slot(step: u64) -> usize {
    usize::try_from(step % SLOTS).expect("a remainder of 4096 fits any usize")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    const NOTHING: [u32; 0] = [];

    fn due(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.advance(now, &mut due);
        due.sort_unstable();
        due
    }

    #[test]
    fn items_are_due_at_their_step_and_never_before() {
        let origin = Instant::now();
        let mut wheel = Wheel::new(origin);
        wheel.insert(origin + ms(5), 1);
        wheel.insert(origin + Duration::from_micros(4_100), 2);
        wheel.insert(origin + ms(6), 3);
        assert_eq!(due(&mut wheel, origin + Duration::from_micros(4_999)), NOTHING);
        assert_eq!(wheel.idle(origin + ms(4)), Some(ms(1)));
        assert_eq!(due(&mut wheel, origin + ms(5)), [1, 2]);
        assert_eq!(due(&mut wheel, origin + ms(60)), [3]);
        assert_eq!(wheel.idle(origin), None);
    }

    #[test]
    fn what_is_late_already_is_due_at_the_next_step() {
        let origin = Instant::now();
        let mut wheel = Wheel::new(origin);
        assert_eq!(due(&mut wheel, origin + ms(10)), NOTHING);
        wheel.insert(origin + ms(3), 1);
        assert_eq!(due(&mut wheel, origin + ms(11)), [1]);
    }

    #[test]
    fn deadlines_beyond_a_round_wait_for_their_own() {
        let origin = Instant::now();
        let mut wheel = Wheel::new(origin);
        wheel.insert(origin + ms(SLOTS * 2 + 7), 1);
        assert_eq!(due(&mut wheel, origin + ms(7)), NOTHING);
        assert_eq!(due(&mut wheel, origin + ms(SLOTS + 7)), NOTHING);
        assert_eq!(due(&mut wheel, origin + ms(SLOTS * 2 + 7)), [1]);
    }

    #[test]
    fn a_jump_over_a_whole_round_loses_nothing() {
        let origin = Instant::now();
        let mut wheel = Wheel::new(origin);
        for item in 0..100 {
            wheel.insert(origin + ms(u64::from(item) * 97), item);
        }
        assert_eq!(due(&mut wheel, origin + ms(SLOTS * 5)).len(), 100);
    }
}
