//! The only file of this crate that prints, and the only one that reads the clock.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "automation speaks to people, and has no paused clock"
)]

use std::time::{Duration, Instant};

/// A line of progress or complaint, to stderr.
pub(crate) fn note(line: &str) {
    eprintln!("{line}");
}

/// A line of what was asked for, to stdout.
pub(crate) fn result(line: &str) {
    println!("{line}");
}

/// Measures how long something takes.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Waits, as nothing else is to be done on this thread.
pub(crate) fn wait(duration: Duration) {
    std::thread::sleep(duration);
}

/// A duration as people read it: `0.4 s`, `12.3 s`, `4 min 05 s`.
pub(crate) fn duration(took: Duration) -> String {
    if took < Duration::from_secs(60) {
        return format!("{:.1} s", took.as_secs_f64());
    }
    format!("{} min {:02} s", took.as_secs() / 60, took.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short_and_have_one_form() {
        assert_eq!(duration(Duration::from_millis(440)), "0.4 s");
        assert_eq!(duration(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(duration(Duration::from_secs(245)), "4 min 05 s");
    }
}
