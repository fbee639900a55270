//! One timer for all streams of a thread.
//!
//! Deadlines are kept in steps of one millisecond; a single runtime timer sleeps until the next
//! step that has any, and then everything that is due is woken together. A stream's timer costs
//! one entry in a list and no lock.

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Slots of the wheel, one step each: deadlines up to four seconds ahead are found at once,
/// later ones are passed over once every four seconds.
const SLOTS: u64 = 4096;

/// Duration of a step.
const STEP: Duration = Duration::from_millis(1);

/// A step that never comes.
const NEVER: u64 = u64::MAX;

/// A thread's wheel. Nothing is woken unless [`Wheel::drive`] runs.
#[derive(Debug)]
pub(crate) struct Wheel {
    epoch: Instant,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// Entries by step, modulo [`SLOTS`].
    slots: Vec<Vec<Entry>>,
    /// One bit per slot: whether it has entries.
    occupied: [u64; 64],
    sleepers: Vec<Sleeper>,
    /// Indices of `sleepers` that nobody uses.
    free: Vec<u32>,
    /// First step that has not been woken yet.
    next: u64,
    /// Step that the driver sleeps until.
    armed: u64,
    driver: Option<Waker>,
}

/// A step and whom to wake. It is void when the sleeper has another step by now.
#[derive(Debug, Clone, Copy)]
struct Entry {
    step: u64,
    sleeper: u32,
}

#[derive(Debug)]
struct Sleeper {
    step: u64,
    waker: Option<Waker>,
}

impl Wheel {
    /// An empty wheel that counts its steps from now.
    pub(crate) fn new() -> Self {
        let slots = std::iter::repeat_with(Vec::new);
        let state = State {
            slots: slots.take(usize::try_from(SLOTS).unwrap_or_default()).collect(),
            occupied: [0; 64],
            sleepers: Vec::new(),
            free: Vec::new(),
            next: 0,
            armed: NEVER,
            driver: None,
        };
        Self { epoch: Instant::now(), state: RefCell::new(state) }
    }

    /// Wakes sleepers when they are due, for ever. Cancel-safe: all state is in the wheel.
    pub(crate) async fn drive(&self) -> Infallible {
        let mut sleep = pin!(sleep_until(self.epoch));
        poll_fn(|context| self.poll_drive(context, sleep.as_mut())).await
    }

    fn poll_drive(
        &self,
        context: &mut Context<'_>,
        mut sleep: Pin<&mut Sleep>,
    ) -> Poll<Infallible> {
        loop {
            let due = self.take_due(self.step_before(Instant::now()));
            due.into_iter().for_each(Waker::wake);
            let mut state = self.state.borrow_mut();
            state.armed = state.next_occupied();
            state.driver = Some(context.waker().clone());
            if state.armed == NEVER {
                return Poll::Pending;
            }
            sleep.as_mut().reset(self.instant_of(state.armed));
            drop(state);
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Empties all slots up to and including a step; what belongs to a later round stays.
    fn take_due(&self, now: u64) -> Vec<Waker> {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let mut due = Vec::new();
        // After a round every slot has been seen.
        let first = state.next.max(now.saturating_sub(SLOTS - 1));
        for step in first..=now {
            let slot = slot_of(step);
            if state.occupied[slot / 64] & (1 << (slot % 64)) == 0 {
                continue;
            }
            let sleepers = &mut state.sleepers;
            state.slots[slot].retain(|entry| {
                let sleeper = &mut sleepers[index(entry.sleeper)];
                let is_void = sleeper.step != entry.step;
                let is_due = entry.step <= now;
                if is_due && !is_void {
                    sleeper.step = NEVER;
                    due.extend(sleeper.waker.take());
                }
                !is_void && !is_due
            });
            if state.slots[slot].is_empty() {
                state.occupied[slot / 64] &= !(1 << (slot % 64));
            }
        }
        state.next = state.next.max(now + 1);
        due
    }

    /// The last step that is over at an instant.
    fn step_before(&self, now: Instant) -> u64 {
        let steps = now.saturating_duration_since(self.epoch).as_nanos() / STEP.as_nanos();
        u64::try_from(steps).unwrap_or(NEVER - 1)
    }

    /// The first step that is not before an instant.
    fn step_at(&self, deadline: Instant) -> u64 {
        let elapsed = deadline.saturating_duration_since(self.epoch).as_nanos();
        u64::try_from(elapsed.div_ceil(STEP.as_nanos())).unwrap_or(NEVER - 1)
    }

    fn instant_of(&self, step: u64) -> Instant {
        self.epoch + Duration::from_millis(step)
    }

    fn arm(&self, sleeper: u32, deadline: Instant, waker: &Waker) {
        let mut state = self.state.borrow_mut();
        let step = self.step_at(deadline).max(state.next);
        let entry = &mut state.sleepers[index(sleeper)];
        match &mut entry.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        if entry.step == step {
            return;
        }
        entry.step = step;
        let slot = slot_of(step);
        state.slots[slot].push(Entry { step, sleeper });
        state.occupied[slot / 64] |= 1 << (slot % 64);
        if step < state.armed {
            state.armed = step;
            let driver = state.driver.take();
            drop(state);
            if let Some(driver) = driver {
                driver.wake();
            }
        }
    }
}

impl State {
    /// The step of the first slot from `next` on that has entries. They may belong to a later
    /// round; then the driver wakes for nothing, at most once in four seconds.
    fn next_occupied(&self) -> u64 {
        let start = slot_of(self.next);
        let (word, bit) = (start / 64, start % 64);
        for offset in 0..=64 {
            let at = (word + offset) % 64;
            let mask = match offset {
                0 => u64::MAX << bit,
                64 => !(u64::MAX << bit),
                _ => u64::MAX,
            };
            let found = self.occupied[at] & mask;
            if found != 0 {
                let slot = at * 64 + usize::try_from(found.trailing_zeros()).unwrap_or(0);
                let ahead = (slot + usize::try_from(SLOTS).unwrap_or(0) - start)
                    % usize::try_from(SLOTS).unwrap_or(1);
                return self.next + u64::try_from(ahead).unwrap_or(0);
            }
        }
        NEVER
    }
}

fn slot_of(step: u64) -> usize {
    usize::try_from(step % SLOTS).unwrap_or(0)
}

fn index(sleeper: u32) -> usize {
    usize::try_from(sleeper).unwrap_or(usize::MAX)
}

/// One stream's place on a wheel; gives it back when dropped.
#[derive(Debug)]
pub(crate) struct Alarm {
    wheel: Rc<Wheel>,
    sleeper: u32,
}

impl Alarm {
    /// A place on the wheel that nothing has been asked of yet.
    pub(crate) fn new(wheel: &Rc<Wheel>) -> Self {
        let mut state = wheel.state.borrow_mut();
        let sleeper = state.free.pop().unwrap_or_else(|| {
            state.sleepers.push(Sleeper { step: NEVER, waker: None });
            u32::try_from(state.sleepers.len() - 1).expect("memory ends before 2^32 streams")
        });
        drop(state);
        Self { wheel: Rc::clone(wheel), sleeper }
    }

    /// Ready with the time it is, once the deadline has passed. The clock is read once.
    pub(crate) fn poll(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<Instant> {
        let now = Instant::now();
        if now >= deadline {
            return Poll::Ready(now);
        }
        self.wheel.arm(self.sleeper, deadline, context.waker());
        Poll::Pending
    }

    /// Waits until the deadline has passed. Cancel-safe: nothing is lost when it is dropped.
    pub(crate) async fn until(&mut self, deadline: Instant) -> Instant {
        poll_fn(|context| self.poll(deadline, context)).await
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut state = self.wheel.state.borrow_mut();
        let sleeper = &mut state.sleepers[index(self.sleeper)];
        sleeper.step = NEVER;
        let waker = sleeper.waker.take();
        state.free.push(self.sleeper);
        drop(state);
        drop(waker);
    }
}
