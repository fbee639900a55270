//! A video: the job that makes it, and its files.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::time::Instant;

use super::film::Scene;
use super::h264::Size;
use super::source::{Digests, Padded};
use crate::faults::Faults;

/// The file that a request for a video's content means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    Video,
    Thumbnail,
    Spritesheet,
}

impl Variant {
    /// The variants by their names on the wire.
    pub(crate) const ALL: [(&str, Self); 3] = [
        ("video", Self::Video),
        ("thumbnail", Self::Thumbnail),
        ("spritesheet", Self::Spritesheet),
    ];

    /// The file's media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Video => "video/mp4",
            Self::Thumbnail => "image/webp",
            Self::Spritesheet => "image/jpeg",
        }
    }

    /// The ending of the file's name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Video => "mp4",
            Self::Thumbnail => "webp",
            Self::Spritesheet => "jpg",
        }
    }
}

/// How a job goes on: it waits, then it works, then it is done. Computed when somebody asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) started: Instant,
    /// Time in the queue.
    pub(crate) waits: Duration,
    /// Time from there to the end.
    pub(crate) works: Duration,
    /// The percentage at which it fails.
    pub(crate) fails_at: Option<u32>,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Queued,
    /// Percent, less than 100.
    InProgress(u32),
    Completed,
    /// At this percentage.
    Failed(u32),
}

impl Job {
    /// A job that is done already.
    pub(crate) fn done() -> Self {
        let none = Duration::ZERO;
        Self { started: Instant::now(), waits: none, works: none, fails_at: None }
    }

    /// Where the job is at an instant.
    pub(crate) fn stage(&self, now: Instant) -> Stage {
        let elapsed = now.saturating_duration_since(self.started);
        let Some(worked) = elapsed.checked_sub(self.waits) else { return Stage::Queued };
        let done = worked >= self.works;
        let percent = match worked.as_micros().saturating_mul(100) {
            _ if done => 100,
            hundredfold => u32::try_from(hundredfold / self.works.as_micros().max(1)).unwrap_or(99),
        };
        match self.fails_at {
            Some(at) if percent >= at => Stage::Failed(at),
            _ if done => Stage::Completed,
            _ => Stage::InProgress(percent.min(99)),
        }
    }

    /// How long until it is over; zero when it is.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        let share = f64::from(self.fails_at.unwrap_or(100)) / 100.0;
        let end = self.started + self.waits + self.works.mul_f64(share);
        end.saturating_duration_since(now)
    }

    /// Seconds from the beginning to the end, rounded up.
    pub(crate) fn seconds(&self) -> i64 {
        let whole = (self.waits + self.works).as_micros().div_ceil(1_000_000);
        i64::try_from(whole).unwrap_or(i64::MAX)
    }
}

/// A video. Its files are made when they are first asked for.
#[derive(Debug)]
pub(crate) struct Video {
    pub(crate) id: String,
    /// Unix time in seconds.
    pub(crate) created_at: i64,
    pub(crate) model: String,
    pub(crate) prompt: Option<String>,
    pub(crate) remixed_from: Option<String>,
    pub(crate) scene: Scene,
    pub(crate) job: Job,
    /// What shall go wrong when its content is fetched.
    pub(crate) faults: Faults,
    /// Its exact length, if it has one.
    pub(crate) bytes: Option<u64>,
    /// Whether somebody created it; the others are there as soon as they are asked for.
    pub(crate) created: bool,
    pub(crate) files: Files,
}

/// What is known of a video's files.
#[derive(Debug, Default)]
pub(crate) struct Files {
    film: OnceLock<Arc<Padded>>,
    digests: OnceLock<Digests>,
    pictures: [OnceLock<Bytes>; 2],
    requests: AtomicU32,
}

/// A video as the API describes it.
#[derive(Debug, Serialize)]
pub(crate) struct Description<'a> {
    id: &'a str,
    object: &'static str,
    created_at: i64,
    completed_at: Option<i64>,
    expires_at: Option<i64>,
    status: &'static str,
    progress: u32,
    model: &'a str,
    prompt: Option<&'a str>,
    seconds: String,
    size: String,
    remixed_from_video_id: Option<&'a str>,
    error: Option<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    code: &'static str,
    message: String,
}

impl Video {
    /// The video as the API describes it at an instant.
    pub(crate) fn description(&self, now: Instant) -> Description<'_> {
        let stage = self.job.stage(now);
        let (status, progress) = match stage {
            Stage::Queued => ("queued", 0),
            Stage::InProgress(percent) => ("in_progress", percent),
            Stage::Completed => ("completed", 100),
            Stage::Failed(percent) => ("failed", percent),
        };
        let error = matches!(stage, Stage::Failed(_)).then(|| Failure {
            code: "video_generation_failed",
            message: format!("simulated fault: the job failed at {progress} percent"),
        });
        let Size { width, height } = self.scene.size;
        Description {
            id: &self.id,
            object: "video",
            created_at: self.created_at,
            completed_at: (stage == Stage::Completed).then(|| self.created_at + self.job.seconds()),
            expires_at: None,
            status,
            progress,
            model: &self.model,
            prompt: self.prompt.as_deref(),
            seconds: self.scene.seconds.to_string(),
            size: format!("{width}x{height}"),
            remixed_from_video_id: self.remixed_from.as_deref(),
            error,
        }
    }

    /// The video's own file.
    pub(crate) fn film(&self) -> &Arc<Padded> {
        self.files.film.get_or_init(|| Arc::new(self.scene.file(&self.id, self.bytes)))
    }

    /// A picture file, if it has been made.
    pub(crate) fn picture(&self, variant: Variant) -> Option<Bytes> {
        self.picture_cell(variant)?.get().cloned()
    }

    /// Keeps a picture file.
    pub(crate) fn keep_picture(&self, variant: Variant, file: Bytes) {
        if let Some(cell) = self.picture_cell(variant) {
            // Whoever was first has made the same one.
            let _ = cell.set(file);
        }
    }

    fn picture_cell(&self, variant: Variant) -> Option<&OnceLock<Bytes>> {
        match variant {
            Variant::Video => None,
            Variant::Thumbnail => Some(&self.files.pictures[0]),
            Variant::Spritesheet => Some(&self.files.pictures[1]),
        }
    }

    /// The digests of its file; `make` is called when they are not known yet.
    pub(crate) fn digests(&self, make: impl FnOnce(&Padded) -> Digests) -> &Digests {
        self.files.digests.get_or_init(|| make(self.film()))
    }

    /// Counts a request for its content; returns how many there were before.
    pub(crate) fn count_request(&self) -> u32 {
        self.files.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// How often its content has been asked for.
    pub(crate) fn requests(&self) -> u32 {
        self.files.requests.load(Ordering::Relaxed)
    }

    /// Forgets how often it has been asked for.
    pub(crate) fn reset_requests(&self) {
        self.files.requests.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fails_at: Option<u32>, at_ms: u64, expected: Stage) {
        let started = Instant::now();
        let (waits, works) = (Duration::from_millis(100), Duration::from_millis(1000));
        let job = Job { started, waits, works, fails_at };
        assert_eq!(job.stage(started + Duration::from_millis(at_ms)), expected, "at {at_ms} ms");
    }

    #[test]
    fn a_job_waits_works_and_is_done() {
        check(None, 99, Stage::Queued);
        check(None, 100, Stage::InProgress(0));
        check(None, 605, Stage::InProgress(50));
        check(None, 1099, Stage::InProgress(99));
        check(None, 1100, Stage::Completed);
    }

    #[test]
    fn a_job_fails_where_it_was_told_to_and_stays_there() {
        check(Some(30), 99, Stage::Queued);
        check(Some(30), 399, Stage::InProgress(29));
        check(Some(30), 400, Stage::Failed(30));
        check(Some(30), 5000, Stage::Failed(30));
        check(Some(0), 100, Stage::Failed(0));
    }

    #[test]
    fn a_job_without_any_time_is_done_at_once() {
        let job = Job::done();
        assert_eq!(job.stage(job.started), Stage::Completed);
        let failing = Job { fails_at: Some(99), ..job };
        assert_eq!(failing.stage(failing.started), Stage::Failed(99));
    }
}
