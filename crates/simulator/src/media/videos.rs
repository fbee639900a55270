//! `/v1/videos`: create, retrieve, list, delete, remix, content.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use tokio::time::Instant;
use wire::json::FieldError;

use super::content::{self, File};
use super::film::Scene;
use super::form::Form;
use super::h264::Size;
use super::job::{Job, Stage};
use super::video::{Description, Files, Variant, Video};
use super::video_store::{DEFAULT_SECONDS, DEFAULT_SIZE, MAX_PAGE, NoVideo};
use super::wishes::Wishes;
use super::{Ask, Upload, json, not_found, picture};
use crate::answer::Answered;
use crate::api::Problem;
use crate::plan::{FAULT, Plan};
use crate::script::Script;
use crate::text::Content;

/// How long a client may wait before it asks again, in milliseconds; the official clients obey.
const POLL_AFTER: HeaderName = HeaderName::from_static("openai-poll-after-ms");

/// What [`POLL_AFTER`] says: the time that is left, but within these.
const SHORTEST_POLL: Duration = Duration::from_millis(10);
const LONGEST_POLL: Duration = Duration::from_secs(1);

/// Sizes that a video can have; the last two are said to be allowed for `sora-2-pro`.
const SIZES: [(&str, Size); 6] = [
    ("720x1280", DEFAULT_SIZE),
    ("1280x720", Size { width: 1280, height: 720 }),
    ("1024x1792", Size { width: 1024, height: 1792 }),
    ("1792x1024", Size { width: 1792, height: 1024 }),
    ("1080x1920", Size { width: 1080, height: 1920 }),
    ("1920x1080", Size { width: 1920, height: 1080 }),
];

/// Seconds that a video can last.
const SECONDS: [&str; 5] = ["4", "8", "12", "16", "20"];

/// Longest prompt in bytes.
const MAX_PROMPT_BYTES: usize = 32 * 1024;

/// `POST /v1/videos`.
pub(super) async fn create(mut ask: Ask<'_>, upload: Upload<'_>) -> Answered {
    let video = new_video(&mut ask, &upload);
    drop(upload);
    match video {
        Ok(video) => created(ask, video).await,
        Err(problem) => ask.reject(problem),
    }
}

fn new_video(ask: &mut Ask<'_>, body: &[u8]) -> Result<Video, Problem> {
    let form = Form::parse(&ask.head.headers, body)?;
    let prompt = prompt(&form)?;
    let size = form.one_of("size", &SIZES.map(|(name, _)| name))?;
    let size = SIZES.iter().find(|(name, _)| *name == size).map_or(DEFAULT_SIZE, |(_, it)| *it);
    let seconds = form.one_of("seconds", &SECONDS)?.parse().unwrap_or(DEFAULT_SECONDS);
    if let Some(file) = form.file("input_reference")
        && !is_reference(&file.data)
    {
        let message = "expected a JPEG, PNG or WEBP picture, or an MP4 video";
        return Err(FieldError::invalid("input_reference", message).into());
    }
    let model = form.text("model")?.unwrap_or("sora-2").to_owned();
    made(ask, prompt, |video| Video { model, ..video }, size, seconds)
}

/// `POST /v1/videos/{id}/remix`.
pub(super) async fn remix(mut ask: Ask<'_>, id: &str, upload: Upload<'_>) -> Answered {
    let mut remixed = || {
        let source = found(&ask, id)?;
        let prompt = prompt(&Form::parse(&ask.head.headers, &upload)?)?;
        if source.job.stage(Instant::now()) != Stage::Completed {
            let message = format!("the video '{id}' cannot be remixed: it is not completed");
            return Err(Problem::new(StatusCode::BAD_REQUEST, message));
        }
        let Scene { size, seconds, .. } = source.scene;
        let of_source = |video| Video {
            model: source.model.clone(),
            remixed_from: Some(source.id.clone()),
            ..video
        };
        made(&mut ask, prompt, of_source, size, seconds)
    };
    let video = remixed();
    drop(upload);
    match video {
        Ok(video) => created(ask, video).await,
        Err(problem) => ask.reject(problem),
    }
}

fn prompt(form: &Form<'_>) -> Result<String, Problem> {
    let prompt = form.required("prompt")?;
    if prompt.len() > MAX_PROMPT_BYTES {
        let message = format!("expected at most {MAX_PROMPT_BYTES} bytes, got {}", prompt.len());
        return Err(FieldError::invalid("prompt", message).into());
    }
    Ok(prompt.to_owned())
}

/// A new video with the job that makes it: it waits as long as a text answer of the profile
/// would for its first event, and is done when that answer would be.
fn made(
    ask: &mut Ask<'_>,
    prompt: String,
    complete: impl FnOnce(Video) -> Video,
    size: Size,
    seconds: u32,
) -> Result<Video, Problem> {
    let wishes =
        Wishes::of_prompt(&prompt).map_err(|error| FieldError::invalid("prompt", error))?;
    let store = &ask.worker.shared.media.videos;
    let bytes = store.bytes(&wishes);
    let plan = &mut ask.plan;
    let id = plan.identity.id("video_", 48);
    let scene = Scene::new(size, seconds, store.seed_of(&id));
    // A header's faults for the job do not touch the answer that says it has begun.
    let mut of_job = std::mem::take(&mut plan.faults.media);
    of_job.fail = wishes.faults.media.fail.or(of_job.fail);
    of_job.slow_job = wishes.faults.media.slow_job.or(of_job.slow_job);
    let stats = &ask.worker.shared.stats;
    let load = plan.profile.load_factor(stats);
    let script = Script::new(Arc::clone(&plan.profile), plan.seed, None, Content::Text, load);
    let waits = script.due().unwrap_or_default();
    let works = script.outline().ideal.saturating_sub(waits);
    let works = works.saturating_add(of_job.slow_job.unwrap_or_default());
    Ok(complete(Video {
        id,
        created_at: plan.identity.created(),
        model: String::new(),
        prompt: Some(prompt),
        remixed_from: None,
        scene,
        job: Job { started: plan.started, waits, works, fails_at: of_job.fail },
        faults: wishes.faults,
        bytes,
        created: true,
        files: Files::default(),
    }))
}

/// Keeps a new video and describes it, unless the request fails on purpose.
async fn created(ask: Ask<'_>, video: Video) -> Answered {
    if ask.plan.faults.status.is_some() || ask.plan.faults.refuse {
        return ask.tell(Vec::new()).await;
    }
    let video = ask.worker.shared.media.videos.insert(video);
    describe(ask, &video).await
}

async fn describe(ask: Ask<'_>, video: &Video) -> Answered {
    let now = Instant::now();
    let left = video.job.left(now);
    let mut answered = ask.tell(json(&video.description(now))).await?;
    if !left.is_zero() {
        let poll = left.clamp(SHORTEST_POLL, LONGEST_POLL).as_millis();
        let poll = HeaderValue::from(u64::try_from(poll).unwrap_or(u64::MAX));
        answered.headers_mut().insert(POLL_AFTER, poll);
    }
    Ok(answered)
}

/// `GET /v1/videos/{id}`.
pub(super) async fn retrieve(ask: Ask<'_>, id: &str) -> Answered {
    match found(&ask, id) {
        Ok(video) => describe(ask, &video).await,
        Err(problem) => ask.reject(problem),
    }
}

#[derive(Serialize)]
struct Page<'a> {
    object: &'static str,
    data: Vec<Description<'a>>,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
    has_more: bool,
}

/// `GET /v1/videos?limit&after&order`.
pub(super) async fn list(ask: Ask<'_>) -> Answered {
    let read = || -> Result<_, Problem> {
        let limit = match ask.query("limit").map(|limit| limit.parse::<u32>()) {
            None => 20,
            Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => limit,
            Some(_) => {
                let message = format!("expected an integer from 1 to {MAX_PAGE}");
                return Err(FieldError::invalid("limit", message).into());
            }
        };
        let newest_first = match ask.query("order").as_deref() {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => return Err(FieldError::invalid("order", "expected asc or desc").into()),
        };
        let after = ask.query("after");
        let page = ask.worker.shared.media.videos.page(after.as_deref(), limit, newest_first);
        page.ok_or_else(|| not_found("video", after.as_deref().unwrap_or_default()))
    };
    let page = match read() {
        Ok(page) => page,
        Err(problem) => return ask.reject(problem),
    };
    let now = Instant::now();
    let body = json(&Page {
        object: "list",
        data: page.videos.iter().map(|video| video.description(now)).collect(),
        first_id: page.videos.first().map(|video| video.id.as_str()),
        last_id: page.videos.last().map(|video| video.id.as_str()),
        has_more: page.has_more,
    });
    ask.tell(body).await
}

#[derive(Serialize)]
struct Deleted<'a> {
    id: &'a str,
    object: &'static str,
    deleted: bool,
}

/// `DELETE /v1/videos/{id}`.
pub(super) async fn delete(ask: Ask<'_>, id: &str) -> Answered {
    if ask.worker.shared.media.videos.remove(id) {
        ask.tell(json(&Deleted { id, object: "video.deleted", deleted: true })).await
    } else {
        ask.reject(not_found("video", id))
    }
}

/// `GET` or `HEAD /v1/videos/{id}/content?variant`.
pub(super) async fn content(mut ask: Ask<'_>, id: &str) -> Answered {
    let video = match found(&ask, id).and_then(ready) {
        Ok(video) => video,
        Err(problem) => return ask.reject(problem),
    };
    let variant = ask.query("variant").unwrap_or_else(|| "video".to_owned());
    let Some((_, variant)) = Variant::ALL.into_iter().find(|(name, _)| *name == variant) else {
        let message = format!("expected video, thumbnail or spritesheet, got '{variant}'");
        return ask.reject(FieldError::invalid("variant", message));
    };
    own_faults(&mut ask.plan, ask.head.headers.contains_key(FAULT), &video);
    let source: super::source::Shareable = match variant {
        Variant::Video => film(&ask, &video).await as _,
        Variant::Thumbnail | Variant::Spritesheet => {
            let file = match video.picture(variant) {
                Some(file) => file,
                None => {
                    let scene = video.scene;
                    let make = match variant {
                        Variant::Spritesheet => picture::spritesheet,
                        _ => picture::thumbnail,
                    };
                    let file = ask.worker.shared.media.work(move || make(&scene)).await;
                    video.keep_picture(variant, file.clone());
                    file
                }
            };
            Arc::new(file)
        }
    };
    let etag =
        format!("\"{:x}-{:x}\"", ask.worker.shared.media.videos.mark_of(id), source.length());
    let name = format!("{id}.{}", variant.extension());
    let file =
        File { source, media_type: variant.media_type(), etag: Some(etag), name: Some(name) };
    content::send(ask, file).await
}

/// A video's file, made on another thread when it is not there yet.
async fn film(ask: &Ask<'_>, video: &Arc<Video>) -> Arc<super::source::Padded> {
    if let Some(film) = video.film_if_made() {
        return Arc::clone(film);
    }
    let video = Arc::clone(video);
    ask.worker.shared.media.work(move || Arc::clone(video.film())).await
}

/// What goes wrong with a video's content: what the request says, or else what was asked for
/// with the video. The tries of the latter are counted here; those of a request are, too, when
/// the client does not count them itself.
fn own_faults(plan: &mut Plan, says: bool, video: &Video) {
    let mut tries_before = video.count_request();
    if says || !plan.faults.is_none() {
        tries_before = plan.tries_before.unwrap_or(tries_before);
    } else {
        plan.faults = video.faults.clone();
    }
    // Those of the job have had their time.
    (plan.faults.media.fail, plan.faults.media.slow_job) = (None, None);
    plan.end_of_tries(tries_before);
}

fn found(ask: &Ask<'_>, id: &str) -> Result<Arc<Video>, Problem> {
    ask.worker.shared.media.videos.get(id).map_err(|error| match error {
        NoVideo::NotFound => not_found("video", id),
        NoVideo::BadWishes(reason) => {
            Problem::new(StatusCode::BAD_REQUEST, format!("the id of the video: {reason}"))
        }
    })
}

fn ready(video: Arc<Video>) -> Result<Arc<Video>, Problem> {
    let message = match video.job.stage(Instant::now()) {
        Stage::Completed => return Ok(video),
        Stage::Failed(_) => "the video has no content: its generation failed",
        _ => "the video is not ready yet; GET /v1/videos/{id} tells its status",
    };
    Err(Problem { code: Some("video_not_ready"), ..Problem::new(StatusCode::NOT_FOUND, message) })
}

/// Whether a file begins as those begin that can be a reference.
fn is_reference(file: &[u8]) -> bool {
    let is_at = |at: usize, mark: &[u8]| file.get(at..).is_some_and(|rest| rest.starts_with(mark));
    is_at(0, b"\xFF\xD8\xFF")
        || is_at(0, b"\x89PNG\r\n\x1A\n")
        || (is_at(0, b"RIFF") && is_at(8, b"WEBP"))
        || is_at(4, b"ftyp")
}
