//! A call's progress as MCP notifications: only when the client gave a token, at most four a
//! second, each with a larger number than the one before, and none after the answer.

use std::time::Duration;

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RoleServer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::admission::Caller;
use crate::tools::{Call, Step};

/// Shortest time between two notifications of one call: four a second move a bar smoothly.
const EVERY: Duration = Duration::from_millis(250);

/// What a notification adds to the number before it when nothing has been done since: the protocol
/// wants every one to be larger, also where a call only says that it waits.
const AT_LEAST: f64 = 0.001;

/// A call, and what tells the client of its progress until dropped.
pub(super) fn call(
    caller: Caller,
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
) -> (Call, impl Future<Output = ()> + Send) {
    let (call, steps) = match token {
        Some(token) => {
            let (sender, receiver) = watch::channel(Step::default());
            (Call::watched(caller, sender), Some((token, receiver)))
        }
        None => (Call::quiet(caller), None),
    };
    let send = async move {
        if let Some((token, steps)) = steps {
            pump(peer, token, steps).await;
        }
        // The call goes on without anybody to tell.
        std::future::pending::<()>().await;
    };
    (call, send)
}

async fn pump(peer: Peer<RoleServer>, token: ProgressToken, mut steps: watch::Receiver<Step>) {
    let mut last = Sent::default();
    let mut due = Instant::now();
    while steps.changed().await.is_ok() {
        sleep_until(due).await;
        let step = steps.borrow_and_update().clone();
        let mut notification = ProgressNotificationParam::new(token.clone(), last.next(&step));
        if let Some(total) = step.total {
            notification = notification.with_total(float(total));
        }
        if let Some(message) = step.message {
            notification = notification.with_message(message);
        }
        if peer.notify_progress(notification).await.is_err() {
            return;
        }
        due = Instant::now() + EVERY;
    }
}

/// The number that was sent last.
#[derive(Debug, Default)]
struct Sent(Option<f64>);

impl Sent {
    /// The number for this step: what is done, or a little more than the last one.
    fn next(&mut self, step: &Step) -> f64 {
        let done = float(step.done);
        let number = match self.0 {
            Some(last) if done <= last => last + AT_LEAST,
            _ => done,
        };
        self.0 = Some(number);
        number
    }
}

/// Exact up to 2^53, above any file.
fn float(number: u64) -> f64 {
    let (high, low) = (number >> 32, number & u64::from(u32::MAX));
    let part = |it: u64| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    part(high) * 4_294_967_296.0 + part(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(done: u64) -> Step {
        Step { done, ..Step::default() }
    }

    #[test]
    fn every_number_is_larger_than_the_one_before() {
        let mut sent = Sent::default();
        let numbers: Vec<f64> = [0, 0, 5, 5, 3, 6].map(|done| sent.next(&step(done))).to_vec();
        assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
        assert_eq!((numbers[0], numbers[2], numbers[5]), (0.0, 5.0, 6.0));
    }

    #[test]
    fn lengths_of_files_are_exact() {
        assert!((float(7_691_516) - 7_691_516.0).abs() < f64::EPSILON);
        assert!((float((1 << 53) - 1) - 9_007_199_254_740_991.0).abs() < f64::EPSILON);
    }
}
