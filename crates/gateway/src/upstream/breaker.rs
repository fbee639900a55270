//! When an upstream is left alone after failures.

use std::time::Duration;

use tokio::time::Instant;

/// A circuit breaker: closed, open for a time, then half open for one request.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests pass; so many in a row have failed.
    Closed { failures: u32 },
    /// No request passes until then.
    Open { until: Instant },
    /// One request is on its way to find out.
    Probing,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// It may.
    Granted,
    /// It may not.
    Refused,
}

impl Breaker {
    /// Whether [`allow`](Self::allow) would say yes.
    pub(crate) fn would_allow(&self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } => now >= until,
            State::Probing => false,
        }
    }

    /// Says whether a request should pass. However it went is told by
    /// [`answered`](Self::answered), [`succeeded`](Self::succeeded), [`failed`](Self::failed) or
    /// [`undecided`](Self::undecided).
    pub(crate) fn allow(&mut self, now: Instant) -> Permission {
        if !self.would_allow(now) {
            return Permission::Refused;
        }
        if matches!(self.state, State::Open { .. }) {
            self.state = State::Probing;
        }
        Permission::Granted
    }

    /// A request was answered: enough to end a probe, not yet a success.
    pub(crate) fn answered(&mut self) {
        if self.state == State::Probing {
            self.succeeded();
        }
    }

    pub(crate) fn succeeded(&mut self) {
        self.state = State::default();
    }

    /// Returns true when this failure opened the breaker.
    pub(crate) fn failed(&mut self, now: Instant, limit: u32, open_for: Duration) -> bool {
        let open = State::Open { until: now + open_for };
        match self.state {
            State::Closed { failures } if failures + 1 < limit => {
                self.state = State::Closed { failures: failures + 1 };
                false
            }
            State::Closed { .. } | State::Probing => {
                self.state = open;
                true
            }
            // Requests that were on their way when it opened do not prolong it.
            State::Open { .. } => false,
        }
    }

    /// A request ended without telling anything about the upstream: its client left.
    pub(crate) fn undecided(&mut self) {
        if self.state == State::Probing {
            // The next request may find out.
            self.state = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_one_request_probes() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        assert!(!breaker.failed(now, 2, OPEN_FOR));
        breaker.succeeded();
        assert!(!breaker.failed(now, 2, OPEN_FOR), "a success in between starts the count anew");
        assert!(breaker.failed(now, 2, OPEN_FOR));
        assert_eq!(breaker.allow(now), Permission::Refused);
        let later = now + OPEN_FOR;
        assert_eq!(breaker.allow(later), Permission::Granted);
        assert_eq!(breaker.allow(later), Permission::Refused, "one probe is enough");
        assert!(breaker.failed(later, 2, OPEN_FOR));
        assert_eq!(breaker.allow(later), Permission::Refused);
        assert_eq!(breaker.allow(later + OPEN_FOR), Permission::Granted);
        breaker.succeeded();
        assert_eq!(breaker.allow(later), Permission::Granted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_client_leaves_lets_the_next_one_try() {
        let mut breaker = Breaker::default();
        let now = Instant::now();
        assert!(breaker.failed(now, 1, OPEN_FOR));
        tokio::time::advance(OPEN_FOR).await;
        assert_eq!(breaker.allow(Instant::now()), Permission::Granted);
        breaker.undecided();
        assert_eq!(breaker.allow(Instant::now()), Permission::Granted);
    }
}
