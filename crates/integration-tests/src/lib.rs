//! The real binary as the tests drive it: start a server, run a command, read what it wrote.

pub mod object_storage;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use results::Run;

/// The `weir` binary that the workspace's build put beside the tests (`cargo build -p weir`).
///
/// # Panics
/// When it is not there: the message says how to build it.
#[must_use]
pub fn weir_binary() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let directory =
        test.parent().and_then(Path::parent).expect("a test binary lies in target/<profile>/deps");
    let binary = directory.join("weir");
    assert!(binary.exists(), "{} is missing: run cargo build -p weir", binary.display());
    binary
}

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .to_path_buf()
}

/// A server process that prints its base URL as the first line of stdout. Ended when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Its base URL, without a final slash.
    pub url: String,
}

impl Server {
    /// `weir simulate` on a free port with these further arguments.
    ///
    /// # Errors
    /// When it cannot be started or ends before it prints its URL.
    pub fn simulator<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut command = Command::new(weir_binary());
        command.args(["simulate", "--listen", "127.0.0.1:0"]).args(arguments);
        Self::start(&mut command)
    }

    /// `weir serve` on a free port with these further arguments.
    ///
    /// # Errors
    /// When it cannot be started or ends before it prints its URL.
    pub fn gateway<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut command = Command::new(weir_binary());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Self::start(&mut command)
    }

    /// Any server that prints its base URL as its first line.
    ///
    /// # Errors
    /// When it cannot be started or ends before it prints its URL.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {command:?}"))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line.trim().to_owned();
        ensure!(url.starts_with("http://"), "no URL in the first line of {command:?}: {line:?}");
        Ok(Self { child, url })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The status and body of the answer to a `GET`.
    ///
    /// # Errors
    /// When it cannot be reached or breaks off.
    pub fn get(&self, path: &str) -> Result<(u16, String)> {
        let address = self.url.strip_prefix("http://").context("the URL begins with http://")?;
        let mut stream = TcpStream::connect(address)?;
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no end of the head")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// The value of a sample in `/metrics`; 0 where it does not exist.
    ///
    /// # Errors
    /// When it cannot be reached or the value is no number.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let (_, text) = self.get("/metrics")?;
        let sample = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(sample.unwrap_or("0").parse()?)
    }

    /// Sends it a signal by name (`TERM`, `HUP`, `KILL`).
    ///
    /// # Errors
    /// When `kill` cannot be run or refuses.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status()?;
        ensure!(status.success(), "kill -s {name} failed");
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the operating system cannot tell.
    pub fn wait(&mut self) -> Result<std::process::ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// Whether it has ended, and how.
    ///
    /// # Errors
    /// When the operating system cannot tell.
    pub fn exited(&mut self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.try_wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `weir` with these arguments in a folder and waits for its end.
///
/// # Errors
/// When it cannot be started.
pub fn weir_in<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Result<Output> {
    Command::new(weir_binary())
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env_remove("WEIR_LOG")
        .stdin(Stdio::null())
        .output()
        .context("failed to start weir")
}

/// The run that a `weir stress … --out DIR` wrote.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn run_in(folder: &Path) -> Result<Run> {
    let path = folder.join("run.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("failed to read {}", path.display()))?;
    Ok(Run::from_json(&text)?)
}
