//! Where work waits for one of a few threads, each of which takes as much as it can do together.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Work that waits, and by how many threads it is done. Nothing waits for more to come: what is
/// alone is done alone. Cheap to clone.
pub(super) struct Desk<W>(Arc<Shared<W>>);

struct Shared<W> {
    queue: Mutex<Queue<W>>,
    /// How much is done together at most.
    together: usize,
    /// How many threads work at once.
    threads: usize,
    work: fn(Vec<W>),
}

struct Queue<W> {
    /// In the order in which it came.
    waiting: VecDeque<W>,
    /// Threads that take from it.
    threads: usize,
}

impl<W: Send + 'static> Desk<W> {
    /// A desk whose work is done by `work`, up to `together` at once, by so many threads for each
    /// core.
    pub(super) fn new(threads_per_core: usize, together: usize, work: fn(Vec<W>)) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with(threads_per_core * cores, together, work)
    }

    pub(super) fn with(threads: usize, together: usize, work: fn(Vec<W>)) -> Self {
        let queue = Mutex::new(Queue { waiting: VecDeque::new(), threads: 0 });
        Self(Arc::new(Shared { queue, together, threads, work }))
    }

    /// Takes work in. It is done to its end, also when nobody waits for it any more. To be called in
    /// a runtime or on one of its threads.
    pub(super) fn bring(&self, work: W) {
        if self.0.bring(work) {
            let mut place = Place { desk: Arc::clone(&self.0), held: true };
            drop(runtime::background::spawn(move || {
                while let Some(work) = place.next() {
                    (place.desk.work)(work);
                }
            }));
        }
    }
}

impl<W> Shared<W> {
    fn queue(&self) -> MutexGuard<'_, Queue<W>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes work in. Whether a thread is to begin with it: one that works will come to it, so
    /// another one is worth it only for all that can be done together.
    fn bring(&self, work: W) -> bool {
        let mut queue = self.queue();
        queue.waiting.push_back(work);
        let begins = match queue.threads {
            0 => true,
            threads => threads < self.threads && queue.waiting.len() >= self.together,
        };
        queue.threads += usize::from(begins);
        begins
    }
}

/// A thread's place at the desk.
struct Place<W> {
    desk: Arc<Shared<W>>,
    held: bool,
}

impl<W> Place<W> {
    /// What is done next. When nothing waits the place is given up in the same moment, so that
    /// whatever comes next begins a thread.
    fn next(&mut self) -> Option<Vec<W>> {
        let mut queue = self.desk.queue();
        let count = self.desk.together.min(queue.waiting.len());
        if count == 0 {
            queue.threads -= 1;
            self.held = false;
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }
}

impl<W> Drop for Place<W> {
    fn drop(&mut self) {
        // Only a panic ends a thread that still has its place, or a runtime that stops before it began.
        if self.held {
            self.desk.queue().threads -= 1;
        }
    }
}

impl<W> Clone for Desk<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W> fmt::Debug for Desk<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.0.queue();
        let mut shown = formatter.debug_struct("Desk");
        shown.field("waiting", &queue.waiting.len()).field("threads", &queue.threads);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;

    use super::*;

    type Work = Box<dyn FnOnce() + Send>;

    fn desk(threads: usize, together: usize) -> Desk<Work> {
        Desk::with(threads, together, |work| work.into_iter().for_each(|one| one()))
    }

    /// Work that waits until it is released; what tells that it is done, and what releases it.
    fn held(desk: &Desk<Work>) -> (oneshot::Receiver<bool>, mpsc::Sender<()>) {
        let ((done, is_done), (release, held)) = (oneshot::channel(), mpsc::channel::<()>());
        desk.bring(Box::new(move || {
            // Not everybody waits for it.
            let _ = done.send(held.recv().is_ok());
        }));
        (is_done, release)
    }

    fn brief(desk: &Desk<Work>) -> oneshot::Receiver<()> {
        let (done, is_done) = oneshot::channel();
        desk.bring(Box::new(move || done.send(()).unwrap()));
        is_done
    }

    #[tokio::test]
    async fn a_further_thread_begins_once_as_many_wait_as_are_done_together() {
        let desk = desk(2, 2);
        let (first, release) = held(&desk);
        // The first thread has taken its work, and waits.
        while !desk.0.queue().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        let second = brief(&desk);
        assert_eq!(desk.0.queue().threads, 1, "one alone waits for the thread there is");
        let third = brief(&desk);
        second.await.unwrap();
        third.await.unwrap();
        release.send(()).unwrap();
        assert!(first.await.unwrap());
    }

    #[tokio::test]
    async fn no_more_threads_work_at_once_than_the_limit() {
        let desk = desk(2, 1);
        let (first, release_first) = held(&desk);
        let (second, release_second) = held(&desk);
        let third = brief(&desk);
        assert_eq!(desk.0.queue().threads, 2);
        release_first.send(()).unwrap();
        assert!(first.await.unwrap());
        third.await.unwrap();
        release_second.send(()).unwrap();
        assert!(second.await.unwrap());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_still_done() {
        let desk = desk(1, 4);
        let (first, release) = held(&desk);
        drop(first);
        let second = brief(&desk);
        release.send(()).unwrap();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_thread_that_panics_leaves_its_place_to_the_next() {
        let desk = desk(1, 1);
        desk.bring(Box::new(|| panic!("a test of what happens then")));
        while desk.0.queue().threads > 0 {
            tokio::task::yield_now().await;
        }
        brief(&desk).await.unwrap();
    }

    #[test]
    fn a_runtime_that_stops_before_the_thread_begins_leaves_the_place_free() {
        let desk = desk(1, 1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        let _entered = handle.enter();
        drop(brief(&desk));
        assert_eq!(desk.0.queue().threads, 0);
    }
}
