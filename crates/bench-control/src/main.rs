//! `weir-control`: a server and a client that do the bare work of a streamed answer on bare sockets.
//!
//! One thread, one epoll, no HTTP library, nothing of Weir. A benchmark runs them beside the real
//! programs in the same minutes on the same machine, so that its numbers say what the work itself
//! costs there, and how much the real program adds.

mod answer;
mod client;
mod fetch;
mod http2;
mod measured;
mod scan;
mod server;
mod target;
mod tools;
mod wheel;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use crate::answer::Schedule;
use crate::target::Target;

/// Bare sockets, to compare with.
#[derive(Parser)]
#[command(name = "weir-control", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Stream answers on one fixed schedule; the first line of stdout is the base URL.
    Serve {
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: String,
        /// From request to the first event.
        #[arg(long, default_value = "1100ms", value_parser = duration)]
        first: Duration,
        /// Between two events.
        #[arg(long, default_value = "140ms", value_parser = duration)]
        gap: Duration,
        /// Events of an answer.
        #[arg(long, default_value_t = 60)]
        events: u32,
    },
    /// Fetch a file many times into a folder, and print what was measured.
    Fetch {
        /// The file: `http://ADDRESS:PORT/PATH`.
        url: Target,
        /// How many times.
        #[arg(long, default_value_t = 32)]
        files: u32,
        /// How many at once.
        #[arg(long, default_value_t = 32)]
        at_once: u32,
        /// Where to.
        #[arg(long)]
        folder: PathBuf,
        /// Neither hash nor sync the files.
        #[arg(long)]
        plain: bool,
    },
    /// Let agents call `download_video` of an MCP server, and print what was measured.
    Tools {
        /// The server: `http://ADDRESS:PORT/mcp`.
        url: Target,
        /// Agents.
        #[arg(long, default_value_t = 4)]
        agents: u32,
        /// Calls of each agent, all at once.
        #[arg(long, default_value_t = 8)]
        calls: u32,
        /// The video.
        #[arg(long)]
        video: String,
        /// Where the files land.
        #[arg(long)]
        folder: PathBuf,
        /// Bytes of the video.
        #[arg(long)]
        bytes: u64,
        /// Its SHA-256.
        #[arg(long)]
        sha256: String,
    },
    /// Hold streamed answers open against a server, and print what was measured as JSON.
    Load {
        /// Where requests go: `http://ADDRESS:PORT/PATH`.
        url: Target,
        /// Streams at once.
        #[arg(long, default_value_t = 100)]
        users: u32,
        /// `burst`, or `spread=D` over which users start.
        #[arg(long, default_value = "burst", value_parser = start)]
        start: Duration,
        /// Cleartext HTTP/2 with prior knowledge over this many connections, instead of HTTP/1.1.
        #[arg(long, value_name = "CONNECTIONS")]
        http2: Option<u32>,
    },
}

fn main() -> Result<()> {
    // Failing to raise it shows as failing connections, which are counted.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match Arguments::parse().command {
        Command::Serve { listen, first, gap, events } => {
            let listener = target::listen(listen.parse().context("--listen")?)?;
            say(&format!("http://{}", listener.local_addr()?));
            server::serve(listener, Schedule { first, gap, events })
        }
        Command::Fetch { url, files, at_once, folder, plain } => {
            let (target, folder, checked) = (&url, folder.as_path(), !plain);
            let work = fetch::Work { target, files, at_once, folder, checked };
            say(&format!("{:#}", fetch::run(&work)?));
            Ok(())
        }
        Command::Tools { url, agents, calls, video, folder, bytes, sha256 } => {
            let (target, video, sha256) = (&url, video.as_str(), sha256.as_str());
            let work = tools::Work { target, agents, calls, video, folder: &folder, bytes, sha256 };
            say(&format!("{:#}", tools::run(&work)?));
            Ok(())
        }
        Command::Load { url, users, start, http2 } => {
            let measured = match http2 {
                None => client::load(&url, users, start)?,
                Some(0) => bail!("--http2 needs at least one connection"),
                Some(connections) => http2::load(&url, users, start, connections)?,
            };
            say(&format!("{:#}", measured.to_json()));
            Ok(())
        }
    }
}

#[expect(clippy::print_stdout, reason = "the one place that prints what was asked for")]
fn say(line: &str) {
    println!("{line}");
}

/// `250ms` or `2.5s`.
fn duration(text: &str) -> Result<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').context("a duration ends in `ms` or `s`")?, 1.0),
    };
    let seconds = number.parse::<f64>()? * unit;
    Duration::try_from_secs_f64(seconds).context("a duration is not negative")
}

/// How long the users take to start: none for a burst.
fn start(text: &str) -> Result<Duration> {
    match text.split_once('=') {
        None if text == "burst" => Ok(Duration::ZERO),
        Some(("spread", over)) => duration(over),
        _ => bail!("a start is `burst` or `spread=D`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_starts_are_read() {
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(start("spread=2.5s").unwrap(), Duration::from_millis(2500));
        assert_eq!(start("burst").unwrap(), Duration::ZERO);
        for wrong in ["", "burst=1s", "spread", "spread=1", "spread=-1s"] {
            assert!(start(wrong).is_err(), "{wrong}");
        }
    }
}
