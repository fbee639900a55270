//! The words of `weir bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Pictures, file writes and base64, one after the other and all at once
    #[command(after_help = MEDIA_EXAMPLES)]
    Media(BenchMediaArgs),
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  weir bench media --items 32 --repeat 9";

const MEDIA_EXAMPLES: &str = "\
Each workload runs once to warm up, then --repeat times one after the other and all at once, in turn.
speed-up = median time one after the other / median time all at once. It cannot exceed the number of
cores where the CPU is the limit; what is above has waited for something else, the disk.

Examples:
  weir bench media
  weir bench media --items 32 --repeat 9 --folder /mnt/media
  weir bench media --python .venv/bin/python --json";

/// Arguments of `weir bench media`.
#[derive(Debug, Args)]
pub(crate) struct BenchMediaArgs {
    /// Items of each workload
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub items: u32,
    /// Measured runs of each workload, after one to warm up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub repeat: u32,
    /// Where files are written [default: the folder for temporary files]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Python for the row beside ours; it needs Pillow
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
