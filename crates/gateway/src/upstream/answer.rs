//! The body of an upstream's answer, whichever HTTP it comes over.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::pool::Pool;
use super::{http1, http2};

/// The body of an answer, together with what its connection spends on it. Dropped early, it ends
/// the upstream's work: by closing an HTTP/1.1 connection, or resetting an HTTP/2 stream.
pub(crate) enum AnswerBody {
    /// Over HTTP/1.1; the connection goes back to the pool.
    Http1(Box<http1::Body>, Rc<Pool>),
    /// Over HTTP/2.
    Http2(http2::Body),
}

/// Why an answer breaks off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// Over HTTP/1.1.
    #[error("{0}")]
    Http1(#[from] http1::Http1Error),
    /// Over HTTP/2.
    #[error("{0}")]
    Http2(#[from] h2::Error),
}

impl AnswerBody {
    /// The next bytes, never none; `None` at the body's end. Cancel-safe: nothing is lost between
    /// two calls.
    pub(crate) fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        match self {
            Self::Http1(body, _) => {
                body.poll_data(context).map(|data| data.map(|it| it.map_err(BodyError::from)))
            }
            Self::Http2(body) => {
                body.poll_data(context).map(|data| data.map(|it| it.map_err(BodyError::from)))
            }
        }
    }

    /// Whether nothing follows.
    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Self::Http1(body, _) => body.is_at_end(),
            Self::Http2(body) => body.is_at_end(),
        }
    }

    /// The answer has been read: its connection may be used again.
    pub(crate) fn finish(self) {
        if let Self::Http1(body, pool) = self
            && let Some(connection) = body.into_idle()
        {
            pool.keep(connection);
        }
    }
}
