//! A bounded number of units, with a bounded queue that serves its callers in turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A bounded number of units: places, or bytes. Cheap to clone.
///
/// Whoever finds too few free units waits. Callers are served in turn and each caller's requests
/// in their order, so that one call of an agent does not wait for another agent's five hundred.
/// Nobody overtakes a request that needs much: what is free is kept for it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

/// Who asks, for the sake of fairness: one agent's session, for instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller(pub u64);

impl Caller {
    /// The only caller there is: a command line.
    pub const ALONE: Self = Self(0);
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media server is busy: {waiting} calls wait for {what} already; try again later")]
pub struct Busy {
    /// What there is too little of.
    pub what: &'static str,
    /// How many wait.
    pub waiting: usize,
}

/// Units that are held. Dropping it gives them back.
#[derive(Debug)]
#[must_use = "the units are given back when this is dropped"]
pub struct Permit {
    gate: Arc<Shared>,
    units: u64,
}

#[derive(Debug)]
struct Shared {
    what: &'static str,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    capacity: u64,
    queue: usize,
    /// More than `capacity` for a while after that was lowered.
    in_use: u64,
    waiting: usize,
    /// The callers that wait, the next one first. None is empty.
    lanes: VecDeque<Lane>,
}

#[derive(Debug)]
struct Lane {
    caller: Caller,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    units: u64,
    turn: oneshot::Sender<Permit>,
}

impl Gate {
    /// A gate for `capacity` units of `what` (a plural, for messages), before which at most
    /// `queue` requests wait.
    #[must_use]
    pub fn new(what: &'static str, capacity: u64, queue: usize) -> Self {
        let state = State { capacity, queue, in_use: 0, waiting: 0, lanes: VecDeque::new() };
        Self(Arc::new(Shared { what, state: Mutex::new(state) }))
    }

    /// Changes how many units there are, and how many requests may wait. Permits that are held and
    /// requests that wait stay: nobody enters until less than the new capacity is in use, and nobody
    /// joins the queue until it is shorter than it may be.
    pub fn set_limits(&self, capacity: u64, queue: usize) {
        {
            let mut state = self.0.state();
            (state.capacity, state.queue) = (capacity, queue);
        }
        self.0.give_back(0);
    }

    /// Waits for `units` of them; more than there are is taken as all of them. `on_queued` is
    /// called once, with the number of requests ahead, when there is a wait.
    ///
    /// Cancel-safe: dropping it leaves the queue and takes nothing along.
    ///
    /// # Errors
    /// [`Busy`], at once, when the queue is full.
    pub async fn enter(
        &self,
        caller: Caller,
        units: u64,
        on_queued: impl FnOnce(usize),
    ) -> Result<Permit, Busy> {
        let (turn, ahead) = {
            let mut state = self.0.state();
            if let (true, Some(units)) = (state.lanes.is_empty(), state.room_for(units)) {
                state.in_use += units;
                return Ok(Permit { gate: Arc::clone(&self.0), units });
            }
            if state.waiting >= state.queue {
                state.forget_who_left();
            }
            if state.waiting >= state.queue {
                return Err(Busy { what: self.0.what, waiting: state.waiting });
            }
            let ahead = state.waiting;
            (state.queue(caller, units), ahead)
        };
        on_queued(ahead);
        // Who leaves the head of the queue makes way for those behind it.
        let _leaving = Leaving(&self.0);
        Ok(turn.await.expect("a waiter is only taken from the queue with a permit, or when gone"))
    }

    /// Units in use now.
    #[must_use]
    pub fn in_use(&self) -> u64 {
        self.0.state().in_use
    }

    /// Requests that wait now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let mut state = self.0.state();
        state.forget_who_left();
        state.waiting
    }

    /// How many units there are.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.0.state().capacity
    }
}

impl Permit {
    /// How many units are held.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.units
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.give_back(self.units);
    }
}

struct Leaving<'a>(&'a Arc<Shared>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.give_back(0);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes units back and lets in whoever now has room.
    fn give_back(self: &Arc<Self>, units: u64) {
        let mut state = self.state();
        state.in_use -= units;
        while let Some((turn, units)) = state.next() {
            state.in_use += units;
            if let Err(mut permit) = turn.send(Permit { gate: Arc::clone(self), units }) {
                // It left in this very moment. Its permit must not lock what is locked here.
                state.in_use -= permit.units;
                permit.units = 0;
                drop(state);
                drop(permit);
                state = self.state();
            }
        }
    }
}

impl State {
    /// What a request for so many units gets now: at most all of them.
    fn room_for(&self, units: u64) -> Option<u64> {
        let units = units.min(self.capacity);
        (units <= self.capacity.saturating_sub(self.in_use)).then_some(units)
    }

    fn queue(&mut self, caller: Caller, units: u64) -> oneshot::Receiver<Permit> {
        let (turn, receiver) = oneshot::channel();
        let waiter = Waiter { units, turn };
        self.waiting += 1;
        match self.lanes.iter_mut().find(|lane| lane.caller == caller) {
            Some(lane) => lane.waiters.push_back(waiter),
            None => self.lanes.push_back(Lane { caller, waiters: VecDeque::from([waiter]) }),
        }
        receiver
    }

    /// The next waiter with its units, if there is room for it. Its caller goes to the end of the
    /// row.
    fn next(&mut self) -> Option<(oneshot::Sender<Permit>, u64)> {
        loop {
            let first = self.lanes.front()?.waiters.front()?;
            let gone = first.turn.is_closed();
            let room = self.room_for(first.units);
            if !gone && room.is_none() {
                return None;
            }
            let lane = self.lanes.front_mut()?;
            let waiter = lane.waiters.pop_front()?;
            self.waiting -= 1;
            if lane.waiters.is_empty() {
                self.lanes.pop_front();
            } else if !gone {
                self.lanes.rotate_left(1);
            }
            if let (false, Some(units)) = (gone, room) {
                return Some((waiter.turn, units));
            }
        }
    }

    fn forget_who_left(&mut self) {
        for lane in &mut self.lanes {
            lane.waiters.retain(|waiter| !waiter.turn.is_closed());
        }
        self.lanes.retain(|lane| !lane.waiters.is_empty());
        self.waiting = self.lanes.iter().map(|lane| lane.waiters.len()).sum();
    }
}

#[cfg(test)]
mod tests;
