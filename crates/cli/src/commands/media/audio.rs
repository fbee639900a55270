//! `weir media audio …`

use std::path::Path;
use std::sync::Arc;

use media::store::Kind;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::envelope::{Envelope, Problem};
use super::place::{Naming, Output, Place};
use super::session::{Session, arguments, fan_out};
use super::text;
use crate::args::media_tools::{
    AudioCommand, AudioFilesArgs, AudioFormat, SpeakArgs, TranscribeArgs,
};

/// Carries out one command.
pub(super) async fn run(command: AudioCommand, session: &Arc<Session>) -> Result<u8, Problem> {
    match command {
        AudioCommand::Transcribe(args) => transcribe(args, session).await,
        AudioCommand::Chat { file, model, system, prompt } => {
            let place = at(session, &file, Output::default(), Naming::Own).await?;
            let query = arguments([
                ("file_path", json!(place.inputs.first())),
                ("model", json!(model)),
                ("system_prompt", json!(system)),
                ("user_prompt", json!(prompt)),
            ]);
            let result = call(session, &place, "chat_with_audio", query, "listening").await?;
            Ok(Envelope::done("audio.chat", result).emit_alone())
        }
        AudioCommand::Speak(args) => speak(args, session).await,
        AudioCommand::Convert { file, to, output, taken } => {
            let to = to.or_else(|| format_of(output.as_deref()?)).unwrap_or(AudioFormat::Mp3);
            let output = Output { path: output.as_deref(), on_conflict: taken.policy() };
            let place = at(session, &file, output, Naming::Own).await?;
            let query = arguments([
                ("input_path", json!(place.inputs.first())),
                ("output_format", json!(to.name())),
                ("on_conflict", json!(place.on_conflict)),
            ]);
            let result = make(session, &place, "convert_audio", query, "converting").await?;
            Ok(Envelope::done("audio.convert", result).emit_alone())
        }
        AudioCommand::Compress { file, max_mb, output, taken } => {
            let output = Output { path: output.as_deref(), on_conflict: taken.policy() };
            let place = at(session, &file, output, Naming::Asked).await?;
            let query = arguments([
                ("input_path", json!(place.inputs.first())),
                ("max_mb", json!(max_mb)),
                ("output_filename", json!(place.name)),
                ("on_conflict", json!(place.on_conflict)),
            ]);
            let result = make(session, &place, "compress_audio", query, "compressing").await?;
            Ok(Envelope::done("audio.compress", result).emit_alone())
        }
        AudioCommand::Files(args) => files(args, session).await,
    }
}

async fn at(
    session: &Session,
    file: &str,
    output: Output<'_>,
    naming: Naming,
) -> Result<Place, Problem> {
    Place::find(session, Kind::Audio, &[file.to_owned()], output, naming).await
}

async fn call(
    session: &Session,
    place: &Place,
    tool: &str,
    query: Map<String, Value>,
    label: &str,
) -> Result<Map<String, Value>, Problem> {
    let media = session.media(&[(Kind::Audio, &place.spot)]).await?;
    session.call(&media, tool, query, label).await
}

/// Calls a tool that makes one file, and brings that to its place.
async fn make(
    session: &Session,
    place: &Place,
    tool: &str,
    query: Map<String, Value>,
    label: &str,
) -> Result<Map<String, Value>, Problem> {
    let mut result = call(session, place, tool, query, label).await?;
    place.finish(session, &mut result).await?;
    Ok(result)
}

/// The format that an output's name asks for.
fn format_of(output: &str) -> Option<AudioFormat> {
    match Path::new(output).extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "mp3" => Some(AudioFormat::Mp3),
        "wav" => Some(AudioFormat::Wav),
        _ => None,
    }
}

async fn transcribe(args: TranscribeArgs, session: &Arc<Session>) -> Result<u8, Problem> {
    let timestamps = if args.timestamps.is_empty() { Value::Null } else { json!(args.timestamps) };
    let mut common = arguments([
        ("model", json!(args.model)),
        ("response_format", json!(args.format)),
        ("prompt", json!(args.prompt)),
        ("timestamp_granularities", timestamps),
    ]);
    let tool = match &args.enhance {
        None => "transcribe_audio",
        Some(style) => {
            common.insert("enhancement_type".to_owned(), json!(style));
            "transcribe_with_enhancement"
        }
    };
    let at_once = usize::try_from(args.concurrency).unwrap_or(1);
    let inputs: Vec<(usize, String)> = args.files.into_iter().enumerate().collect();
    fan_out(inputs, at_once, |(index, file)| {
        let (session, mut query) = (Arc::clone(session), common.clone());
        async move {
            let began = Instant::now();
            let work = async {
                let place = at(&session, &file, Output::default(), Naming::Own).await?;
                query.extend(arguments([("file_path", json!(place.inputs.first()))]));
                call(&session, &place, tool, query, &file).await
            };
            let outcome = work.await;
            if let Err(problem) = &outcome {
                session.view.error(problem);
            }
            Envelope::of("audio.transcribe", outcome.map(Value::Object))
                .took(began.elapsed())
                .with("input", json!({ "index": index, "file": file }))
        }
    })
    .await
}

async fn speak(args: SpeakArgs, session: &Session) -> Result<u8, Problem> {
    let began = Instant::now();
    let text = text::read(&args.text, "TEXT")?;
    let settings = match args.voice_settings.as_deref().map(serde_json::from_str::<Value>) {
        None => Value::Null,
        Some(Ok(settings @ Value::Object(_))) => settings,
        Some(_) => return Err(Problem::usage("--voice-settings is not a JSON object")),
    };
    let output = Output { path: args.output.as_deref(), on_conflict: args.taken.policy() };
    let place = Place::find(session, Kind::Audio, &[], output, Naming::Asked).await?;
    let query = arguments([
        ("text_prompt", json!(text)),
        ("model", json!(args.model)),
        ("voice", json!(args.voice)),
        ("instructions", json!(args.instructions)),
        ("speed", json!(args.speed)),
        ("provider", json!(args.provider)),
        ("voice_settings", settings),
        ("output_filename", json!(place.name)),
        ("on_conflict", json!(place.on_conflict)),
    ]);
    let result = make(session, &place, "create_audio", query, "speaking").await?;
    Ok(Envelope::done("audio.speak", result).took(began.elapsed()).emit_alone())
}

async fn files(args: AudioFilesArgs, session: &Session) -> Result<u8, Problem> {
    let media = session.usual(Kind::Audio).await?;
    if args.latest {
        let result = session.call(&media, "get_latest_audio", Map::new(), "listing").await?;
        return Ok(Envelope::done("audio.files", result).emit_alone());
    }
    let query = arguments([
        ("pattern", json!(args.pattern)),
        ("format", json!(args.format)),
        ("min_size_bytes", json!(args.min_size)),
        ("max_size_bytes", json!(args.max_size)),
        ("min_duration_seconds", json!(args.min_duration)),
        ("max_duration_seconds", json!(args.max_duration)),
        ("sort_by", json!(args.sort)),
        ("reverse", json!(args.reverse)),
    ]);
    let listed = session.call(&media, "list_audio_files", query, "listing").await?;
    let mut list = listed.get("result").and_then(Value::as_array).cloned().unwrap_or_default();
    list.truncate(args.limit);
    let result = json!({ "data": list, "total": listed.get("total") });
    Ok(Envelope::done("audio.files", result).emit_alone())
}
