//! How many newcomers begin in one round of a worker.
//!
//! In a burst a round is the newcomers' own work, and short rounds of few keep it in order. On a
//! worker that is busy with thousands of streams a round is long, whoever comes: a fixed number in
//! each would let in fewer than arrive, and the rest would wait for seconds for work that takes
//! microseconds. So newcomers always have [`PER_ROUND`], and as much of the worker's time as
//! everything else takes.

use std::time::Duration;

/// Newcomers that begin in one round at least. A whole answer of five events costs 0.16 ms (HTTP/2 to
/// the upstream) to 0.24 ms (HTTP/1.1, a connection for each), so that who comes anew waits for less
/// than 4 ms of others' work. Measured on two cores at 2.5 GHz as the CPU time of the process, kernel
/// included (`/proc/PID/task/*/schedstat`), while 3,000 such answers began at once.
pub(crate) const PER_ROUND: usize = 16;

/// What a newcomer is reckoned to cost. Rather too much than too little, so that a burst's own work is
/// not taken for everything else's and opens the door to all of it.
const NEWCOMER: Duration = Duration::from_micros(250);

/// What it is reckoned to cost to accept somebody, read the request, and admit or refuse it: without
/// what follows, which [`NEWCOMER`] has. Rather too much, too.
const ARRIVAL: Duration = Duration::from_micros(125);

/// The rounds of one worker.
#[derive(Debug)]
pub(crate) struct Rounds {
    /// What the worker had worked when the last round began.
    worked: Duration,
}

impl Rounds {
    /// A first round begins, by a worker that has worked this long.
    pub(crate) fn begin(worked: Duration) -> Self {
        Self { worked }
    }

    /// The next round begins: how many may begin in it. In the last one `began` newcomers began, and
    /// `arrived` others came, to be refused or to wait for their turn.
    pub(crate) fn next(&mut self, worked: Duration, began: usize, arrived: usize) -> usize {
        let round = worked.saturating_sub(std::mem::replace(&mut self.worked, worked));
        let own = times(NEWCOMER, began).saturating_add(times(ARRIVAL, arrived));
        let others = round.saturating_sub(own).as_micros() / NEWCOMER.as_micros();
        usize::try_from(others).unwrap_or(usize::MAX).max(PER_ROUND)
    }
}

fn times(one: Duration, count: usize) -> Duration {
    one.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How long this worker's thread has worked.
pub(crate) fn worked() -> Duration {
    runtime::process::thread_cpu()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bursts_own_work_makes_no_more_room() {
        let mut rounds = Rounds::begin(Duration::ZERO);
        for number in 1..10 {
            let burst = NEWCOMER * 16 * number;
            assert_eq!(rounds.next(burst, PER_ROUND, 0), PER_ROUND);
        }
    }

    #[test]
    fn refusing_a_burst_makes_no_more_room_for_those_admitted() {
        let mut rounds = Rounds::begin(Duration::ZERO);
        let worked = ARRIVAL * 500 + NEWCOMER * 16;
        assert_eq!(rounds.next(worked, PER_ROUND, 500), PER_ROUND);
    }

    #[test]
    fn newcomers_have_as_much_time_as_everything_else() {
        let mut rounds = Rounds::begin(Duration::from_secs(1));
        // 40 newcomers and 25 ms of other work, which would pay for 100.
        let worked = Duration::from_secs(1) + NEWCOMER * 40 + Duration::from_millis(25);
        assert_eq!(rounds.next(worked, 40, 0), 100);
        assert_eq!(rounds.next(worked, 100, 0), PER_ROUND, "a round without any work");
    }

    #[test]
    fn the_thread_that_works_is_seen_to_work() {
        let before = worked();
        let mut sum = 0_u64;
        while worked() <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
