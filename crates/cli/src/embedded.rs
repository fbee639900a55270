//! The simulator as a child process, for a run that names no target.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::thread;

use anyhow::{Context, anyhow};
use runtime::process::ProcessName;

use crate::exit_code::{BUG, Failure};
use crate::paint;

/// A running simulator. It drains and ends when this is dropped, or when our process ends in any
/// way: it watches the pipe whose other end we hold.
#[derive(Debug)]
pub(crate) struct Embedded {
    child: Child,
    lifeline: Option<ChildStdin>,
    /// Its base URL.
    pub url: String,
}

impl Embedded {
    /// Starts `weir simulate` on a free port of the loopback address.
    ///
    /// # Errors
    /// When it ends before it accepts connections: its own message and exit code.
    pub(crate) fn simulator(profile: Option<&str>, seed: u64) -> Result<Self, Failure> {
        let program = std::env::current_exe().context("failed to find our own program file")?;
        let mut command = Command::new(program);
        command
            .args(["simulate", "--listen", "127.0.0.1:0", "--until-stdin-closes"])
            .args(["--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(profile) = profile {
            command.args(["--profile", profile]);
        }
        let mut child = command.spawn().context("failed to start the simulator")?;
        let lifeline = child.stdin.take();
        let stdout = child.stdout.take().context("the simulator's stdout is piped")?;
        let mut stderr = child.stderr.take().context("the simulator's stderr is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("failed to read from the simulator")?;
        let url = line.trim().to_owned();
        if url.is_empty() {
            return Err(why_it_ended(&mut child, &mut stderr));
        }
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                paint::say(line);
            }
        });
        Ok(Self { child, lifeline, url })
    }

    /// Its name and process id.
    pub(crate) fn process(&self) -> ProcessName {
        ProcessName { pid: self.child.id(), name: "simulator".to_owned() }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let _ = self.child.wait();
    }
}

fn why_it_ended(child: &mut Child, stderr: &mut ChildStderr) -> Failure {
    let mut message = String::new();
    let _ = stderr.read_to_string(&mut message);
    let code = child.wait().ok().and_then(|status| status.code());
    let message = message.trim().trim_start_matches("error: ").to_owned();
    Failure {
        code: code.and_then(|code| u8::try_from(code).ok()).filter(|&code| code > 0).unwrap_or(BUG),
        error: anyhow!("the embedded simulator did not start: {message}"),
    }
}
