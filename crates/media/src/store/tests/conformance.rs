//! What every store promises, wherever its files are.

use std::io::Read as _;

use crate::store::remote::PART_BYTES;
use crate::store::{
    Listing, MAX_LISTED, OnConflict, SafeName, SortBy, Store, StoreError, Target, digest,
};

/// Checks all promises. The folders `a` and `a/b` exist where folders must.
pub(super) async fn check(store: &Store) {
    what_was_written_is_read(store).await;
    parts_are_read(store).await;
    what_is_missing_is_not_found(store).await;
    taken_names_follow_the_policy(store).await;
    two_writers_do_not_mix(store).await;
    what_is_given_up_never_was(store).await;
    a_broken_promise_keeps_the_file_from_its_name(store).await;
    a_fresh_start_forgets(store).await;
    listings_show_whole_names(store).await;
    a_decoder_gets_a_file(store).await;
}

fn name(text: &str) -> SafeName {
    SafeName::parse(text).unwrap()
}

fn bytes(seed: u8, length: usize) -> Vec<u8> {
    let mut bytes = (seed..seed + 200).collect::<Vec<u8>>().repeat(length / 200 + 1);
    bytes.truncate(length);
    bytes
}

async fn put(
    store: &Store,
    to: &str,
    on_conflict: OnConflict,
    bytes: &[u8],
) -> Result<String, StoreError> {
    let written = store.write(Target::new(name(to), on_conflict), bytes).await?;
    assert_eq!(written.bytes, u64::try_from(bytes.len()).unwrap());
    let mut hasher = digest::Hasher::new(false);
    hasher.update(bytes);
    assert_eq!(written.sha256, hasher.finish().0);
    Ok(written.name.to_string())
}

async fn read(store: &Store, from: &str) -> Vec<u8> {
    store.read(&name(from), u64::MAX).await.unwrap().to_vec()
}

/// Lengths around the limits of batches and parts.
const LENGTHS: [usize; 5] = [0, 1, 300_000, PART_BYTES, PART_BYTES + 1];

async fn what_was_written_is_read(store: &Store) {
    for length in LENGTHS {
        let whole = bytes(1, length);
        put(store, "kept.mp4", OnConflict::Overwrite, &whole).await.unwrap();
        assert!(read(store, "kept.mp4").await == whole, "{length} bytes");
        let info = store.info(&name("kept.mp4")).await.unwrap();
        assert_eq!(info.bytes, u64::try_from(length).unwrap());
        let age = jiff::Timestamp::now().duration_since(info.modified).as_secs();
        assert!((-60..60).contains(&age), "changed {age} s ago");
    }
    // Names are keys as they are written.
    for odd in ["a/b/ä ö 100%.mp4", "a/+&=?#~.mp4"] {
        put(store, odd, OnConflict::Overwrite, b"odd").await.unwrap();
        assert_eq!(read(store, odd).await, b"odd");
        store.remove(&name(odd)).await.unwrap();
    }
    store.remove(&name("kept.mp4")).await.unwrap();
}

async fn parts_are_read(store: &Store) {
    let whole = bytes(2, 1000);
    put(store, "part.mp4", OnConflict::Overwrite, &whole).await.unwrap();
    for (offset, length, expected) in
        [(0, 10, 0..10), (990, 100, 990..1000), (1000, 1, 0..0), (5000, 1, 0..0), (7, 0, 0..0)]
    {
        let mut reader = store.reader(&name("part.mp4"), offset, length).await.unwrap();
        let mut read = Vec::new();
        while let Some(piece) = reader.next().await.unwrap() {
            read.extend_from_slice(&piece);
        }
        assert_eq!(read, whole[expected], "{offset} {length}");
        assert_eq!(reader.info().bytes, 1000);
    }
    let error = store.read(&name("part.mp4"), 999).await.unwrap_err();
    assert_eq!(error.to_string(), "File is larger than the limit of 999 bytes: part.mp4");
    store.remove(&name("part.mp4")).await.unwrap();
}

async fn what_is_missing_is_not_found(store: &Store) {
    let missing = name("missing.mp4");
    let not_found = "File not found: missing.mp4";
    assert_eq!(store.info(&missing).await.unwrap_err().to_string(), not_found);
    assert_eq!(store.reader(&missing, 0, 1).await.unwrap_err().to_string(), not_found);
    assert_eq!(store.remove(&missing).await.unwrap_err().to_string(), not_found);
}

async fn taken_names_follow_the_policy(store: &Store) {
    for length in [10, PART_BYTES + 10] {
        let (first, second) = (bytes(3, length), bytes(4, length));
        let old_tag = async || store.info(&name("taken.mp4")).await.unwrap().etag;
        put(store, "taken.mp4", OnConflict::Error, &first).await.unwrap();
        let tag = old_tag().await;
        let refused = put(store, "taken.mp4", OnConflict::Error, &second).await.unwrap_err();
        assert_eq!(refused.to_string(), "File already exists: taken.mp4");
        assert!(read(store, "taken.mp4").await == first);
        assert_eq!(old_tag().await, tag);
        for expected in ["taken-2.mp4", "taken-3.mp4"] {
            let renamed = put(store, "taken.mp4", OnConflict::Rename, &second).await.unwrap();
            assert_eq!(renamed, expected);
            assert!(read(store, expected).await == second);
        }
        assert!(read(store, "taken.mp4").await == first);
        put(store, "taken.mp4", OnConflict::Overwrite, &second).await.unwrap();
        assert!(read(store, "taken.mp4").await == second);
        assert_ne!(old_tag().await, tag);
        // Taken while it was written: known at the end.
        for taken in ["taken.mp4", "taken-2.mp4", "taken-3.mp4"] {
            store.remove(&name(taken)).await.unwrap();
        }
        let mut late =
            store.create(Target::new(name("taken.mp4"), OnConflict::Error)).await.unwrap();
        late.write(&second).await.unwrap();
        put(store, "taken.mp4", OnConflict::Overwrite, &first).await.unwrap();
        let refused = late.finish().await.unwrap_err();
        assert_eq!(refused.to_string(), "File already exists: taken.mp4");
        assert!(read(store, "taken.mp4").await == first);
        store.remove(&name("taken.mp4")).await.unwrap();
    }
}

async fn two_writers_do_not_mix(store: &Store) {
    let (one, two) = (bytes(5, PART_BYTES + 1000), bytes(6, PART_BYTES + 500));
    let target = || Target::new(name("both.mp4"), OnConflict::Overwrite);
    let (mut first, mut second) =
        (store.create(target()).await.unwrap(), store.create(target()).await.unwrap());
    let (mut ones, mut twos) = (one.chunks(100_000), two.chunks(100_000));
    loop {
        match (ones.next(), twos.next()) {
            (None, None) => break,
            (a, b) => {
                first.write(a.unwrap_or_default()).await.unwrap();
                second.write(b.unwrap_or_default()).await.unwrap();
            }
        }
    }
    second.finish().await.unwrap();
    assert!(read(store, "both.mp4").await == two);
    first.finish().await.unwrap();
    assert!(read(store, "both.mp4").await == one);
    store.remove(&name("both.mp4")).await.unwrap();
}

async fn what_is_given_up_never_was(store: &Store) {
    for on_conflict in [OnConflict::Overwrite, OnConflict::Rename] {
        for length in [10, PART_BYTES + 1] {
            let mut writer =
                store.create(Target::new(name("half.mp4"), on_conflict)).await.unwrap();
            writer.write(&bytes(7, length)).await.unwrap();
            assert!(store.info(&name("half.mp4")).await.is_err(), "seen while it is written");
            drop(writer);
            assert!(store.info(&name("half.mp4")).await.is_err());
        }
    }
}

async fn a_broken_promise_keeps_the_file_from_its_name(store: &Store) {
    for length in [10, PART_BYTES + 10] {
        let promised = crate::store::Sha256([0; 32]);
        let target = Target::new(name("liar.mp4"), OnConflict::Overwrite);
        let mut writer = store.create(target).await.unwrap();
        writer.write(&bytes(8, length)).await.unwrap();
        assert_eq!(writer.finish_if(promised).await.unwrap(), None);
        assert!(store.info(&name("liar.mp4")).await.is_err());
    }
}

async fn a_fresh_start_forgets(store: &Store) {
    for length in [10, PART_BYTES + 10] {
        let target = Target::new(name("fresh.mp4"), OnConflict::Overwrite);
        let mut writer = store.create(target).await.unwrap();
        writer.write(&bytes(9, length)).await.unwrap();
        writer.restart().await.unwrap();
        writer.write(b"fresh").await.unwrap();
        assert_eq!(writer.finish().await.unwrap().bytes, 5);
        assert_eq!(read(store, "fresh.mp4").await, b"fresh");
    }
    store.remove(&name("fresh.mp4")).await.unwrap();
}

async fn listings_show_whole_names(store: &Store) {
    let files = [("z.mp4", 1), ("a/y.webm", 2), ("a/b/x.mp4", 3), ("w.webp", 4)];
    for (to, length) in files {
        put(store, to, OnConflict::Overwrite, &bytes(10, length)).await.unwrap();
    }
    let list = async |pattern: Option<&str>, extensions: &[&str], limit: usize| {
        let listing = Listing::new(pattern, i64::try_from(limit).unwrap()).unwrap();
        let listing = listing.extensions(extensions.iter().copied()).sorted(SortBy::Size, false);
        let found = store.list(listing).await.unwrap();
        for file in &found {
            assert_eq!(&store.info(&file.name).await.unwrap().bytes, &file.bytes);
        }
        found.iter().map(|file| file.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, &[], MAX_LISTED).await, ["z.mp4", "w.webp"]);
    assert_eq!(list(Some("**"), &[], 3).await, ["z.mp4", "a/y.webm", "a/b/x.mp4"]);
    assert_eq!(list(Some("**/*.mp4"), &[], 50).await, ["z.mp4", "a/b/x.mp4"]);
    assert_eq!(list(Some("a/*"), &[], 50).await, ["a/y.webm"]);
    assert_eq!(list(None, &["mp4"], 50).await, ["z.mp4"]);
    assert_eq!(list(Some("none*"), &[], 50).await, Vec::<String>::new());
    for (to, _) in files {
        store.remove(&name(to)).await.unwrap();
    }
}

async fn a_decoder_gets_a_file(store: &Store) {
    let whole = bytes(11, 600_000);
    put(store, "sound.mp4", OnConflict::Overwrite, &whole).await.unwrap();
    let (mut file, info) = store.seekable(&name("sound.mp4")).await.unwrap();
    let mut read = Vec::new();
    file.read_to_end(&mut read).unwrap();
    assert!(read == whole);
    assert_eq!(info.bytes, 600_000);
    store.remove(&name("sound.mp4")).await.unwrap();
}
