//! The servers: what each needs, and how it is started as its own documentation recommends.
//!
//! Each gets one process or runtime thread per core where it can, the same accept backlog, and no
//! access log.

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::Started;
use super::process::{Peer, free_port};
use crate::cargo::{self, Profile};
use crate::shell::Tool;
use crate::{repository, say, tools};

/// More than a burst of users: a server's own default may be below it.
const BACKLOG: &str = "4096";
/// Threads of each WSGI worker: as many answers as one process carries at once. Some hundred is
/// what such servers are run with where answers are slow.
const WSGI_THREADS: &str = "100";

/// A server to measure, in the order of the table's first column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Django on Uvicorn: the server of the original document, and so the baseline
    Django,
    /// FastAPI on Uvicorn
    Fastapi,
    /// Flask on gunicorn's threads
    Flask,
    /// Express on Node
    Express,
    /// Go's net/http
    Go,
    /// Plain axum on tokio
    Axum,
    /// `weir serve` in front of `weir simulate`
    Weir,
}

/// All of them.
pub(super) const ALL: [Kind; 7] =
    [Kind::Django, Kind::Fastapi, Kind::Flask, Kind::Express, Kind::Go, Kind::Axum, Kind::Weir];

/// The programs that the asked servers need.
pub(super) struct Tools {
    pub(super) weir: PathBuf,
    python: Option<PathBuf>,
    node: Option<PathBuf>,
    go_server: Option<PathBuf>,
    axum: Option<PathBuf>,
}

impl Tools {
    /// Installs and builds what is missing.
    ///
    /// # Errors
    /// When something cannot be installed or built.
    pub(super) fn prepare(kinds: &[Kind], weir: &Path) -> Result<Self> {
        let any = |wanted: &[Kind]| kinds.iter().any(|kind| wanted.contains(kind));
        let python = any(&[Kind::Django, Kind::Fastapi, Kind::Flask]);
        Ok(Self {
            weir: weir.to_owned(),
            python: python.then(tools::python).transpose()?,
            node: any(&[Kind::Express])
                .then(|| tools::node_for(Path::new("peers/node"), "peers"))
                .transpose()?,
            go_server: any(&[Kind::Go]).then(build_go).transpose()?,
            axum: any(&[Kind::Axum])
                .then(|| cargo::build("peer-axum", "peer-axum", Profile::Release))
                .transpose()?,
        })
    }

    fn python(&self) -> Result<Tool> {
        Ok(Tool::new(self.python.as_ref().context("Python was not prepared")?))
    }
}

/// Builds the Go server with the system's toolchain, or with that of PyPI.
fn build_go() -> Result<PathBuf> {
    let go = match crate::shell::find(&["go"]) {
        Some(go) => go,
        None => tools::environment("go", &["peers/requirements.txt"])?.join("go"),
    };
    let target = cargo::target_folder()?.join("peers");
    let server = target.join("go-server");
    say::note("building peers/go");
    Tool::new(go)
        .args(["build", "-o"])
        .args([&server])
        .args(["."])
        .folder(&repository::root().join("peers/go"))
        .env("GOCACHE", &target.join("go-cache").to_string_lossy())
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .run()?;
    Ok(server)
}

impl Kind {
    /// The name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Django => "Django (Uvicorn)",
            Self::Fastapi => "FastAPI (Uvicorn)",
            Self::Flask => "Flask (gunicorn threads)",
            Self::Express => "Node Express",
            Self::Go => "Go net/http",
            Self::Axum => "axum",
            Self::Weir => "weir serve",
        }
    }

    /// The name of the run's folder.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::Django => "django",
            Self::Fastapi => "fastapi",
            Self::Flask => "flask",
            Self::Express => "express",
            Self::Go => "go",
            Self::Axum => "axum",
            Self::Weir => "weir",
        }
    }

    /// Starts it on a free port of loopback.
    pub(super) fn start(self, tools: &Tools) -> Result<Started> {
        let port = free_port()?;
        let text = port.to_string();
        let tool = match self {
            Self::Django => uvicorn(tools, "django_asgi:application", &text)?,
            Self::Fastapi => uvicorn(tools, "fastapi_asgi:application", &text)?,
            Self::Flask => gunicorn(tools, &text)?,
            Self::Express => {
                let node = tools.node.as_ref().context("Node was not prepared")?;
                Tool::new(node).args(["peers/node/express.mjs"]).env("NODE_ENV", "production")
            }
            Self::Go => Tool::new(tools.go_server.as_ref().context("Go was not prepared")?),
            Self::Axum => Tool::new(tools.axum.as_ref().context("axum was not prepared")?),
            Self::Weir => return start_weir(tools),
        };
        Ok(Started { front: Peer::start(tool.env("PORT", &text), port)?, behind: None })
    }
}

/// The gateway makes no answers of its own: the simulator behind it does, at the peers' pace.
fn start_weir(tools: &Tools) -> Result<Started> {
    let behind = {
        let port = free_port()?;
        let listen = format!("127.0.0.1:{port}");
        let simulate = ["simulate", "--profile", "quick", "--listen", &listen];
        Peer::start(Tool::new(&tools.weir).args(simulate), port)?
    };
    let port = free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let serve = ["serve", "--upstream", behind.url(), "--http2", "--listen", &listen];
    let front = Peer::start(Tool::new(&tools.weir).args(serve), port)?;
    Ok(Started { front, behind: Some(behind) })
}

fn uvicorn(tools: &Tools, application: &str, port: &str) -> Result<Tool> {
    let workers = cores();
    Ok(tools
        .python()?
        .args(["-m", "uvicorn", "--app-dir", "peers/python", "--port", port])
        .args(["--workers", &workers, "--backlog", BACKLOG])
        .args(["--no-access-log", "--log-level", "warning", application]))
}

fn gunicorn(tools: &Tools, port: &str) -> Result<Tool> {
    let workers = cores();
    let bind = format!("127.0.0.1:{port}");
    Ok(tools
        .python()?
        .args(["-m", "gunicorn", "--chdir", "peers/python", "--bind", &bind])
        .args(["--workers", &workers, "--worker-class", "gthread", "--threads", WSGI_THREADS])
        .args(["--backlog", BACKLOG, "--log-level", "warning", "flask_wsgi:application"]))
}

fn cores() -> String {
    available_parallelism().map_or(1, usize::from).to_string()
}
