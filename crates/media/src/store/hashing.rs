//! Hashing what many writers have gathered, side by side.
//!
//! A file alone cannot be hashed with a processor's wide registers, many at once can. So writers
//! bring their batches here, and a thread takes as many as it can hash together. Nobody waits for
//! others to come: where little happens, a batch is hashed alone; while the processor is busy, more
//! gather, and cost less each.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::StoreError;
use super::digest::{self, Hasher};

/// Threads that hash at once, for each core. One would do if writing never waited for the kernel to
/// find memory; many more only take the core's cache from each other, and answer nobody sooner.
const THREADS_PER_CORE: usize = 2;

/// Where batches wait to be hashed, and by how many threads they are. A writer has one batch here at
/// most, so that there are never more than writers. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hashing(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    queue: Mutex<Queue>,
    /// Batches that are hashed together at most: the width of this machine's registers.
    together: usize,
    threads: usize,
}

#[derive(Debug, Default)]
struct Queue {
    /// In the order in which they came.
    waiting: VecDeque<Batch>,
    /// Threads that take from it.
    threads: usize,
}

/// Bytes to be hashed, and what is then done with them.
struct Batch {
    hasher: Hasher,
    bytes: Vec<u8>,
    then: Box<dyn FnOnce(Hasher, Vec<u8>) + Send>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Batch").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Hashing {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with(digest::together(), THREADS_PER_CORE * cores)
    }

    fn with(together: usize, threads: usize) -> Self {
        Self(Arc::new(Desk { queue: Mutex::default(), together, threads }))
    }

    /// Has bytes hashed and hands them on, on the thread that did it. It runs to its end, also when
    /// nobody waits for it any more.
    pub(crate) fn hash<T: Send + 'static>(
        &self,
        hasher: Hasher,
        bytes: Vec<u8>,
        then: impl FnOnce(Hasher, Vec<u8>) -> T + Send + 'static,
    ) -> Hashed<T> {
        let (sender, receiver) = oneshot::channel();
        let then = Box::new(move |hasher, bytes| {
            // Who has left meanwhile does not want it: what it holds is dropped here, on this thread.
            drop(sender.send(then(hasher, bytes)));
        });
        if self.0.bring(Batch { hasher, bytes, then }) {
            let desk = Arc::clone(&self.0);
            drop(runtime::background::spawn(move || Desk::work(&desk)));
        }
        Hashed(receiver)
    }
}

impl Desk {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a batch in. Whether a thread is to begin with it: one that works will come to it, so
    /// another one is worth it only for all that can be hashed together.
    fn bring(&self, batch: Batch) -> bool {
        let mut queue = self.queue();
        queue.waiting.push_back(batch);
        let begins = match queue.threads {
            0 => true,
            threads => threads < self.threads && queue.waiting.len() >= self.together,
        };
        queue.threads += usize::from(begins);
        begins
    }

    /// Hashes until nothing waits.
    fn work(self: &Arc<Self>) {
        let mut place = Place { desk: self, held: true };
        while let Some(mut batches) = place.next() {
            let mut work: Vec<_> =
                batches.iter_mut().map(|batch| (&mut batch.hasher, &batch.bytes[..])).collect();
            digest::update_together(&mut work);
            for Batch { hasher, bytes, then } in batches {
                then(hasher, bytes);
            }
        }
    }
}

/// A thread's place among those that hash.
struct Place<'a> {
    desk: &'a Desk,
    held: bool,
}

impl Place<'_> {
    /// What is hashed next. When nothing waits the place is given up in the same moment, so that
    /// whatever comes next begins a thread.
    fn next(&mut self) -> Option<Vec<Batch>> {
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

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Only a panic ends a thread that still has its place.
        if self.held {
            self.desk.queue().threads -= 1;
        }
    }
}

/// What was handed on, once it is.
#[derive(Debug)]
pub(crate) struct Hashed<T>(oneshot::Receiver<T>);

impl<T> Hashed<T> {
    /// Waits for it. Cancel-safe: it can be waited for again.
    pub(crate) async fn end(&mut self) -> Result<T, StoreError> {
        // The runtime stops before a thread could begin.
        (&mut self.0).await.map_err(|_| StoreError::Stopping)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A batch whose thread then waits, and what ends the waiting.
    fn held(hashing: &Hashing) -> (Hashed<bool>, mpsc::Sender<()>) {
        let (release, held) = mpsc::channel::<()>();
        let then = move |_, _| held.recv().is_ok();
        (hashing.hash(Hasher::new(false), b"held".to_vec(), then), release)
    }

    fn abc(hashing: &Hashing) -> Hashed<String> {
        let then = |hasher: Hasher, _| hasher.finish().0.to_string();
        hashing.hash(Hasher::new(false), b"abc".to_vec(), then)
    }

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[tokio::test]
    async fn a_further_thread_begins_once_as_many_wait_as_are_hashed_together() {
        let hashing = Hashing::with(2, 2);
        let (mut first, release) = held(&hashing);
        // The first thread has taken its batch, and waits.
        while !hashing.0.queue().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        let mut second = abc(&hashing);
        assert_eq!(hashing.0.queue().threads, 1, "one batch alone waits for the thread there is");
        let mut third = abc(&hashing);
        assert_eq!(second.end().await.unwrap(), ABC);
        assert_eq!(third.end().await.unwrap(), ABC);
        release.send(()).unwrap();
        assert!(first.end().await.unwrap());
    }

    #[tokio::test]
    async fn no_more_threads_hash_at_once_than_the_limit() {
        let hashing = Hashing::with(1, 2);
        let (mut first, release_first) = held(&hashing);
        let (mut second, release_second) = held(&hashing);
        let mut third = abc(&hashing);
        assert_eq!(hashing.0.queue().threads, 2);
        release_first.send(()).unwrap();
        assert!(first.end().await.unwrap());
        assert_eq!(third.end().await.unwrap(), ABC);
        release_second.send(()).unwrap();
        assert!(second.end().await.unwrap());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_still_done() {
        let hashing = Hashing::with(4, 1);
        let (first, release) = held(&hashing);
        drop(first);
        let mut second = abc(&hashing);
        release.send(()).unwrap();
        assert_eq!(second.end().await.unwrap(), ABC);
    }

    #[tokio::test]
    async fn a_thread_that_panics_leaves_its_place_to_the_next() {
        let hashing = Hashing::with(1, 1);
        let panics = |_, _| -> bool { panic!("a test of what happens then") };
        let mut first = hashing.hash(Hasher::new(false), Vec::new(), panics);
        assert!(matches!(first.end().await, Err(StoreError::Stopping)));
        while hashing.0.queue().threads > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(abc(&hashing).end().await.unwrap(), ABC);
    }
}
