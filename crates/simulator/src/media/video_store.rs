//! The videos that there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::film::Scene;
use super::h264::Size;
use super::job::Job;
use super::source::{Digests, Hasher, Padded};
use super::video::{Files, Video};
use super::wishes::Wishes;
use crate::seed::{Seed, mix};

/// Most videos that are kept; the oldest goes first. A video takes some 20 KiB once it has been
/// fetched (at most 120 KiB, if it is long and large).
pub(crate) const MAX_VIDEOS: usize = 1024;

/// Videos whose id begins like this need not be created: they are there, and done.
pub(crate) const KNOWN_PREFIX: &str = "vid_weir";

/// In the id of a known video, what comes before its wishes: `vid_weir~cut@100000;tries=1`.
const WISHES_MARK: char = '~';

/// Lengths of videos for which the digests of the common part are kept.
const MAX_BEGUN_DIGESTS: usize = 16;

/// Pages of a list have at most so many videos, as at OpenAI.
pub(crate) const MAX_PAGE: u32 = 100;

/// What a video lasts and measures when nobody says it.
pub(crate) const DEFAULT_SECONDS: u32 = 4;
pub(crate) const DEFAULT_SIZE: Size = Size { width: 720, height: 1280 };

/// The videos of a server. Locked once per request, never while a file is sent.
#[derive(Debug)]
pub(crate) struct VideoStore {
    /// Exact length of videos that do not say otherwise.
    bytes: Option<u64>,
    server_seed: u64,
    kept: Mutex<Kept>,
    begun: Mutex<HashMap<u64, Hasher>>,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    by_number: BTreeMap<u64, Arc<Video>>,
    numbers: HashMap<String, u64>,
}

/// A page of videos.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) videos: Vec<Arc<Video>>,
    pub(crate) has_more: bool,
}

/// Why there is no video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoVideo {
    NotFound,
    /// Its id asks for something impossible.
    BadWishes(String),
}

impl VideoStore {
    /// An empty store.
    pub(crate) fn new(server_seed: u64, bytes: Option<u64>) -> Self {
        Self { bytes, server_seed, kept: Mutex::default(), begun: Mutex::default() }
    }

    /// Exact length of a video, by what is wished for it.
    pub(crate) fn bytes(&self, wishes: &Wishes) -> Option<u64> {
        wishes.bytes.or(self.bytes)
    }

    /// Keeps a video.
    pub(crate) fn insert(&self, video: Video) -> Arc<Video> {
        self.lock().insert(video)
    }

    /// The video of an id. One with a known id comes into being here.
    ///
    /// # Errors
    /// When there is none, or its id asks for something impossible.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Video>, NoVideo> {
        let mut kept = self.lock();
        if let Some(video) = kept.get(id) {
            return Ok(video);
        }
        let rest = id.strip_prefix(KNOWN_PREFIX).ok_or(NoVideo::NotFound)?;
        let wishes = match rest.split_once(WISHES_MARK) {
            Some((_, wishes)) => Wishes::parse(wishes).map_err(NoVideo::BadWishes)?,
            None => Wishes::default(),
        };
        Ok(kept.insert(self.known(id, wishes)))
    }

    /// A video that nobody created: what it shows follows from its id.
    fn known(&self, id: &str, wishes: Wishes) -> Video {
        let seed = self.seed_of(id);
        let mut job = Job::done();
        job.fails_at = wishes.faults.media.fail;
        job.works += wishes.faults.media.slow_job.unwrap_or_default();
        Video {
            id: id.to_owned(),
            created_at: 1_735_689_600,
            model: "sora-2".to_owned(),
            prompt: None,
            remixed_from: None,
            scene: Scene::new(DEFAULT_SIZE, DEFAULT_SECONDS, seed),
            job,
            bytes: self.bytes(&wishes),
            faults: wishes.faults,
            created: false,
            files: Files::default(),
        }
    }

    /// The seed of what a video shows: by the server's seed and its id.
    pub(crate) fn seed_of(&self, id: &str) -> Seed {
        Seed::pinned(id.bytes().fold(self.server_seed, |seed, byte| mix(seed, u64::from(byte))))
    }

    /// A number that differs where the bytes of two videos of one length may differ.
    pub(crate) fn mark_of(&self, id: &str) -> u64 {
        id.bytes().fold(!self.server_seed, |mark, byte| mix(mark, u64::from(byte)))
    }

    /// Forgets a video; false when there is none.
    pub(crate) fn remove(&self, id: &str) -> bool {
        self.lock().remove(id) || id.starts_with(KNOWN_PREFIX)
    }

    /// The created videos after one of them, newest or oldest first.
    pub(crate) fn page(&self, after: Option<&str>, limit: u32, newest_first: bool) -> Option<Page> {
        let kept = self.lock();
        let after = match after {
            Some(id) => Some(*kept.numbers.get(id)?),
            None => None,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let created = |(_, video): &(&u64, &Arc<Video>)| video.created;
        let mut videos: Vec<Arc<Video>> = if newest_first {
            let range = kept.by_number.range(..after.unwrap_or(u64::MAX)).rev();
            range.filter(created).take(limit + 1).map(|(_, video)| Arc::clone(video)).collect()
        } else {
            let first = after.map_or(0, |after| after + 1);
            let range = kept.by_number.range(first..);
            range.filter(created).take(limit + 1).map(|(_, video)| Arc::clone(video)).collect()
        };
        let has_more = videos.len() > limit;
        videos.truncate(limit);
        Some(Page { videos, has_more })
    }

    /// All videos that are done, oldest first.
    pub(crate) fn done(&self) -> Vec<Arc<Video>> {
        let now = Instant::now();
        let kept = self.lock();
        let done = |video: &&Arc<Video>| video.job.left(now).is_zero();
        kept.by_number.values().filter(done).cloned().collect()
    }

    /// Forgets how often videos have been asked for.
    pub(crate) fn reset_requests(&self) {
        self.lock().by_number.values().for_each(|video| video.reset_requests());
    }

    /// The digests of a video's file. Takes time in proportion to its length, once for each
    /// length. For threads that may be blocked.
    pub(crate) fn digests<'a>(&self, video: &'a Video) -> &'a Digests {
        video.digests(|film| film.digests_from_body(self.hash_to_body(film, video.bytes)))
    }

    fn hash_to_body(&self, film: &Padded, bytes: Option<u64>) -> Hasher {
        let Some(bytes) = bytes else { return film.hash_to_body() };
        let begun = || self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hasher) = begun().get(&bytes) {
            return hasher.clone();
        }
        let hasher = film.hash_to_body();
        let mut kept = begun();
        if kept.len() < MAX_BEGUN_DIGESTS {
            kept.insert(bytes, hasher.clone());
        }
        hasher
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere cannot leave the maps half-changed in a way that matters.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&self, id: &str) -> Option<Arc<Video>> {
        self.by_number.get(self.numbers.get(id)?).cloned()
    }

    fn insert(&mut self, video: Video) -> Arc<Video> {
        let video = Arc::new(video);
        self.remove(&video.id);
        self.numbers.insert(video.id.clone(), self.next);
        self.by_number.insert(self.next, Arc::clone(&video));
        self.next += 1;
        if self.by_number.len() > MAX_VIDEOS
            && let Some((_, oldest)) = self.by_number.pop_first()
        {
            self.numbers.remove(&oldest.id);
        }
        video
    }

    fn remove(&mut self, id: &str) -> bool {
        let number = self.numbers.remove(id);
        number.and_then(|number| self.by_number.remove(&number)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::source;

    fn created(store: &VideoStore, id: &str) -> Arc<Video> {
        store.insert(Video { created: true, ..store.known(id, Wishes::default()) })
    }

    fn page(store: &VideoStore, after: Option<&str>, limit: u32, newest_first: bool) -> String {
        let Some(page) = store.page(after, limit, newest_first) else { return "none".to_owned() };
        let ids: Vec<&str> = page.videos.iter().map(|video| video.id.as_str()).collect();
        format!("{}{}", ids.join(" "), if page.has_more { " …" } else { "" })
    }

    #[test]
    fn pages_go_through_all_videos_in_both_orders() {
        let store = VideoStore::new(1, None);
        ["a", "b", "c"].iter().for_each(|id| drop(created(&store, id)));
        store.get("vid_weir").unwrap();
        assert_eq!(page(&store, None, 2, true), "c b …");
        assert_eq!(page(&store, Some("b"), 2, true), "a");
        assert_eq!(page(&store, None, 3, false), "a b c");
        assert_eq!(page(&store, Some("a"), 1, false), "b …");
        assert_eq!(page(&store, Some("x"), 1, false), "none");
    }

    #[test]
    fn the_oldest_video_makes_room_for_the_one_too_many() {
        let store = VideoStore::new(1, None);
        (0..=MAX_VIDEOS).for_each(|number| drop(created(&store, &number.to_string())));
        assert_eq!(store.get("0").unwrap_err(), NoVideo::NotFound);
        assert!(store.get("1").is_ok() && store.get(&MAX_VIDEOS.to_string()).is_ok());
        assert!(store.remove("1") && !store.remove("1"));
    }

    #[test]
    fn a_known_video_needs_no_creation_and_can_say_what_goes_wrong() {
        let store = VideoStore::new(1, Some(200_000));
        assert_eq!(store.get("video_1").unwrap_err(), NoVideo::NotFound);
        assert_eq!(store.get("vid_weir").unwrap().bytes, Some(200_000));
        let video = store.get("vid_weir-7~bytes=300000; cut@5").unwrap();
        assert_eq!((video.bytes, video.faults.to_string().as_str()), (Some(300_000), "cut@5"));
        assert!(matches!(store.get("vid_weir~explode"), Err(NoVideo::BadWishes(_))));
    }

    #[test]
    fn digests_are_those_of_the_whole_file() {
        for bytes in [None, Some(1_000_000)] {
            let store = VideoStore::new(1, bytes);
            for id in ["vid_weir", "vid_weir-2"] {
                let video = store.get(id).unwrap();
                let expected = source::digests(video.film().as_ref());
                assert_eq!(*store.digests(&video), expected);
            }
        }
    }
}
