//! Where the bytes of a transfer go: into a file, past what checks that it is whole.

use crate::container::{Container, NotWhole, Walker};
use crate::store::{StoreError, Writer};

/// A writer, and what follows the same bytes. Both always stand at the same place.
pub(super) struct Sink {
    writer: Writer,
    container: Option<Container>,
    walker: Option<Walker>,
}

impl Sink {
    /// Before the first byte. A file whose container is not known is not checked.
    pub(super) fn new(writer: Writer, container: Option<Container>) -> Self {
        Self { writer, container, walker: container.map(Walker::new) }
    }

    /// Takes the next bytes. The inner error says that they make no whole file: only
    /// [`Sink::restart`] makes sense then. For the outer one see [`Writer::write`].
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<Result<(), NotWhole>, StoreError> {
        if let Some(walker) = &mut self.walker
            && let Err(not_whole) = walker.feed(bytes)
        {
            return Ok(Err(not_whole));
        }
        self.writer.write(bytes).await.map(Ok)
    }

    /// Whether the file may end here.
    pub(super) fn end(&self) -> Result<(), NotWhole> {
        self.walker.as_ref().map_or(Ok(()), Walker::end)
    }

    /// How many bytes were taken since the beginning or the last [`Sink::restart`].
    pub(super) fn accepted_bytes(&self) -> u64 {
        self.writer.accepted_bytes()
    }

    /// Forgets everything, to begin again with the first byte.
    pub(super) async fn restart(&mut self) -> Result<(), StoreError> {
        self.walker = self.container.map(Walker::new);
        self.writer.restart().await
    }

    /// What gives the file its name.
    pub(super) fn into_writer(self) -> Writer {
        self.writer
    }
}
