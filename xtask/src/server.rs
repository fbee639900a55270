//! A server as a child process: ready when it prints its URL or its port accepts a connection, and
//! ended when nobody needs it any more.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::say::{self, Stopwatch};
use crate::shell::{self, Tool};

/// How long a server may take until it accepts connections; Python imports for some seconds, and the
/// machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a server without clients may take to end after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks at a starting or ending server.
const LOOK: Duration = Duration::from_millis(50);

/// A running server. Dropping it kills it, with the processes that it started.
pub(crate) struct Server {
    child: Child,
    line: String,
    url: String,
}

/// A port of loopback that is free now; a server that starts at once will still find it free.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

impl Server {
    /// Starts a server of ours, which prints its base URL as its first line of stdout.
    ///
    /// # Errors
    /// When it cannot be started, ends, or prints nothing within [`START_LIMIT`].
    pub(crate) fn start(tool: Tool) -> Result<Self> {
        let line = tool.line();
        let mut server = Self::spawn(line, tool, Stdio::piped())?;
        let stdout = server.child.stdout.take().context("the child's stdout is a pipe")?;
        // One line is of interest; the thread reads the rest so that the server never waits for us.
        let (sender, first) = sync_channel(1);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            if let Some(first) = lines.next() {
                // An error means that nobody waits for the line any more.
                let _ = sender.send(first);
            }
            lines.for_each(drop);
        });
        server.url = first
            .recv_timeout(START_LIMIT)
            .with_context(|| format!("`{}` printed no URL within {START_LIMIT:?}", server.line))?;
        if !server.url.starts_with("http://") {
            bail!("the first line of `{}` is no URL but {:?}", server.line, server.url);
        }
        Ok(server)
    }

    /// Starts a server that is not ours and will listen on this port of loopback, with as many open
    /// files as the machine allows.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not listen within [`START_LIMIT`].
    pub(crate) fn start_on(port: u16, tool: Tool) -> Result<Self> {
        let line = tool.line();
        let mut server = Self::spawn(line, tool.with_all_files(), Stdio::null())?;
        server.url = format!("http://127.0.0.1:{port}");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let watch = Stopwatch::start();
        while TcpStream::connect_timeout(&address, LOOK).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("`{}` ended with {status} instead of listening on port {port}", server.line);
            }
            if watch.elapsed() > START_LIMIT {
                bail!("`{}` does not listen on port {port} after {START_LIMIT:?}", server.line);
            }
            say::wait(LOOK);
        }
        Ok(server)
    }

    fn spawn(line: String, tool: Tool, stdout: Stdio) -> Result<Self> {
        let child = tool
            .into_command()
            .stdout(stdout)
            .spawn()
            .with_context(|| format!("`{line}` could not be started"))?;
        Ok(Self { child, line, url: String::new() })
    }

    /// The base URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends a server of ours as an operator would, and checks that it exits with 0.
    ///
    /// # Errors
    /// When it does not end within [`STOP_LIMIT`], or with another status.
    pub(crate) fn stop(mut self) -> Result<()> {
        match self.terminate()? {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                bail!("`{}` ended with {status} after SIGTERM instead of exit code 0", self.line)
            }
            None => bail!("`{}` did not end within {STOP_LIMIT:?} after SIGTERM", self.line),
        }
    }

    /// Ends a server that is not ours, in whatever way it ends; kills it when it does not obey.
    ///
    /// # Errors
    /// When it had ended before, which means that it died under the load.
    pub(crate) fn end(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("`{}` ended with {status} during the run", self.line);
        }
        self.terminate()?;
        Ok(())
    }

    /// Asks it to end, and waits for that; `None` when it does not obey.
    fn terminate(&mut self) -> Result<Option<ExitStatus>> {
        shell::signal("TERM", &[self.child.id()])?;
        let watch = Stopwatch::start();
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || watch.elapsed() > STOP_LIMIT {
                return Ok(status);
            }
            say::wait(LOOK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        shell::kill_family(&mut self.child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux;

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
    fn a_server_that_ends_badly_is_an_error_unless_it_is_not_ours() {
        let message = start(&ends_with(3)).unwrap().stop().unwrap_err().to_string();
        assert!(message.contains("exit status: 3"), "{message}");
        start(&ends_with(3)).unwrap().end().unwrap();
    }

    #[test]
    fn a_server_that_dies_at_once_is_an_error() {
        let message = start("exit 1").err().unwrap().to_string();
        assert!(message.contains("printed no URL"), "{message}");
        let error = Server::start_on(1, Tool::new("sh").args(["-c", "exit 3"])).err().unwrap();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_server_that_died_under_the_load_is_told() {
        let mut server = start("echo http://127.0.0.1:1; read line; exit 4").unwrap();
        server.child.wait().unwrap();
        let message = server.end().unwrap_err().to_string();
        assert!(message.contains("exit status: 4 during the run"), "{message}");
    }

    #[test]
    fn a_first_line_that_is_no_url_is_an_error() {
        let message = start("echo ready").err().unwrap().to_string();
        assert!(message.contains("is no URL but \"ready\""), "{message}");
    }

    #[test]
    fn a_server_on_a_port_is_ready_when_the_port_accepts() {
        let port = free_port().unwrap();
        let script = format!(
            "import socket, time; time.sleep(0.2); \
             s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
        );
        let server = Server::start_on(port, Tool::new("python3").args(["-c", &script])).unwrap();
        assert_eq!(server.url(), format!("http://127.0.0.1:{port}"));
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        server.end().unwrap();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }

    #[test]
    fn what_a_dropped_server_started_ends_with_it() {
        let server = start("sleep 60 & echo http://127.0.0.1:$!; wait").unwrap();
        let child: u32 = server.url().rsplit(':').next().unwrap().parse().unwrap();
        drop(server);
        let watch = Stopwatch::start();
        while !linux::family(child).is_empty() && watch.elapsed() < START_LIMIT {
            say::wait(LOOK);
        }
        assert!(linux::family(child).is_empty());
    }
}
