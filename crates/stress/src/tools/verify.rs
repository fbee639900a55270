//! Whether the file that a call says it left is there, new, and right: read back from where it
//! landed, byte for byte.

mod judge;
mod read_back;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use judge::{Checked, Claim, judge};
pub use read_back::{Contents, Hasher, READ_BYTES, read_back};

/// Where files are read back from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder of this machine.
    Directory(PathBuf),
    /// A URL with `{name}` in it, asked for each file.
    Url(String),
}

/// How much older than its call a file may look: the kernel stamps files with a clock that is up to
/// 10 ms behind, network file systems with another machine's.
pub const CLOCK_MARGIN: Duration = Duration::from_secs(1);

/// A file as it was found right after the call that should have left it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its size.
    pub bytes: u64,
    /// When its inode last changed: by writing, by renaming it into place.
    pub changed_at: SystemTime,
}

/// Looks at a file. Blocks for a moment: one system call.
///
/// # Errors
/// When there is no file there, or nothing can be seen.
pub fn look(path: &Path) -> io::Result<Look> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    let nanos = u64::try_from(metadata.ctime_nsec()).unwrap_or(0);
    let changed_at = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_nanos(nanos);
    Ok(Look { bytes: metadata.len(), changed_at })
}

/// The path of a place beneath a folder; `None` where the place leads out of it. The place comes
/// from a server, which may say anything.
#[must_use]
pub fn beneath(directory: &Path, place: &str) -> Option<PathBuf> {
    let place = Path::new(place);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let inside = !place.as_os_str().is_empty()
        && !place.as_os_str().as_encoded_bytes().contains(&0)
        && place.components().all(plain);
    inside.then(|| directory.join(place))
}

/// A file's name as it stands in a URL's path: everything but unreserved characters (RFC 3986) and
/// the slash is percent-encoded.
#[must_use]
pub fn url_of(template: &str, place: &str) -> String {
    let mut name = String::new();
    for byte in place.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    template.replace("{name}", &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_stays_beneath_its_folder() {
        let folder = Path::new("/media");
        assert_eq!(beneath(folder, "videos/a b.mp4"), Some(PathBuf::from("/media/videos/a b.mp4")));
        for outside in ["", "../a", "a/../../b", "/etc/passwd", "a\0b"] {
            assert_eq!(beneath(folder, outside), None, "{outside:?}");
        }
    }

    #[test]
    fn a_url_holds_any_name() {
        assert_eq!(
            url_of("http://h/media/video/{name}?x=1", "v/ü &?.mp4"),
            "http://h/media/video/v/%C3%BC%20%26%3F.mp4?x=1"
        );
    }

    #[test]
    fn a_file_is_seen_with_its_size_and_the_time_of_its_last_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let before = SystemTime::now();
        fs::write(&path, b"12345").unwrap();
        let seen = look(&path).unwrap();
        assert_eq!(seen.bytes, 5);
        assert!(seen.changed_at + CLOCK_MARGIN >= before);
        assert!(look(&folder.path().join("b")).is_err());
        assert!(look(folder.path()).is_err());
    }
}
