//! Waiting for jobs that end when the test says so.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::provider::{
    Answer, ImageEdit, ImageJob, ImageProvider, ImageRequest, ImageStart, JobStatus, MadeImage,
};

/// Answers with these states, one after the other; the last one stays.
struct Artist(Mutex<Vec<JobStatus>>);

impl Artist {
    fn with(states: &[JobStatus]) -> Arc<dyn ImageProvider> {
        Arc::new(Self(Mutex::new(states.iter().rev().cloned().collect())))
    }
}

impl ImageProvider for Artist {
    fn status<'a>(&'a self, id: &'a str) -> Answer<'a, ImageJob> {
        let mut states = self.0.lock().unwrap();
        let status = if states.len() > 1 { states.pop() } else { states.last().cloned() };
        let job = ImageJob { id: id.to_owned(), status: status.unwrap(), created_at: 0.0 };
        Box::pin(async { Ok(job) })
    }

    fn start(&self, _: ImageStart) -> Answer<'_, ImageJob> {
        unreachable!("no test starts a job")
    }

    fn picture<'a>(&'a self, _: &'a str) -> Answer<'a, (ImageJob, Option<String>)> {
        unreachable!("no test fetches a picture")
    }

    fn generate(&self, _: ImageRequest) -> Answer<'_, MadeImage> {
        unreachable!("no test draws")
    }

    fn edit(&self, _: ImageEdit) -> Answer<'_, MadeImage> {
        unreachable!("no test draws")
    }
}

async fn wait(
    states: &[JobStatus],
    seconds: u64,
    call: &Call,
) -> (Result<ImageJob, ToolError>, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let media = Media { image_provider: Some(Artist::with(states)), ..media(folder.path()).await };
    let params = json!({ "response_id": "resp_1", "timeout_seconds": seconds });
    // What a folder's threads do is over: from here time is ours.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let ended = wait::wait_image(&media, serde_json::from_value(params).unwrap(), call).await;
    let took = began.elapsed();
    tokio::time::resume();
    (ended, took)
}

#[tokio::test]
async fn an_image_job_is_asked_about_until_it_has_ended_with_growing_pauses() {
    let states = [JobStatus::Queued, JobStatus::InProgress, JobStatus::Completed];
    let (steps, told) = watch::channel(Step::default());
    let (ended, took) = wait(&states, 60, &Call::watched(Caller::ALONE, steps)).await;
    assert_eq!(ended.unwrap().status, JobStatus::Completed);
    // A second, then half as much again.
    assert_eq!(took.as_millis() / 100, 25);
    let step = told.borrow().clone();
    assert_eq!((step.message.as_deref(), step.total), (Some("completed"), None));
}

#[tokio::test]
async fn an_image_job_that_fails_or_never_ends_is_told_as_such() {
    let (failed, _) = wait(&[JobStatus::Queued, JobStatus::Failed], 60, &quiet()).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::JobFailed);
    let (late, took) = wait(&[JobStatus::InProgress], 30, &quiet()).await;
    let late = late.unwrap_err();
    assert_eq!((late.kind(), took.as_secs()), (ErrorKind::Timeout, 30));
    assert!(late.to_string().contains("resp_1"), "{late}");
}

#[tokio::test]
async fn a_wait_has_its_bounds() {
    for seconds in [0, 3_601] {
        let (refused, _) = wait(&[JobStatus::Completed], seconds, &quiet()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Usage, "{seconds}");
    }
    assert!(wait(&[JobStatus::Completed], 3_600, &quiet()).await.0.is_ok());
}
