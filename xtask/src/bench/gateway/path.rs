//! What stands between tester and simulator, and how both are started.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::nginx;
use crate::bench::Setting;
use crate::server::Server;
use crate::shell::Tool;

/// The way from the tester to the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing between them.
    Direct,
    /// Through nginx, which speaks HTTP/1.1 to what is behind it.
    Nginx,
    /// Through `weir serve`.
    Gateway {
        /// Which HTTP it speaks to the simulator.
        http2: bool,
        /// Its cap on open streams; its default where there is none.
        cap: Option<u32>,
    },
}

impl Way {
    /// Its name in a table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Gateway { http2: false, .. } => "weir serve, HTTP/1.1 upstream",
            Self::Gateway { http2: true, .. } => "weir serve, HTTP/2 upstream",
        }
    }
}

/// A running simulator with what stands before it.
pub(super) struct Servers {
    front: Option<Server>,
    simulator: Server,
}

impl Servers {
    /// Starts both, fresh: what an earlier case left in memory is none of this one's.
    ///
    /// # Errors
    /// When one cannot be started.
    pub(super) fn start(setting: &Setting, way: Way) -> Result<Self> {
        let simulate = Tool::new(&setting.weir).args(["simulate", "--listen", "127.0.0.1:0"]);
        let simulator = Server::start(simulate.args(["--profile", "claude-sonnet-4"]))?;
        let front = match way {
            Way::Direct => None,
            Way::Nginx => Some(nginx::start(simulator.url(), &setting.folder.join("nginx"))?),
            Way::Gateway { http2, cap } => {
                let file = setting.folder.join("gateway.toml");
                write_configuration(&file, simulator.url(), http2, cap)?;
                let serve = Tool::new(&setting.weir).args(["serve", "--config"]).args([&file]);
                Some(Server::start(serve)?)
            }
        };
        Ok(Self { front, simulator })
    }

    /// Where the tester connects to.
    pub(super) fn url(&self) -> &str {
        self.front.as_ref().unwrap_or(&self.simulator).url()
    }

    /// The simulator.
    pub(super) fn simulator(&self) -> &Server {
        &self.simulator
    }
}

fn write_configuration(file: &Path, url: &str, http2: bool, cap: Option<u32>) -> Result<()> {
    let text = configuration(url, http2, cap);
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn configuration(url: &str, http2: bool, cap: Option<u32>) -> String {
    let limits = cap.map(|cap| format!("\n[limits]\nopen_streams = {cap}\n"));
    format!(
        "listen = \"127.0.0.1:0\"\n{}\n[[upstream]]\nname = \"simulator\"\nurl = \"{url}\"\n\
         http2 = {http2}\n",
        limits.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_cap_and_protocol() {
        assert_eq!(
            configuration("http://127.0.0.1:1", true, Some(7)),
            "listen = \"127.0.0.1:0\"\n\n[limits]\nopen_streams = 7\n\n[[upstream]]\n\
             name = \"simulator\"\nurl = \"http://127.0.0.1:1\"\nhttp2 = true\n"
        );
        assert!(!configuration("http://127.0.0.1:1", false, None).contains("limits"));
    }
}
