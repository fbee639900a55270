//! The steps of `cargo xtask test`, cheapest first.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Checks, Options, Step, mcp};
use crate::cargo::{self, Profile, cargo};
use crate::server::Server;
use crate::shell::Tool;
use crate::{docs, repository, tidy, tools};

/// All steps in the order in which they run.
pub(super) const ALL: [Step; 11] = [
    step("tools", "install what the tests need", |_| install()),
    step("format", "cargo fmt --check", |_| format()),
    step("clippy", "clippy, warnings denied", |_| clippy()),
    step("tidy", "dependencies, licences, files", |_| tidy()),
    step("nextest", "unit and integration tests", |_| nextest()),
    step("doctests", "examples in doc comments", |_| doctests()),
    step("docs", "docs/reference is current", |_| reference()),
    step("sdk", "official SDKs against simulator and gateway", |_| sdk()),
    step("mcp", "MCP's conformance suite, client and Inspector", |_| mcp::run()),
    step("browser", "a real report and the live page in Chromium", |_| browser()),
    Step {
        name: "soak",
        about: "the gateway under streams that come and go, as long as --long says",
        run: soak,
        by_name: true,
    },
];

const fn step(
    name: &'static str,
    about: &'static str,
    run: fn(&Options) -> Result<Checks>,
) -> Step {
    Step { name, about, run, by_name: false }
}

/// Through libtest and not through nextest, which ends tests that take long.
fn soak(options: &Options) -> Result<Checks> {
    cargo::build("weir", "weir", Profile::Release)?;
    let test = ["test", "--locked", "--release", "--package", "integration-tests", "--test", "it"];
    let soak = ["soak::streams_that_come_and_go_leave_nothing_behind", "--nocapture"];
    cargo(&test).args(["--"]).args(soak).env("WEIR_SOAK", &options.long).run()?;
    Ok(Checks::ONE_PASSED)
}

fn install() -> Result<Checks> {
    tools::install_all()?;
    Ok(Checks::ONE_PASSED)
}

fn format() -> Result<Checks> {
    cargo(&["fmt", "--all", "--check"]).run().context("`cargo fmt --all` mends it")?;
    Ok(Checks::ONE_PASSED)
}

fn clippy() -> Result<Checks> {
    let what = ["clippy", "--locked", "--workspace", "--all-targets", "--all-features"];
    cargo(&what).args(["--", "--deny", "warnings"]).run()?;
    Ok(Checks::ONE_PASSED)
}

fn tidy() -> Result<Checks> {
    tidy::run()?;
    Ok(Checks::ONE_PASSED)
}

/// Runs all tests. The integration tests start the real program and a Python server: both are made
/// first.
fn nextest() -> Result<Checks> {
    tools::nextest()?;
    tools::python()?;
    tools::promtool()?;
    cargo::build("weir", "weir", Profile::Debug)?;
    let report = cargo::target_folder()?.join("nextest/default/junit.xml");
    if report.exists() {
        fs::remove_file(&report)?;
    }
    let outcome = cargo(&["nextest", "run", "--locked", "--workspace", "--all-features"]).run();
    let checks = count_tests(&report);
    match (outcome, checks) {
        // Some tests failed: nextest has shown them, and the report counts them.
        (Err(_), Some(checks)) if checks.failed > 0 => Ok(checks),
        (Err(error), _) => Err(error),
        (Ok(()), checks) => {
            checks.with_context(|| format!("nextest left no test report at {}", report.display()))
        }
    }
}

/// Counts the tests in nextest's report.
fn count_tests(report: &Path) -> Option<Checks> {
    let text = fs::read_to_string(report).ok()?;
    let opening = text.lines().find(|line| line.trim_start().starts_with("<testsuites"))?;
    let attribute = |name: &str| -> Option<u64> {
        let value = opening.split(&format!(" {name}=\"")).nth(1)?;
        value.split('"').next()?.parse().ok()
    };
    let failed = attribute("failures")? + attribute("errors")?;
    Some(Checks { passed: attribute("tests")?.checked_sub(failed)?, failed })
}

fn doctests() -> Result<Checks> {
    cargo(&["test", "--locked", "--workspace", "--doc", "--quiet"]).run()?;
    Ok(Checks::ONE_PASSED)
}

fn reference() -> Result<Checks> {
    docs::check()?;
    Ok(Checks::ONE_PASSED)
}

fn sdk() -> Result<Checks> {
    let python = tools::python()?;
    let node = tools::node_with("sdk")?;
    let weir = cargo::build("weir", "weir", Profile::Release)?;
    let simulator = Tool::new(&weir).args(["simulate", "--listen", "127.0.0.1:0"]);
    let simulator = Server::start(simulator.args(["--profile", "instant"]))?;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--http2", "--upstream", simulator.url()];
    let gateway = Server::start(Tool::new(weir).args(serve))?;
    for (server, kind) in [(&simulator, None), (&gateway, Some("--gateway"))] {
        let python = Tool::new(&python).args(["tests/sdk/acceptance.py", server.url()]);
        python.args(kind).run()?;
        let node = Tool::new(&node).args(["tests/sdk/acceptance.mjs", server.url()]);
        node.args(kind).run()?;
    }
    Tool::new(&python).args(["tests/sdk/media.py", simulator.url()]).run()?;
    Tool::new(&node).args(["tests/sdk/media.mjs", simulator.url()]).run()?;
    gateway.stop()?;
    simulator.stop()?;
    Ok(Checks { passed: 6, failed: 0 })
}

fn browser() -> Result<Checks> {
    let node = tools::node_with("browser")?;
    let chromium = tools::chromium()?;
    let weir = cargo::build("weir", "weir", Profile::Release)?;
    let folder = cargo::target_folder()?.join("browser-test");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let folder = folder.to_string_lossy().into_owned();
    let ladder = ["--ladder", "20,60,120", "--start", "spread=500ms"];
    Tool::new(&weir)
        .args(["stress", "streams", "--name", "browser", "--no-progress", "--out", &folder])
        .args(ladder)
        // 3: on a busy machine the verdict is that nothing can be trusted. The page is as good.
        .run_expecting(&[0, 3])
        .context("the run whose report the browser opens")?;
    let in_browser = |script: &str, argument: &str| {
        let script = repository::root().join("tests/browser").join(script);
        Tool::new(&node)
            .args([script.as_os_str()])
            .args([argument])
            .env("CHROMIUM", &chromium.to_string_lossy())
            .run()
    };
    in_browser("report.mjs", &folder)?;
    let simulator = Tool::new(&weir).args(["simulate", "--listen", "127.0.0.1:0"]);
    let simulator = Server::start(simulator.args(["--profile", "instant"]))?;
    let serve = ["serve", "--listen", "127.0.0.1:0", "--upstream", simulator.url()];
    let gateway = Server::start(Tool::new(&weir).args(serve))?;
    in_browser("live.mjs", gateway.url())?;
    gateway.stop()?;
    simulator.stop()?;
    Ok(Checks { passed: 2, failed: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(report: &str, expected: Option<Checks>) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), report).unwrap();
        assert_eq!(count_tests(file.path()), expected);
    }

    #[test]
    fn failures_and_errors_are_not_passed() {
        let head = "<?xml version=\"1.0\"?>\n";
        let suites =
            "<testsuites name=\"nextest-run\" tests=\"9\" failures=\"2\" errors=\"1\" uuid=\"\">";
        check(&format!("{head}{suites}"), Some(Checks { passed: 6, failed: 3 }));
    }

    #[test]
    fn a_report_that_says_nothing_is_no_count() {
        check("<?xml version=\"1.0\"?>\n", None);
        check("<testsuites tests=\"9\">", None);
    }
}
