//! The command line as clap reads it. What the words mean is decided further inside.

mod access;
pub(crate) mod bench;
pub(crate) mod media;
pub(crate) mod media_tools;
pub(crate) mod tools;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use results::compare::FailIf;
use results::{Ideal, RunKind, Slo, SloError};
use stress::arrival::{Arrival, Start};
use stress::capacity::Bounds;
use stress::ladder::Ladder;
use stress::notation;
use wire::Dialect;

pub(crate) use access::{Access, api_key};

use crate::exit_code::Failure;
use crate::run_folder::{self, RunFolder};

const EXAMPLES: &str = "\
Exit codes: 0 met, 1 an SLO or check failed, 2 usage, 3 this machine or configuration cannot do
it, 4 target unreachable, 70 bug, 130 interrupted.

Examples:
  weir stress streams                                   start and stress a gateway, quick ladder
  weir stress streams http://127.0.0.1:8000/v1/chat/completions --ladder 100,500,1000
  weir simulate --profile claude-sonnet-4               stand in for the OpenAI and Anthropic APIs
  weir serve --upstream https://api.openai.com          carry its streams to many clients
  weir mcp --media ~/media                              media tools for agents, over MCP
  weir report weir-runs/20261121-120000-quick/run.json --format html -o report.html
  weir compare before/run.json after/run.json --fail-if 'ttft.p95 > +10%'";

/// How many people can an AI server carry at once, with every answer whole and on time?
#[derive(Debug, Parser)]
#[command(name = "weir", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// How much the command says beside its result.
    #[command(flatten)]
    pub talk: Talk,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How much a command says beside its result.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Talk {
    /// Say nothing but the result and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Show no progress
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Log more (-v information, -vv every request, -vvv all there is)
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stand in for the OpenAI and Anthropic APIs, with seeded delays and faults
    #[command(after_help = SIMULATE_EXAMPLES)]
    Simulate(SimulateArgs),
    /// Carry streamed answers from providers to many clients
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Give agents tools for video, pictures and sound, over MCP
    #[command(after_help = media::MCP_EXAMPLES)]
    Mcp(Box<media::McpArgs>),
    /// Make and fetch videos, pictures and sound, one JSON envelope for each
    #[command(after_help = media_tools::EXAMPLES)]
    Media(Box<media_tools::MediaToolsArgs>),
    /// Make keys for the clients of `weir serve`
    #[command(subcommand, after_help = KEY_EXAMPLES)]
    Key(Key),
    /// Load a server step by step, check every answer, and report what it carried
    #[command(subcommand, after_help = STRESS_EXAMPLES)]
    Stress(Stress),
    /// Measure our own functions, one after the other and all at once
    #[command(subcommand, after_help = bench::EXAMPLES)]
    Bench(bench::Bench),
    /// Make a report again from a run.json
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Lay runs of one workload side by side: ranking, charts, regressions
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Print shell completions
    #[command(
        after_help = "Examples:\n  weir completions bash > /etc/bash_completion.d/weir\n  weir completions zsh > ~/.zfunc/_weir"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print generated reference documents
    #[command(hide = true)]
    Reference {
        /// Which document
        document: ReferenceDocument,
    },
}

/// A generated reference document.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReferenceDocument {
    /// Every command's help, as Markdown
    Cli,
    /// The JSON schema of run.json
    Schema,
}

/// What to stress.
#[derive(Debug, Subcommand)]
pub(crate) enum Stress {
    /// Users that hold streamed answers open
    #[command(after_help = STREAMS_EXAMPLES)]
    Streams(Box<StreamsArgs>),
    /// Agents that call the tools of an MCP server, with every file checked
    #[command(after_help = tools::TOOLS_EXAMPLES)]
    Tools(Box<tools::ToolsArgs>),
}

const SIMULATE_EXAMPLES: &str = "\
Faults (header x-weir-fault, several joined by ';'): status=429, retry-after=2, refuse,
slow-headers=2s, slow-first=2s, stall@N=2s, cut@N, end@N, error@N, malformed@N, empty, tries=N;
N counts content events, and bytes in a media file. For media also announce=BYTES, pace=BYTES,
fail@PERCENT, slow-job=2s.

Examples:
  weir simulate                                  answer as claude-sonnet-4 on 127.0.0.1:8100
  weir simulate --profile quick --seed 7
  weir simulate --listen 127.0.0.1:0 --profile my-model.toml --config faults.toml
  curl -N http://127.0.0.1:8100/v1/chat/completions -H 'content-type: application/json' \\
    -H 'x-weir-fault: cut@5' \\
    -d '{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}'
  curl http://127.0.0.1:8100/weir/stats          what was really served
  weir simulate --video-bytes 7691516            videos of a known length and known digests, such as
                                                 GET /v1/videos/vid_weir/content";

/// Arguments of `weir simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8100]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
    /// Delays and lengths: a built-in profile or a TOML file [default: claude-sonnet-4]
    #[arg(long, value_name = "NAME|FILE")]
    pub profile: Option<String>,
    /// Seed of everything random [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Exact length of every video; by default they have some 10 to 100 KB
    #[arg(long, value_name = "BYTES")]
    pub video_bytes: Option<u64>,
    /// Settings and faults with probabilities, as TOML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check profile and configuration, then end
    #[arg(long)]
    pub check: bool,
    /// End as soon as stdin is closed: for a parent process that starts the simulator
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

const SERVE_EXAMPLES: &str = "\
GET /healthz (alive) and /readyz (takes requests) are for everybody, /metrics (Prometheus) and / (live
page) for this machine and admin keys; SIGTERM drains.

Examples:
  weir serve --upstream http://127.0.0.1:8100    every model to that OpenAI- and Anthropic-speaking
                                                 upstream, on 127.0.0.1:8080
  weir serve --config weir.toml                  routes, keys, limits; see examples/gateway/
  weir serve --config weir.toml --check          check the configuration, then end
  kill -HUP PID                                  load a changed configuration, dropping no stream";

/// Most streams that a gateway can be told to carry, as in its configuration.
pub(crate) const MOST_STREAMS: i64 = 1_000_000;

/// Arguments of `weir serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Upstreams, routes, keys and limits, as TOML [default: weir.toml]
    #[arg(long, value_name = "FILE", conflicts_with = "upstream")]
    pub config: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
    /// Send every model to this upstream, without a configuration
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// Speak HTTP/2 to the http:// upstream without asking, as weir simulate understands it
    #[arg(long, requires = "upstream", conflicts_with = "config")]
    pub http2: bool,
    /// Most answers under way at once [default: 10000]
    #[arg(long, requires = "upstream", conflicts_with = "config", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_STREAMS))]
    pub open_streams: Option<u32>,
    #[command(flatten)]
    pub media: media::MediaArgs,
    /// Check the configuration, then end
    #[arg(long)]
    pub check: bool,
    /// End as soon as stdin is closed: for a parent process that starts the gateway
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

const KEY_EXAMPLES: &str = "\
Examples:
  weir key new
  weir key new --name alice >> weir.toml";

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make a key: stderr shows it once, stdout is the [[key]] table with its hash
    #[command(after_help = KEY_EXAMPLES)]
    New {
        /// Whose key it is
        #[arg(long, default_value = "client")]
        name: String,
    },
}

const REPORT_EXAMPLES: &str = "\
Examples:
  weir report run.json                            the terminal report
  weir report run.json --full                     with every section
  weir report run.json --format html -o report.html
  weir report run.json --format junit             for a CI job";

/// Arguments of `weir report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The run.json of an earlier run
    #[arg(value_name = "RUN.json")]
    pub run: PathBuf,
    /// Format of the report
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// All sections in the terminal
    #[arg(long)]
    pub full: bool,
}

const COMPARE_EXAMPLES: &str = "\
Runs rank by the load that they carried under their rule, then by stretch (calls: by call.p95), then
by CPU per event. A rule of --fail-if is about capacity, cpu, memory or anything that --slo can be
about; it looks at every load at which both runs are trusted.

Examples:
  weir compare before/run.json after/run.json     the first run is the baseline
  weir compare weir-runs/*/run.json --format html -o comparison.html
  weir compare main.json branch.json --fail-if 'ttft.p95 > +10%' --fail-if 'capacity < -5%'
                                                  exit code 1 when the branch is worse
  weir compare mine.json theirs.json --fail-if 'call.p95 > +10%'     runs of tool calls";

/// Arguments of `weir compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Two to fifteen run.json, or the folders that hold them; the first is the baseline
    #[arg(value_name = "RUN.json", required = true, num_args = 2..)]
    pub runs: Vec<PathBuf>,
    /// Format of the comparison
    #[arg(long, value_enum, default_value_t = CompareFormat::Terminal)]
    pub format: CompareFormat,
    /// Write to this file instead of stdout
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Fail when a run changed that much against the baseline (repeatable)
    #[arg(long, value_name = "RULE")]
    pub fail_if: Vec<FailIf>,
    /// Compare runs although their workloads differ
    #[arg(long)]
    pub allow_different_workloads: bool,
    /// All sections in the terminal
    #[arg(long)]
    pub full: bool,
}

/// Format of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompareFormat {
    /// Text for a terminal of 80 columns
    Terminal,
    /// GitHub Markdown
    Markdown,
    /// One self-contained page
    Html,
    /// The comparison itself
    Json,
    /// One row a run and load
    Csv,
}

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for a terminal of 80 columns
    Terminal,
    /// GitHub Markdown
    Markdown,
    /// One self-contained page
    Html,
    /// The run itself
    Json,
    /// One row a level
    Csv,
    /// JUnit XML, one test case for each level and SLO
    Junit,
    /// Prometheus alert rules derived from the run
    Alerts,
}

/// Where the results of a run go.
#[derive(Debug, Default, Clone, Args)]
pub(crate) struct RunOutput {
    /// Folder for run.json and the reports [default: weir-runs/<time>-<name>]
    #[arg(long, help_heading = "Report", value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of the run
    #[arg(long, help_heading = "Report")]
    pub name: Option<String>,
    /// All sections in the terminal
    #[arg(long, help_heading = "Report")]
    pub full: bool,
}

impl RunOutput {
    /// The run's folder, found writable.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub(crate) fn folder(&self, name: &str) -> Result<RunFolder, Failure> {
        let path = self.out.clone().unwrap_or_else(|| run_folder::default_path(name));
        RunFolder::prepare(path).map_err(Failure::environment)
    }
}

const STRESS_EXAMPLES: &str = "\
Examples:
  weir stress streams http://127.0.0.1:8000/v1/chat/completions --ladder 100,500,1000
  weir stress tools http://127.0.0.1:8000/mcp --mix mix.toml";

const STREAMS_EXAMPLES: &str = "\
SLO quantities: ttft, ttfb, connect, gap, total (durations) and stretch (a ratio), each with
.mean .p50 .p90 .p95 .p99 or .max; success, complete, correct (percent); stalls (a count).

Examples:
  weir stress streams
      starts a simulator and a gateway before it, and stresses that: 100, 500, 1000, 3000 users
  weir stress streams --direct
      the same for the simulator alone
  weir stress streams http://127.0.0.1:8000/v1/chat/completions --model m --ladder 100..1000:4
  weir stress streams https://api.example.com/v1/messages --api-key-env ANTHROPIC_API_KEY \\
      --model claude-sonnet-4 --max-tokens 200 --ladder 1,2,4 --slo 'ttft.p95 <= 2.5s'
  weir stress streams URL --find-capacity 100..10000 --slo 'complete >= 99.5%' \\
      --slo 'ttft.p95 <= 2s'
  weir stress streams URL --arrival poisson=50/s --duration 1m
  weir stress streams --scenario ladder --profile claude-sonnet-4 --out my-run";

/// Arguments of `weir stress streams`.
#[derive(Debug, Default, Args)]
pub(crate) struct StreamsArgs {
    /// URL of the streaming endpoint; without one a gateway (`weir serve`) before a simulator (`weir
    /// simulate`) is started and stressed
    pub url: Option<String>,

    /// Dialect of the answers: openai-chat, openai-responses, anthropic, sse, ndjson or text
    /// [default: from the URL's path]
    #[arg(long, help_heading = "Request", value_name = "API")]
    pub api: Option<Dialect>,
    /// Model to ask for
    #[arg(long, help_heading = "Request")]
    pub model: Option<String>,
    /// Prompt of every request, or @FILE
    #[arg(long, help_heading = "Request", value_name = "TEXT|@FILE", conflicts_with_all = ["prompts", "body"])]
    pub prompt: Option<String>,
    /// Prompts to take in turn, one JSON value a line
    #[arg(long, help_heading = "Request", value_name = "FILE.jsonl", conflicts_with = "body")]
    pub prompts: Option<PathBuf>,
    /// Most tokens of an answer
    #[arg(long, help_heading = "Request", value_name = "N")]
    pub max_tokens: Option<u64>,
    /// Request body, sent as it is
    #[arg(long, help_heading = "Request", value_name = "@FILE", value_parser = body_file)]
    pub body: Option<PathBuf>,
    #[command(flatten, next_help_heading = "Request")]
    pub access: Access,
    /// Speak HTTP/2 without asking (cleartext: prior knowledge)
    #[arg(long, help_heading = "Request")]
    pub http2: bool,

    /// Users of the levels: 100,250,500 or 100..3000:13
    #[arg(long, help_heading = "Load", value_name = "LEVELS")]
    pub ladder: Option<Ladder>,
    /// How a level's users start: burst, spread=D or rate=R/s
    #[arg(long, help_heading = "Load", value_name = "HOW")]
    pub start: Option<Start>,
    /// Open loop: burst, poisson=R/s, gamma=R/s,cv=C or trace=FILE
    #[arg(long, help_heading = "Load", value_name = "HOW")]
    pub arrival: Option<Arrival>,
    /// How long requests arrive (open loop) or users repeat (closed loop)
    #[arg(long, help_heading = "Load", value_name = "D", value_parser = notation::duration)]
    pub duration: Option<Duration>,
    /// Open loop: most streams open at once; arrivals beyond are counted as refused
    #[arg(long, help_heading = "Load", value_name = "N")]
    pub max_open: Option<u64>,
    /// Requests of each user, one after the other
    #[arg(long, help_heading = "Load", value_name = "N")]
    pub requests_per_user: Option<u64>,
    /// Pause of a user between two requests
    #[arg(long, help_heading = "Load", value_name = "D", value_parser = notation::duration)]
    pub think: Option<Duration>,
    /// Search the highest load that meets the SLO
    #[arg(long, help_heading = "Load", value_name = "MIN..MAX", conflicts_with = "ladder")]
    pub find_capacity: Option<Bounds>,
    /// quick, ladder, spike, soak, or a TOML file
    #[arg(long, help_heading = "Load", value_name = "NAME|FILE")]
    pub scenario: Option<String>,
    /// Without a URL: stress the simulator itself, without the gateway before it
    #[arg(long, help_heading = "Load", conflicts_with = "url")]
    pub direct: bool,
    /// Profile of the embedded simulator
    #[arg(long, help_heading = "Load", value_name = "NAME|FILE", conflicts_with = "url")]
    pub profile: Option<String>,
    /// Seed of everything random
    #[arg(long, help_heading = "Load", value_name = "N")]
    pub seed: Option<u64>,

    /// Chunks that a complete answer needs
    #[arg(long, help_heading = "Judgement", value_name = "N")]
    pub min_chunks: Option<u64>,
    /// Bytes that a complete answer needs
    #[arg(long, help_heading = "Judgement", value_name = "SIZE", value_parser = notation::bytes)]
    pub min_bytes: Option<u64>,
    /// Deadline for the first chunk
    #[arg(long, help_heading = "Judgement", value_name = "D", value_parser = notation::duration)]
    pub timeout_first: Option<Duration>,
    /// Deadline between two chunks
    #[arg(long, help_heading = "Judgement", value_name = "D", value_parser = notation::duration)]
    pub timeout_idle: Option<Duration>,
    /// Deadline for the whole answer
    #[arg(long, help_heading = "Judgement", value_name = "D", value_parser = notation::duration)]
    pub timeout_total: Option<Duration>,
    /// A gap longer than this is a stall
    #[arg(long, help_heading = "Judgement", value_name = "D", value_parser = notation::duration)]
    pub stall: Option<Duration>,
    /// Predicate that every level must meet (repeatable) [default: complete >= 99.5%]
    #[arg(long, help_heading = "Judgement", value_name = "PREDICATE", value_parser = streams_slo)]
    pub slo: Vec<Slo>,
    /// An answer's ideal course, for the stretch: first=1100ms,gap=140ms
    #[arg(long, help_heading = "Judgement", value_name = "IDEAL", value_parser = stress::config::parse_ideal)]
    pub ideal: Option<Ideal>,

    /// Where its results go.
    #[command(flatten)]
    pub output: RunOutput,
    /// Price of one server a month, for the cost per user
    #[arg(long, help_heading = "Report", value_name = "PRICE")]
    pub server_cost: Option<f64>,
    /// Users to plan replicas for
    #[arg(long, help_heading = "Report", value_name = "N")]
    pub plan_users: Option<u64>,
}

/// A predicate about something that streams have.
fn streams_slo(text: &str) -> Result<Slo, SloError> {
    Slo::parse_for(RunKind::Streams, text)
}

/// The file of `@FILE`; a plain `FILE` is taken as well.
fn body_file(text: &str) -> Result<PathBuf, Infallible> {
    Ok(PathBuf::from(text.strip_prefix('@').unwrap_or(text)))
}

#[cfg(test)]
mod tests;
