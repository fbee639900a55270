//! Whether a file ends where its own container says, told while its bytes pass.
//!
//! A body can end cleanly and be short all the same: a proxy that truncates it announces the length
//! of what it sends. Nothing in HTTP tells then, but the file itself does.
//! Nothing is decoded and nothing is kept: a piece costs some instructions, whatever its length.

mod jpeg;
mod mp4;
mod webp;

use std::fmt;

use self::jpeg::Jpeg;
use self::mp4::Mp4;
use self::webp::Webp;

/// A format whose files say where they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// Boxes with their lengths (ISO/IEC 14496-12), from `ftyp` on, with a `moov` and an `mdat`.
    Mp4,
    /// A RIFF file, whose length stands at its beginning.
    Webp,
    /// From the marker SOI to the marker EOI; zeros may follow.
    Jpeg,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mp4 => "MP4",
            Self::Webp => "WEBP",
            Self::Jpeg => "JPEG",
        })
    }
}

/// The four letters of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxKind(pub [u8; 4]);

impl fmt::Display for BoxKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// Why a file is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// It begins with something else, such as a message of an error.
    #[error("it does not begin as {0} does")]
    OtherFormat(Container),
    /// A box is longer than what is left of the file.
    #[error("box '{kind}' says {size} bytes, {came} came")]
    ShortBox {
        /// Which one.
        kind: BoxKind,
        /// Its length with its head, as it says.
        size: u64,
        /// What there is of it.
        came: u64,
    },
    /// The file ends within the head of a box.
    #[error("it ends within the head of a box")]
    CutHead,
    /// A box is shorter than its own head, so that nobody knows where the next one begins.
    #[error("box '{kind}' says {size} bytes, fewer than its head has")]
    TinyBox {
        /// Which one.
        kind: BoxKind,
        /// Its length with its head, as it says.
        size: u64,
    },
    /// The description of the film or the film itself is not there.
    #[error("there is no box '{0}'")]
    NoBox(BoxKind),
    /// A file that says its length has another one.
    #[error("its head says {said} bytes, {came} came")]
    OtherLength {
        /// What it says.
        said: u64,
        /// What there is.
        came: u64,
    },
    /// A JPEG picture without its last marker.
    #[error("its end marker is missing")]
    NoEnd,
}

/// Follows the bytes of one file. [`Walker::feed`] takes them in pieces of any size, and
/// [`Walker::end`] says whether that was all.
#[derive(Debug, Clone)]
pub struct Walker(Format);

#[derive(Debug, Clone)]
enum Format {
    Mp4(Mp4),
    Webp(Webp),
    Jpeg(Jpeg),
}

impl Walker {
    /// Before the first byte of such a file.
    #[must_use]
    pub fn new(container: Container) -> Self {
        Self(match container {
            Container::Mp4 => Format::Mp4(Mp4::default()),
            Container::Webp => Format::Webp(Webp::default()),
            Container::Jpeg => Format::Jpeg(Jpeg::default()),
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When no further bytes can make it a whole file of its format. The walker is of no further
    /// use then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), NotWhole> {
        match &mut self.0 {
            Format::Mp4(mp4) => mp4.feed(bytes),
            Format::Webp(webp) => webp.feed(bytes),
            Format::Jpeg(jpeg) => jpeg.feed(bytes),
        }
    }

    /// Whether the file may end here.
    ///
    /// # Errors
    /// When it may not.
    pub fn end(&self) -> Result<(), NotWhole> {
        match &self.0 {
            Format::Mp4(mp4) => mp4.end(),
            Format::Webp(webp) => webp.end(),
            Format::Jpeg(jpeg) => jpeg.end(),
        }
    }
}

/// The first bytes of something, gathered from pieces of any size.
#[derive(Debug, Clone, Copy)]
struct Head<const MOST: usize> {
    bytes: [u8; MOST],
    length: usize,
}

impl<const MOST: usize> Default for Head<MOST> {
    fn default() -> Self {
        Self { bytes: [0; MOST], length: 0 }
    }
}

impl<const MOST: usize> Head<MOST> {
    /// Moves bytes from the front of a piece until there are `wanted` (at most `MOST`), and says
    /// whether there are.
    fn fill(&mut self, wanted: usize, piece: &mut &[u8]) -> bool {
        let missing = wanted.saturating_sub(self.length);
        let (taken, left) = piece.split_at(missing.min(piece.len()));
        self.bytes[self.length..][..taken.len()].copy_from_slice(taken);
        self.length += taken.len();
        *piece = left;
        self.length >= wanted
    }
}

/// The length of a piece. No machine has more than 64 bits of them.
fn length(piece: &[u8]) -> u64 {
    u64::try_from(piece.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
