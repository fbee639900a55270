//! A provider's file into a folder: admitted, downloaded, counted, with its progress told.

use super::{Call, Media, Step, ToolError};
use crate::download::{Progress, Request};
use crate::provider::Source;
use crate::store::{Kind, Target, Written};

/// Downloads a file. See [`crate::download`] for what that promises.
pub(super) async fn run(
    media: &Media,
    kind: Kind,
    source: Source,
    target: Target,
    call: &Call,
) -> Result<Written, ToolError> {
    let store = media.store(kind)?;
    let Source { uri, headers, container } = source;
    let request = Request { uri, headers, target, container };
    let (mut told, watching) = (Step::default(), call.clone());
    let tell = move |progress| {
        told.message = None;
        match progress {
            Progress::Queued { ahead } => told.message = Some(queued(ahead).into()),
            Progress::Received { bytes, total } => {
                told.done = bytes;
                told.total = total.map(u64::from);
            }
            Progress::Pausing { pause } => {
                let seconds = pause.as_secs_f64();
                told.message = Some(format!("trying again in {seconds:.1} s").into());
            }
        }
        watching.say(told.clone());
    };
    let written = media.downloads.fetch(store, request, call.caller, tell).await?;
    media.metrics.downloaded(written.bytes);
    Ok(written)
}

fn queued(ahead: usize) -> String {
    match ahead {
        0 => "queued".to_owned(),
        ahead => format!("queued behind {ahead}"),
    }
}
