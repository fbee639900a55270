//! A video: the job that makes it, and its files.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;
use tokio::time::Instant;

use super::film::Scene;
use super::h264::Size;
use super::job::{Job, Stage};
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

    /// The video's own file. Takes some milliseconds the first time.
    pub(crate) fn film(&self) -> &Arc<Padded> {
        self.files.film.get_or_init(|| Arc::new(self.scene.file(&self.id, self.bytes)))
    }

    /// The video's own file, if it has been made.
    pub(crate) fn film_if_made(&self) -> Option<&Arc<Padded>> {
        self.files.film.get()
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
