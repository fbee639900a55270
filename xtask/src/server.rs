//! A server of ours as a child process: ready when it prints its URL, well when it ends on SIGTERM.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::shell::Tool;

/// How long a server may take until it accepts connections; generous for a busy machine.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long a server without clients may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    line: String,
    url: String,
    /// Closed when the server's stdout ends, which is when the server ends.
    output: Receiver<String>,
}

impl Server {
    /// Starts a server that prints its base URL as its first line of stdout.
    ///
    /// # Errors
    /// When it cannot be started, ends, or prints nothing within [`START_LIMIT`].
    pub(crate) fn start(tool: Tool) -> Result<Self> {
        let line = tool.line();
        let mut child = tool
            .into_command()
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{line}` could not be started"))?;
        let stdout = child.stdout.take().context("the child's stdout is a pipe")?;
        // One line is of interest; the thread reads the rest so that the server never waits for us.
        let (sender, output) = sync_channel(1);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            if let Some(first) = lines.next() {
                // An error means that nobody waits for the line any more.
                let _ = sender.send(first);
            }
            lines.for_each(drop);
        });
        let mut server = Self { child, line, url: String::new(), output };
        server.url = server
            .output
            .recv_timeout(START_LIMIT)
            .with_context(|| format!("`{}` printed no URL within {START_LIMIT:?}", server.line))?;
        if !server.url.starts_with("http://") {
            bail!("the first line of `{}` is no URL but {:?}", server.line, server.url);
        }
        Ok(server)
    }

    /// The base URL that it printed.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator would, and checks that it exits with 0.
    ///
    /// # Errors
    /// When it does not end within [`STOP_LIMIT`], or with another status.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        Tool::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).run()?;
        // The channel closes when the server's stdout does.
        if let Err(std::sync::mpsc::RecvTimeoutError::Timeout) =
            self.output.recv_timeout(STOP_LIMIT)
        {
            bail!("`{}` did not end within {STOP_LIMIT:?} after SIGTERM", self.line);
        }
        let status = self.child.wait()?;
        if !status.success() {
            bail!("`{}` ended with {status} after SIGTERM instead of exit code 0", self.line);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when it has ended already, and then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(script: &str) -> Result<Server> {
        Server::start(Tool::new("sh").args(["-c", script]))
    }

    /// A script that prints a URL and exits with `code` when it is told to end.
    fn ends_with(code: u8) -> String {
        format!("trap 'kill $!; exit {code}' TERM; echo http://127.0.0.1:1; sleep 60 & wait")
    }

    #[test]
    fn a_server_that_ends_well_is_well() {
        let server = start(&ends_with(0)).unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:1");
        server.stop().unwrap();
    }

    #[test]
    fn a_server_that_ends_badly_is_an_error() {
        let message = start(&ends_with(3)).unwrap().stop().unwrap_err().to_string();
        assert!(message.contains("exit status: 3"), "{message}");
    }

    #[test]
    fn a_server_that_dies_at_once_is_an_error() {
        let message = start("exit 1").err().unwrap().to_string();
        assert!(message.contains("printed no URL"), "{message}");
    }

    #[test]
    fn a_first_line_that_is_no_url_is_an_error() {
        let message = start("echo ready").err().unwrap().to_string();
        assert!(message.contains("is no URL but \"ready\""), "{message}");
    }
}
