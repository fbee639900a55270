//! Work that goes on while clients ask how far it is.

use std::time::Duration;

use tokio::time::Instant;

/// How a job goes on: it waits, then it works, then it is done. Computed when somebody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) started: Instant,
    /// Time in the queue.
    pub(crate) waits: Duration,
    /// Time from there to the end.
    pub(crate) works: Duration,
    /// The percentage at which it fails.
    pub(crate) fails_at: Option<u32>,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Queued,
    /// Percent, less than 100.
    InProgress(u32),
    Completed,
    /// At this percentage.
    Failed(u32),
}

impl Job {
    /// A job that is done already.
    pub(crate) fn done() -> Self {
        let none = Duration::ZERO;
        Self { started: Instant::now(), waits: none, works: none, fails_at: None }
    }

    /// Where the job is at an instant.
    pub(crate) fn stage(&self, now: Instant) -> Stage {
        let elapsed = now.saturating_duration_since(self.started);
        let Some(worked) = elapsed.checked_sub(self.waits) else { return Stage::Queued };
        let done = worked >= self.works;
        let percent = match worked.as_micros().saturating_mul(100) {
            _ if done => 100,
            hundredfold => u32::try_from(hundredfold / self.works.as_micros().max(1)).unwrap_or(99),
        };
        match self.fails_at {
            Some(at) if percent >= at => Stage::Failed(at),
            _ if done => Stage::Completed,
            _ => Stage::InProgress(percent.min(99)),
        }
    }

    /// How long until it is over; zero when it is.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        let share = f64::from(self.fails_at.unwrap_or(100)) / 100.0;
        let end = self.started + self.waits + self.works.mul_f64(share);
        end.saturating_duration_since(now)
    }

    /// Seconds from the beginning to the end, rounded up.
    pub(crate) fn seconds(&self) -> i64 {
        let whole = (self.waits + self.works).as_micros().div_ceil(1_000_000);
        i64::try_from(whole).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fails_at: Option<u32>, at_ms: u64, expected: Stage) {
        let started = Instant::now();
        let (waits, works) = (Duration::from_millis(100), Duration::from_millis(1000));
        let job = Job { started, waits, works, fails_at };
        assert_eq!(job.stage(started + Duration::from_millis(at_ms)), expected, "at {at_ms} ms");
    }

    #[test]
    fn a_job_waits_works_and_is_done() {
        check(None, 99, Stage::Queued);
        check(None, 100, Stage::InProgress(0));
        check(None, 605, Stage::InProgress(50));
        check(None, 1099, Stage::InProgress(99));
        check(None, 1100, Stage::Completed);
    }

    #[test]
    fn a_job_fails_where_it_was_told_to_and_stays_there() {
        check(Some(30), 99, Stage::Queued);
        check(Some(30), 399, Stage::InProgress(29));
        check(Some(30), 400, Stage::Failed(30));
        check(Some(30), 5000, Stage::Failed(30));
        check(Some(0), 100, Stage::Failed(0));
    }

    #[test]
    fn a_job_without_any_time_is_done_at_once() {
        let job = Job::done();
        assert_eq!(job.stage(job.started), Stage::Completed);
        let failing = Job { fails_at: Some(99), ..job };
        assert_eq!(failing.stage(failing.started), Stage::Failed(99));
    }
}
