//! The tester's scheduling lag: how late a worker's own timers fire.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use results::LatencyHistogram;
use tokio::time::{Instant, sleep_until};

/// How often a worker looks at its own lateness.
pub const LAG_PERIOD: Duration = Duration::from_millis(10);

/// Records how late each of a series of absolute deadlines fires, until it is dropped. Deadlines
/// that passed while the worker was busy are counted too, each with its own lateness.
///
/// The timer's own grain of a millisecond is part of what is measured.
pub async fn probe(lateness: Rc<RefCell<LatencyHistogram>>) {
    let mut due = Instant::now() + LAG_PERIOD;
    loop {
        sleep_until(due).await;
        let now = Instant::now();
        let mut lateness = lateness.borrow_mut();
        while due <= now {
            lateness.record(now - due);
            due += LAG_PERIOD;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_busy_worker_is_late_for_every_deadline_that_it_missed() {
        let lateness = Rc::new(RefCell::default());
        let observed = Rc::clone(&lateness);
        let work = async {
            sleep_until(Instant::now() + Duration::from_millis(25)).await;
            // 25 ms in, the worker does something else until 65 ms.
            tokio::time::advance(Duration::from_millis(40)).await;
            tokio::task::yield_now().await;
        };
        tokio::select! {
            () = probe(observed) => {}
            () = work => {}
        }
        let summary = lateness.borrow().summary_ms().unwrap();
        // Due at 10 and 20 in time; at 30, 40, 50 and 60 late by 35, 25, 15 and 5 ms.
        assert_eq!(summary.count, 6);
        assert!((summary.max - 35.0).abs() < 1.1, "{summary:?}");
    }
}
