//! What a run without a target calls: the media server before the simulator, both ours.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use serde_json::json;
use stress::tools::mix::{Expectation, Mix};
use stress::tools::settings::{DEFAULT_SHAPE, Reach, Stage};
use stress::tools::verify::Source;
use stress::usage::TargetProcesses;

use super::{Load, climb, mix, scenario, url};
use crate::args::tools::ToolsArgs;
use crate::embedded::Embedded;
use crate::exit_code::Failure;
use stress::tools::settings::Climb;

/// The video of the report that Weir replaces: its size in bytes.
const VIDEO_BYTES: u64 = 7_691_516;

/// A video that the simulator has without anybody's making it.
const VIDEO: &str = "vid_weir";

/// Profile of the embedded simulator: what is measured is the server before it.
const PROFILE: &str = "instant";

/// The folder of the media server, in the run's own folder.
const MEDIA: &str = "media";

/// The second stage: downloads beside reference images and downloads of pictures.
const MIXED: &str = include_str!("../../../../../examples/tools/media.toml");

/// What is to be started.
pub(super) struct Plan<'a> {
    args: &'a ToolsArgs,
    folder: MediaFolder,
}

/// The servers of a run, and the folder of their files. The fields are dropped in this order: the
/// media server ends before what stands behind it, and the files go last.
pub(super) struct EmbeddedTarget {
    media: Embedded,
    simulator: Embedded,
    _folder: MediaFolder,
}

/// A folder that is removed with everything in it.
#[derive(Debug)]
struct MediaFolder(PathBuf);

impl Drop for MediaFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a folder of media stays behind");
        }
    }
}

impl<'a> Plan<'a> {
    /// Makes the folder of the media server beneath the run's.
    ///
    /// # Errors
    /// When it exists already, or cannot be made.
    pub(super) fn of(args: &'a ToolsArgs, run_folder: &Path) -> Result<Self, Failure> {
        let verified = args.verify_dir.is_some() || args.verify_url.is_some();
        if verified || args.upstream_stats.is_some() || args.floor_url.is_some() {
            return Err(Failure::usage(anyhow!(
                "--verify-dir, --verify-url, --upstream-stats and --floor-url are for a target of \
                 your own: give its URL or command"
            )));
        }
        // The servers are started elsewhere than here, so the path must lead there from anywhere.
        let run_folder = std::path::absolute(run_folder)
            .context("failed to find the run's folder")
            .map_err(Failure::environment)?;
        let folder = run_folder.join(MEDIA);
        fs::create_dir(&folder)
            .with_context(|| format!("failed to create the folder {}", folder.display()))
            .map_err(Failure::environment)?;
        Ok(Self { args, folder: MediaFolder(folder) })
    }

    /// The load with an address that stands for those that are not known yet.
    pub(super) fn placeholder(&self) -> Result<Load, Failure> {
        self.load("http://127.0.0.1:1", "http://127.0.0.1:1")
    }

    /// Starts both servers.
    ///
    /// # Errors
    /// When one of them ends before it accepts connections.
    pub(super) fn start(self) -> Result<(Load, EmbeddedTarget), Failure> {
        let profile = self.args.profile.as_deref().unwrap_or(PROFILE);
        let bytes = self.args.video_bytes.unwrap_or(VIDEO_BYTES);
        let seed = self.args.seed.unwrap_or(1);
        let simulator = Embedded::media_simulator(profile, seed, bytes)?;
        let media = Embedded::media_server(&simulator.url, &self.folder.0)?;
        let load = self.load(&media.url, &simulator.url)?;
        Ok((load, EmbeddedTarget { media, simulator, _folder: self.folder }))
    }

    fn load(&self, media: &str, simulator: &str) -> Result<Load, Failure> {
        let bare = format!("{simulator}/v1/videos/{VIDEO}/content");
        let asked = mix(self.args)?;
        let own = asked.is_none();
        let stages = match asked {
            Some(mix) => vec![Stage { name: None, mix, bare: None }],
            None => vec![
                Stage {
                    name: Some("downloads".to_owned()),
                    mix: downloads()?,
                    bare: Some(url(&bare)?),
                },
                Stage { name: Some("mixed".to_owned()), mix: mixed()?, bare: None },
            ],
        };
        let all_once = match climb(self.args) {
            Climb::Ladder(shapes) => shapes.first().copied().unwrap_or(DEFAULT_SHAPE).load(),
            Climb::Search { calls_per_agent, .. } => calls_per_agent,
        };
        Ok(Load {
            scenario: if own { "media".to_owned() } else { scenario(self.args) },
            reach: Reach::Http {
                url: url(&format!("{media}/mcp"))?,
                headers: Vec::new(),
                cacert: None,
                insecure: false,
            },
            stages,
            sequential: self.args.sequential.unwrap_or(if own { all_once } else { 0 }),
            source: Some(Source::Directory(self.folder.0.clone())),
            upstream: Some(url(simulator)?),
            scratch: self.folder.0.clone(),
            profile: Some(self.args.profile.clone().unwrap_or_else(|| PROFILE.to_owned())),
        })
    }
}

/// The load of the report that Weir replaces: one video, under a name for each call.
fn downloads() -> Result<Mix, Failure> {
    let arguments = json!({ "video_id": VIDEO, "filename": "video_{level}_{agent}_{call}.mp4" });
    let file = Some("videos/{name}".to_owned());
    Mix::of("download_video", arguments, file, Expectation::default())
        .map_err(|error| Failure::from(anyhow!("{error}")))
}

/// The other operations of that report's examples, beside the downloads.
fn mixed() -> Result<Mix, Failure> {
    Mix::built_in(MIXED).map_err(|error| Failure::from(anyhow!("{error}")))
}

impl EmbeddedTarget {
    /// The processes of both, each in its part.
    pub(super) fn processes(&self) -> TargetProcesses {
        TargetProcesses {
            embedded: true,
            known: vec![self.media.process()],
            upstream: vec![self.simulator.process()],
            witness: None,
        }
    }

    /// Waits until one of them ends by itself; for ever without any.
    pub(super) async fn lost(embedded: Option<&Self>) -> String {
        let Some(Self { media, simulator, .. }) = embedded else {
            return std::future::pending().await;
        };
        tokio::select! {
            lost = media.ended() => lost,
            lost = simulator.ended() => lost,
        }
    }
}
