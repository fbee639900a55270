//! The bodies of our responses.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::idle::Request;
use crate::mount::MountedBody;
use crate::page::Live;
use crate::relay::{BrokenOff, Relay};

/// The body of a response.
pub(crate) enum ResponseBody {
    /// Known as a whole; taken when sent.
    Whole(Option<Bytes>),
    /// An upstream's answer.
    Relay(Box<Relay>),
    /// What the gateway carries now.
    Live(Box<Live>),
    /// A mounted service's answer.
    Mounted(MountedBody),
}

/// A body, and what is under way as long as it is sent.
pub(crate) struct Held {
    pub(crate) body: ResponseBody,
    pub(crate) _request: Request,
}

impl Body for Held {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl From<Relay> for ResponseBody {
    fn from(relay: Relay) -> Self {
        Self::Relay(Box::new(relay))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay(relay) => {
                relay.poll_data(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
            Self::Live(live) => {
                live.poll_event(context).map(|event| event.map(|event| Ok(Frame::data(event))))
            }
            Self::Mounted(body) => Pin::new(body).poll_frame(context).map_err(BrokenOff::mounted),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relay(relay) => relay.is_at_end(),
            Self::Live(_) => false,
            Self::Mounted(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Relay(_) | Self::Live(_) => SizeHint::default(),
            Self::Mounted(body) => body.size_hint(),
        }
    }
}
