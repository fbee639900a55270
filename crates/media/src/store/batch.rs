//! What a local file's writer gathers before it is hashed and written.

use super::BATCH_BYTES;

/// What storage devices and file systems want the address, the place in the file and the length of
/// bytes to be a multiple of when they take them directly (`O_DIRECT` in open(2)): a page, to which the
/// block size of nearly every device is a divisor.
pub(super) const ALIGNMENT: usize = 4096;

/// Up to [`BATCH_BYTES`], at an address that is a multiple of [`ALIGNMENT`]. It takes memory with its
/// first byte.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// What is before `start` only brings the rest to its address. It never grows past what is
    /// reserved at first, and so it never moves.
    memory: Vec<u8>,
    start: usize,
}

impl Batch {
    /// Takes as many bytes as there is room for, and gives back the rest.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.memory.capacity() == 0 && !bytes.is_empty() {
            self.memory.reserve_exact(ALIGNMENT + BATCH_BYTES);
            self.start = self.memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
            self.memory.resize(self.start, 0);
        }
        let (now, later) = bytes.split_at(bytes.len().min(BATCH_BYTES - self.as_ref().len()));
        self.memory.extend_from_slice(now);
        later
    }

    pub(super) fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.as_ref().len() == BATCH_BYTES
    }

    /// Forgets the bytes and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.memory.truncate(self.start);
    }
}

impl AsRef<[u8]> for Batch {
    fn as_ref(&self) -> &[u8] {
        &self.memory[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_what_it_has_room_for_at_an_address_for_the_disk() {
        let mut batch = Batch::default();
        assert!(batch.take(&[]).is_empty() && batch.is_empty() && batch.memory.capacity() == 0);
        let bytes: Vec<u8> = (0..=250).cycle().take(BATCH_BYTES + 3).collect();
        assert!(batch.take(&bytes[..100]).is_empty() && !batch.is_full());
        assert_eq!(batch.take(&bytes[100..]), &bytes[BATCH_BYTES..]);
        assert!(batch.is_full() && !batch.is_empty());
        assert_eq!(batch.take(b"more"), b"more");
        assert_eq!(batch.as_ref(), &bytes[..BATCH_BYTES]);
        let address = batch.as_ref().as_ptr();
        assert_eq!(address.align_offset(ALIGNMENT), 0);
        batch.clear();
        assert!(batch.is_empty());
        assert!(batch.take(b"again").is_empty());
        assert_eq!((batch.as_ref(), batch.as_ref().as_ptr()), (&b"again"[..], address));
    }
}
