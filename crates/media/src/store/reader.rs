//! Reading a file in pieces.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::jobs::FileJobs;
use super::listing::FileInfo;
use super::{StoreError, local};

/// Most bytes that are read at once.
pub const PIECE_BYTES: usize = 256 << 10;

/// A part of a file, read piece by piece. Another file that takes its name meanwhile does not
/// change what is read.
#[derive(Debug)]
pub struct Reader {
    info: FileInfo,
    range: Range<u64>,
    source: Source,
}

pub(super) enum Source {
    Local { file: Arc<File>, jobs: FileJobs },
    Remote(BoxStream<'static, object_store::Result<Bytes>>),
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Local { .. } => "Local",
            Self::Remote(_) => "Remote",
        })
    }
}

impl Reader {
    /// A reader of a part, which is cut to what the file has.
    pub(super) fn new(info: FileInfo, range: Range<u64>, source: Source) -> Self {
        let end = range.end.min(info.bytes);
        Self { range: range.start.min(end)..end, info, source }
    }

    /// The file that is read.
    #[must_use]
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// What is still to be read.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The next piece, of at most [`PIECE_BYTES`] (from an object storage: what one read of its
    /// connection brings); `None` after the last one.
    ///
    /// Cancel-safe: a piece that was not returned is read again.
    ///
    /// # Errors
    /// When the file cannot be read, or has become shorter.
    pub async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let (offset, length) = (self.range.start, left.min(PIECE_BYTES));
        let piece = match &mut self.source {
            Source::Local { file, jobs } => {
                let (file, name) = (Arc::clone(file), self.info.name.to_string());
                let read = move || {
                    let read = local::read_at(&file, offset, length);
                    read.map_err(|source| StoreError::Io { name, source })
                };
                jobs.run(read).await?
            }
            Source::Remote(pieces) => {
                let name = self.info.name.as_str();
                let piece = pieces.next().await.transpose();
                piece.map_err(|error| StoreError::from_remote(error, name))?.unwrap_or_default()
            }
        };
        if piece.is_empty() {
            let source = std::io::ErrorKind::UnexpectedEof.into();
            return Err(StoreError::Io { name: self.info.name.to_string(), source });
        }
        self.range.start += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        Ok(Some(piece))
    }
}
