//! `weir mcp` beside the bare work and beside sanzaru: downloads by agents over MCP, and pictures
//! beside Pillow.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::table::{Bar, Row, Table};
use super::{Outcome, Setting, case, linux};
use crate::say::{self, Stopwatch};
use crate::server::Server;
use crate::shell::Tool;
use crate::tools;

/// Length of the video in the stress test that this repeats.
const VIDEO_BYTES: u32 = 7_691_516;
/// The simulator has it without being asked to make it.
const VIDEO: &str = "vid_weir_bench";
/// Agents and calls of each, all at once.
const LOADS: [(u32, u32); 3] = [(4, 8), (4, 32), (16, 32)];
/// Fetches that the bare client has open at once: more gain it nothing.
const BARE_AT_ONCE: u32 = 32;
/// sanzaru holds three descriptors a download, and files of all of them at once.
const MOST_FOR_SANZARU: u32 = 128;
/// How long sanzaru may take to import its libraries.
const SANZARU_START: std::time::Duration = std::time::Duration::from_secs(60);

const COLUMNS: [&str; 9] = [
    "downloads",
    "right",
    "wall s",
    "MB/s",
    "cpu ms/dl",
    "growth MiB",
    "ping p50 ms",
    "ping p99 ms",
    "others cpu %",
];
const RIGHT: usize = 1;
const SPEED: usize = 3;
const CPU: usize = 4;
const GROWTH: usize = 5;
const PING: usize = 7;

/// Runs all cases.
///
/// # Errors
/// When one cannot be run.
pub(super) fn run(setting: &Setting) -> Result<Table> {
    let simulator = Server::start(
        Tool::new(&setting.weir)
            .args(["simulate", "--listen", "127.0.0.1:0", "--profile", "instant"])
            .args(["--video-bytes", &VIDEO_BYTES.to_string()]),
    )?;
    let folder = tempdir(&setting.folder)?;
    let mut rows = Vec::new();
    let measured = downloads(setting, &simulator, &folder, &mut rows);
    let pictures = measured.and_then(|measured| Ok((measured, pictures(setting, &mut rows)?)));
    // Whatever happened: hundreds of megabytes do not stay.
    fs::remove_dir_all(&folder)?;
    let (mut bars, pictures) = pictures?;
    bars.extend(pictures);
    simulator.stop()?;
    Ok(Table { columns: COLUMNS.to_vec(), rows, bars })
}

/// The downloads: every load by the bare client, by us, and by sanzaru.
fn downloads(
    setting: &Setting,
    simulator: &Server,
    folder: &Path,
    rows: &mut Vec<Row>,
) -> Result<Vec<Bar>> {
    let sha256 = known_digest(simulator)?;
    let base = format!("{}/v1", simulator.url());
    let sanzaru = sanzaru();
    if let Err(error) = &sanzaru {
        say::note(&format!("bench: no rows of sanzaru: {error:#}"));
    }
    let mut found = Vec::new();
    for (agents, calls) in setting.loads() {
        let work = Work { setting, simulator, folder, agents, calls, sha256: &sha256 };
        let bare = work.bare()?;
        let ours = {
            let media = folder.join("weir");
            let server = Server::start(
                Tool::new(&setting.weir)
                    .args(["mcp", "--listen", "127.0.0.1:0", "--media"])
                    .args([&media])
                    .env("OPENAI_BASE_URL", &base)
                    .env("OPENAI_API_KEY", "none"),
            )?;
            let row = work.tools("weir mcp", &server, &media.join("videos"))?;
            server.stop()?;
            row
        };
        let theirs = match &sanzaru {
            Ok(program) if agents * calls <= MOST_FOR_SANZARU => {
                let media = folder.join("sanzaru");
                fs::create_dir_all(&media)?;
                let server = start_sanzaru(program, &media, &base)?;
                Some(work.tools("sanzaru 0.10.0", &server, &media.join("videos"))?)
            }
            _ => None,
        };
        found.push((bare[SPEED], ours.clone(), theirs.as_ref().map(|it| it[SPEED])));
        let named = [("bare client", Some(bare)), ("weir mcp", Some(ours)), ("sanzaru", theirs)];
        rows.extend(named.into_iter().filter_map(|(name, values)| {
            Some(Row { name: format!("{name}, {agents}x{calls}"), values: values? })
        }));
    }
    Ok(bars(&found))
}

/// What each load should come to: its bare speed, our row, and sanzaru's speed.
fn bars(found: &[(f64, Vec<f64>, Option<f64>)]) -> Vec<Bar> {
    let nan = f64::NAN;
    let ours = |load: usize, column: usize| {
        found.get(load).and_then(|(_, row, _)| row.get(column)).copied().unwrap_or(nan)
    };
    let bare = |load: usize| found.get(load).map_or(nan, |(speed, _, _)| *speed);
    let theirs = |load: usize| found.get(load).and_then(|(_, _, speed)| *speed).unwrap_or(nan);
    let bar = |what, at_most, measured| Bar { what, at_most, measured, control: None };
    let running = f64::from(LOADS[0].0 * LOADS[0].1);
    let waiting = f64::from(LOADS[2].0 * LOADS[2].1 - LOADS[1].0 * LOADS[1].1);
    vec![
        bar("4x8: bare speed / ours", 1.25, bare(0) / ours(0, SPEED)),
        bar("4x8: sanzaru's speed / ours", 0.125, theirs(0) / ours(0, SPEED)),
        bar("4x8: CPU per download, ms", 25.0, ours(0, CPU)),
        bar("4x8: growth per transfer, MiB", 1.0, ours(0, GROWTH) / running),
        bar("4x32: ping p99, ms", 20.0, ours(1, PING)),
        bar(
            "16x32: growth per waiting call, KiB",
            64.0,
            (ours(2, GROWTH) - ours(1, GROWTH)) * 1024.0 / waiting,
        ),
        bar(
            "downloads that are not right",
            0.0,
            (0..found.len()).map(|load| ours(load, 0) - ours(load, RIGHT)).sum(),
        ),
    ]
}

/// One load.
struct Work<'a> {
    setting: &'a Setting,
    simulator: &'a Server,
    folder: &'a Path,
    agents: u32,
    calls: u32,
    sha256: &'a str,
}

impl Work<'_> {
    fn bare(&self) -> Result<Vec<f64>> {
        let name = format!("bare client, {}x{}", self.agents, self.calls);
        let url = format!("{}/v1/videos/{VIDEO}/content", self.simulator.url());
        let files = (self.agents * self.calls).to_string();
        let client = Tool::new(&self.setting.control)
            .args(["fetch", &url, "--files", &files, "--at-once", &BARE_AT_ONCE.to_string()])
            .args(["--folder".as_ref(), self.folder.as_os_str()]);
        let outcome = case::run(&name, self.simulator, client)?;
        let growth = outcome.client.peak_bytes;
        row(&outcome, outcome.client.cpu_s, growth, 0.0)
    }

    fn tools(&self, name: &str, server: &Server, videos: &Path) -> Result<Vec<f64>> {
        let name = format!("{name}, {}x{}", self.agents, self.calls);
        let url = format!("{}/mcp", server.url());
        let client = Tool::new(&self.setting.control)
            .args(["tools", &url, "--video", VIDEO, "--sha256", self.sha256])
            .args(["--agents", &self.agents.to_string(), "--calls", &self.calls.to_string()])
            .args(["--bytes", &VIDEO_BYTES.to_string()])
            .args(["--folder".as_ref(), videos.as_os_str()]);
        let before = linux::cpu(self.simulator.pid()).context("the simulator is gone")?.seconds;
        let watch = Stopwatch::start();
        let outcome = case::run(&name, server, client)?;
        let after = linux::cpu(self.simulator.pid()).context("the simulator is gone")?.seconds;
        let upstream_percent = (after - before) / watch.elapsed().as_secs_f64() * 100.0;
        let growth = outcome.server.peak_bytes - outcome.server.idle_bytes;
        row(&outcome, outcome.server.cpu_s, growth, upstream_percent)
    }
}

/// A row of the table: what the client printed, and what the process that did the work used.
fn row(outcome: &Outcome, cpu_s: f64, growth: f64, upstream_percent: f64) -> Result<Vec<f64>> {
    let json: Value = serde_json::from_str(&outcome.output).context("the client's output")?;
    let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_f64);
    let calls = number("/calls").context("no number of calls")?;
    let wall_s = number("/wall_s").context("no wall time")?;
    if let Some(failed) = json["failed"].as_object().filter(|failed| !failed.is_empty()) {
        say::note(&format!("bench: failed: {failed:?}"));
    }
    let ping = |quantile: &str| number(&format!("/ping_ms/{quantile}")).unwrap_or(f64::NAN);
    Ok(vec![
        calls,
        number("/ok").unwrap_or(0.0),
        wall_s,
        number("/bytes").unwrap_or(0.0) / 1e6 / wall_s,
        cpu_s * 1_000.0 / calls,
        growth / 1024.0 / 1024.0,
        ping("p50"),
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

fn sanzaru() -> Result<PathBuf> {
    Ok(tools::environment("sanzaru", &["tests/media/sanzaru.txt"])?.join("sanzaru"))
}

/// sanzaru prints no URL and takes no port 0: it gets a port that was free a moment ago.
fn start_sanzaru(program: &Path, media: &Path, base: &str) -> Result<Server> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let media = media.to_str().context("the folder's name is not UTF-8")?;
    let script = format!(
        "echo http://127.0.0.1:{port}; exec \"$0\" --transport http --host 127.0.0.1 --port {port}"
    );
    let server = Server::start(
        Tool::new("sh")
            .args(["-c", &script])
            .args([program])
            .env("SANZARU_MEDIA_PATH", media)
            .env("OPENAI_BASE_URL", base)
            .env("OPENAI_API_KEY", "none")
            .env("LOG_LEVEL", "ERROR"),
    )?;
    let watch = Stopwatch::start();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if watch.elapsed() > SANZARU_START {
            bail!("sanzaru did not listen within {SANZARU_START:?}");
        }
        linux::pause();
    }
    Ok(server)
}

/// One picture on one thread, beside Pillow's, from `weir bench media`.
fn pictures(setting: &Setting, rows: &mut Vec<Row>) -> Result<Vec<Bar>> {
    let python = tools::python()?;
    let (items, repeat) = if setting.small { ("2", "3") } else { ("8", "9") };
    let output = Tool::new(&setting.weir)
        .args(["bench", "media", "--json", "--quiet", "--items", items, "--repeat", repeat])
        .args(["--python".as_ref(), python.as_os_str()])
        .read()?;
    let json: Value = serde_json::from_str(&output)?;
    let median = |by: &str, step: &str| {
        let times = json["picture"][by][step].as_array();
        let mut times: Vec<f64> = times.into_iter().flatten().filter_map(Value::as_f64).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).map_or(f64::NAN, |seconds| seconds * 1_000.0)
    };
    let mut bars = Vec::new();
    for (what, step) in [
        ("resize: our time / Pillow's", "resize_s"),
        ("JPEG to PNG: our time / Pillow's", "whole_s"),
    ] {
        let (ours, theirs) = (median("weir", step), median("python", step));
        bars.push(Bar { what, at_most: 1.0 / 3.0, measured: ours / theirs, control: None });
        for (by, time) in [("weir", ours), ("Pillow", theirs)] {
            let mut values = vec![f64::NAN; COLUMNS.len()];
            // A picture has no transfer: its time on one thread is its CPU time.
            values[CPU] = time;
            rows.push(Row { name: format!("picture, {step}, {by}"), values });
        }
    }
    Ok(bars)
}

/// A folder of its own for files.
fn tempdir(beneath: &Path) -> Result<PathBuf> {
    let folder = beneath.join("media-files");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

impl Setting {
    /// The loads, or the smallest one alone.
    fn loads(&self) -> Vec<(u32, u32)> {
        if self.small { LOADS[..1].to_vec() } else { LOADS.to_vec() }
    }
}
