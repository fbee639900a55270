//! The words of `weir stress tools`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use stress::capacity::Bounds;
use stress::notation;
use stress::tools::session::Protocol;
use stress::tools::settings::ShapeLadder;

use super::{Access, RunOutput};

pub(crate) const TOOLS_EXAMPLES: &str = "\
A mix is TOML: [[tool]] tables with name, weight, args, and where its file lands: file =
\"videos/{name}\" beneath --verify-dir, expect-bytes, expect-sha256. {agent}, {call} and {level} count
from 1, {run} is a word that no other run has, {name} (in file) is the file that the answer or the
arguments name; another word in braces is refused, and {{word}} stands for the text {word}.
[[prepare]] tables are calls made once before the load, in their order: name, args, file, and
as = \"job\": {job.id} in later arguments is the field id of its result. until = { status = \"done\" }
repeats the call until its result says so; same-as = \"job\" in a [[tool]] wants the same file as
the one that the step left. See examples/tools/media.toml.

SLO quantities: call, ttfb, connect, probe, probe_idle, session (durations, each with .mean .p50
.p90 .p95 .p99 or .max); ok, success, correct (percent); speedup; calls_per_s, bytes_per_s.

Examples:
  weir stress tools
      starts a simulator and a media server before it; 4 agents download one video 8 times each at
      once, then download videos, prepare reference images and download pictures side by side;
      each after the same calls one by one; every file is proved byte for byte
  weir stress tools --ladder 4x8,4x32,16x32
  weir stress tools http://127.0.0.1:8000/mcp --tool download_video \\
      --args '{\"video_id\": \"vid_1\", \"filename\": \"{level}_{agent}_{call}.mp4\"}' \\
      --verify-dir ~/media/videos --expect-bytes 7691516 --sequential 8
  weir stress tools http://127.0.0.1:8000/mcp --mix mix.toml --rate 20/s --repeat 10
  weir stress tools URL --tool search --args '{\"query\": \"{call}\"}' --find-capacity 1..64 \\
      --slo 'call.p95 <= 2s' --slo 'probe.p99 <= 50ms'
  weir stress tools --tool echo --args '{\"text\": \"{call}\"}' -- npx my-mcp-server
      a command of its own for each agent; --shared for one command that all use";

/// Arguments of `weir stress tools`.
#[derive(Debug, Default, Args)]
pub(crate) struct ToolsArgs {
    /// URL of an MCP server's streamable HTTP endpoint; without target a media server (`weir mcp`)
    /// before a simulator (`weir simulate`) is started and stressed
    #[arg(value_name = "MCP_URL")]
    pub url: Option<String>,
    /// A command that is an MCP server over stdin and stdout, one for each agent
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "url")]
    pub command: Vec<String>,

    /// One process of the command for all agents
    #[arg(long, help_heading = "Target", requires = "command")]
    pub shared: bool,
    /// Revision of MCP to speak: auto, 2025-11-25 (handshake, sessions) or 2026-07-28 (stateless);
    /// auto shakes hands, and goes without where the server refuses [default: auto]
    #[arg(long, help_heading = "Target", value_name = "REVISION")]
    pub protocol: Option<Protocol>,
    #[command(flatten, next_help_heading = "Target")]
    pub access: Access,

    /// Tool to call
    #[arg(long, help_heading = "Load", value_name = "NAME")]
    pub tool: Option<String>,
    /// Its arguments as a JSON object, or @FILE; {agent}, {call}, {level} and {run} are replaced,
    /// {{word}} stands for the text {word}
    #[arg(long, help_heading = "Load", value_name = "JSON|@FILE", requires = "tool")]
    pub args: Option<String>,
    /// Several tools with weights, and what is prepared for them, as TOML
    #[arg(long, help_heading = "Load", value_name = "FILE", conflicts_with = "tool")]
    pub mix: Option<PathBuf>,
    /// Agents, each with a session of its own [default: 4]
    #[arg(long, help_heading = "Load", value_name = "N", conflicts_with = "ladder")]
    pub agents: Option<u64>,
    /// Calls that each agent has open at once [default: 8]
    #[arg(long, help_heading = "Load", value_name = "N", conflicts_with = "ladder")]
    pub calls: Option<u64>,
    /// Agents and calls of the levels: 4x8,4x32,16x32
    #[arg(long, help_heading = "Load", value_name = "LEVELS")]
    pub ladder: Option<ShapeLadder>,
    /// Search the most agents that meet the SLO, with --calls each
    #[arg(long, help_heading = "Load", value_name = "MIN..MAX", conflicts_with_all = ["ladder", "agents"])]
    pub find_capacity: Option<Bounds>,
    /// Calls that each of an agent's places makes, one after the other [default: 1]
    #[arg(long, help_heading = "Load", value_name = "N")]
    pub repeat: Option<u64>,
    /// Calls a second over all agents; each counts from when it was due [default: all at once]
    #[arg(long, help_heading = "Load", value_name = "R/s", value_parser = rate)]
    pub rate: Option<f64>,
    /// Calls one after the other before the load, for a true speed-up; 0 for none [default: 0;
    /// without target the calls of the first level]
    #[arg(long, help_heading = "Load", value_name = "N")]
    pub sequential: Option<u64>,
    /// Deadline of one call [default: 60s]
    #[arg(long, help_heading = "Load", value_name = "D", value_parser = notation::duration)]
    pub timeout: Option<Duration>,
    /// Size of the embedded simulator's video
    #[arg(long, help_heading = "Load", value_name = "SIZE", value_parser = notation::bytes, conflicts_with_all = ["url", "command"])]
    pub video_bytes: Option<u64>,
    /// Profile of the embedded simulator
    #[arg(long, help_heading = "Load", value_name = "NAME|FILE", conflicts_with_all = ["url", "command"])]
    pub profile: Option<String>,
    /// Seed of the embedded simulator
    #[arg(long, help_heading = "Load", value_name = "N")]
    pub seed: Option<u64>,

    /// Folder where the tool's files land: size, MD5 and SHA-256 are read back
    #[arg(long, help_heading = "Judgement", value_name = "DIR")]
    pub verify_dir: Option<PathBuf>,
    /// URL where a file can be read back, with {name} for its name
    #[arg(
        long,
        help_heading = "Judgement",
        value_name = "TEMPLATE",
        conflicts_with = "verify_dir"
    )]
    pub verify_url: Option<String>,
    /// Where the file of --tool lands beneath --verify-dir [default: {name}]
    #[arg(long, help_heading = "Judgement", value_name = "TEMPLATE", requires = "tool")]
    pub file: Option<String>,
    /// Size that every file of --tool must have
    #[arg(long, help_heading = "Judgement", value_name = "SIZE", value_parser = notation::bytes, requires = "tool")]
    pub expect_bytes: Option<u64>,
    /// SHA-256 that every file of --tool must have
    #[arg(long, help_heading = "Judgement", value_name = "HEX", requires = "tool")]
    pub expect_sha256: Option<String>,
    /// Base URL of the upstream behind the target, if it is weir simulate: it tells digests and how
    /// many transfers it had open; its counts are reset before each level
    #[arg(long, help_heading = "Judgement", value_name = "URL")]
    pub upstream_stats: Option<String>,
    /// URL of the bytes that a call moves: fetched by a bare client before each level, as many times
    /// at once as there are calls, at most 64, so that throughput has a floor beside it
    #[arg(long, help_heading = "Judgement", value_name = "URL", requires = "tool")]
    pub floor_url: Option<String>,
    /// How often a trivial call is made beside the load; 0ms for never [default: 50ms]
    #[arg(long, help_heading = "Judgement", value_name = "D", value_parser = notation::duration)]
    pub probe_every: Option<Duration>,
    /// Predicate that every level must meet (repeatable) [default: ok >= 100%]
    #[arg(long, help_heading = "Judgement", value_name = "PREDICATE")]
    pub slo: Vec<String>,

    /// Where its results go
    #[command(flatten)]
    pub output: RunOutput,
}

/// Reads `50/s`; a plain number is taken as well.
fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    number.trim().parse().map_err(|_| "write calls a second, such as 50/s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_written_a_second() {
        assert_eq!((rate("50/s"), rate("2.5")), (Ok(50.0), Ok(2.5)));
        assert!(rate("50/m").is_err() && rate("").is_err());
    }
}
