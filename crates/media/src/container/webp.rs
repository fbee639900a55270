//! The length at the beginning of a WEBP file. Source: RFC 9649, section 2.4.

use super::{Container, Head, NotWhole, length};

/// `RIFF`, the length of what follows these eight bytes, and `WEBP`.
const HEAD: usize = 12;

/// The head, and how many bytes have come.
#[derive(Debug, Clone, Default)]
pub(super) struct Webp {
    head: Head<HEAD>,
    came: u64,
}

impl Webp {
    pub(super) fn feed(&mut self, mut piece: &[u8]) -> Result<(), NotWhole> {
        self.came += length(piece);
        let is_new = self.head.length < HEAD;
        if is_new && self.head.fill(HEAD, &mut piece) && !self.is_webp() {
            return Err(NotWhole::OtherFormat(Container::Webp));
        }
        Ok(())
    }

    fn is_webp(&self) -> bool {
        self.head.bytes.starts_with(b"RIFF") && self.head.bytes.ends_with(b"WEBP")
    }

    pub(super) fn end(&self) -> Result<(), NotWhole> {
        if self.head.length < HEAD {
            return Err(NotWhole::OtherFormat(Container::Webp));
        }
        let [_, _, _, _, s0, s1, s2, s3, ..] = self.head.bytes;
        let (said, came) = (u64::from(u32::from_le_bytes([s0, s1, s2, s3])) + 8, self.came);
        // A byte that makes the length even is not counted by every writer.
        let padded = said.next_multiple_of(2);
        if came == said || came == padded {
            Ok(())
        } else {
            Err(NotWhole::OtherLength { said, came })
        }
    }
}
