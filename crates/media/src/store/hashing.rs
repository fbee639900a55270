//! Hashing what many writers have gathered, side by side.
//!
//! A file alone cannot be hashed with a processor's wide registers, many at once can. So writers
//! bring their batches to a [`Desk`], and a thread takes as many as it can hash together. Where little
//! happens, a batch is hashed alone; while the processor is busy, more gather, and cost less each.

use super::desk::Desk;
use super::digest::{self, Hasher};

/// Threads that hash at once, for each core. Hashing never waits for anything, so that more would
/// only take the core's cache from each other, and batches from those that are hashed together.
const THREADS_PER_CORE: usize = 1;

/// Where batches wait to be hashed. A writer has one here at most, so that there are never more than
/// writers. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Hashing(Desk<Box<dyn Batch>>);

/// Bytes to be hashed, and what is then done with them.
trait Batch: Send {
    fn parts(&mut self) -> (&mut Hasher, &[u8]);

    fn hashed(self: Box<Self>);
}

impl<B, F> Batch for (Hasher, B, F)
where
    B: AsRef<[u8]> + Send,
    F: FnOnce(Hasher, B) + Send,
{
    fn parts(&mut self) -> (&mut Hasher, &[u8]) {
        (&mut self.0, self.1.as_ref())
    }

    fn hashed(self: Box<Self>) {
        let (hasher, bytes, then) = *self;
        then(hasher, bytes);
    }
}

impl Hashing {
    pub(super) fn new() -> Self {
        Self(Desk::new(THREADS_PER_CORE, digest::together(), hash_together))
    }

    /// Has bytes hashed and hands them on, on the thread that did it: `then` should only pass them
    /// to somebody.
    pub(super) fn hash<B>(
        &self,
        hasher: Hasher,
        bytes: B,
        then: impl FnOnce(Hasher, B) + Send + 'static,
    ) where
        B: AsRef<[u8]> + Send + 'static,
    {
        self.0.bring(Box::new((hasher, bytes, then)));
    }
}

fn hash_together(mut batches: Vec<Box<dyn Batch>>) {
    let mut work: Vec<_> = batches.iter_mut().map(|batch| batch.parts()).collect();
    digest::update_together(&mut work);
    batches.into_iter().for_each(Batch::hashed);
}
