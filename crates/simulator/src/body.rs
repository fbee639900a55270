//! Response bodies: whole ones, and streams.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use crate::media::{EventList, Transfer};
use crate::stream::{BEFORE_BREAK, EventStream};
use crate::wheel::{Alarm, Wheel};

/// The connection shall be closed here and now: the body was cut on purpose.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("cut on purpose")]
pub(crate) struct Cut;

/// A response body. A stream is boxed, so that idle connections stay small.
#[derive(Debug)]
pub(crate) enum Body {
    /// All bytes at once.
    Whole(Bytes),
    /// Fewer bytes than announced, then the connection is closed.
    Short(Box<Short>),
    /// Events, each when it is due.
    Stream(Box<EventStream>),
    /// Events that are known beforehand, each when it is due.
    Events(Box<EventList>),
    /// A file, piece by piece.
    Transfer(Box<Transfer>),
}

/// The first part of a body that is cut.
#[derive(Debug)]
pub(crate) struct Short {
    announced: usize,
    sent: Bytes,
    alarm: Alarm,
    cut_at: Instant,
}

impl Body {
    /// The first half of a body; the connection is closed once it has left.
    pub(crate) fn first_half(body: Vec<u8>, wheel: &Rc<Wheel>) -> Self {
        let announced = body.len();
        let sent = Bytes::from(body).slice(..announced / 2);
        let cut_at = Instant::now() + BEFORE_BREAK;
        Self::Short(Box::new(Short { announced, sent, alarm: Alarm::new(wheel), cut_at }))
    }

    /// All bytes at once.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(bytes.into())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(take(bytes).map(Ok)),
            Self::Short(short) => match take(&mut short.sent) {
                Some(frame) => Poll::Ready(Some(Ok(frame))),
                None => short.alarm.poll(short.cut_at, context).map(|_| Some(Err(Cut))),
            },
            Self::Stream(stream) => stream.poll_frame(context),
            Self::Events(events) => events.poll_frame(context),
            Self::Transfer(transfer) => transfer.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Short(_) => false,
            Self::Stream(stream) => stream.is_over(),
            Self::Events(events) => events.is_over(),
            Self::Transfer(transfer) => transfer.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let exact = |length: usize| SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX));
        match self {
            Self::Whole(bytes) => exact(bytes.len()),
            Self::Short(short) => exact(short.announced),
            Self::Stream(_) | Self::Events(_) => SizeHint::default(),
            Self::Transfer(transfer) => transfer.size_hint(),
        }
    }
}

fn take(bytes: &mut Bytes) -> Option<Frame<Bytes>> {
    (!bytes.is_empty()).then(|| Frame::data(std::mem::take(bytes)))
}
