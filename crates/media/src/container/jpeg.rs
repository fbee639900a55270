//! The first and the last marker of a JPEG file. Source: ITU-T T.81, annex B.

use super::{Container, Head, NotWhole};

/// The marker SOI, and the byte with which the next marker begins.
const START: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// The marker EOI.
const END: [u8; 2] = [0xFF, 0xD9];

/// How the file begins, and how it would end if it did here. Within the compressed picture the end
/// marker cannot stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Jpeg {
    head: Head<{ START.len() }>,
    last: u8,
    has_ended: bool,
}

impl Jpeg {
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), NotWhole> {
        let is_new = self.head.length < START.len();
        if is_new && self.head.fill(START.len(), &mut &*piece) && self.head.bytes != START {
            return Err(NotWhole::OtherFormat(Container::Jpeg));
        }
        // Some cameras and encoders fill the file up with zeros behind its end.
        if let Some(at) = piece.iter().rposition(|byte| *byte != 0) {
            let before = at.checked_sub(1).map_or(self.last, |before| piece[before]);
            self.has_ended = [before, piece[at]] == END;
        }
        self.last = piece.last().copied().unwrap_or(self.last);
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), NotWhole> {
        if self.head.length < START.len() {
            return Err(NotWhole::OtherFormat(Container::Jpeg));
        }
        if self.has_ended { Ok(()) } else { Err(NotWhole::NoEnd) }
    }
}
