//! What a folder holds: the question and the answer.

use super::glob::Glob;
use super::{SafeName, StoreError};

/// Most files that one listing returns.
pub const MAX_LISTED: usize = 1000;

/// Most entries of folders that one listing looks at. Past it the listing is refused: its order
/// would be a lie.
pub const MAX_WALKED: usize = 100_000;

/// A file as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Its whole name beneath the media folder, by which every tool finds it.
    pub name: SafeName,
    /// Its length.
    pub bytes: u64,
    /// When it was last changed.
    pub modified: jiff::Timestamp,
    /// A strong HTTP entity tag, with its quotes: another one for every version of the file.
    pub etag: String,
}

/// By what a listing is sorted. Files that are equal in it are sorted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// When it was last changed.
    #[default]
    Modified,
    /// Its name.
    Name,
    /// Its length.
    Size,
}

/// What a listing is to hold.
#[derive(Debug, Clone)]
pub struct Listing {
    glob: Option<Glob>,
    extensions: Vec<String>,
    sort_by: SortBy,
    descending: bool,
    limit: usize,
}

impl Listing {
    /// Files that match the pattern (without one: those directly in the folder), the newest first.
    ///
    /// # Errors
    /// When the pattern cannot be understood, or the limit is not between 1 and [`MAX_LISTED`].
    pub fn new(pattern: Option<&str>, limit: i64) -> Result<Self, StoreError> {
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=MAX_LISTED).contains(limit));
        let limit = limit.ok_or_else(|| {
            StoreError::Query(format!("Invalid limit: it must be between 1 and {MAX_LISTED}"))
        })?;
        let glob = pattern.map(Glob::parse).transpose().map_err(StoreError::Query)?;
        let sort_by = SortBy::default();
        Ok(Self { glob, extensions: Vec::new(), sort_by, descending: true, limit })
    }

    /// Every file directly in the folder, by name, for those who choose among them by more than a
    /// listing knows: at most [`MAX_WALKED`].
    #[must_use]
    pub fn everything() -> Self {
        let (sort_by, descending) = (SortBy::Name, false);
        Self { glob: None, extensions: Vec::new(), sort_by, descending, limit: MAX_WALKED }
    }

    /// Only files with one of these extensions (lower case, without the dot).
    #[must_use]
    pub fn extensions<'a>(mut self, extensions: impl IntoIterator<Item = &'a str>) -> Self {
        self.extensions = extensions.into_iter().map(str::to_owned).collect();
        self
    }

    /// The order.
    #[must_use]
    pub fn sorted(mut self, by: SortBy, descending: bool) -> Self {
        self.sort_by = by;
        self.descending = descending;
        self
    }

    /// Whether files in subfolders can be part of it.
    pub(super) fn goes_deeper(&self) -> bool {
        self.glob.as_ref().is_some_and(Glob::goes_deeper)
    }

    /// Whether a file of this name belongs to it.
    pub(super) fn wants(&self, name: &SafeName) -> bool {
        (self.extensions.is_empty() || self.extensions.contains(&name.extension()))
            && match &self.glob {
                Some(glob) => glob.matches(name.as_str()),
                None => name.folder().is_none(),
            }
    }

    /// Sorts what was found and keeps what was asked for.
    pub(super) fn arrange(&self, mut files: Vec<FileInfo>) -> Vec<FileInfo> {
        files.sort_unstable_by(|one, two| {
            let order = match self.sort_by {
                SortBy::Modified => one.modified.cmp(&two.modified),
                SortBy::Name => one.name.cmp(&two.name),
                SortBy::Size => one.bytes.cmp(&two.bytes),
            };
            let order = if self.descending { order.reverse() } else { order };
            order.then_with(|| one.name.cmp(&two.name))
        });
        files.truncate(self.limit);
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: u64, second: i64) -> FileInfo {
        let modified = jiff::Timestamp::from_second(second).unwrap();
        FileInfo { name: SafeName::parse(name).unwrap(), bytes, modified, etag: String::new() }
    }

    fn check(listing: &Listing, expected: &[&str]) {
        let files = vec![file("b", 3, 10), file("c", 1, 30), file("a", 3, 20)];
        let arranged = listing.arrange(files);
        let names: Vec<&str> = arranged.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_order_is_the_one_asked_for_and_ties_go_by_name() {
        let listing = Listing::new(None, 50).unwrap();
        check(&listing, &["c", "a", "b"]);
        check(&listing.clone().sorted(SortBy::Modified, false), &["b", "a", "c"]);
        check(&listing.clone().sorted(SortBy::Name, true), &["c", "b", "a"]);
        check(&listing.clone().sorted(SortBy::Size, true), &["a", "b", "c"]);
        check(&listing.sorted(SortBy::Size, false), &["c", "a", "b"]);
    }

    #[test]
    fn a_limit_below_one_or_above_the_most_is_refused() {
        for limit in [-1, 0, 1001, i64::MIN, i64::MAX] {
            let message = Listing::new(None, limit).unwrap_err().to_string();
            assert_eq!(message, "Invalid limit: it must be between 1 and 1000");
        }
        check(&Listing::new(None, 1).unwrap(), &["c"]);
        assert!(Listing::new(None, 1000).is_ok());
    }
}
