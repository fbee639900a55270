//! `weir media capabilities`: what works here, for an agent's first call. Needs no key and no network.

use clap::CommandFactory;
use media::store::Kind;
use serde_json::{Map, Value, json};

use super::session::Session;
use crate::args::Cli;

/// The report.
pub(super) fn report(session: &Session, quota: bool) -> Value {
    let has = |kind| session.plan.has(kind);
    let feature = |kind| match has(kind) {
        true => json!({ "available": true }),
        false => json!({
            "available": false,
            "reason": "no media folder (--media DIR, WEIR_MEDIA_PATH or the folder's own variable)",
        }),
    };
    let mut report = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "features": {
            "video": feature(Kind::Video),
            "image": feature(Kind::Image),
            "audio": feature(Kind::Audio),
        },
        "tts_providers": { "openai": { "available": session.plan.has_key() } },
        "paths_configured": {
            "video": has(Kind::Video),
            "reference": has(Kind::Image),
            "audio": has(Kind::Audio),
        },
        "storage_backend": if session.plan.in_object_storage() { "s3" } else { "local" },
        "api_key_present": session.plan.has_key(),
        "commands": commands(),
    });
    if quota {
        report["elevenlabs_quota"] =
            json!({ "available": false, "reason": "ElevenLabs is not a provider here" });
    }
    report
}

/// The commands beneath `weir media`, each with its own.
fn commands() -> Map<String, Value> {
    let cli = Cli::command();
    let media = cli.find_subcommand("media");
    let groups = media.into_iter().flat_map(clap::Command::get_subcommands);
    groups
        .map(|group| {
            let names: Vec<&str> = group.get_subcommands().map(clap::Command::get_name).collect();
            (group.get_name().to_owned(), json!(names))
        })
        .collect()
}
