//! `cargo xtask test`: everything that must hold before a change lands, in order of cost.

mod mcp;
mod steps;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::say::{self, Stopwatch};

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Run this step alone (may be given several times).
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// How long the step `soak` lasts, as `90s` or `30m`; every other run of tests has a quarter of a
    /// minute of it.
    #[arg(long, value_name = "TIME", default_value = "10m")]
    long: String,
    /// List the steps and what each one does.
    #[arg(long)]
    list: bool,
}

/// One part of the test command.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Options) -> Result<Checks>,
    /// It runs only where it is named.
    by_name: bool,
}

/// What a step checked. A step that counts nothing of its own is one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checks {
    passed: u64,
    failed: u64,
}

impl Checks {
    const ONE_PASSED: Self = Self { passed: 1, failed: 0 };
    const ONE_FAILED: Self = Self { passed: 0, failed: 1 };

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs the chosen steps up to the first that fails.
///
/// # Errors
/// When a step fails or its name is unknown.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        for step in &steps::ALL {
            say::result(&format!("{:<9} {}", step.name, step.about));
        }
        return Ok(());
    }
    let chosen = choose(&options.only)?;
    let watch = Stopwatch::start();
    let mut sum = Checks { passed: 0, failed: 0 };
    let mut lines = Vec::new();
    let mut failure = None;
    for step in chosen {
        let (checks, line, error) = run_step(step, options);
        sum.add(checks);
        lines.push(line);
        if checks.failed > 0 {
            failure = Some((step.name, error));
            break;
        }
    }
    say::note("");
    lines.iter().for_each(|line| say::note(line));
    say::note(&summary("all", "", watch.elapsed()));
    if let Some((name, error)) = &failure {
        say::note("");
        say::note(&format!("step `{name}` failed: {error}"));
        say::note(&format!("again: cargo xtask test --only {name}"));
    }
    say::result(&format!("{} passed, {} failed", sum.passed, sum.failed));
    match failure {
        Some((name, _)) => bail!("step `{name}` failed"),
        None => Ok(()),
    }
}

fn run_step(step: &Step, options: &Options) -> (Checks, String, String) {
    say::note(&format!("\n=== {}: {}", step.name, step.about));
    let watch = Stopwatch::start();
    let (checks, error) = match (step.run)(options) {
        Ok(checks) => (checks, format!("{} of its checks did not pass", checks.failed)),
        Err(error) => (Checks::ONE_FAILED, format!("{error:#}")),
    };
    let outcome = match checks {
        Checks { passed, failed: 0 } => format!("{passed} passed"),
        Checks { passed, failed } => format!("{passed} passed, {failed} FAILED"),
    };
    let line = summary(step.name, &outcome, watch.elapsed());
    say::note(&format!("=== {line}"));
    (checks, line, error)
}

fn summary(name: &str, outcome: &str, took: Duration) -> String {
    format!("{name:<9} {outcome:<24} {:>12}", say::duration(took))
}

/// The steps with these names in the order in which they run; without a name all but those that must
/// be named.
fn choose(names: &[String]) -> Result<Vec<&'static Step>> {
    if let Some(unknown) = names.iter().find(|name| steps::ALL.iter().all(|it| it.name != **name)) {
        let known: Vec<&str> = steps::ALL.iter().map(|step| step.name).collect();
        bail!("no step is called `{unknown}`; there are {}", known.join(", "));
    }
    let wanted = |step: &&Step| {
        names.is_empty() && !step.by_name || names.iter().any(|name| name == step.name)
    };
    Ok(steps::ALL.iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> Vec<&'static str> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        choose(&names).unwrap().iter().map(|step| step.name).collect()
    }

    #[test]
    fn without_names_every_step_runs_but_the_one_that_takes_as_long_as_one_likes() {
        assert_eq!(chosen(&[]).len(), steps::ALL.len() - 1);
        assert!(!chosen(&[]).contains(&"soak"));
        assert_eq!(chosen(&["soak"]), ["soak"]);
    }

    #[test]
    fn named_steps_run_in_their_own_order() {
        assert_eq!(chosen(&["tidy", "format"]), ["format", "tidy"]);
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let message = choose(&["tydi".to_owned()]).err().unwrap().to_string();
        assert!(
            message.starts_with("no step is called `tydi`; there are tools, format"),
            "{message}"
        );
    }

    #[test]
    fn a_step_that_errs_counts_as_one_failure() {
        let step = Step { name: "x", about: "", run: |_| bail!("broken"), by_name: false };
        let options = Options { only: Vec::new(), long: String::new(), list: false };
        let (checks, _, error) = run_step(&step, &options);
        assert_eq!((checks, error.as_str()), (Checks::ONE_FAILED, "broken"));
    }
}
