//! The file of a video: small, or filled up to an exact length.

use bytes::Bytes;
use rand::RngExt;
use rand_pcg::Pcg64;

use super::h264::{self, Colour, Size};
use super::mp4::{self, RATE, Track};
use super::source::Padded;
use crate::seed::{Purpose, Seed};

/// Least exact length of a video: room for the longest and largest one, see [`TAIL_BYTES`].
pub(crate) const MIN_VIDEO_BYTES: u64 = 128 * 1024;

/// Greatest exact length of a video: it is never in memory, but its digests are computed once.
pub(crate) const MAX_VIDEO_BYTES: u64 = 1024 * 1024 * 1024;

/// Of a video with an exact length all but the last so many bytes are the same, whatever it
/// shows, so that digests of many videos cost little. A test shows that every video fits.
const TAIL_BYTES: u32 = 120 * 1024;

/// Bars of a picture.
pub(crate) const BARS: usize = 8;

/// Seconds from one key picture to the next; the bars move on by one place with each.
pub(crate) const KEY_SECONDS: u32 = 2;

/// What a video shows, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) size: Size,
    pub(crate) seconds: u32,
    pub(crate) bars: [Colour; BARS],
}

impl Scene {
    /// A scene whose colours follow from a seed.
    pub(crate) fn new(size: Size, seconds: u32, seed: Seed) -> Self {
        Self { size, seconds, bars: colours(seed) }
    }

    /// The bars from a second on.
    pub(crate) fn bars_at(&self, second: u32) -> [Colour; BARS] {
        let mut bars = self.bars;
        let places = usize::try_from(second / KEY_SECONDS).unwrap_or(0) % BARS;
        bars.rotate_right(places);
        bars
    }

    /// The file, of exactly `bytes` when they are given.
    pub(crate) fn file(&self, title: &str, bytes: Option<u64>) -> Padded {
        let track = self.track(title);
        let file_type = mp4::file_type();
        let begins = u32::try_from(file_type.len()).unwrap_or(0);
        let Some(bytes) = bytes.and_then(|bytes| u32::try_from(bytes).ok()) else {
            let film = mp4::film(&track, begins);
            return Padded { head: file_type.into(), before: 0, body: film.into(), after: 0 };
        };
        let before = bytes.saturating_sub(begins + 8 + TAIL_BYTES);
        let mut body = mp4::film(&track, begins + 8 + before);
        let film_bytes = u32::try_from(body.len()).unwrap_or(TAIL_BYTES);
        let after = TAIL_BYTES.saturating_sub(film_bytes + 8);
        body.extend_from_slice(&mp4::free_header(after));
        let mut head = file_type;
        head.extend_from_slice(&mp4::free_header(before));
        Padded {
            head: head.into(),
            before: u64::from(before),
            body: Bytes::from(body),
            after: u64::from(after),
        }
    }

    fn track(&self, title: &str) -> Track {
        let mut pictures = Vec::new();
        for number in 0..self.seconds * RATE {
            let since_key = number % (KEY_SECONDS * RATE);
            if since_key == 0 {
                let second = number / RATE;
                let odd = second / KEY_SECONDS % 2 == 1;
                pictures.push((h264::key_picture(self.size, &self.bars_at(second), odd), true));
            } else {
                pictures.push((h264::same_picture(self.size, since_key), false));
            }
        }
        Track {
            size: self.size,
            sequence_parameters: h264::sequence_parameters(self.size),
            picture_parameters: h264::picture_parameters(),
            pictures,
            title: title.to_owned(),
        }
    }
}

/// Colours that follow from a seed; none is black or white.
pub(crate) fn colours(seed: Seed) -> [Colour; BARS] {
    let mut generator: Pcg64 = seed.generator(Purpose::PICTURE);
    let mut part = || generator.random_range(40..=215u8);
    std::array::from_fn(|_| Colour { luma: part(), blue: part(), red: part() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::source::{Source as _, digests};

    fn scene(width: u32, height: u32, seconds: u32) -> Scene {
        Scene::new(Size { width, height }, seconds, Seed::pinned(7))
    }

    /// Splits a file into its outermost boxes: name, length.
    fn boxes(file: &Padded) -> Vec<(String, u64)> {
        let mut at = 0;
        let mut boxes = Vec::new();
        while at < file.length() {
            let mut header = Vec::new();
            while header.len() < 8 {
                let here = at + u64::try_from(header.len()).unwrap();
                header.extend_from_slice(&file.piece(here, 8 - header.len()));
            }
            let length = u32::from_be_bytes(header[..4].try_into().unwrap());
            boxes.push((String::from_utf8(header[4..].to_vec()).unwrap(), u64::from(length)));
            at += u64::from(length);
        }
        assert_eq!(at, file.length());
        boxes
    }

    fn names(file: &Padded) -> String {
        boxes(file).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_small_video_is_small() {
        let file = scene(1280, 720, 4).file("vid", None);
        assert_eq!(names(&file), "ftyp moov mdat");
        assert!(file.length() < 20_000, "{} bytes", file.length());
    }

    #[test]
    fn a_video_has_exactly_the_length_that_was_asked_for() {
        for bytes in [MIN_VIDEO_BYTES, 200_001, 7_691_516] {
            let file = scene(720, 1280, 4).file("vid", Some(bytes));
            assert_eq!(file.length(), bytes);
            assert_eq!(names(&file), "ftyp free moov mdat free");
        }
    }

    #[test]
    fn the_longest_and_largest_video_fits_the_least_length() {
        for (width, height) in [(1920, 1080), (1080, 1920), (1792, 1024)] {
            let title = "x".repeat(200);
            let file = scene(width, height, 20).file(&title, Some(MIN_VIDEO_BYTES));
            assert_eq!(file.length(), MIN_VIDEO_BYTES);
            assert_eq!(names(&file), "ftyp free moov mdat free");
        }
    }

    #[test]
    fn videos_are_told_apart_by_their_digests_and_are_repeatable() {
        let of = |seed, title: &str| {
            let size = Size { width: 1280, height: 720 };
            digests(&Scene::new(size, 4, Seed::pinned(seed)).file(title, Some(MIN_VIDEO_BYTES)))
        };
        assert_eq!(of(1, "a"), of(1, "a"));
        assert_ne!(of(1, "a"), of(2, "a"));
        assert_ne!(of(1, "a"), of(1, "b"));
    }

    #[test]
    fn digests_of_many_videos_share_their_beginning() {
        let (one, other) = (scene(1280, 720, 4), scene(720, 1280, 12));
        let begun = one.file("one", Some(1_000_000)).hash_to_body();
        let other = other.file("other", Some(1_000_000));
        assert_eq!(other.digests_from_body(begun), digests(&other));
    }
}
