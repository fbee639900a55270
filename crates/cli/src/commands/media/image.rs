//! `weir media image …`

use std::sync::Arc;

use media::store::Kind;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::envelope::{Envelope, Problem};
use super::job::{self, Job, Plan};
use super::place::{self, Naming, Output, Place};
use super::session::{Session, arguments, fan_out};
use super::text;
use super::video::{ask, files};
use crate::args::media_tools::{
    ImageCommand, ImageCreateArgs, ImageEditArgs, ImageGenerateArgs, Look,
};

/// Carries out one command.
pub(super) async fn run(command: ImageCommand, session: &Arc<Session>) -> Result<u8, Problem> {
    match command {
        ImageCommand::Create(args) => create(*args, session).await,
        ImageCommand::Status { response_id } => {
            let id = [("response_id", json!(response_id))];
            ask("image.status", "get_image_status", id, session).await
        }
        ImageCommand::Wait { response_ids, waiting } => {
            let plan = Plan::new(Job::Image, &waiting, "video");
            job::wait_for_all("image.wait", response_ids, plan, session).await
        }
        ImageCommand::Download { response_id, output, taken } => {
            let output = Output { path: output.as_deref(), on_conflict: taken.policy() };
            let mut result = job::fetch(Job::Image, &response_id, "video", output, session).await?;
            result.insert("id".to_owned(), json!(response_id));
            Ok(Envelope::done("image.download", result).emit_alone())
        }
        ImageCommand::Generate(args) => generate(args, session).await,
        ImageCommand::Edit(args) => edit(args, session).await,
        ImageCommand::Prepare { input_image, size, mode, output, taken } => {
            let inputs = [input_image];
            let output = Output { path: output.as_deref(), on_conflict: taken.policy() };
            let place = Place::find(session, Kind::Image, &inputs, output, Naming::Asked).await?;
            let query = arguments([
                ("input_filename", json!(place.inputs.first())),
                ("target_size", json!(size)),
                ("resize_mode", json!(mode)),
                ("output_filename", json!(place.name)),
                ("on_conflict", json!(place.on_conflict)),
            ]);
            let result =
                make(&place, "prepare_reference_image", query, "resizing", session).await?;
            Ok(Envelope::done("image.prepare", result).emit_alone())
        }
        ImageCommand::Files { file_type, listing } => {
            let tool = "list_reference_images";
            files("image.files", tool, Kind::Image, &file_type, listing, session).await
        }
    }
}

/// Calls a tool that makes one picture, and brings that to its place.
async fn make(
    place: &Place,
    tool: &str,
    query: Map<String, Value>,
    label: &str,
    session: &Session,
) -> Result<Map<String, Value>, Problem> {
    let media = session.media(&[(Kind::Image, &place.spot)]).await?;
    let mut result = session.call(&media, tool, query, label).await?;
    place.finish(session, &mut result).await?;
    Ok(result)
}

async fn create(args: ImageCreateArgs, session: &Arc<Session>) -> Result<u8, Problem> {
    let prompt = text::read(&args.prompt, "PROMPT")?;
    let inputs: Vec<String> = args.input_image.iter().chain(&args.mask).cloned().collect();
    let place = match inputs.is_empty() {
        true => None,
        false => {
            let output = Output::default();
            Some(Place::find(session, Kind::Image, &inputs, output, Naming::Own).await?)
        }
    };
    job::check_output(Job::Image, &args.waiting, session).await?;
    let mut names = place.as_ref().map(|place| place.inputs.clone()).unwrap_or_default();
    let mask = args.mask.as_ref().and_then(|_| names.pop());
    let media = match &place {
        Some(place) => session.media(&[(Kind::Image, &place.spot)]).await?,
        None => session.media(&[]).await?,
    };
    let mut tool = arguments([
        ("model", json!(args.image_model)),
        ("size", json!(args.look.size)),
        ("quality", json!(args.look.quality)),
        ("background", json!(args.look.background)),
        ("output_format", json!(args.look.output_format)),
        ("moderation", json!(args.moderation)),
        ("input_fidelity", json!(args.input_fidelity)),
    ]);
    if !tool.is_empty() {
        tool.insert("type".to_owned(), json!("image_generation"));
    }
    let query = arguments([
        ("prompt", json!(prompt)),
        ("model", json!(args.model)),
        ("tool_config", if tool.is_empty() { Value::Null } else { Value::Object(tool) }),
        ("previous_response_id", json!(args.previous_id)),
        ("input_images", if names.is_empty() { Value::Null } else { json!(names) }),
        ("mask_filename", json!(mask)),
    ]);
    let job = session.call(&media, "create_image", query, "submitting").await?;
    let id = job.get("id").and_then(Value::as_str);
    let id = id.ok_or_else(|| Problem::internal("the provider's job has no id"))?.to_owned();
    session.view.note(&format!("{id} submitted"));
    let plan = Plan::new(Job::Image, &args.waiting, "video");
    if !args.wait && !plan.downloads() {
        return Ok(Envelope::done("image.create", job).emit_alone());
    }
    Ok(job::wait("image.create", &id, &plan, session).await.emit_alone())
}

/// The parts of a request that say how a picture is to look.
fn look(look: &Look) -> Map<String, Value> {
    arguments([
        ("size", json!(look.size)),
        ("quality", json!(look.quality)),
        ("background", json!(look.background)),
        ("output_format", json!(look.output_format)),
    ])
}

async fn generate(args: ImageGenerateArgs, session: &Arc<Session>) -> Result<u8, Problem> {
    let prompts: Vec<String> =
        args.prompts.iter().map(|it| text::read(it, "PROMPT")).collect::<Result<_, _>>()?;
    let count = usize::try_from(args.count).unwrap_or(1);
    let each = prompts.into_iter().flat_map(|prompt| vec![prompt; count]);
    let inputs: Vec<(usize, String)> = each.enumerate().collect();
    place::folder_for_many(args.output.as_deref(), inputs.len())?;
    let mut common = look(&args.look);
    common
        .extend(arguments([("model", json!(args.model)), ("moderation", json!(args.moderation))]));
    let at_once = usize::try_from(args.concurrency).unwrap_or(1);
    let on_conflict = args.taken.policy();
    fan_out(inputs, at_once, |(index, prompt)| {
        let (session, mut query) = (Arc::clone(session), common.clone());
        let output = args.output.clone();
        async move {
            let began = Instant::now();
            query.insert("prompt".to_owned(), json!(prompt));
            let output = Output { path: output.as_deref(), on_conflict };
            let made = generate_one(query, output, index, &session).await;
            if let Err(problem) = &made {
                session.view.error(problem);
            }
            Envelope::of("image.generate", made.map(Value::Object))
                .took(began.elapsed())
                .with("input", json!({ "index": index, "prompt": prompt }))
        }
    })
    .await
}

async fn generate_one(
    mut query: Map<String, Value>,
    output: Output<'_>,
    index: usize,
    session: &Session,
) -> Result<Map<String, Value>, Problem> {
    let place = Place::find(session, Kind::Image, &[], output, Naming::Asked).await?;
    query.extend(arguments([
        ("filename", json!(place.name)),
        ("on_conflict", json!(place.on_conflict)),
    ]));
    let label = format!("picture {}", index + 1);
    make(&place, "generate_image", query, &label, session).await
}

async fn edit(args: ImageEditArgs, session: &Session) -> Result<u8, Problem> {
    let began = Instant::now();
    let prompt = text::read(&args.prompt, "PROMPT")?;
    let inputs: Vec<String> = args.input_image.iter().chain(&args.mask).cloned().collect();
    let output = Output { path: args.output.as_deref(), on_conflict: args.taken.policy() };
    let place = Place::find(session, Kind::Image, &inputs, output, Naming::Asked).await?;
    let mut names = place.inputs.clone();
    let mask = args.mask.as_ref().and_then(|_| names.pop());
    let mut query = look(&args.look);
    query.extend(arguments([
        ("prompt", json!(prompt)),
        ("input_images", json!(names)),
        ("mask_filename", json!(mask)),
        ("model", json!(args.model)),
        ("input_fidelity", json!(args.input_fidelity)),
        ("filename", json!(place.name)),
        ("on_conflict", json!(place.on_conflict)),
    ]));
    let result = make(&place, "edit_image", query, "editing", session).await?;
    Ok(Envelope::done("image.edit", result).took(began.elapsed()).emit_alone())
}
