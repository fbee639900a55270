use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

fn append(file: &mut NewFile, bytes: &[u8]) {
    let mut hasher = file.hasher();
    hasher.update(bytes);
    file.append(hasher, bytes).unwrap();
}

fn name(text: &str) -> SafeName {
    SafeName::parse(text).unwrap()
}

/// A media folder beside a file that must stay out of reach.
fn world() -> (TempDir, PathBuf, LocalFolder) {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.mp4"), "secret").unwrap();
    let media = outside.path().join("media");
    fs::create_dir(&media).unwrap();
    let folder = LocalFolder::open(&media).unwrap();
    (outside, media, folder)
}

fn begin(folder: &LocalFolder, to: &str, on_conflict: OnConflict, text: &str) -> NewFile {
    let mut file = folder.create(Target::new(name(to), on_conflict)).unwrap();
    append(&mut file, text.as_bytes());
    file
}

fn write(folder: &LocalFolder, to: &str, on_conflict: OnConflict, text: &str) -> String {
    begin(folder, to, on_conflict, text).publish().unwrap().name.to_string()
}

fn entries(path: &Path) -> Vec<String> {
    let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn links_are_refused_when_reading_also_dangling_ones_and_inside_the_folder() {
    let (outside, media, folder) = world();
    fs::write(media.join("good.mp4"), "good").unwrap();
    symlink(outside.path().join("secret.mp4"), media.join("out.mp4")).unwrap();
    symlink("good.mp4", media.join("in.mp4")).unwrap();
    symlink("nowhere.mp4", media.join("dangling.mp4")).unwrap();
    symlink(outside.path(), media.join("folder")).unwrap();
    for link in ["out.mp4", "in.mp4", "dangling.mp4", "folder/secret.mp4"] {
        let message = refusal(folder.open_file(&name(link)));
        assert_eq!(message, format!("File cannot be a symbolic link: {link}"));
    }
}

#[test]
fn links_are_refused_when_writing_and_what_they_point_to_is_untouched() {
    let (outside, media, folder) = world();
    let secret = outside.path().join("secret.mp4");
    fs::write(media.join("good.mp4"), "good").unwrap();
    symlink(&secret, media.join("out.mp4")).unwrap();
    symlink("good.mp4", media.join("in.mp4")).unwrap();
    symlink("nowhere.mp4", media.join("dangling.mp4")).unwrap();
    symlink(outside.path(), media.join("folder")).unwrap();
    for link in ["out.mp4", "in.mp4", "dangling.mp4"] {
        let message = refusal(folder.create(Target::new(name(link), OnConflict::Overwrite)));
        assert_eq!(message, format!("File cannot be a symbolic link: {link}"));
    }
    let inside = Target::new(name("folder/secret.mp4"), OnConflict::Overwrite);
    assert_eq!(refusal(folder.create(inside)), "File cannot be a symbolic link: folder");
    assert_eq!(fs::read_to_string(secret).unwrap(), "secret");
    assert_eq!(fs::read_to_string(media.join("good.mp4")).unwrap(), "good");
    assert_eq!(entries(&media), ["dangling.mp4", "folder", "good.mp4", "in.mp4", "out.mp4"]);
}

#[test]
fn a_link_that_appears_between_check_and_use_is_not_followed() {
    let (outside, media, folder) = world();
    let secret = outside.path().join("secret.mp4");
    let racing = begin(&folder, "clip.mp4", OnConflict::Overwrite, "new");
    symlink(&secret, media.join("clip.mp4")).unwrap();
    assert_eq!(refusal(racing.publish()), "File cannot be a symbolic link: clip.mp4");
    // A folder that is exchanged for a link while a file in it is written: the file goes where the
    // folder went, never where the link points.
    fs::create_dir(media.join("sub")).unwrap();
    let racing = begin(&folder, "sub/clip.mp4", OnConflict::Overwrite, "new");
    fs::rename(media.join("sub"), media.join("moved")).unwrap();
    symlink(outside.path(), media.join("sub")).unwrap();
    racing.publish().unwrap();
    assert_eq!(entries(&media.join("moved")), ["clip.mp4"]);
    assert_eq!(entries(outside.path()), ["media", "secret.mp4"]);
    assert_eq!(fs::read_to_string(secret).unwrap(), "secret");
}

#[test]
fn no_message_names_a_path_of_the_server() {
    let (outside, media, folder) = world();
    fs::create_dir(media.join("sub")).unwrap();
    fs::write(media.join("file.mp4"), "x").unwrap();
    let messages = [
        refusal(folder.open_file(&name("missing.mp4"))),
        refusal(folder.open_file(&name("sub"))),
        refusal(folder.open_file(&name("file.mp4/x.mp4"))),
        refusal(folder.create(Target::new(name("none/x.mp4"), OnConflict::Overwrite))),
        refusal(folder.create(Target::new(name("sub"), OnConflict::Overwrite))),
        refusal(folder.create(Target::new(name("file.mp4"), OnConflict::Error))),
        refusal(folder.remove(&name("missing.mp4"))),
    ];
    let path = outside.path().to_str().unwrap();
    assert!(messages.iter().all(|message| !message.contains(path)), "{messages:?}");
    insta::assert_snapshot!(messages.join("\n"), @r"
    File not found: missing.mp4
    Not a file: sub
    File not found: file.mp4/x.mp4
    Folder not found: none
    Not a file: sub
    File already exists: file.mp4
    File not found: missing.mp4
    ");
}

#[test]
fn pipes_and_devices_are_no_files_and_opening_one_does_not_wait() {
    let (_outside, media, folder) = world();
    rustix::fs::mkfifoat(rustix::fs::CWD, media.join("pipe.mp4"), 0o600.into()).unwrap();
    assert_eq!(refusal(folder.open_file(&name("pipe.mp4"))), "Not a file: pipe.mp4");
    let target = Target::new(name("pipe.mp4"), OnConflict::Overwrite);
    assert_eq!(refusal(folder.create(target)), "Not a file: pipe.mp4");
}

#[test]
fn a_file_is_invisible_until_it_is_whole_and_the_old_one_stays_until_then() {
    let (_outside, media, folder) = world();
    fs::write(media.join("clip.mp4"), "old").unwrap();
    let writing = begin(&folder, "clip.mp4", OnConflict::Overwrite, "new");
    let everything = Listing::new(Some("**"), 1000).unwrap();
    let listed = folder.list(&everything).unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(fs::read_to_string(media.join("clip.mp4")).unwrap(), "old");
    assert_eq!(entries(&media).len(), 2, "the temporary is in the same folder");
    writing.publish().unwrap();
    assert_eq!(fs::read_to_string(media.join("clip.mp4")).unwrap(), "new");
    assert_eq!(entries(&media), ["clip.mp4"]);
}

#[test]
fn a_file_that_is_given_up_leaves_the_old_one_and_nothing_else() {
    let (_outside, media, folder) = world();
    fs::write(media.join("clip.mp4"), "old").unwrap();
    drop(begin(&folder, "clip.mp4", OnConflict::Overwrite, "half"));
    assert_eq!(fs::read_to_string(media.join("clip.mp4")).unwrap(), "old");
    assert_eq!(entries(&media), ["clip.mp4"]);
}

#[test]
fn two_writers_to_one_name_do_not_mix_and_the_last_to_be_complete_wins() {
    let (_outside, media, folder) = world();
    let mut one = begin(&folder, "clip.mp4", OnConflict::Overwrite, "one ");
    let mut two = begin(&folder, "clip.mp4", OnConflict::Overwrite, "two ");
    append(&mut one, b"one");
    append(&mut two, b"two");
    two.publish().unwrap();
    one.publish().unwrap();
    assert_eq!(fs::read_to_string(media.join("clip.mp4")).unwrap(), "one one");
}

#[test]
fn the_policy_error_keeps_the_old_file_also_when_it_comes_late() {
    let (_outside, media, folder) = world();
    let late = begin(&folder, "clip.mp4", OnConflict::Error, "late");
    assert_eq!(write(&folder, "clip.mp4", OnConflict::Error, "first"), "clip.mp4");
    assert_eq!(refusal(late.publish()), "File already exists: clip.mp4");
    assert_eq!(fs::read_to_string(media.join("clip.mp4")).unwrap(), "first");
    assert_eq!(entries(&media), ["clip.mp4"]);
}

#[test]
fn the_policy_rename_loses_no_file_however_many_come_at_once() {
    let (_outside, media, folder) = world();
    let writing: Vec<NewFile> = (0..6)
        .map(|number| begin(&folder, "gen_1.png", OnConflict::Rename, &number.to_string()))
        .collect();
    let names = std::thread::scope(|scope| {
        let publishing: Vec<_> =
            writing.into_iter().map(|file| scope.spawn(|| file.publish().unwrap().name)).collect();
        let mut names: Vec<String> =
            publishing.into_iter().map(|thread| thread.join().unwrap().to_string()).collect();
        names.sort();
        names
    });
    let expected =
        ["gen_1-2.png", "gen_1-3.png", "gen_1-4.png", "gen_1-5.png", "gen_1-6.png", "gen_1.png"];
    assert_eq!(names, expected);
    let mut contents: Vec<String> =
        names.iter().map(|name| fs::read_to_string(media.join(name)).unwrap()).collect();
    contents.sort();
    assert_eq!(contents, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn a_new_start_removes_what_the_dead_left_and_nothing_of_the_living() {
    let (_outside, media, folder) = world();
    fs::create_dir(media.join("sub")).unwrap();
    let living = begin(&folder, "clip.mp4", OnConflict::Overwrite, "living");
    fs::write(media.join(".weir-0123456789abcdef.part"), "dead").unwrap();
    fs::write(media.join("sub/.weir-fedcba9876543210.part"), "dead").unwrap();
    for foreign in [".weir-notes.part", ".weir-0123456789abcdef.txt", "clip.part", ".hidden"] {
        fs::write(media.join(foreign), "somebody's").unwrap();
    }
    LocalFolder::open(&media).unwrap();
    living.publish().unwrap();
    let left = entries(&media);
    let expected = [
        ".hidden",
        ".weir-0123456789abcdef.txt",
        ".weir-notes.part",
        "clip.mp4",
        "clip.part",
        "sub",
    ];
    assert_eq!(left, expected);
    assert!(entries(&media.join("sub")).is_empty());
}

#[test]
fn a_listing_shows_whole_names_and_no_links_folders_or_hidden_files() {
    let (outside, media, folder) = world();
    fs::create_dir_all(media.join("a/b")).unwrap();
    fs::create_dir(media.join(".cache")).unwrap();
    for file in ["top.mp4", "a/one.mp4", "a/b/two.mp4", "a/b/note.txt", ".cache/x.mp4", ".y.mp4"] {
        fs::write(media.join(file), file).unwrap();
    }
    symlink(outside.path(), media.join("link")).unwrap();
    symlink("top.mp4", media.join("link.mp4")).unwrap();
    let list = |pattern: Option<&str>| {
        let listing = Listing::new(pattern, 50).unwrap().sorted(super::super::SortBy::Name, false);
        let found = folder.list(&listing.extensions(["mp4"])).unwrap();
        let names: Vec<String> = found.iter().map(|file| file.name.to_string()).collect();
        for file in &found {
            // Each name that is shown can be used.
            assert_eq!(&folder.open_file(&file.name).unwrap().1, file);
        }
        names
    };
    assert_eq!(list(None), ["top.mp4"]);
    assert_eq!(list(Some("**/*.mp4")), ["a/b/two.mp4", "a/one.mp4", "top.mp4"]);
    assert_eq!(list(Some("a/*")), ["a/one.mp4"]);
}

#[test]
fn the_media_folder_itself_must_be_a_folder_and_no_link() {
    let (outside, media, _folder) = world();
    symlink(&media, outside.path().join("link")).unwrap();
    for (path, reason) in [
        ("link", "it is a link or no folder; name a real folder"),
        ("secret.mp4", "it is a link or no folder; name a real folder"),
        ("missing", "there is no such folder; make it first"),
    ] {
        let message = refusal(LocalFolder::open(&outside.path().join(path)));
        assert!(message.ends_with(reason), "{message}");
    }
}

#[test]
fn what_was_written_before_a_fresh_start_is_not_in_the_file() {
    let (_outside, media, folder) = world();
    let mut file = begin(&folder, "clip.mp4", OnConflict::Overwrite, "an old beginning");
    file.clear().unwrap();
    append(&mut file, b"ab");
    append(&mut file, b"c");
    let written = file.publish().unwrap();
    assert_eq!(fs::read(media.join("clip.mp4")).unwrap(), b"abc");
    assert_eq!(written.bytes, 3);
    assert!(written.sha256.to_string().starts_with("ba7816bf8f01cfea"));
}
