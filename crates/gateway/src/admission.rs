//! Who may begin: a cap on open streams with a bounded queue before it, and caps for each key.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// The places of the whole server. Its limit may change while it is in use.
#[derive(Debug)]
pub(crate) struct Places(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    limit: usize,
    open: usize,
    /// Who waits, in the order of arrival. Bounded by `enter`'s `queue`.
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// One place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Option<Arc<Places>>);

/// What came of asking for a place.
#[derive(Debug)]
pub(crate) enum Entry {
    /// There was one.
    Entered(Place),
    /// None is free; one arrives here as soon as it is this one's turn. Dropping it leaves the
    /// queue.
    Wait(oneshot::Receiver<Place>),
    /// None is free and the queue is full.
    Full,
}

impl Places {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner { limit, open: 0, waiting: VecDeque::new() })))
    }

    /// Asks for a place. At most `queue` requests wait at once.
    pub(crate) fn enter(self: &Arc<Self>, queue: usize) -> Entry {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.open < inner.limit {
            inner.open += 1;
            return Entry::Entered(Place(Some(Arc::clone(self))));
        }
        inner.waiting.retain(|waiter| !waiter.is_closed());
        if inner.waiting.len() >= queue {
            return Entry::Full;
        }
        let (sender, receiver) = oneshot::channel();
        inner.waiting.push_back(sender);
        Entry::Wait(receiver)
    }

    /// Whether the next request would be refused, so that its body need not be read.
    pub(crate) fn is_full(&self, queue: usize) -> bool {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.open >= inner.limit
            && inner.waiting.iter().filter(|waiter| !waiter.is_closed()).take(queue).count()
                >= queue
    }

    /// Changes the limit. Streams above a lower one go on; those that wait get in under a
    /// higher one.
    pub(crate) fn set_limit(self: &Arc<Self>, limit: usize) {
        let admitted = {
            let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            inner.limit = limit;
            let room = limit.saturating_sub(inner.open).min(inner.waiting.len());
            inner.open += room;
            inner.waiting.drain(..room).collect::<Vec<_>>()
        };
        for waiter in admitted {
            // One that has left gives its place back by dropping it.
            drop(waiter.send(Place(Some(Arc::clone(self)))));
        }
    }

    /// Takes a place back, or hands it to whoever waits longest.
    fn leave(self: &Arc<Self>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while inner.open <= inner.limit {
            let Some(waiter) = inner.waiting.pop_front() else { break };
            match waiter.send(Place(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // It has left. The place must not be given back while the lock is held.
                Err(mut place) => place.0 = None,
            }
        }
        inner.open -= 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.leave();
        }
    }
}

/// A count with a limit that its holder knows: open streams of a key or an upstream.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

/// One of a [`Count`], given back when dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Count>);

impl Count {
    /// Takes one, if there are fewer than `limit`.
    pub(crate) fn enter(self: &Arc<Self>, limit: usize) -> Option<Counted> {
        self.0
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < limit).then_some(open + 1)
            })
            .ok()
            .map(|_| Counted(Arc::clone(self)))
    }

    /// How many there are.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(entry: Entry) -> Place {
        match entry {
            Entry::Entered(place) => place,
            other => panic!("{other:?}"),
        }
    }

    fn waits(entry: Entry) -> oneshot::Receiver<Place> {
        match entry {
            Entry::Wait(receiver) => receiver,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_queue_is_served_in_order_and_is_bounded() {
        let places = Places::new(1);
        let held = entered(places.enter(2));
        let (mut first, mut second) = (waits(places.enter(2)), waits(places.enter(2)));
        assert!(places.is_full(2));
        assert!(matches!(places.enter(2), Entry::Full));
        assert!(first.try_recv().is_err());
        drop(held);
        let held = first.try_recv().unwrap();
        assert!(second.try_recv().is_err());
        drop(held);
        drop(second.try_recv().unwrap());
        assert!(!places.is_full(0));
        drop(entered(places.enter(0)));
    }

    #[test]
    fn who_leaves_the_queue_takes_no_place_with_it() {
        let places = Places::new(1);
        let held = entered(places.enter(1));
        drop(waits(places.enter(1)));
        let mut patient = waits(places.enter(1));
        drop(held);
        let held = patient.try_recv().unwrap();
        // Nobody waits: the place is free again afterwards.
        drop(held);
        drop(entered(places.enter(0)));
        // A place that was sent to somebody who left before looking comes back, too.
        let held = entered(places.enter(0));
        let receiver = waits(places.enter(1));
        drop(held);
        drop(receiver);
        drop(entered(places.enter(0)));
    }

    #[test]
    fn a_changed_limit_takes_effect_without_dropping_anybody() {
        let places = Places::new(2);
        let (one, two) = (entered(places.enter(0)), entered(places.enter(0)));
        places.set_limit(1);
        let mut waiter = waits(places.enter(1));
        drop(one);
        assert!(waiter.try_recv().is_err(), "one stream is still open under a limit of one");
        places.set_limit(3);
        let three = waiter.try_recv().unwrap();
        drop((two, three));
        assert!(!places.is_full(0));
    }

    #[test]
    fn a_count_ends_at_its_limit() {
        let count = Arc::new(Count::default());
        let one = count.enter(1).unwrap();
        assert!(count.enter(1).is_none());
        drop(one);
        assert!(count.enter(1).is_some());
    }
}
