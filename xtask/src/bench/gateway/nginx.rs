//! nginx between tester and simulator: the proxy that others would put there.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::bench::linux;
use crate::say::Stopwatch;
use crate::server::Server;
use crate::shell::{self, Tool};

/// The configuration, with names in place of addresses and paths.
const TEMPLATE: &str = include_str!("nginx.conf");

/// Where Debian installs it, which is in root's `PATH` only.
const DEBIAN_PATH: &str = "/usr/sbin/nginx";

/// How long it may take until it accepts connections.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running nginx: a master and its workers. Dropping it ends them all.
pub(super) struct Nginx {
    /// The master; `None` once it is being stopped.
    master: Option<Server>,
    url: String,
}

impl Nginx {
    /// Starts it in front of `upstream` (a base URL), with its files in `folder`.
    ///
    /// # Errors
    /// When it is not installed, or does not accept connections in time.
    pub(super) fn start(upstream: &str, folder: &Path) -> Result<Self> {
        let program = program()?;
        let upstream = upstream.strip_prefix("http://").context("the simulator speaks http")?;
        let listen = free_address()?;
        fs::create_dir_all(folder)?;
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration(listen, upstream, folder))
            .with_context(|| format!("cannot write {}", file.display()))?;
        // It prints no URL of its own.
        let script = "echo \"http://$0\"; exec \"$1\" -p \"$2\" -c \"$3\"";
        let command = Tool::new("sh").args(["-c", script, &listen.to_string()]);
        let master = Server::start(command.args([program.as_path(), folder, &file]))?;
        let nginx = Self { url: master.url().to_owned(), master: Some(master) };
        let watch = Stopwatch::start();
        while TcpStream::connect(listen).is_err() {
            if watch.elapsed() > START_LIMIT {
                bail!("nginx does not listen; see {}", folder.join("error.log").display());
            }
            linux::pause();
        }
        Ok(nginx)
    }

    /// Its base URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master has to end its workers: killed, it would leave them behind.
        if let Some(Err(error)) = self.master.take().map(Server::stop) {
            crate::say::note(&format!("bench: {error:#}"));
        }
    }
}

fn program() -> Result<PathBuf> {
    shell::find(&["nginx"])
        .or_else(|| Some(PathBuf::from(DEBIAN_PATH)).filter(|path| path.is_file()))
        .context("nginx is not installed: `apt-get install nginx-light`, or `nginx` elsewhere")
}

/// An address of loopback that nobody listens on: nginx cannot be told to choose one.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn configuration(listen: SocketAddr, upstream: &str, folder: &Path) -> String {
    // Comments go first: they name what is filled in.
    let lines = TEMPLATE.lines().filter(|line| !line.trim_start().starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace("LISTEN", &listen.to_string())
        .replace("UPSTREAM", upstream)
        .replace("FOLDER", &folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_addresses_and_folder() {
        let listen = "127.0.0.1:1".parse().unwrap();
        let text = configuration(listen, "127.0.0.1:2", Path::new("/folder"));
        for line in [
            "listen 127.0.0.1:1 reuseport backlog=4096;",
            "server 127.0.0.1:2;",
            "pid /folder/nginx.pid;",
            "proxy_buffering off;",
        ] {
            assert!(text.lines().any(|it| it.trim() == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("FOLDER") && !text.contains("UPSTREAM"));
    }
}
