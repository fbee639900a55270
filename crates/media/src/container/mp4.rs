//! The boxes of an MP4 file, one after the other. Source: ISO/IEC 14496-12, section 4.2.

use super::{BoxKind, Container, Head, NotWhole, length};

/// The head of a box: its length in 32 bits, and its kind.
const HEAD: usize = 8;

/// The head of a box whose length has 64 bits, which stand behind its kind.
const LONG_HEAD: usize = 16;

/// What every file begins with.
const FILE_TYPE: BoxKind = BoxKind(*b"ftyp");

/// The description of the film.
const MOVIE: BoxKind = BoxKind(*b"moov");

/// The film.
const MEDIA: BoxKind = BoxKind(*b"mdat");

/// Where in the file we are, and what was seen of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Mp4 {
    place: Place,
    begun: bool,
    has_movie: bool,
    has_media: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Head(Head<LONG_HEAD>),
    Within {
        kind: BoxKind,
        size: u64,
        came: u64,
    },
    /// In a box that reaches to the end of the file, wherever that is.
    ToTheEnd,
}

impl Default for Place {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

/// Whether the length has 64 bits: a length of one byte cannot be meant.
fn is_long(head: &Head<LONG_HEAD>) -> bool {
    head.bytes.starts_with(&[0, 0, 0, 1])
}

impl Mp4 {
    pub(super) fn feed(&mut self, mut piece: &[u8]) -> Result<(), NotWhole> {
        while !piece.is_empty() {
            match &mut self.place {
                Place::ToTheEnd => return Ok(()),
                Place::Within { size, came, .. } => {
                    let left = *size - *came;
                    if length(piece) < left {
                        *came += length(piece);
                        return Ok(());
                    }
                    // It fits: the box ends within this piece.
                    piece = &piece[usize::try_from(left).unwrap_or(piece.len())..];
                    self.place = Place::default();
                }
                Place::Head(head) => {
                    let is_there = head.fill(HEAD, &mut piece)
                        && (!is_long(head) || head.fill(LONG_HEAD, &mut piece));
                    if is_there {
                        let head = *head;
                        self.open(&head)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Goes into a box whose head is there.
    fn open(&mut self, head: &Head<LONG_HEAD>) -> Result<(), NotWhole> {
        let [s0, s1, s2, s3, k0, k1, k2, k3, long @ ..] = head.bytes;
        let kind = BoxKind([k0, k1, k2, k3]);
        if !self.begun && kind != FILE_TYPE {
            return Err(NotWhole::OtherFormat(Container::Mp4));
        }
        self.begun = true;
        self.has_movie |= kind == MOVIE;
        self.has_media |= kind == MEDIA;
        let came = u64::try_from(head.length).unwrap_or(u64::MAX);
        self.place = match u32::from_be_bytes([s0, s1, s2, s3]) {
            0 => Place::ToTheEnd,
            1 => Place::Within { kind, size: u64::from_be_bytes(long), came },
            size => Place::Within { kind, size: u64::from(size), came },
        };
        match self.place {
            Place::Within { kind, size, .. } if size < came => {
                Err(NotWhole::TinyBox { kind, size })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn end(&self) -> Result<(), NotWhole> {
        match self.place {
            Place::Within { kind, size, came } if came < size => {
                return Err(NotWhole::ShortBox { kind, size, came });
            }
            Place::Head(_) if !self.begun => {
                return Err(NotWhole::OtherFormat(Container::Mp4));
            }
            Place::Head(head) if head.length > 0 => return Err(NotWhole::CutHead),
            _ => {}
        }
        match (self.has_movie, self.has_media) {
            (false, _) => Err(NotWhole::NoBox(MOVIE)),
            (_, false) => Err(NotWhole::NoBox(MEDIA)),
            _ => Ok(()),
        }
    }
}
