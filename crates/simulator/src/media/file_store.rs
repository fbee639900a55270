//! The files that clients have uploaded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Most files that are kept; the oldest goes first.
pub(crate) const MAX_FILES: usize = 256;

/// Most bytes of all files together; the oldest goes first.
pub(crate) const MAX_STORED_BYTES: usize = 128 * 1024 * 1024;

/// An uploaded file.
#[derive(Debug)]
pub(crate) struct StoredFile {
    pub(crate) id: String,
    /// Unix time in seconds.
    pub(crate) created_at: i64,
    pub(crate) filename: String,
    pub(crate) purpose: &'static str,
    pub(crate) data: Bytes,
}

/// The files of a server, oldest first. Locked once per request.
#[derive(Debug, Default)]
pub(crate) struct FileStore(Mutex<VecDeque<Arc<StoredFile>>>);

impl FileStore {
    /// Keeps a file.
    pub(crate) fn insert(&self, file: StoredFile) -> Arc<StoredFile> {
        let file = Arc::new(file);
        let mut files = self.lock();
        files.push_back(Arc::clone(&file));
        let mut stored: usize = files.iter().map(|file| file.data.len()).sum();
        while files.len() > MAX_FILES || (stored > MAX_STORED_BYTES && files.len() > 1) {
            stored -= files.pop_front().map_or(0, |oldest| oldest.data.len());
        }
        file
    }

    /// The file of an id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<StoredFile>> {
        self.lock().iter().find(|file| file.id == id).cloned()
    }

    /// Forgets a file; false when there is none.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut files = self.lock();
        let before = files.len();
        files.retain(|file| file.id != id);
        files.len() < before
    }

    /// All files, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<StoredFile>> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<StoredFile>>> {
        // A panic elsewhere cannot leave the list half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(store: &FileStore, id: usize, bytes: usize) {
        store.insert(StoredFile {
            id: id.to_string(),
            created_at: 0,
            filename: String::new(),
            purpose: "vision",
            data: vec![0; bytes].into(),
        });
    }

    #[test]
    fn the_oldest_file_makes_room_for_the_one_too_many() {
        let store = FileStore::default();
        (0..=MAX_FILES).for_each(|id| insert(&store, id, 1));
        assert!(store.get("0").is_none() && store.get("1").is_some());
        assert_eq!(store.all().len(), MAX_FILES);
        assert!(store.remove("1") && !store.remove("1"));
    }

    #[test]
    fn the_oldest_files_make_room_for_large_ones() {
        let store = FileStore::default();
        insert(&store, 0, 1);
        insert(&store, 1, MAX_STORED_BYTES - 1);
        assert!(store.get("0").is_some());
        insert(&store, 2, 1);
        assert!(store.get("0").is_none() && store.get("1").is_some());
        insert(&store, 3, MAX_STORED_BYTES + 1);
        assert_eq!(store.all().len(), 1);
    }
}
