//! `weir media video …`

use std::sync::Arc;

use media::store::Kind;
use serde_json::{Map, Value, json};

use super::envelope::{Envelope, Problem};
use super::job::{self, Job, Plan};
use super::place::{Naming, Output, Place};
use super::session::{Session, arguments};
use super::text;
use crate::args::media_tools::{Listing, VideoCommand, VideoCreateArgs, Waiting};

/// Carries out one command.
pub(super) async fn run(command: VideoCommand, session: &Arc<Session>) -> Result<u8, Problem> {
    match command {
        VideoCommand::Create(args) => create(args, session).await,
        VideoCommand::Remix { video_id, prompt, wait, variant, waiting } => {
            let prompt = text::read(&prompt, "PROMPT")?;
            job::check_output(Job::Video, &waiting, session).await?;
            let job = session.ask(
                "remix_video",
                arguments([("previous_video_id", json!(video_id)), ("prompt", json!(prompt))]),
            );
            let job = job.await?;
            submitted("video.remix", job, wait, &waiting, &variant.variant, session).await
        }
        VideoCommand::Status { video_id } => {
            ask("video.status", "get_video_status", [("video_id", json!(video_id))], session).await
        }
        VideoCommand::Wait { video_ids, variant, waiting } => {
            let plan = Plan::new(Job::Video, &waiting, &variant.variant);
            job::wait_for_all("video.wait", video_ids, plan, session).await
        }
        VideoCommand::Download { video_id, variant, output, taken } => {
            let variant = &variant.variant;
            let output = Output { path: output.as_deref(), on_conflict: taken.policy() };
            let mut result = job::fetch(Job::Video, &video_id, variant, output, session).await?;
            result.insert("id".to_owned(), json!(video_id));
            Ok(Envelope::done("video.download", result).emit_alone())
        }
        VideoCommand::List { limit, after, order } => {
            let query = [("limit", json!(limit)), ("after", json!(after)), ("order", json!(order))];
            ask("video.list", "list_videos", query, session).await
        }
        VideoCommand::Delete { video_id } => {
            ask("video.delete", "delete_video", [("video_id", json!(video_id))], session).await
        }
        VideoCommand::Files { file_type, listing } => {
            files("video.files", "list_local_videos", Kind::Video, &file_type, listing, session)
                .await
        }
    }
}

async fn create(args: VideoCreateArgs, session: &Arc<Session>) -> Result<u8, Problem> {
    let prompt = text::read(&args.prompt, "PROMPT")?;
    let reference = args.input_ref.iter().cloned().collect::<Vec<_>>();
    let place = match reference.is_empty() {
        true => None,
        false => {
            let output = Output::default();
            Some(Place::find(session, Kind::Image, &reference, output, Naming::Own).await?)
        }
    };
    job::check_output(Job::Video, &args.waiting, session).await?;
    let spots: Vec<_> = place.iter().map(|place| (Kind::Image, &place.spot)).collect();
    let media = session.media(&spots).await?;
    let job = session.call(
        &media,
        "create_video",
        arguments([
            ("prompt", json!(prompt)),
            ("model", json!(args.model)),
            ("seconds", json!(args.seconds)),
            ("size", json!(args.size)),
            ("input_reference_filename", json!(place.as_ref().and_then(|it| it.inputs.first()))),
        ]),
        "submitting",
    );
    let job = job.await?;
    let variant = &args.variant.variant;
    submitted("video.create", job, args.wait, &args.waiting, variant, session).await
}

/// A job was started: waits for it when that was asked for.
async fn submitted(
    command: &'static str,
    job: Map<String, Value>,
    wait: bool,
    waiting: &Waiting,
    variant: &str,
    session: &Session,
) -> Result<u8, Problem> {
    let id = job.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| Problem::internal("the provider's job has no id"))?.to_owned();
    let plan = Plan::new(Job::Video, waiting, variant);
    session.view.note(&format!("{id} submitted"));
    if !wait && !plan.downloads() {
        return Ok(Envelope::done(command, job).emit_alone());
    }
    Ok(job::wait(command, &id, &plan, session).await.emit_alone())
}

/// A question to the provider whose answer is the result.
pub(super) async fn ask<const N: usize>(
    command: &'static str,
    tool: &str,
    pairs: [(&str, Value); N],
    session: &Session,
) -> Result<u8, Problem> {
    let result = session.ask(tool, arguments(pairs)).await?;
    Ok(Envelope::done(command, result).emit_alone())
}

/// The files of a media folder.
pub(super) async fn files(
    command: &'static str,
    tool: &str,
    kind: Kind,
    file_type: &str,
    listing: Listing,
    session: &Session,
) -> Result<u8, Problem> {
    let media = session.usual(kind).await?;
    let query = arguments([
        ("pattern", json!(listing.pattern)),
        ("file_type", json!(file_type)),
        ("sort_by", json!(listing.sort)),
        ("order", json!(listing.order)),
        ("limit", json!(listing.limit)),
    ]);
    let result = session.call(&media, tool, query, "listing").await?;
    Ok(Envelope::done(command, result).emit_alone())
}
