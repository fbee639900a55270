//! Waiting for a job with progress: what an agent would otherwise do by asking again and again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::provider::{JobStatus, Video};
use crate::tools::{Call, Media, Step, ToolError};

/// First pause between two questions; it grows by half each time up to [`LONGEST_PAUSE`]. The
/// reference command line begins with five seconds; a job that is done already, or a provider that
/// is fast, should not cost that much.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Longest wait that can be asked for.
const LONGEST_WAIT: u64 = 3600;

/// Parameters of `wait_video`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitVideo {
    /// The job's id
    pub video_id: String,
    /// Longest wait in seconds, 1 to 3600
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
}

fn default_timeout() -> u64 {
    1800
}

/// Waits until a job has ended, telling percent on the way.
///
/// # Errors
/// When it failed, does not end in time, or the provider cannot be asked.
pub async fn wait_video(media: &Media, params: WaitVideo, call: &Call) -> Result<Video, ToolError> {
    if !(1..=LONGEST_WAIT).contains(&params.timeout_seconds) {
        let message = format!("Invalid timeout_seconds: it must be between 1 and {LONGEST_WAIT}");
        return Err(ToolError::Arguments(message));
    }
    let waited = Duration::from_secs(params.timeout_seconds);
    let began = Instant::now();
    let ends = began + waited;
    let provider = media.video_provider()?;
    let id = params.video_id.as_str();
    let (mut due, mut pause) = (began, FIRST_PAUSE);
    let mut status = JobStatus::Queued;
    let late = |status: &JobStatus| ToolError::Timeout {
        id: id.to_owned(),
        status: status.as_str().to_owned(),
        waited,
    };
    loop {
        let asked = timeout_at(ends, provider.status(id)).await;
        let video = asked.map_err(|_| late(&status))??;
        status = video.status.clone();
        call.say(Step {
            done: u64::from(video.progress.unwrap_or(0)),
            total: Some(100),
            message: Some(status.as_str().to_owned().into()),
        });
        match &video.status {
            JobStatus::Completed => return Ok(video),
            status if status.is_active() => {}
            status => {
                let status = status.as_str().to_owned();
                let message = video.error.and_then(|error| error.message);
                return Err(ToolError::JobFailed { id: video.id, status, message });
            }
        }
        due = (due + pause).max(Instant::now());
        if due >= ends {
            sleep_until(ends).await;
            return Err(late(&status));
        }
        sleep_until(due).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}
