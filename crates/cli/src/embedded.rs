//! Servers of our own as child processes, for a run that names no target.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};
use runtime::process::ProcessName;
use tokio_util::sync::CancellationToken;

use crate::exit_code::{BUG, Failure};
use crate::paint;

/// A running server of ours. It drains and ends when this is dropped, or when our process ends in
/// any way: it watches the pipe whose other end we hold.
#[derive(Debug)]
pub(crate) struct Embedded {
    /// Its command, `weir serve`.
    name: &'static str,
    pid: u32,
    lifeline: Option<ChildStdin>,
    /// Waits for its end, so that it is known at once and leaves no zombie behind.
    reaper: Option<JoinHandle<()>>,
    end: End,
    /// Its base URL.
    pub(crate) url: String,
}

/// The end of an embedded server. Clones tell of the same one.
#[derive(Debug, Clone, Default)]
struct End {
    came: CancellationToken,
    status: Arc<OnceLock<ExitStatus>>,
}

impl Embedded {
    /// Starts `weir simulate` on a free port of the loopback address.
    ///
    /// # Errors
    /// When it ends before it accepts connections: its own message and exit code.
    pub(crate) fn simulator(profile: Option<&str>, seed: u64) -> Result<Self, Failure> {
        let seed = seed.to_string();
        let mut arguments = vec!["simulate", "--seed", &seed];
        if let Some(profile) = profile {
            arguments.extend(["--profile", profile]);
        }
        Self::start("weir simulate", &arguments, &[])
    }

    /// Starts `weir simulate` with videos of one size, to be downloaded.
    ///
    /// # Errors
    /// As [`Embedded::simulator`].
    pub(crate) fn media_simulator(
        profile: &str,
        seed: u64,
        video_bytes: u64,
    ) -> Result<Self, Failure> {
        let (seed, video_bytes) = (seed.to_string(), video_bytes.to_string());
        let arguments =
            ["simulate", "--profile", profile, "--seed", &seed, "--video-bytes", &video_bytes];
        Self::start("weir simulate", &arguments, &[])
    }

    /// Starts `weir mcp` over HTTP, with its files in a folder and a server of ours as provider.
    ///
    /// # Errors
    /// As [`Embedded::simulator`].
    pub(crate) fn media_server(upstream: &str, folder: &Path) -> Result<Self, Failure> {
        let folder = folder.to_str().context("the run's folder has a name that is no text")?;
        let base = format!("{upstream}/v1");
        // Keys and folders of the user's own are for the user's own servers.
        let environment = [("OPENAI_BASE_URL", base.as_str()), ("OPENAI_API_KEY", "weir")];
        Self::start("weir mcp", &["mcp", "--media", folder], &environment)
    }

    /// Starts `weir serve` on a free port of the loopback address, with room for so many streams,
    /// before a server that speaks HTTP/2 without being asked.
    ///
    /// # Errors
    /// As [`Embedded::simulator`].
    pub(crate) fn gateway(upstream: &str, open_streams: u64) -> Result<Self, Failure> {
        let open_streams = open_streams.to_string();
        let arguments =
            ["serve", "--upstream", upstream, "--http2", "--open-streams", &open_streams];
        Self::start("weir serve", &arguments, &[])
    }

    /// Starts a server command of ours, which prints its URL when it accepts connections.
    fn start(
        name: &'static str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("failed to find our own program file")?;
        let mut child = Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .args(["--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C is for us: what we measure must not drain under our hands.
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start {name}"))?;
        let lifeline = child.stdin.take();
        let stdout = child.stdout.take().with_context(|| format!("{name}'s stdout is piped"))?;
        let stderr = child.stderr.take().with_context(|| format!("{name}'s stderr is piped"))?;
        let url = first_line(stdout).with_context(|| format!("failed to read from {name}"))?;
        if url.is_empty() {
            return Err(why_it_ended(name, &mut child, stderr));
        }
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                paint::say(line);
            }
        });
        let (pid, end) = (child.id(), End::default());
        let told = end.clone();
        let reaper = thread::spawn(move || {
            if let Ok(status) = child.wait() {
                // The only one to set it.
                let _ = told.status.set(status);
            }
            told.came.cancel();
        });
        Ok(Self { name, pid, lifeline, reaper: Some(reaper), end, url })
    }

    /// Its name and process id.
    pub(crate) fn process(&self) -> ProcessName {
        ProcessName { pid: self.pid, name: self.name.to_owned() }
    }

    /// Waits for its end, which comes only when something is wrong, and tells it.
    /// Cancel-safe: it waits for a token that stays cancelled.
    pub(crate) async fn ended(&self) -> String {
        self.end.came.cancelled().await;
        let status = self.end.status.get();
        let how = status.map_or_else(|| "in an unknown way".to_owned(), ExitStatus::to_string);
        format!("{} (process {}) ended in the middle of the run: {how}", self.name, self.pid)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if let Some(reaper) = self.reaper.take() {
            // A panic there is told by itself, and there is nothing left to wait for.
            let _ = reaper.join();
        }
    }
}

fn first_line(stdout: ChildStdout) -> std::io::Result<String> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn why_it_ended(name: &str, child: &mut Child, mut stderr: ChildStderr) -> Failure {
    let mut message = String::new();
    let _ = stderr.read_to_string(&mut message);
    let code = child.wait().ok().and_then(|status| status.code());
    let message = message.trim().trim_start_matches("error: ").to_owned();
    Failure {
        code: code.and_then(|code| u8::try_from(code).ok()).filter(|&code| code > 0).unwrap_or(BUG),
        error: anyhow!("the embedded {name} did not start: {message}"),
    }
}
