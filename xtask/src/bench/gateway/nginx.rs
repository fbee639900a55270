//! nginx between tester and simulator: the proxy that others would put there.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::server::{Server, free_port};
use crate::shell::{self, Tool};

/// The configuration, with names in place of addresses and paths.
const TEMPLATE: &str = include_str!("nginx.conf");

/// Where Debian installs it, which is in root's `PATH` only.
const DEBIAN_PATH: &str = "/usr/sbin/nginx";

/// Starts it in front of `upstream` (a base URL), with its files in `folder`.
///
/// # Errors
/// When it is not installed, or does not accept connections in time.
pub(super) fn start(upstream: &str, folder: &Path) -> Result<Server> {
    let program = program()?;
    let upstream = upstream.strip_prefix("http://").context("the simulator speaks http")?;
    // nginx cannot be told to choose one.
    let port = free_port()?;
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    fs::create_dir_all(folder)?;
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration(listen, upstream, folder))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let command = Tool::new(program).args(["-p".as_ref(), folder.as_os_str()]);
    Server::start_on(port, command.args(["-c".as_ref(), file.as_os_str()]))
        .with_context(|| format!("see {}", folder.join("error.log").display()))
}

fn program() -> Result<PathBuf> {
    shell::find(&["nginx"])
        .or_else(|| Some(PathBuf::from(DEBIAN_PATH)).filter(|path| path.is_file()))
        .context("nginx is not installed: `apt-get install nginx-light`, or `nginx` elsewhere")
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
