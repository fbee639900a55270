//! A server that is not ours as a child process: ready when its port accepts a connection.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::say::{self, Stopwatch};
use crate::shell::Tool;

/// How long a server may take until it accepts connections; Python imports for some seconds.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a server may take to end after SIGTERM, before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Time between two looks at a starting or ending server.
const LOOK: Duration = Duration::from_millis(50);

/// A running server. Dropping it kills it.
pub(super) struct Peer {
    child: Child,
    line: String,
    url: String,
}

/// A port that is free now; a server that starts at once will still find it free.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

impl Peer {
    /// Starts a server that will listen on this port of loopback, with as many open files as the
    /// machine allows.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not listen within [`START_LIMIT`].
    pub(super) fn start(tool: Tool, port: u16) -> Result<Self> {
        let line = tool.line();
        let child = tool
            .with_all_files()
            .into_command()
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("`{line}` could not be started"))?;
        let mut peer = Self { child, line, url: format!("http://127.0.0.1:{port}") };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let watch = Stopwatch::start();
        while TcpStream::connect_timeout(&address, LOOK).is_err() {
            if let Some(status) = peer.child.try_wait()? {
                bail!("`{}` ended with {status} instead of listening on port {port}", peer.line);
            }
            if watch.elapsed() > START_LIMIT {
                bail!("`{}` does not listen on port {port} after {START_LIMIT:?}", peer.line);
            }
            say::wait(LOOK);
        }
        Ok(peer)
    }

    /// The base URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as an operator would, with its workers; kills it when it does not obey.
    ///
    /// # Errors
    /// When it had ended before, which means that it died under the load.
    pub(super) fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("`{}` ended with {status} during the run", self.line);
        }
        let pid = self.child.id().to_string();
        Tool::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).run()?;
        if self.wait_for_end()?.is_none() {
            self.child.kill()?;
            self.child.wait()?;
        }
        Ok(())
    }

    fn wait_for_end(&mut self) -> Result<Option<ExitStatus>> {
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

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail when it has ended already, and then there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(script: &str) -> Tool {
        Tool::new("python3").args(["-c", script])
    }

    #[test]
    fn a_server_is_ready_when_its_port_accepts() {
        let port = free_port().unwrap();
        let script = format!(
            "import socket, time; time.sleep(0.2); \
             s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
        );
        let peer = Peer::start(python(&script), port).unwrap();
        assert_eq!(peer.url(), format!("http://127.0.0.1:{port}"));
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        peer.stop().unwrap();
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error() {
        let error = Peer::start(Tool::new("sh").args(["-c", "exit 3"]), 1).err().unwrap();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }
}
