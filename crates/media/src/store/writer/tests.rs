use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::store::{BATCH_BYTES, Kind, OnConflict, SafeName, Store, StoreError, Target, Writer};
use crate::{Limits, store};

async fn store(limits: Limits) -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_folder(Kind::Video, folder.path(), &limits).await.unwrap();
    (folder, store)
}

async fn begin(store: &Store) -> Writer {
    let name = SafeName::parse("clip.mp4").unwrap();
    store.create(Target::new(name, OnConflict::Overwrite)).await.unwrap()
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Vec<u8> {
    let mut bytes = (0..251).collect::<Vec<u8>>().repeat(length / 251 + 1);
    bytes.truncate(length);
    bytes
}

#[tokio::test]
async fn bytes_come_out_as_they_went_in_however_they_are_cut() {
    let (folder, store) = store(Limits::default()).await;
    let whole = pattern(2 * BATCH_BYTES + 12_345);
    for pieces in [1000, BATCH_BYTES - 1, BATCH_BYTES, BATCH_BYTES + 1, whole.len()] {
        let mut writer = begin(&store).await;
        for piece in whole.chunks(pieces) {
            writer.write(piece).await.unwrap();
        }
        assert_eq!(writer.accepted_bytes(), u64::try_from(whole.len()).unwrap());
        let written = writer.finish().await.unwrap();
        let bytes = std::fs::read(folder.path().join("clip.mp4")).unwrap();
        assert!(bytes == whole, "pieces of {pieces}");
        let mut hasher = store::digest::Hasher::new(false);
        hasher.update(&whole);
        assert_eq!(written.sha256, hasher.finish().0);
    }
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let (_folder, store) = store(Limits::default()).await;
    assert_eq!(begin(&store).await.finish().await.unwrap().bytes, 0);
    let name = SafeName::parse("clip.mp4").unwrap();
    assert!(store.read(&name, 0).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_ends_at_the_limit() {
    let limits = Limits { file_bytes: 10, ..Limits::default() };
    let (_folder, store) = store(limits).await;
    let mut writer = begin(&store).await;
    writer.write(&[0; 10]).await.unwrap();
    let error = writer.write(&[0]).await.unwrap_err();
    assert_eq!(error.to_string(), "File is larger than the limit of 10 bytes: clip.mp4");
    let mut writer = begin(&store).await;
    writer.write(&[0; 10]).await.unwrap();
    assert_eq!(writer.finish().await.unwrap().bytes, 10);
}

#[tokio::test]
async fn dropping_a_writer_at_any_moment_leaves_nothing() {
    let (folder, store) = store(Limits::default()).await;
    for length in [0, 1, BATCH_BYTES, 2 * BATCH_BYTES + 1] {
        let mut writer = begin(&store).await;
        writer.write(&pattern(length)).await.unwrap();
        drop(writer);
    }
    // The removal is a job of its own.
    let gone = async {
        while entries(folder.path()) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test]
async fn a_fresh_start_forgets_all_bytes() {
    let (folder, store) = store(Limits::default()).await;
    let mut writer = begin(&store).await;
    writer.write(&pattern(BATCH_BYTES + 5)).await.unwrap();
    writer.restart().await.unwrap();
    assert_eq!(writer.accepted_bytes(), 0);
    writer.write(b"abc").await.unwrap();
    assert_eq!(writer.finish().await.unwrap().bytes, 3);
    assert_eq!(std::fs::read(folder.path().join("clip.mp4")).unwrap(), b"abc");
}

#[tokio::test]
async fn junk_never_lands() {
    let (folder, store) = store(Limits::default()).await;
    for junk in ["x.sh", "x", "x.mp4.exe", "page.html"] {
        let target = Target::new(SafeName::parse(junk).unwrap(), OnConflict::Overwrite);
        let error = store.create(target).await.unwrap_err();
        assert!(matches!(error, StoreError::Extension { .. }), "{error}");
        let start = format!("Unsupported file extension in '{junk}': use one of .mp4, ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
    assert_eq!(entries(folder.path()), 0);
}

#[tokio::test]
async fn a_part_is_read_as_far_as_the_file_goes() {
    let (_folder, store) = store(Limits::default()).await;
    let whole = pattern(store::PIECE_BYTES + 100);
    let mut writer = begin(&store).await;
    writer.write(&whole).await.unwrap();
    let name = writer.finish().await.unwrap().name;
    for (offset, length) in
        [(0, 10), (5, 1 << 40), (whole.len() - 1, 5), (whole.len(), 5), (1 << 40, 5)]
    {
        let (from, to) = (offset.min(whole.len()), (offset + length).min(whole.len()));
        let (offset, length) = (u64::try_from(offset).unwrap(), u64::try_from(length).unwrap());
        let mut reader = store.reader(&name, offset, length).await.unwrap();
        let mut read = Vec::new();
        while let Some(piece) = reader.next().await.unwrap() {
            assert!(piece.len() <= store::PIECE_BYTES);
            read.extend_from_slice(&piece);
        }
        assert!(read == whole[from..to], "{offset} {length}");
    }
    let limit = u64::try_from(whole.len()).unwrap();
    assert!(store.read(&name, limit).await.unwrap() == whole);
    assert!(matches!(store.read(&name, limit - 1).await, Err(StoreError::TooLarge { .. })));
}
