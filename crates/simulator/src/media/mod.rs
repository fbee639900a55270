//! The media endpoints: videos, images, files, speech, transcriptions.
//!
//! Files are real (players and decoders take them), deterministic, and made by position where
//! they are large: a file is never in memory because it is being sent. What takes long, such as
//! encoding a picture, runs on blocking threads, a bounded number at once.

mod bits;
mod content;
mod events;
mod file_store;
mod files;
mod film;
pub(crate) mod form;
mod h264;
pub(crate) mod image_events;
mod image_order;
mod images;
mod job;
mod mp4;
mod padding;
mod picture;
mod range;
mod resource;
mod sound;
mod source;
mod speech;
mod transcript;
mod transcriptions;
mod transfer;
mod transfers;
mod video;
mod video_store;
mod videos;
mod wishes;

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode};
use http_body::Body as HttpBody;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::answer::{Answered, Refused};
use crate::api::{Api, Problem};
use crate::plan::Plan;
use crate::route::{Unread, read_body};
use crate::worker::{InFlight, Worker};

pub(crate) use events::{EventList, send_events};
pub(crate) use file_store::FileStore;
pub(crate) use film::{MAX_VIDEO_BYTES, MIN_VIDEO_BYTES};
pub(crate) use form::Form;
pub(crate) use image_order::ImageOrder;
pub(crate) use images::MAX_PARTIAL;
pub(crate) use job::{Job, Stage};
pub(crate) use resource::Resource;
pub(crate) use source::{Digests, Source};
pub(crate) use transfer::Transfer;
pub(crate) use transfers::{TransferCounts, Transfers};
pub(crate) use video_store::VideoStore;
pub(crate) use wishes::Wishes;

/// Largest body of an upload: 64 MiB, a bit more than the largest picture or sound that the
/// provider takes. Larger ones get 413.
pub(crate) const MAX_UPLOAD_BYTES: usize = 64 * 1024 * 1024;

/// Uploads that are received or looked at at the same time; further ones wait, in their order.
/// Together with [`MAX_UPLOAD_BYTES`] this bounds the memory for them to 512 MiB.
pub(crate) const MAX_UPLOADS: usize = 8;

/// What the media endpoints keep.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) videos: VideoStore,
    pub(crate) files: FileStore,
    pub(crate) transfers: Arc<Transfers>,
    uploads: Semaphore,
    /// Permits to occupy a blocking thread.
    hands: Arc<Semaphore>,
}

impl Media {
    /// Nothing yet.
    pub(crate) fn new(server_seed: u64, video_bytes: Option<u64>) -> Self {
        Self {
            videos: VideoStore::new(server_seed, video_bytes),
            files: FileStore::default(),
            transfers: Arc::default(),
            uploads: Semaphore::new(MAX_UPLOADS),
            hands: Arc::new(Semaphore::new(runtime::workers::per_core())),
        }
    }

    /// Does work that takes longer than a runtime thread may be kept, on another thread: as many
    /// at once as there are processors, the others wait in their order. Dropped before it is
    /// done, the work is still finished, and counts until then.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let hand = Arc::clone(&self.hands).acquire_owned().await;
        let hand = hand.expect("nobody closes the semaphore");
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(hand);
            done
        });
        match done.await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// The body of a request, with its place among the uploads: whoever has read it drops it before
/// waiting for anything else.
#[derive(Default)]
pub(crate) struct Upload<'a> {
    body: Vec<u8>,
    place: Option<SemaphorePermit<'a>>,
}

impl Deref for Upload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.body
    }
}

/// A request for one of the media endpoints.
pub(crate) struct Ask<'a> {
    pub(crate) worker: &'a Rc<Worker>,
    pub(crate) head: &'a Parts,
    pub(crate) plan: Plan,
    pub(crate) in_flight: InFlight,
}

impl Ask<'_> {
    /// The answer to a request that is not valid.
    pub(crate) fn reject(mut self, problem: impl Into<Problem>) -> Answered {
        self.plan.reject(&problem.into(), &mut self.in_flight)
    }

    /// Answers with JSON that needs no thinking: without the profile's delays, but with the
    /// request's faults.
    pub(crate) async fn tell(mut self, body: Vec<u8>) -> Answered {
        self.plan.profile = Arc::clone(&self.worker.shared.instant);
        crate::answer::serve_body(self.plan, body, self.in_flight).await
    }

    /// A parameter of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.head.uri.query()?;
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let value = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()?;
        Some(resource::decode(&value.replace('+', " ")))
    }
}

/// Answers one request.
pub(crate) async fn handle<B>(
    worker: &Rc<Worker>,
    resource: Resource,
    head: &Parts,
    body: B,
    started: Instant,
) -> Answered
where
    B: HttpBody<Data = bytes::Bytes> + Unpin,
{
    let in_flight = worker.begin(resource.endpoint());
    let (plan, read) = Plan::new(&worker.shared, Api::OpenAi, &head.headers, started);
    let ask = Ask { worker, head, plan, in_flight };
    let mut upload = Upload::default();
    if head.method == Method::POST {
        let place = worker.shared.media.uploads.acquire().await;
        upload.place = Some(place.expect("nobody closes the semaphore"));
        // The body is read even when the headers are refused: the connection stays in use.
        match read_body(head, body, MAX_UPLOAD_BYTES).await {
            Ok(body) => upload.body = body,
            Err(Unread::ClientLeft) => return Err(Refused::default()),
            Err(Unread::Problem(problem)) => return ask.reject(problem),
        }
    }
    if let Err(problem) = read {
        return ask.reject(problem);
    }
    match resource {
        Resource::Videos if head.method == Method::POST => videos::create(ask, upload).await,
        Resource::Videos => videos::list(ask).await,
        Resource::Video(id) if head.method == Method::DELETE => videos::delete(ask, &id).await,
        Resource::Video(id) => videos::retrieve(ask, &id).await,
        Resource::VideoRemix(id) => videos::remix(ask, &id, upload).await,
        Resource::VideoContent(id) => videos::content(ask, &id).await,
        Resource::ImageGenerations => images::answer(ask, images::Kind::Generation, upload).await,
        Resource::ImageEdits => images::answer(ask, images::Kind::Edit, upload).await,
        Resource::Files if head.method == Method::POST => files::create(ask, upload).await,
        Resource::Files => files::list(ask).await,
        Resource::File(id) if head.method == Method::DELETE => files::delete(ask, &id).await,
        Resource::File(id) => files::retrieve(ask, &id).await,
        Resource::FileContent(id) => files::content(ask, &id).await,
        Resource::Speech => speech::answer(ask, upload).await,
        Resource::Transcriptions => transcriptions::answer(ask, upload).await,
    }
}

/// A struct of strings and numbers as JSON.
fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of strings, numbers and lists serialise")
}

fn not_found(what: &str, id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("{what} with id '{id}' not found"))
}
