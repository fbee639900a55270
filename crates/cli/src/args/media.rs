//! The words of the media server, for `weir mcp`, `weir serve` and `weir media` alike.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where media are and who makes them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MediaArgs {
    /// Folder with videos/, images/ and audio/, which are made when missing
    /// [default: $WEIR_MEDIA_PATH]
    #[arg(long, value_name = "DIR", alias = "media-dir")]
    pub media: Option<PathBuf>,
}

/// The same, and the file that says more.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MediaFileArgs {
    #[command(flatten)]
    pub media: MediaArgs,
    /// Folders or object storage, provider, limits: the [media] table of this TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

pub(crate) const MCP_EXAMPLES: &str = "\
Environment: OPENAI_API_KEY, OPENAI_BASE_URL; WEIR_MEDIA_PATH (or SANZARU_MEDIA_PATH), or a folder
for each kind: VIDEO_PATH, IMAGE_PATH, AUDIO_PATH; STORAGE_BACKEND=s3 with WEIR_S3_BUCKET,
WEIR_S3_PREFIX and AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY;
WEIR_MCP_KEY, the key that HTTP clients must show; LOG_LEVEL and
SANZARU_TRANSCRIBE_MAX_CONCURRENCY as in sanzaru. What --config says goes before them, and --media
before both.

Over HTTP: GET /media/{video|audio|image}/NAME (with Range), /healthz, /readyz, /metrics.

Examples:
  weir mcp --media ~/media                       over stdio, as agents start it
  weir mcp --media ~/media --listen 127.0.0.1:8000
                                                 over streamable HTTP, at /mcp
  claude mcp add media -e OPENAI_API_KEY=$OPENAI_API_KEY -- weir mcp --media ~/media
  OPENAI_BASE_URL=http://127.0.0.1:8100/v1 weir mcp --media ./media
                                                 against weir simulate
  weir mcp --config weir.toml --check            check the [media] table; see examples/media/";

/// How agents talk to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// Over stdin and stdout
    Stdio,
    /// Over streamable HTTP
    Http,
}

/// Arguments of `weir mcp`.
#[derive(Debug, Args)]
pub(crate) struct McpArgs {
    #[command(flatten)]
    pub media: MediaFileArgs,
    /// Serve streamable HTTP on this address instead of stdio; port 0 takes a free one
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["transport", "host", "port"])]
    pub listen: Option<SocketAddr>,
    /// How agents talk to the server, as sanzaru spells it
    #[arg(long, value_enum)]
    pub transport: Option<Transport>,
    /// With --transport http: address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// With --transport http: port to listen on [default: 8000]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Answer for this Host (repeatable; HOST or HOST:PORT) [default: this machine's own names on a
    /// loopback address, any elsewhere]
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,
    /// Take requests from pages of this origin (repeatable; https://HOST or https://HOST:PORT)
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,
    /// Check options, configuration and environment, then end
    #[arg(long)]
    pub check: bool,
    /// End as soon as stdin is closed: for a parent process that starts the server
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}
