//! Tells a worker's connections to finish.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

/// A flag that wakes those who watch it. Looking at it costs one read, which matters because
/// every connection looks each time it is woken.
#[derive(Debug, Default)]
pub(crate) struct Drain(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: Cell<bool>,
    /// By watcher; `None` is a free place.
    watchers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
}

/// One connection's place among the watchers; gives it back when dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    inner: Rc<Inner>,
    place: Option<usize>,
}

impl Drain {
    /// A new watcher.
    pub(crate) fn watch(&self) -> Watch {
        Watch { inner: Rc::clone(&self.0), place: None }
    }

    /// Begins to drain and wakes all watchers.
    pub(crate) fn begin(&self) {
        self.0.begun.set(true);
        let wakers: Vec<Waker> = self.0.watchers.borrow().iter().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Watch {
    /// Whether draining has begun; if not, the task is woken when it does. To be asked from one
    /// task only, whose waker is kept from the first time on.
    pub(crate) fn has_begun(&mut self, context: &Context<'_>) -> bool {
        if self.inner.begun.get() {
            return true;
        }
        if self.place.is_none() {
            let mut watchers = self.inner.watchers.borrow_mut();
            let waker = Some(context.waker().clone());
            let free = self.inner.free.borrow_mut().pop();
            let place = free.unwrap_or(watchers.len());
            match watchers.get_mut(place) {
                Some(empty) => *empty = waker,
                None => watchers.push(waker),
            }
            self.place = Some(place);
        }
        false
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let waker = self.inner.watchers.borrow_mut()[place].take();
            self.inner.free.borrow_mut().push(place);
            drop(waker);
        }
    }
}
