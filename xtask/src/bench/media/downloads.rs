//! Downloads: by bare sockets, by agents through `weir mcp`, and by agents through sanzaru.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::bench::Setting;
use crate::bench::case::{self, Outcome};
use crate::linux;
use crate::say::{self, Stopwatch};
use crate::server::{Server, free_port};
use crate::shell::Tool;
use crate::tools::Requirements;

/// Length of the video in the stress test that this repeats.
const VIDEO_BYTES: u32 = 7_691_516;
/// The simulator has it without being asked to make it.
const VIDEO: &str = "vid_weir_bench";
/// Fetches that the bare client has open at once: more gain it nothing.
const BARE_AT_ONCE: &str = "32";

/// Agents with calls of each, all at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) agents: u32,
    pub(super) calls: u32,
}

/// The loads, from the stress test's own to the largest.
pub(super) const LOADS: [Load; 3] =
    [Load { agents: 4, calls: 8 }, Load { agents: 4, calls: 32 }, Load { agents: 16, calls: 32 }];

impl Load {
    /// Calls of all agents.
    pub(super) fn all(self) -> u32 {
        self.agents * self.calls
    }
}

/// How the bytes get from the simulator to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Read from a socket, written to a file: the floor.
    Bare,
    /// The same with SHA-256, and synced.
    Checked,
    /// `weir mcp`.
    Weir,
    /// sanzaru.
    Sanzaru,
}

impl Way {
    /// All of them, in the order of the rows.
    pub(super) const ALL: [Self; 4] = [Self::Bare, Self::Checked, Self::Weir, Self::Sanzaru];

    /// Its place in [`Self::ALL`].
    pub(super) fn index(self) -> usize {
        match self {
            Self::Bare => 0,
            Self::Checked => 1,
            Self::Weir => 2,
            Self::Sanzaru => 3,
        }
    }

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare client",
            Self::Checked => "bare client, SHA-256 and fsync",
            Self::Weir => "weir mcp",
            Self::Sanzaru => "sanzaru 0.10.0",
        }
    }
}

/// Where the bytes come from and where they go.
pub(super) struct Sources {
    simulator: Server,
    /// SHA-256 of the video.
    sha256: String,
    files: Files,
    sanzaru: Result<PathBuf>,
}

/// The folder of all files. Its gigabytes go with it, and those of a benchmark that was killed with
/// the next one's.
struct Files(PathBuf);

impl Files {
    fn create(folder: PathBuf) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What cannot be removed now is tried again by the next benchmark.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Sources {
    /// Starts the simulator, and installs sanzaru where that is possible.
    ///
    /// # Errors
    /// When the simulator cannot be started or does not know the video.
    pub(super) fn start(setting: &Setting) -> Result<Self> {
        let simulator = Server::start(
            Tool::new(&setting.weir)
                .args(["simulate", "--listen", "127.0.0.1:0", "--profile", "instant"])
                .args(["--video-bytes", &VIDEO_BYTES.to_string()]),
        )?;
        let sha256 = known_digest(&simulator)?;
        let files = Files::create(setting.folder.join("media-files"))?;
        let sanzaru = Requirements::with_all("sanzaru", &["tests/media/sanzaru.txt"]).install();
        let sanzaru = sanzaru.map(|programs| programs.join("sanzaru"));
        Ok(Self { simulator, sha256, files, sanzaru })
    }

    /// Ends the simulator; the files go as well.
    ///
    /// # Errors
    /// When the simulator does not end well.
    pub(super) fn stop(self) -> Result<()> {
        self.simulator.stop()
    }

    /// Runs one load in one way and returns its numbers.
    ///
    /// # Errors
    /// When a program is not there, cannot be started or takes too long.
    pub(super) fn measure(&self, setting: &Setting, way: Way, load: Load) -> Result<Vec<f64>> {
        // What an earlier case left to be written is none of this one's.
        Tool::new("sync").run()?;
        let base = format!("{}/v1", self.simulator.url());
        let media = self.files.0.join(format!("{}-{}", way.index(), load.all()));
        fs::create_dir_all(&media)?;
        let row = match way {
            Way::Bare => self.bare(setting, load, &media, &["--plain"])?,
            Way::Checked => self.bare(setting, load, &media, &[])?,
            Way::Weir => {
                let serve = Tool::new(&setting.weir)
                    .args(["mcp", "--listen", "127.0.0.1:0", "--media"])
                    .args([&media])
                    .env("OPENAI_BASE_URL", &base)
                    .env("OPENAI_API_KEY", "none");
                let server = Server::start(serve)?;
                let row = self.agents(setting, load, &server, &media.join("videos"))?;
                server.stop()?;
                row
            }
            Way::Sanzaru => {
                let program = self.sanzaru.as_ref().map_err(|error| anyhow!("{error:#}"))?;
                let server = start_sanzaru(program, &media, &base)?;
                let row = self.agents(setting, load, &server, &media.join("videos"))?;
                server.end()?;
                row
            }
        };
        fs::remove_dir_all(&media)?;
        Ok(row)
    }

    fn bare(&self, setting: &Setting, load: Load, folder: &Path, how: &[&str]) -> Result<Vec<f64>> {
        let url = format!("{}/v1/videos/{VIDEO}/content", self.simulator.url());
        let client = Tool::new(&setting.control)
            .args(["fetch", &url, "--files", &load.all().to_string(), "--at-once", BARE_AT_ONCE])
            .args(how)
            .args(["--folder".as_ref(), folder.as_os_str()]);
        let outcome = case::run(&self.simulator, client, setting.progress.limit())?;
        row(&outcome, outcome.client.cpu_s, outcome.client.peak_bytes, 0.0)
    }

    fn agents(
        &self,
        setting: &Setting,
        load: Load,
        server: &Server,
        videos: &Path,
    ) -> Result<Vec<f64>> {
        let url = format!("{}/mcp", server.url());
        let client = Tool::new(&setting.control)
            .args(["tools", &url, "--video", VIDEO, "--sha256", &self.sha256])
            .args(["--agents", &load.agents.to_string(), "--calls", &load.calls.to_string()])
            .args(["--bytes", &VIDEO_BYTES.to_string()])
            .args(["--folder".as_ref(), videos.as_os_str()]);
        let upstream =
            || Ok(linux::cpu(self.simulator.pid()).context("the simulator died")?.seconds);
        let before: Result<f64> = upstream();
        let (before, watch) = (before?, Stopwatch::start());
        let outcome = case::run(server, client, setting.progress.limit())?;
        let upstream_percent = (upstream()? - before) / watch.elapsed().as_secs_f64() * 100.0;
        let growth = outcome.server.peak_bytes - outcome.server.idle_bytes;
        row(&outcome, outcome.server.cpu_s, growth, upstream_percent)
    }
}

/// A row of the table: what the client printed, and what the process that did the work used.
fn row(outcome: &Outcome, cpu_s: f64, growth: f64, upstream_percent: f64) -> Result<Vec<f64>> {
    let json: Value = serde_json::from_str(&outcome.output).context("the client's output")?;
    let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_f64);
    let calls = number("/calls").context("no number of calls")?;
    let right = number("/ok").context("no number of right calls")?;
    let wall_s = number("/wall_s").context("no wall time")?;
    if let Some(failed) = json["failed"].as_object().filter(|failed| !failed.is_empty()) {
        say::note(&format!("bench: failed calls: {failed:?}"));
    }
    if right == 0.0 {
        bail!("not one of {calls} downloads was right");
    }
    let ping = |quantile: &str| number(&format!("/ping_ms/{quantile}")).unwrap_or(f64::NAN);
    Ok(vec![
        calls,
        right,
        wall_s,
        number("/bytes").unwrap_or(f64::NAN) / 1e6 / wall_s,
        cpu_s * 1_000.0 / calls,
        growth / 1024.0 / 1024.0,
        ping("p50"),
        ping("p95"),
        ping("p99"),
        (outcome.others_percent - upstream_percent).max(0.0),
    ])
}

/// The digest that the simulator knows; asking for the video's state brings it into being.
fn known_digest(simulator: &Server) -> Result<String> {
    case::get_json(simulator.url(), &format!("/v1/videos/{VIDEO}"))?;
    let stats = case::get_json(simulator.url(), "/weir/stats")?;
    let videos = stats.pointer("/media/videos").or_else(|| stats.get("videos"));
    let videos = videos.and_then(Value::as_array).context("no videos in /weir/stats")?;
    let video = videos.iter().find(|video| video["id"] == VIDEO);
    let digest = video.and_then(|video| video["sha256"].as_str());
    digest.map(str::to_owned).context("no digest in /weir/stats")
}

fn start_sanzaru(program: &Path, media: &Path, base: &str) -> Result<Server> {
    let port = free_port()?;
    let media = media.to_str().context("the folder's name is not UTF-8")?;
    let serve = Tool::new(program)
        .args(["--transport", "http", "--host", "127.0.0.1", "--port", &port.to_string()])
        .env("SANZARU_MEDIA_PATH", media)
        .env("OPENAI_BASE_URL", base)
        .env("OPENAI_API_KEY", "none")
        .env("LOG_LEVEL", "ERROR");
    Server::start_on(port, serve)
}
