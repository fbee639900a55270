//! Client connections on which nothing is asked.
//!
//! Hyper closes an idle connection of HTTP/1.1 by its deadline for heads. Of HTTP/2 it knows only
//! whether the client still answers pings, which one that means harm does for ever: a few without a key
//! would take all connections there are.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};
use wire::preface::Protocol;

use crate::body::{Held, ResponseBody};

/// The requests of one connection.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    begun: Cell<u64>,
    under_way: Cell<usize>,
}

/// One of them, from its head to the end of its answer.
#[derive(Debug)]
pub(crate) struct Request(Rc<Requests>);

impl Requests {
    pub(crate) fn begin(requests: &Rc<Self>) -> Request {
        requests.begun.set(requests.begun.get() + 1);
        requests.under_way.set(requests.under_way.get() + 1);
        Request(Rc::clone(requests))
    }
}

impl Request {
    /// The request is under way until its answer has been sent or dropped.
    pub(crate) fn until_end_of(self, body: ResponseBody) -> Held {
        Held { body, _request: self }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}

/// How a connection was idle for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idled {
    /// Nothing was ever asked.
    WithoutRequest,
    /// Nothing was asked any more.
    Afterwards,
}

/// Finds out that a connection is idle. While the first request is waited for, that is told after
/// `limit`; later, only where HTTP/1.1 is not spoken, after once to twice `limit`: requests end in tasks
/// of their own, and one look in every `limit` costs them nothing.
pub(crate) struct Idle {
    limit: Duration,
    began: Instant,
    http1: bool,
    /// Requests that had begun when the timer was set.
    seen: u64,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    pub(crate) fn new(limit: Duration, spoken: Option<Protocol>) -> Self {
        let http1 = matches!(spoken, Some(Protocol::Http1));
        Self { limit, began: Instant::now(), http1, seen: 0, timer: None }
    }

    /// Ready once, when the connection has been idle for too long.
    pub(crate) fn poll(&mut self, requests: &Requests, context: &mut Context<'_>) -> Poll<Idled> {
        loop {
            let begun = requests.begun.get();
            if begun > 0 && self.http1 {
                self.timer = None;
                return Poll::Pending;
            }
            if begun > 0 && self.seen == 0 {
                // From the first request on it is another wait.
                (self.timer, self.seen) = (None, begun);
            }
            let due = if begun == 0 { self.began } else { Instant::now() } + self.limit;
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            ready!(timer.as_mut().poll(context));
            if begun == 0 {
                return Poll::Ready(Idled::WithoutRequest);
            }
            self.timer = None;
            if begun == self.seen && requests.under_way.get() == 0 {
                return Poll::Ready(Idled::Afterwards);
            }
            self.seen = begun;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    async fn idled(idle: &mut Idle, requests: &Requests) -> (Idled, Duration) {
        let began = Instant::now();
        let how = poll_fn(|context| idle.poll(requests, context)).await;
        (how, began.elapsed())
    }

    /// Whether it says nothing for so long.
    async fn is_silent_for(idle: &mut Idle, requests: &Requests, time: Duration) -> bool {
        tokio::time::timeout(time, idled(idle, requests)).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_request_is_waited_for_once() {
        let requests = Rc::<Requests>::default();
        for spoken in [Some(Protocol::Http1), Some(Protocol::Http2), None] {
            let mut idle = Idle::new(LIMIT, spoken);
            let (how, after) = idled(&mut idle, &requests).await;
            assert_eq!(how, Idled::WithoutRequest);
            assert!(after >= LIMIT && after < LIMIT + Duration::from_millis(2), "{after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn http1_has_a_deadline_of_its_own_afterwards() {
        let requests = Rc::<Requests>::default();
        drop(Requests::begin(&requests));
        let mut idle = Idle::new(LIMIT, Some(Protocol::Http1));
        assert!(is_silent_for(&mut idle, &requests, 10 * LIMIT).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_or_a_new_one_keeps_a_connection_and_none_ends_it() {
        let requests = Rc::<Requests>::default();
        let mut idle = Idle::new(LIMIT, Some(Protocol::Http2));
        let long = Requests::begin(&requests);
        assert!(is_silent_for(&mut idle, &requests, 5 * LIMIT).await);
        drop(long);
        for _ in 0..5 {
            drop(Requests::begin(&requests));
            assert!(is_silent_for(&mut idle, &requests, LIMIT - Duration::from_secs(1)).await);
        }
        let (how, after) = idled(&mut idle, &requests).await;
        assert_eq!(how, Idled::Afterwards);
        assert!(after <= 2 * LIMIT, "{after:?}");
    }
}
