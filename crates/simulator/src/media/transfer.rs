//! A file on its way to a client, with what shall go wrong.

use std::fmt;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::source::{Shareable, Source as _};
use super::transfers::Open;
use crate::body::Cut;
use crate::faults::{BreakageKind, Faults};
use crate::stats::Outcome;
use crate::stream::BEFORE_BREAK;
use crate::wheel::Alarm;
use crate::worker::InFlight;

/// Most bytes of a piece: what the system's send buffer takes at once. The HTTP library copies a
/// piece into the connection's own buffer, which so grows to this size and no further.
const PIECE_BYTES: usize = 64 * 1024;

/// A file with a pace leaves in so many pieces a second, or in pieces of [`PIECE_BYTES`].
const PACED_PIECES_PER_SECOND: u32 = 20;

/// The body of an answer that is a file, or a part of one. Dropping it before its end is how a
/// client that left shows.
pub(crate) struct Transfer {
    in_flight: InFlight,
    open: Open,
    source: Shareable,
    /// Position in the file of the next byte, and of the one after the last.
    at: u64,
    end: u64,
    sent: u64,
    alarm: Alarm,
    /// From when on the pace counts.
    started: Instant,
    /// Nothing leaves before.
    not_before: Option<Instant>,
    faults: Option<Box<Faults>>,
    /// Stalls that have been waited for.
    stalled: usize,
    breaking: Option<Instant>,
    over: bool,
}

/// The next frame of a body, its end, or its cut.
type NextFrame = Option<Result<Frame<Bytes>, Cut>>;

impl fmt::Debug for Transfer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transfer")
            .field("at", &self.at)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Transfer {
    /// Sends the bytes from `start` to before `end`. Of the faults, positions count the bytes of
    /// this body, wherever in the file it begins.
    pub(crate) fn new(
        mut in_flight: InFlight,
        open: Open,
        source: Shareable,
        (start, end): (u64, u64),
        faults: Faults,
    ) -> Self {
        let alarm = Alarm::new(&in_flight.worker().wheel);
        let now = Instant::now();
        let not_before = faults.slow_first.map(|delay| now + delay);
        // With a wrong length the HTTP library may stop asking before the end.
        if faults.media.announce.is_some() {
            in_flight.set_outcome(Outcome::Faulted);
        }
        let faults = (!faults.is_none()).then(|| Box::new(faults));
        let started = not_before.unwrap_or(now);
        Self {
            in_flight,
            open,
            source,
            at: start,
            end,
            sent: 0,
            alarm,
            started,
            not_before,
            faults,
            stalled: 0,
            breaking: None,
            over: start == end,
        }
    }

    /// Whether all has been sent.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// How much is still to come; unknown where the announced length is a lie.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let lies = self.faults.as_ref().is_some_and(|faults| {
            let ends = faults.breakage.is_some_and(|it| it.kind == BreakageKind::End);
            faults.media.announce.is_some() || ends
        });
        if lies { SizeHint::default() } else { SizeHint::with_exact(self.end - self.at) }
    }

    /// The next piece, once it may leave.
    pub(crate) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<NextFrame> {
        if self.over {
            return Poll::Ready(None);
        }
        if self.faults.is_some() {
            if let Some(outcome) = self.poll_break(context) {
                return outcome;
            }
            if let Some(due) = self.next_due()
                && self.alarm.poll(due, context).is_pending()
            {
                return Poll::Pending;
            }
        }
        let piece = self.take_piece();
        if self.at == self.end && self.breakage_after().is_none() {
            self.over = true;
            self.open.finish();
            let faulted = self.faults.is_some();
            let outcome = if faulted { Outcome::Faulted } else { Outcome::Finished };
            self.in_flight.set_outcome(outcome);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    /// Breaks the body when it is time to; `None` while there is something to send.
    fn poll_break(&mut self, context: &mut Context<'_>) -> Option<Poll<NextFrame>> {
        let after = self.breakage_after()?;
        if self.sent < after {
            return None;
        }
        let at = *self.breaking.get_or_insert_with(|| Instant::now() + BEFORE_BREAK);
        if self.alarm.poll(at, context).is_pending() {
            return Some(Poll::Pending);
        }
        self.over = true;
        self.in_flight.set_outcome(Outcome::Faulted);
        let kind = self.faults.as_ref()?.breakage?.kind;
        Some(Poll::Ready(match kind {
            BreakageKind::End => None,
            BreakageKind::Cut | BreakageKind::Error => Some(Err(Cut)),
        }))
    }

    /// Bytes before the break; `None` when the body ends before it or there.
    fn breakage_after(&self) -> Option<u64> {
        let after = u64::from(self.faults.as_ref()?.breakage?.after);
        (after < self.sent + (self.end - self.at)).then_some(after)
    }

    /// When the next piece may leave, if it has to wait.
    fn next_due(&mut self) -> Option<Instant> {
        let faults = self.faults.as_ref()?;
        while let Some((after, delay)) = faults.stalls.get(self.stalled)
            && u64::from(*after) <= self.sent
        {
            let now = Instant::now();
            let from = self.not_before.map_or(now, |before| before.max(now));
            self.not_before = Some(from + *delay);
            self.stalled += 1;
        }
        let paced = faults.media.pace.map(|pace| {
            let seconds = Duration::from_secs(self.sent / u64::from(pace));
            let rest = self.sent % u64::from(pace) * 1_000_000 / u64::from(pace);
            self.started + seconds + Duration::from_micros(rest)
        });
        self.not_before.max(paced)
    }

    fn take_piece(&mut self) -> Bytes {
        let mut most = PIECE_BYTES;
        let mut altered = None;
        if let Some(faults) = &self.faults {
            if let Some(pace) = faults.media.pace {
                let paced = usize::try_from(pace / PACED_PIECES_PER_SECOND).unwrap_or(most);
                most = most.min(paced.max(1));
            }
            let stall = faults.stalls.get(self.stalled).map(|(after, _)| u64::from(*after));
            for stop in stall.into_iter().chain(self.breakage_after()) {
                let left = usize::try_from(stop.saturating_sub(self.sent)).unwrap_or(most);
                most = most.min(left.max(1));
            }
            altered = faults.malformed.map(u64::from);
        }
        most = most.min(usize::try_from(self.end - self.at).unwrap_or(most));
        let mut piece = self.source.piece(self.at, most);
        let length = piece.length();
        if let Some(altered) = altered
            && (self.sent..self.sent + length).contains(&altered)
        {
            let mut bytes = piece.to_vec();
            bytes[usize::try_from(altered - self.sent).unwrap_or(0)] ^= 0x20;
            piece = bytes.into();
        }
        self.at += length;
        self.sent += length;
        self.open.sent(length);
        piece
    }
}
