//! The way from a job on the pool to whoever writes its result: a short queue of chunks.

use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Bytes of a chunk: large enough for the hop to a writer not to count, small beside what a job holds.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks under way. A job that is faster than the writer waits.
pub const CHUNKS: usize = 4;

/// Where a job writes its result to. What is left in its buffer leaves with [`Output::finish`]: a job
/// that fails sends no last, torn chunk.
#[derive(Debug)]
pub struct Output {
    chunk: Vec<u8>,
    chunks: mpsc::Sender<Bytes>,
    written: u64,
}

/// An output, and the chunks that come out of it. They end when the output is gone: whether the
/// result is whole, the job's own result says.
#[must_use]
pub fn channel() -> (Output, mpsc::Receiver<Bytes>) {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    (Output { chunk: Vec::new(), chunks: sender, written: 0 }, receiver)
}

impl Output {
    /// Sends what is left, and returns how many bytes there were in all.
    ///
    /// # Errors
    /// `BrokenPipe` when nobody takes chunks any longer.
    pub fn finish(mut self) -> io::Result<u64> {
        self.flush()?;
        Ok(self.written)
    }

    fn send(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.chunk));
        self.chunks.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.capacity() == 0 {
            self.chunk.reserve_exact(CHUNK_BYTES);
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        self.written += u64::try_from(taken).unwrap_or(u64::MAX);
        if self.chunk.len() == CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() { Ok(()) } else { self.send() }
    }
}
