//! The servers: what each needs, and how it is started as its own documentation recommends.
//!
//! Each gets one process or runtime thread per core where it can, the same accept backlog, and no
//! access log.

use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::Result;
use clap::ValueEnum;

use crate::cargo::{self, Profile};
use crate::server::{Server, free_port};
use crate::shell::Tool;
use crate::tools::Requirements;
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

/// A server whose program is there.
pub(super) struct Installed {
    pub(super) kind: Kind,
    program: PathBuf,
}

/// Builds the Go server with the system's toolchain, or with that of PyPI.
fn build_go() -> Result<PathBuf> {
    let go = match crate::shell::find(&["go"]) {
        Some(go) => go,
        None => Requirements::with_all("go", &["peers/requirements.txt"]).install()?.join("go"),
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

    /// Installs or builds its program where it is missing.
    ///
    /// # Errors
    /// When that is not possible here.
    pub(super) fn install(self, weir: &Path) -> Result<Installed> {
        let program = match self {
            Self::Django | Self::Fastapi | Self::Flask => tools::python()?,
            Self::Express => tools::node_for(Path::new("peers/node"), "peers")?,
            Self::Go => build_go()?,
            Self::Axum => cargo::build("peer-axum", "peer-axum", Profile::Release)?,
            Self::Weir => weir.to_owned(),
        };
        Ok(Installed { kind: self, program })
    }
}

impl Installed {
    /// Starts it on a free port of loopback; `None` for our own, which the tester starts.
    ///
    /// # Errors
    /// When it cannot be started or does not listen.
    pub(super) fn start(&self) -> Result<Option<Server>> {
        let port = free_port()?;
        let text = port.to_string();
        let program = Tool::new(&self.program).env("PORT", &text);
        let tool = match self.kind {
            Kind::Django => uvicorn(program, "django_asgi:application", &text),
            Kind::Fastapi => uvicorn(program, "fastapi_asgi:application", &text),
            Kind::Flask => gunicorn(program, &text),
            Kind::Express => program.args(["peers/node/express.mjs"]).env("NODE_ENV", "production"),
            Kind::Go | Kind::Axum => program,
            Kind::Weir => return Ok(None),
        };
        Server::start_on(port, tool).map(Some)
    }
}

fn uvicorn(python: Tool, application: &str, port: &str) -> Tool {
    python
        .args(["-m", "uvicorn", "--app-dir", "peers/python", "--port", port])
        .args(["--workers", &cores(), "--backlog", BACKLOG])
        .args(["--no-access-log", "--log-level", "warning", application])
}

fn gunicorn(python: Tool, port: &str) -> Tool {
    python
        .args(["-m", "gunicorn", "--chdir", "peers/python", "--bind", &format!("127.0.0.1:{port}")])
        .args(["--workers", &cores(), "--worker-class", "gthread", "--threads", WSGI_THREADS])
        .args(["--backlog", BACKLOG, "--log-level", "warning", "flask_wsgi:application"])
}

/// Worker processes for those that want to be told: one per core.
pub(super) fn cores() -> String {
    available_parallelism().map_or(1, usize::from).to_string()
}
