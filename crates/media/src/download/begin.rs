//! Transfers begin one after another.
//!
//! The beginning is what costs most: a connection, a temporary file, buffers, and all that the
//! upstream has ready to send. Should a burst of transfers begin at once, a call that comes after it
//! would wait for all of that. So each begins when what was ready while the last one did has run.
//! Where nothing else is ready that is at once.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::yield_now;

/// Whose turn it is to begin. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<()>>);

impl Turns {
    /// Waits for a turn, in the order of asking. Cancel-safe: who leaves takes nobody's.
    pub(super) async fn next(&self) {
        let _turn = self.0.lock().await;
        // Resumes after everything that was ready, and a look at the sockets.
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    #[tokio::test]
    async fn who_comes_after_a_burst_does_not_wait_for_all_of_it() {
        let (turns, order) = (Turns::default(), Rc::<RefCell<Vec<Option<u32>>>>::default());
        let tasks = LocalSet::new();
        for number in 0..10 {
            let (turns, order) = (turns.clone(), Rc::clone(&order));
            tasks.spawn_local(async move {
                turns.next().await;
                order.borrow_mut().push(Some(number));
            });
        }
        let of_call = Rc::clone(&order);
        tasks.spawn_local(async move {
            spawn_local(async move { of_call.borrow_mut().push(None) });
        });
        tasks.await;
        let order = order.borrow();
        let call = order.iter().position(Option::is_none).unwrap();
        assert!(call <= 2, "{order:?}");
        let begun: Vec<u32> = order.iter().copied().flatten().collect();
        assert_eq!(begun, (0..10).collect::<Vec<_>>(), "in the order of asking, and all of them");
    }
}
