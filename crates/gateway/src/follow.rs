//! Following an answer while it passes: where events end, when content begins, whether it was
//! whole, what it used.

use bytes::Bytes;
use http::StatusCode;
use wire::Dialect;
use wire::grammar::{Decoder, Step};

use crate::boundary::{Boundaries, EventTooLong};
use crate::call::{Call, Outcome};

/// Longest answer that is not streamed whose usage is read. Longer ones pass all the same.
const USAGE_LIMIT: usize = 1 << 20;

/// What is followed.
pub(crate) enum Follow {
    /// A stream of events.
    Events(Box<(Boundaries, Decoder)>),
    /// Anything else: a JSON document, an error page.
    Document {
        /// The pieces so far, shared with what was passed on; `None` once there are too many.
        pieces: Option<Vec<Bytes>>,
        bytes: usize,
        status: StatusCode,
    },
}

/// What the end of the upstream's body means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// All was passed on.
    Whole(Outcome),
    /// All was passed on, an error or nonsense of the upstream among it.
    Failed,
    /// The terminal event is missing, and nothing that was passed on says so.
    Unfinished,
}

impl Follow {
    pub(crate) fn events(dialect: Dialect, limit: usize) -> Self {
        Self::Events(Box::new((Boundaries::new(limit), Decoder::new(dialect))))
    }

    pub(crate) fn document(status: StatusCode) -> Self {
        Self::Document { pieces: Some(Vec::new()), bytes: 0, status }
    }

    pub(crate) fn is_events(&self) -> bool {
        matches!(self, Self::Events(_))
    }

    /// Takes the next piece and gives what of it can be passed on.
    pub(crate) fn push(&mut self, piece: Bytes, call: &Call) -> Result<Bytes, EventTooLong> {
        match self {
            Self::Events(events) => {
                let (boundaries, decoder) = &mut **events;
                let whole = boundaries.push(piece)?;
                if !whole.is_empty() {
                    note_events(&whole, decoder, call);
                }
                Ok(whole)
            }
            Self::Document { pieces, bytes, .. } => {
                *bytes += piece.len();
                if *bytes > USAGE_LIMIT {
                    *pieces = None;
                }
                if let Some(pieces) = pieces {
                    pieces.push(piece.clone());
                }
                Ok(piece)
            }
        }
    }

    /// The upstream's body has ended cleanly.
    pub(crate) fn finish(&mut self, call: &Call) -> Followed {
        match self {
            Self::Events(events) => match &events.1 {
                decoder if decoder.has_failed() => Followed::Failed,
                decoder if decoder.is_terminated() => Followed::Whole(Outcome::Complete),
                _ => Followed::Unfinished,
            },
            Self::Document { pieces, status, .. } => {
                if status.is_client_error() || status.is_server_error() {
                    return Followed::Whole(Outcome::of_refusal(*status));
                }
                if let Some(pieces) = pieces.take() {
                    let document = pieces.concat();
                    call.remember_maker(&document);
                    let mut tokens = call.progress.tokens.get();
                    tokens.read(&document);
                    call.progress.tokens.set(tokens);
                }
                Followed::Whole(Outcome::Complete)
            }
        }
    }
}

fn note_events(whole: &[u8], decoder: &mut Decoder, call: &Call) {
    let (mut events, mut chunks) = (0, 0);
    decoder.push(whole, &mut call.worker.scratch.borrow_mut(), |step| {
        events += 1;
        chunks += u64::from(matches!(step, Step::Chunk(_)));
    });
    let progress = &call.progress;
    if progress.events.get() == 0 {
        call.remember_maker(whole);
    }
    progress.events.set(progress.events.get() + events);
    call.worker.metrics().events.inc_by(events);
    if chunks > 0 {
        progress.chunks.set(progress.chunks.get() + chunks);
        if progress.first_token.get().is_none() {
            call.saw_first_token(tokio::time::Instant::now());
        }
    }
    let mut tokens = progress.tokens.get();
    tokens.read_events(whole);
    progress.tokens.set(tokens);
}
