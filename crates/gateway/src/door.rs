//! Who is served next: how many newly accepted connections begin in one round of a worker.
//!
//! A worker takes its tasks in the order in which they became ready, so everybody who comes shares
//! it with everybody who came before: of a burst, all would be through at the same late time. So
//! newcomers wait at the door, and few of them ([`crate::round`]) are let in after each round, when
//! what those inside had ready is done. Who came first is through first, and half of a burst is through
//! in half of its time. Nothing idles: rounds follow each other as long as anybody waits, and who
//! comes alone goes straight in.
//!
//! Where somebody may have to be refused the door is wide open, because a refusal does not wait
//! for what is not its own; [`crate::pace`] orders what follows then.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::yield_now;

use crate::round::{PER_ROUND, Rounds};

/// The door of one worker. Who waits is an open connection: `limits.connections` is the bound.
#[derive(Debug)]
pub(crate) struct Door<T> {
    waiting: RefCell<VecDeque<T>>,
    /// What is left of this round.
    left: Cell<usize>,
    /// Whether somebody ends the round.
    is_kept: Cell<bool>,
}

impl<T> Default for Door<T> {
    fn default() -> Self {
        Self { waiting: RefCell::default(), left: Cell::new(PER_ROUND), is_kept: Cell::new(false) }
    }
}

impl<T> Door<T> {
    /// Brings a newcomer. Gives it back when it goes straight in: nobody waits, and the round has
    /// room or the door is wide open.
    pub(crate) fn knock(&self, newcomer: T, is_wide: bool) -> Option<T> {
        let mut waiting = self.waiting.borrow_mut();
        let left = self.left.get();
        if waiting.is_empty() && (is_wide || left > 0) {
            self.left.set(left.saturating_sub(1));
            return Some(newcomer);
        }
        waiting.push_back(newcomer);
        None
    }

    /// Whether somebody has to begin to [`keep`](Self::keep) the door; asked after a knock, and
    /// true once until the keeper is done.
    pub(crate) fn needs_keeper(&self) -> bool {
        !self.is_kept.replace(true)
    }

    /// Lets in by `enter` who waits, round by round, until nobody comes any more. `is_wide` is
    /// asked in each, `worked` is how long the worker has worked.
    pub(crate) async fn keep(
        &self,
        is_wide: impl Fn() -> bool,
        worked: impl Fn() -> Duration,
        enter: impl Fn(T),
    ) {
        let (mut rounds, mut entered) = (Rounds::begin(worked()), 0);
        loop {
            // Resumes after everything that was ready, and a look at the sockets: a round.
            yield_now().await;
            let room = rounds.next(worked(), entered, 0);
            let room = if is_wide() { usize::MAX } else { room };
            entered = 0;
            while entered < room {
                let Some(next) = self.waiting.borrow_mut().pop_front() else { break };
                enter(next);
                entered += 1;
            }
            let nobody_came = entered == 0 && self.left.get() == PER_ROUND;
            self.left.set(PER_ROUND.saturating_sub(entered));
            if nobody_came {
                // A burst's room is not kept for the next one.
                self.waiting.take();
                self.is_kept.set(false);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::runtime::{Builder, LocalOptions};

    use super::*;
    use crate::tasks::Tasks;

    /// Lets `count` numbers knock at once at a door that is wide open from the round `wide_from`
    /// on. Gives how many were in after each round, and the order of all.
    fn let_in(count: usize, wide_from: usize) -> (Vec<usize>, Vec<usize>) {
        let_in_beside(Duration::ZERO, count, wide_from)
    }

    /// The same, while every round has so much other work.
    fn let_in_beside(work: Duration, count: usize, wide_from: usize) -> (Vec<usize>, Vec<usize>) {
        let (door, entered) = (Rc::<Door<usize>>::default(), Rc::<RefCell<Vec<usize>>>::default());
        for number in 0..count {
            if let Some(straight) = door.knock(number, wide_from == 0) {
                entered.borrow_mut().push(straight);
            }
        }
        assert!(door.needs_keeper() && !door.needs_keeper());
        let after_rounds = Rc::<RefCell<Vec<usize>>>::default();
        let (kept, order, seen) = (Rc::clone(&door), Rc::clone(&entered), Rc::clone(&after_rounds));
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        runtime.unwrap().block_on(async move {
            let tasks = Tasks::default();
            tasks.spawn(async move {
                let is_wide = || {
                    seen.borrow_mut().push(order.borrow().len());
                    seen.borrow().len() > wide_from
                };
                let worked = Cell::new(Duration::ZERO);
                let worked = || worked.replace(worked.get() + work);
                kept.keep(is_wide, worked, |number| order.borrow_mut().push(number)).await;
            });
            tasks.finished().await;
        });
        assert!(door.needs_keeper(), "the keeper is done");
        assert_eq!((door.left.get(), door.waiting.borrow().capacity()), (PER_ROUND, 0));
        (after_rounds.take(), entered.take())
    }

    #[test]
    fn newcomers_are_let_in_in_their_order_and_one_rounds_worth_a_round() {
        let (after_rounds, order) = let_in(3 * PER_ROUND + 1, usize::MAX);
        let all = 3 * PER_ROUND + 1;
        // The last two rounds find nobody at the door; the second of them ends it.
        let expected = [PER_ROUND, 2 * PER_ROUND, 3 * PER_ROUND, all, all];
        assert_eq!(after_rounds, expected);
        assert_eq!(order, (0..all).collect::<Vec<_>>());
    }

    #[test]
    fn a_door_that_is_wide_open_keeps_nobody_waiting() {
        let (after_rounds, order) = let_in(3 * PER_ROUND, 0);
        assert_eq!((after_rounds[0], order.len()), (3 * PER_ROUND, 3 * PER_ROUND));
        // It opens while they wait.
        let (after_rounds, order) = let_in(9 * PER_ROUND, 1);
        assert_eq!(after_rounds[..3], [PER_ROUND, 2 * PER_ROUND, 9 * PER_ROUND]);
        assert_eq!(order, (0..9 * PER_ROUND).collect::<Vec<_>>());
    }

    #[test]
    fn newcomers_do_not_wait_for_the_many_rounds_of_a_busy_worker() {
        // Rounds of 25 ms, as with thousands of streams: they would pay for 100 newcomers.
        let (after_rounds, order) = let_in_beside(Duration::from_millis(25), 500, usize::MAX);
        assert_eq!(after_rounds[0], PER_ROUND, "who knocked first went straight in");
        assert!(after_rounds.len() <= 12, "{after_rounds:?}");
        assert_eq!(order, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn who_comes_alone_goes_straight_in() {
        let (after_rounds, order) = let_in(1, usize::MAX);
        assert_eq!((after_rounds, order), (vec![1, 1], vec![0]));
    }
}
