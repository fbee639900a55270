//! Waiting for a job with progress: what an agent would otherwise do by asking again and again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Call, Media, Step, ToolError};
use crate::provider::{ImageJob, JobStatus, ProviderError, Video};

/// First pause between two questions; it grows by half each time. The reference command line begins
/// with five seconds for videos and two for pictures; a job that is done already, or a provider
/// that is fast, should not cost that much.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two questions about a video, which takes minutes.
const LONGEST_VIDEO_PAUSE: Duration = Duration::from_secs(20);

/// Longest pause between two questions about a picture, which takes a minute at most.
const LONGEST_IMAGE_PAUSE: Duration = Duration::from_secs(10);

/// Longest wait that can be asked for, in seconds.
const LONGEST_WAIT: u64 = 3600;

/// Parameters of `wait_video`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitVideo {
    /// The job's id
    pub video_id: String,
    /// Longest wait in seconds, 1 to 3600
    #[serde(default = "usual_video_wait")]
    pub timeout_seconds: u64,
}

fn usual_video_wait() -> u64 {
    1800
}

/// Waits until a video job has ended, telling percent on the way.
///
/// # Errors
/// When it failed, does not end in time, or the provider cannot be asked.
pub async fn wait_video(media: &Media, params: WaitVideo, call: &Call) -> Result<Video, ToolError> {
    let wait = Wait::new(&params.video_id, params.timeout_seconds, LONGEST_VIDEO_PAUSE)?;
    let provider = media.video_provider()?;
    wait.until_ended(|| provider.status(&params.video_id), call).await
}

/// Parameters of `wait_image`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitImage {
    /// The job's id
    pub response_id: String,
    /// Longest wait in seconds, 1 to 3600
    #[serde(default = "usual_image_wait")]
    pub timeout_seconds: u64,
}

fn usual_image_wait() -> u64 {
    600
}

/// Waits until an image job has ended, telling its status on the way: the provider knows no percent.
///
/// # Errors
/// As [`wait_video`].
pub async fn wait_image(
    media: &Media,
    params: WaitImage,
    call: &Call,
) -> Result<ImageJob, ToolError> {
    let wait = Wait::new(&params.response_id, params.timeout_seconds, LONGEST_IMAGE_PAUSE)?;
    let provider = media.image_provider()?;
    wait.until_ended(|| provider.status(&params.response_id), call).await
}

/// What is known of a job while it is waited for.
trait Job {
    /// How far it is.
    fn status(&self) -> &JobStatus;

    /// How far it is, as progress is told.
    fn step(&self) -> Step;

    /// Why it failed, in the provider's words.
    fn reason(self) -> Option<String>;
}

impl Job for Video {
    fn status(&self) -> &JobStatus {
        &self.status
    }

    fn step(&self) -> Step {
        Step { done: u64::from(self.progress.unwrap_or(0)), total: Some(100), message: None }
    }

    fn reason(self) -> Option<String> {
        self.error.and_then(|error| error.message)
    }
}

impl Job for ImageJob {
    fn status(&self) -> &JobStatus {
        &self.status
    }

    fn step(&self) -> Step {
        Step::default()
    }

    fn reason(self) -> Option<String> {
        None
    }
}

/// A wait that is allowed.
struct Wait<'a> {
    id: &'a str,
    waited: Duration,
    longest_pause: Duration,
}

impl<'a> Wait<'a> {
    fn new(id: &'a str, seconds: u64, longest_pause: Duration) -> Result<Self, ToolError> {
        if !(1..=LONGEST_WAIT).contains(&seconds) {
            let message =
                format!("Invalid timeout_seconds: it must be between 1 and {LONGEST_WAIT}");
            return Err(ToolError::Arguments(message));
        }
        Ok(Self { id, waited: Duration::from_secs(seconds), longest_pause })
    }

    /// Asks until the job has ended.
    async fn until_ended<J: Job, F>(self, ask: impl Fn() -> F, call: &Call) -> Result<J, ToolError>
    where
        F: Future<Output = Result<J, ProviderError>>,
    {
        let began = Instant::now();
        let ends = began + self.waited;
        let (mut due, mut pause) = (began, FIRST_PAUSE);
        let mut status = JobStatus::Queued;
        loop {
            let job = timeout_at(ends, ask()).await.map_err(|_| self.late(&status))??;
            status = job.status().clone();
            call.say(Step { message: Some(status.as_str().to_owned().into()), ..job.step() });
            match &status {
                JobStatus::Completed => return Ok(job),
                status if status.is_active() => {}
                status => {
                    let (id, status) = (self.id.to_owned(), status.as_str().to_owned());
                    return Err(ToolError::JobFailed { id, status, message: job.reason() });
                }
            }
            due = (due + pause).max(Instant::now());
            if due >= ends {
                sleep_until(ends).await;
                return Err(self.late(&status));
            }
            sleep_until(due).await;
            pause = (pause * 3 / 2).min(self.longest_pause);
        }
    }

    fn late(&self, status: &JobStatus) -> ToolError {
        let (id, status) = (self.id.to_owned(), status.as_str().to_owned());
        ToolError::Timeout { id, status, waited: self.waited }
    }
}
