//! Where server-sent events end: bytes go through unchanged, but only whole events.

use bytes::{Bytes, BytesMut};

/// Cuts a body into whole events. What is cut off in the middle of one is kept until the rest
/// arrives, so that a stream can be ended with an error, or kept alive with a comment, at any
/// moment: the client never holds half an event.
///
/// The work is linear in the bytes pushed; bytes are copied only where an event is spread over
/// several pieces.
#[derive(Debug)]
pub(crate) struct Boundaries {
    /// The beginning of an event that has not ended.
    carry: BytesMut,
    line: Line,
    limit: usize,
}

/// Where the scan stands within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// At its beginning.
    Empty,
    /// Behind at least one byte.
    Begun,
    /// Behind a carriage return that ended it; a line feed now belongs to that.
    Returned,
    /// Behind a carriage return that ended an event; a line feed now belongs to that.
    ReturnedFromEvent,
}

/// An event is longer than `limits.event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventTooLong;

impl Boundaries {
    /// At the beginning of a body, with the longest event in bytes that is allowed.
    pub(crate) fn new(limit: usize) -> Self {
        Self { carry: BytesMut::new(), line: Line::Empty, limit }
    }

    /// Takes the next piece and gives back all whole events, in one piece; empty where none has
    /// ended.
    pub(crate) fn push(&mut self, mut piece: Bytes) -> Result<Bytes, EventTooLong> {
        let end = self.scan(&piece)?;
        let rest = piece.split_off(end);
        let whole = if self.carry.is_empty() || end == 0 {
            piece
        } else {
            self.carry.extend_from_slice(&piece);
            self.carry.split().freeze()
        };
        if self.carry.len() + rest.len() > self.limit {
            return Err(EventTooLong);
        }
        self.carry.extend_from_slice(&rest);
        if self.carry.is_empty() {
            // A waiting stream holds no buffer.
            self.carry = BytesMut::new();
        }
        Ok(whole)
    }

    /// The end of the last event that ends in `bytes`; 0 where none does. An event that is too
    /// long is one however it is cut into pieces.
    fn scan(&mut self, bytes: &[u8]) -> Result<usize, EventTooLong> {
        let (mut at, mut end) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            if byte == b'\n' && matches!(self.line, Line::Returned | Line::ReturnedFromEvent) {
                at += 1;
                if self.line == Line::ReturnedFromEvent {
                    end = at;
                }
                self.line = Line::Empty;
                continue;
            }
            let Some(length) = memchr::memchr2(b'\n', b'\r', &bytes[at..]) else {
                self.line = Line::Begun;
                break;
            };
            let blank = length == 0 && self.line != Line::Begun;
            at += length + 1;
            let returned = bytes[at - 1] == b'\r';
            self.line = match (returned, blank) {
                (true, true) => Line::ReturnedFromEvent,
                (true, false) => Line::Returned,
                (false, _) => Line::Empty,
            };
            if blank {
                let carried = if end == 0 { self.carry.len() } else { 0 };
                if carried + (at - end) > self.limit {
                    return Err(EventTooLong);
                }
                end = at;
            }
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wire::sse::Parser;

    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<Bytes> {
        let mut boundaries = Boundaries::new(1000);
        pieces.iter().map(|piece| boundaries.push(Bytes::copy_from_slice(piece)).unwrap()).collect()
    }

    #[test]
    fn only_whole_events_come_out() {
        assert_eq!(
            cut(&[b"data: a\n\ndata: b", b"\n", b"\n"]),
            [&b"data: a\n\n"[..], b"", b"data: b\n\n"]
        );
        assert_eq!(
            cut(&[b"data: a\r\n\r\n", b"data: b\r\r"]),
            [&b"data: a\r\n\r\n"[..], b"data: b\r\r"]
        );
        assert_eq!(cut(&[b": hello\n\n"]), [&b": hello\n\n"[..]]);
    }

    #[test]
    fn a_line_feed_that_arrives_late_follows_its_event_at_once() {
        assert_eq!(cut(&[b"data: a\r\n\r", b"\n", b"x"]), [&b"data: a\r\n\r"[..], b"\n", b""]);
    }

    #[test]
    fn an_event_may_be_as_long_as_the_limit_and_no_longer() {
        let held = |length| Boundaries::new(10).push(Bytes::from(vec![b'x'; length]));
        assert_eq!(held(10), Ok(Bytes::new()));
        assert_eq!(held(11), Err(EventTooLong));
        let whole = |length: usize| {
            let event = [vec![b'x'; length - 2], b"\n\n".to_vec()].concat();
            let mut cut = Boundaries::new(10);
            let (first, last) = event.split_at(4);
            cut.push(Bytes::copy_from_slice(first)).unwrap();
            assert_eq!(cut.push(Bytes::copy_from_slice(last)).is_ok(), length <= 10);
            let two = Bytes::from([b"x\n\n".to_vec(), event].concat());
            Boundaries::new(10).push(two).map(|events| events.len() - 3)
        };
        assert_eq!(whole(10), Ok(10));
        assert_eq!(whole(11), Err(EventTooLong));
    }

    proptest! {
        #[test]
        fn any_split_passes_on_every_event_and_never_a_part_of_one(
            pieces in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![Just(b'\n'), Just(b'\r'), Just(b':'), Just(b'd')], 0..12), 0..8),
        ) {
            let slices: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let whole = pieces.concat();
            let out = cut(&slices).concat();
            prop_assert!(whole.starts_with(&out));
            let mut parser = Parser::default();
            parser.push(&out, |_| {}).unwrap();
            prop_assert!(!parser.is_inside_event(), "{:?}", out);
            // What was kept holds no end of an event.
            let mut ends = 0;
            let mut rest = Parser::default();
            rest.push(b"data: x\n", |_| {}).unwrap();
            rest.push(&whole[out.len()..], |_| ends += 1).unwrap();
            prop_assert!(out.is_empty() || ends <= 1);
            let mut again = Boundaries::new(1000);
            prop_assert_eq!(again.push(Bytes::from(whole)).unwrap().len(), out.len());
        }
    }
}
