//! The users of one worker: when they begin, what they ask, when they stop.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::arrival::{Schedule, Start};
use crate::carrier::Carrier;
use crate::recorder::{Gauges, Recorder};
use crate::settings::Repeat;

/// A worker's part of a level: every n-th user or arrival.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    /// Index of the worker.
    pub worker: u64,
    /// How many workers there are.
    pub workers: u64,
}

impl Share {
    /// The numbers below `count` that are this worker's, in ascending order.
    pub fn of(self, count: u64) -> impl Iterator<Item = u64> {
        (self.worker..count).step_by(usize::try_from(self.workers).unwrap_or(usize::MAX))
    }

    fn takes(self, number: u64) -> bool {
        number % self.workers == self.worker
    }
}

/// Users who wait for their answers.
#[derive(Debug, Clone, Copy)]
pub struct ClosedLoop {
    /// Users of the level, over all workers.
    pub users: u64,
    /// How they start.
    pub start: Start,
    /// When each stops asking.
    pub repeat: Repeat,
    /// Pause between an answer's end and the next request.
    pub think: Duration,
    /// Which request the first user sends first.
    pub first_request: u64,
    /// The level's begin.
    pub begin: Instant,
}

/// Requests that arrive whatever the target does.
#[derive(Debug, Clone)]
pub struct OpenLoop {
    /// All arrivals, over all workers.
    pub schedule: Schedule,
    /// How long they arrive.
    pub duration: Duration,
    /// Most streams open at once, over all workers.
    pub max_open: u64,
    /// Which request the first arrival sends.
    pub first_request: u64,
    /// The level's begin.
    pub begin: Instant,
}

/// Users of a burst that a worker starts before it looks at its sockets and timers again. Each
/// user's own clock begins when it runs, so a burst delays nobody's start; but an answer that
/// comes meanwhile waits for at most this many connects (about a millisecond), not for all.
const STARTS_PER_TURN: usize = 16;

/// Runs a worker's users from the level's begin to the last answer's end. `beside` is called as
/// each user begins, with its number, to start what shall run beside it.
///
/// Dropping the future cuts all streams that are open.
///
/// # Errors
/// When a user panicked.
pub async fn closed_loop<C: Carrier + 'static>(
    plan: ClosedLoop,
    share: Share,
    carrier: &Rc<C>,
    recorder: &Rc<Recorder>,
    mut beside: impl FnMut(u64),
) -> Result<(), JoinError> {
    let mut users = JoinSet::new();
    for (started, number) in share.of(plan.users).enumerate() {
        let due = plan.begin + plan.start.offset(number, plan.users);
        if due > Instant::now() {
            sleep_until(due).await;
        } else if started % STARTS_PER_TURN == 0 {
            tokio::task::yield_now().await;
        }
        users.spawn_local(user(plan, number, Rc::clone(carrier), Rc::clone(recorder)));
        beside(number);
        while let Some(ended) = users.try_join_next() {
            ended?;
        }
    }
    while let Some(ended) = users.join_next().await {
        ended?;
    }
    Ok(())
}

/// One user's requests, one after the other.
pub(crate) async fn user<C: Carrier>(
    plan: ClosedLoop,
    number: u64,
    carrier: Rc<C>,
    recorder: Rc<Recorder>,
) {
    let mut connection = None;
    let mut asked = 0;
    while plan.asks_again(asked) {
        let request = plan.first_request.wrapping_add(number).wrapping_add(asked * plan.users);
        let request = index_of(request, carrier.requests());
        recorder.started(Instant::now());
        let report = carrier.carry(request, &mut connection, None, &*recorder).await;
        recorder.ended(&report);
        asked += 1;
        if !plan.think.is_zero() && plan.asks_again(asked) {
            sleep_until(report.ended_at + plan.think).await;
        }
    }
}

impl ClosedLoop {
    fn asks_again(&self, asked: u64) -> bool {
        match self.repeat {
            Repeat::Times(requests) => asked < requests,
            Repeat::For(duration) => asked == 0 || Instant::now() < self.begin + duration,
        }
    }
}

/// Starts a worker's arrivals, each at its scheduled time, and waits for the last answer's end.
/// An arrival that finds `max_open` streams open is refused and counted.
///
/// Latencies count from the scheduled time, so a tester that is late makes them longer, never
/// shorter: no coordinated omission. Every arrival is somebody else and opens its own connection.
///
/// # Errors
/// When a stream's task panicked.
pub async fn open_loop<C: Carrier + 'static>(
    plan: OpenLoop,
    share: Share,
    carrier: &Rc<C>,
    recorder: &Rc<Recorder>,
    gauges: &Arc<Gauges>,
    mut beside: impl FnMut(u64),
) -> Result<(), JoinError> {
    let mut streams = JoinSet::new();
    let arrivals = plan.schedule.clone().take_while(|offset| *offset < plan.duration);
    for (number, offset) in (0u64..).zip(arrivals).filter(|(number, _)| share.takes(*number)) {
        let due = plan.begin + offset;
        if due > Instant::now() {
            sleep_until(due).await;
        }
        while let Some(ended) = streams.try_join_next() {
            ended?;
        }
        if gauges.open.now() >= plan.max_open {
            recorder.refused();
            continue;
        }
        recorder.started(due);
        let request = index_of(plan.first_request.wrapping_add(number), carrier.requests());
        let (carrier, recorder) = (Rc::clone(carrier), Rc::clone(recorder));
        streams.spawn_local(async move {
            let report = carrier.carry(request, &mut None, Some(due), &*recorder).await;
            recorder.ended(&report);
        });
        beside(number);
    }
    while let Some(ended) = streams.join_next().await {
        ended?;
    }
    Ok(())
}

/// Requests are taken in turn.
fn index_of(request: u64, requests: usize) -> usize {
    let requests = u64::try_from(requests).unwrap_or(1).max(1);
    usize::try_from(request % requests).unwrap_or(0)
}

#[cfg(test)]
mod tests;
