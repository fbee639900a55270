//! Newcomers first: how many admitted requests go to their upstreams in one round of a worker.
//!
//! A worker takes its tasks in the order in which they became ready. In a burst beyond the cap, the
//! first that came would all connect to their upstreams and send their requests before those behind
//! them were even read, only to be refused: the refusals would wait for work that is not theirs.
//! So only few begin in a round ([`crate::round`]). Whoever has come meanwhile is accepted, read, and
//! admitted or refused before the next ones begin. Nothing idles: rounds follow each other as long
//! as anybody waits, and where nobody comes they hold up nothing.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::round::{self, PER_ROUND, Rounds};
use crate::tasks::Tasks;

/// The pace of one worker.
#[derive(Debug)]
pub(crate) struct Pace {
    /// What is left of this round, and in order who waits for the next.
    left: Semaphore,
    /// Who came in this round: passed, waits, or was refused.
    arrived: Cell<usize>,
    /// Whether a task ends the round.
    rounds: Cell<bool>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { left: Semaphore::new(PER_ROUND), arrived: Cell::new(0), rounds: Cell::new(false) }
    }
}

impl Pace {
    /// Waits until this request may go to its upstream: not at all while the round has room, and
    /// otherwise for the next round with room, in the order of asking. Of one round, who is about to
    /// run anyhow may go before who has to be woken. Cancel-safe: who leaves takes nobody's turn.
    pub(crate) async fn pass(self: &Rc<Self>, tasks: &Tasks) {
        self.arrive();
        if !self.rounds.replace(true) {
            let pace = Rc::clone(self);
            tasks.spawn(async move { pace.keep().await });
        }
        self.left.acquire().await.expect("the semaphore is never closed").forget();
    }

    /// Somebody came who is refused, or waits.
    pub(crate) fn arrive(&self) {
        self.arrived.set(self.arrived.get() + 1);
    }

    /// Begins rounds until one leaves nobody waiting.
    async fn keep(&self) {
        let (mut rounds, mut room) = (Rounds::begin(round::worked()), PER_ROUND);
        self.arrived.set(0);
        loop {
            // Resumes after everything that was ready, and a look at the sockets: a round.
            yield_now().await;
            // All of them: a place that somebody gave back late must not outlive its round.
            let unused = self.left.forget_permits(usize::MAX);
            let began = room.saturating_sub(unused);
            room = rounds.next(round::worked(), began, self.arrived.take());
            // Those who wait take theirs at once.
            self.left.add_permits(room);
            if self.left.available_permits() == room {
                self.left.forget_permits(room - PER_ROUND);
                self.rounds.set(false);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use tokio::runtime::{Builder, LocalOptions};

    use super::*;

    /// Runs on one thread, as a worker does.
    fn on_a_worker(test: impl Future<Output = ()>) {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        runtime.unwrap().block_on(test);
    }

    /// Starts tasks that pass and then write down their number.
    fn start(
        pace: &Rc<Pace>,
        tasks: &Tasks,
        numbers: std::ops::Range<usize>,
        passed: &Rc<RefCell<Vec<usize>>>,
    ) {
        for number in numbers {
            let (pace, of_task, passed) = (Rc::clone(pace), tasks.clone(), Rc::clone(passed));
            tasks.spawn(async move {
                pace.pass(&of_task).await;
                passed.borrow_mut().push(number);
            });
        }
    }

    #[test]
    fn newcomers_wait_for_one_rounds_worth_of_those_before_them() {
        on_a_worker(async {
            let (pace, tasks) = (Rc::<Pace>::default(), Tasks::default());
            let passed = Rc::<RefCell<Vec<usize>>>::default();
            start(&pace, &tasks, 0..3 * PER_ROUND, &passed);
            let seen = Rc::<Cell<Option<usize>>>::default();
            let (newcomer, at) = (Rc::clone(&seen), Rc::clone(&passed));
            tasks.spawn(async move { newcomer.set(Some(at.borrow().len())) });
            tasks.finished().await;
            assert_eq!(seen.get(), Some(PER_ROUND));
            let all: Vec<usize> = (0..3 * PER_ROUND).collect();
            assert_eq!(*passed.borrow(), all, "in the order of asking, and all of them");
        });
    }

    #[test]
    fn every_round_lets_in_those_who_came_during_it() {
        on_a_worker(async {
            let (pace, tasks) = (Rc::<Pace>::default(), Tasks::default());
            let passed = Rc::<RefCell<Vec<usize>>>::default();
            start(&pace, &tasks, 0..4 * PER_ROUND, &passed);
            // Looks once in every round.
            let seen = Rc::<RefCell<Vec<usize>>>::default();
            let (of_task, at) = (Rc::clone(&seen), Rc::clone(&passed));
            tasks.spawn(async move {
                while at.borrow().len() < 4 * PER_ROUND {
                    of_task.borrow_mut().push(at.borrow().len());
                    yield_now().await;
                }
            });
            tasks.finished().await;
            let seen = seen.borrow();
            let steps: Vec<usize> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.iter().all(|&step| step <= PER_ROUND), "{seen:?}");
            assert!(steps.contains(&PER_ROUND) && steps.len() >= 2, "{seen:?}");
        });
    }

    #[test]
    fn who_leaves_takes_nobodys_turn_and_a_quiet_worker_has_no_task() {
        on_a_worker(async {
            let (pace, tasks) = (Rc::<Pace>::default(), Tasks::default());
            for _ in 0..PER_ROUND {
                pace.pass(&tasks).await;
            }
            {
                let mut leaving = pin!(pace.pass(&tasks));
                let mut context = Context::from_waker(Waker::noop());
                assert!(leaving.as_mut().poll(&mut context).is_pending(), "the round is used up");
            }
            pace.pass(&tasks).await;
            tasks.finished().await;
            assert_eq!((pace.left.available_permits(), pace.rounds.get()), (PER_ROUND, false));
        });
    }
}
