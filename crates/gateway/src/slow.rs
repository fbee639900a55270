//! Clients that do not read.
//!
//! Hyper asks a body for more as soon as the last piece has gone into its buffers. A body that
//! has handed out a piece and is not asked again therefore has a client that leaves bytes unread:
//! no timer is needed while everything flows.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use crate::tasks::Tasks;

tokio::task_local! {
    /// The back-pressure of the HTTP/2 stream that is being polled.
    static STREAM: Rc<Pressure>;
}

/// Whether a client keeps us waiting; shared by a body and whoever drives it.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    blocked: Cell<bool>,
    cut: Cell<bool>,
}

impl Pressure {
    /// The pressure of the HTTP/2 stream that is being polled, if one is.
    pub(crate) fn of_stream() -> Option<Rc<Self>> {
        STREAM.try_with(Rc::clone).ok()
    }

    /// The body has handed out a piece (true), or has been asked and had none (false).
    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.blocked.set(blocked);
    }

    /// Whether the client was cut off because it did not read.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.get()
    }
}

pin_project! {
    /// Drives a connection or a stream, and ends it when its client reads nothing for too long.
    pub(crate) struct Guarded<F> {
        #[pin]
        inner: F,
        pressure: Rc<Pressure>,
        scoped: bool,
        limit: Duration,
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl<F> Guarded<F> {
    /// Guards a whole HTTP/1.1 connection, whose service knows `pressure`.
    pub(crate) fn connection(inner: F, pressure: Rc<Pressure>, limit: Duration) -> Self {
        Self { inner, pressure, scoped: false, limit, timer: None }
    }

    /// What is guarded.
    pub(crate) fn inner(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().inner
    }

    /// Guards one stream of HTTP/2; the service finds its pressure by [`Pressure::of_stream`].
    fn stream(inner: F, limit: Duration) -> Self {
        Self { inner, pressure: Rc::default(), scoped: true, limit, timer: None }
    }
}

impl<F: Future> Future for Guarded<F> {
    /// `None` when the client was too slow.
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = if *this.scoped {
            STREAM.sync_scope(Rc::clone(this.pressure), || this.inner.poll(context))
        } else {
            this.inner.poll(context)
        };
        if let Poll::Ready(output) = polled {
            return Poll::Ready(Some(output));
        }
        if !this.pressure.blocked.get() {
            *this.timer = None;
            return Poll::Pending;
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(*this.limit)));
        ready!(timer.as_mut().poll(context));
        this.pressure.cut.set(true);
        Poll::Ready(None)
    }
}

/// Starts the streams of an HTTP/2 connection, each guarded.
#[derive(Debug, Clone)]
pub(crate) struct GuardedStreams {
    pub(crate) tasks: Tasks,
    pub(crate) limit: Duration,
}

impl<F> hyper::rt::Executor<F> for GuardedStreams
where
    F: Future + 'static,
{
    fn execute(&self, stream: F) {
        let guarded = Guarded::stream(stream, self.limit);
        self.tasks.spawn(async move {
            guarded.await;
        });
    }
}
