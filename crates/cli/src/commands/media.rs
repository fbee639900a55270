//! `weir media`: the media tools as shell commands.
//!
//! Every command calls the very functions that agents call over MCP. What is added here: paths
//! anywhere on the disk, waiting for jobs, several inputs side by side, and one JSON envelope for
//! each input on stdout.

mod audio;
mod capabilities;
mod envelope;
mod image;
mod job;
mod place;
mod session;
mod spot;
mod text;
mod video;
mod view;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use runtime::signal::{Shutdown, Signals};

use crate::args::Talk;
use crate::args::media_tools::{
    AudioCommand, ImageCommand, MediaCommand, MediaToolsArgs, VideoCommand,
};
use crate::commands::mcp;
use crate::exit_code::{CommandResult, INTERRUPTED};
use envelope::{Envelope, Problem};
use session::Session;

/// How long a transfer that was stopped may take to remove its temporary file.
const LAST_REMOVALS: Duration = Duration::from_secs(2);

/// Carries out one command.
pub(crate) fn run(args: MediaToolsArgs, talk: Talk) -> CommandResult {
    let runtime = mcp::runtime().context("failed to start a runtime")?;
    let code = runtime.block_on(until_interrupted(args, talk));
    runtime.shutdown_timeout(LAST_REMOVALS);
    code
}

async fn until_interrupted(args: MediaToolsArgs, talk: Talk) -> CommandResult {
    let signals = Signals::register().context("failed to watch for signals")?;
    let command = name(&args.command);
    let session = match Session::open(&args.media, talk) {
        Ok(session) => Arc::new(session),
        Err(problem) => return Ok(Envelope::failed(command, &problem).emit_alone()),
    };
    let shutdown = Shutdown::default();
    let (view, jobs) = (session.view.clone(), session.jobs.clone());
    tokio::select! {
        done = carry_out(args.command, &session) => Ok(match done {
            Ok(code) => code,
            Err(problem) => {
                view.error(&problem);
                Envelope::failed(command, &problem).emit_alone()
            }
        }),
        () = first_signal(signals, &shutdown) => {
            view.note("interrupted; jobs that were submitted go on at the provider");
            for resume in jobs.under_way() {
                view.note(&format!("resume: {resume}"));
            }
            Ok(INTERRUPTED)
        }
    }
}

async fn first_signal(signals: Signals, shutdown: &Shutdown) {
    tokio::select! {
        _ = signals.watch(shutdown) => {}
        () = shutdown.drain.cancelled() => {}
    }
}

async fn carry_out(command: MediaCommand, session: &Arc<Session>) -> Result<u8, Problem> {
    match command {
        MediaCommand::Video(command) => video::run(command, session).await,
        MediaCommand::Image(command) => image::run(command, session).await,
        MediaCommand::Audio(command) => audio::run(command, session).await,
        MediaCommand::Wait(args) => job::wait_for_any(args, session).await,
        MediaCommand::Capabilities { quota } => {
            let result = capabilities::report(session, quota);
            Ok(Envelope::done("capabilities", result).emit_alone())
        }
    }
}

/// The command's name in its envelopes.
fn name(command: &MediaCommand) -> &'static str {
    match command {
        MediaCommand::Video(command) => match command {
            VideoCommand::Create(_) => "video.create",
            VideoCommand::Remix { .. } => "video.remix",
            VideoCommand::Status { .. } => "video.status",
            VideoCommand::Wait { .. } => "video.wait",
            VideoCommand::Download { .. } => "video.download",
            VideoCommand::List { .. } => "video.list",
            VideoCommand::Delete { .. } => "video.delete",
            VideoCommand::Files { .. } => "video.files",
        },
        MediaCommand::Image(command) => match command {
            ImageCommand::Create(_) => "image.create",
            ImageCommand::Status { .. } => "image.status",
            ImageCommand::Wait { .. } => "image.wait",
            ImageCommand::Download { .. } => "image.download",
            ImageCommand::Generate(_) => "image.generate",
            ImageCommand::Edit(_) => "image.edit",
            ImageCommand::Prepare { .. } => "image.prepare",
            ImageCommand::Files { .. } => "image.files",
        },
        MediaCommand::Audio(command) => match command {
            AudioCommand::Transcribe(_) => "audio.transcribe",
            AudioCommand::Chat { .. } => "audio.chat",
            AudioCommand::Speak(_) => "audio.speak",
            AudioCommand::Convert { .. } => "audio.convert",
            AudioCommand::Compress { .. } => "audio.compress",
            AudioCommand::Files(_) => "audio.files",
        },
        MediaCommand::Wait(_) => "wait",
        MediaCommand::Capabilities { .. } => "capabilities",
    }
}
