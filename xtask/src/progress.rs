//! Measurements one after the other: each is announced, and one that fails does not stop the rest.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::say::{self, Stopwatch};

/// What is done in one go.
pub(crate) struct Plan {
    /// Its name, as the command is called.
    pub(crate) name: &'static str,
    /// How many steps there are.
    pub(crate) steps: u32,
    /// How long a step usually takes.
    pub(crate) usual: Duration,
    /// How long one may take.
    pub(crate) limit: Duration,
}

/// How far it is.
pub(crate) struct Progress {
    plan: Plan,
    watch: Stopwatch,
    begun: Cell<u32>,
    failed: RefCell<Vec<String>>,
}

impl Progress {
    /// Says how long it will take.
    pub(crate) fn begin(plan: Plan) -> Self {
        say::note(&plan.to_string());
        Self { plan, watch: Stopwatch::start(), begun: Cell::default(), failed: RefCell::default() }
    }

    /// How long a step may take.
    pub(crate) fn limit(&self) -> Duration {
        self.plan.limit
    }

    /// Does one step. A failure is told, kept for the end, and leaves nothing.
    pub(crate) fn step<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        self.begun.set(self.begun.get() + 1);
        let (number, Plan { steps, name: of, .. }) = (self.begun.get(), &self.plan);
        let elapsed = say::duration(self.watch.elapsed());
        say::note(&format!("{of}: {number} of {steps}, after {elapsed}: {name}"));
        work().map_err(|error| self.fail(name, &format!("{error:#}"))).ok()
    }

    /// Keeps a failure for the end.
    pub(crate) fn fail(&self, name: &str, why: &str) {
        say::note(&format!("{}: NOT MEASURED: {name}: {why}", self.plan.name));
        self.failed.borrow_mut().push(format!("{name}: {why}"));
    }

    /// Everything that failed, each as one line.
    pub(crate) fn failures(&self) -> Vec<String> {
        let first_line = |text: &String| text.lines().next().unwrap_or_default().to_owned();
        self.failed.borrow().iter().map(first_line).collect()
    }

    /// The end.
    ///
    /// # Errors
    /// When anything failed.
    pub(crate) fn end(&self) -> Result<()> {
        let failed = self.failures();
        if !failed.is_empty() {
            bail!("{}: not measured:\n  {}", self.plan.name, failed.join("\n  "));
        }
        say::note(&format!("{}: took {}", self.plan.name, say::duration(self.watch.elapsed())));
        Ok(())
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, steps, .. } = self;
        let [usual, most] = [self.usual, self.limit].map(|each| say::duration(each * *steps));
        write!(f, "{name}: {steps} steps, about {usual} (at most {most}, a step given up after ")?;
        write!(f, "{})", say::duration(self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let (usual, limit) = (Duration::from_secs(20), Duration::from_secs(120));
        Plan { name: "test", steps: 3, usual, limit }
    }

    #[test]
    fn a_failing_step_does_not_stop_the_others_but_fails_the_whole() {
        let progress = Progress::begin(plan());
        assert_eq!(progress.step("one", || Ok(1)), Some(1));
        progress.end().unwrap();
        assert_eq!(progress.step("two", || bail!("no such\nthing") as Result<u32>), None);
        assert_eq!(progress.step("three", || Ok(3)), Some(3));
        assert_eq!(progress.failures(), ["two: no such"]);
        assert_eq!(progress.end().unwrap_err().to_string(), "test: not measured:\n  two: no such");
    }

    #[test]
    fn a_plan_tells_the_usual_and_the_longest_time() {
        let told = "test: 3 steps, about 1 min 00 s (at most 6 min 00 s, a step given up after 2 min 00 s)";
        assert_eq!(plan().to_string(), told);
    }
}
