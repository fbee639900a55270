//! Limits as somebody writes them in TOML: `idle = "30s"`, `file_bytes = "8GiB"`.

use std::time::Duration;

use runtime::notation::{WrittenDuration, WrittenSize};
use serde::Deserialize;

use super::{LimitError, Limits};

/// Limits as they are written. What is left out has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// See [`Limits::transfers`].
    pub transfers: Option<usize>,
    /// See [`Limits::waiting_transfers`].
    pub waiting_transfers: Option<usize>,
    /// See [`Limits::memory_bytes`].
    pub memory_bytes: Option<WrittenSize>,
    /// See [`Limits::waiting_for_memory`].
    pub waiting_for_memory: Option<usize>,
    /// See [`Limits::cpu_jobs`].
    pub cpu_jobs: Option<usize>,
    /// See [`Limits::waiting_cpu_jobs`].
    pub waiting_cpu_jobs: Option<usize>,
    /// See [`Limits::windows`].
    pub windows: Option<usize>,
    /// See [`Limits::file_bytes`].
    pub file_bytes: Option<WrittenSize>,
    /// See [`Limits::file_operations`].
    pub file_operations: Option<usize>,
    /// See [`Limits::connect`].
    pub connect: Option<WrittenDuration>,
    /// See [`Limits::upstream_head`]. It was called `head` before the gateway's name came to it.
    #[serde(alias = "head")]
    pub upstream_head: Option<WrittenDuration>,
    /// See [`Limits::idle`]. It was called `stall` before the gateway's name came to it.
    #[serde(alias = "stall")]
    pub idle: Option<WrittenDuration>,
    /// See [`Limits::total`].
    pub total: Option<WrittenDuration>,
    /// See [`Limits::tries`].
    pub tries: Option<u32>,
    /// See [`Limits::pause`].
    pub pause: Option<WrittenDuration>,
    /// See [`Limits::longest_pause`].
    pub longest_pause: Option<WrittenDuration>,
}

impl LimitsConfig {
    /// The limits, with defaults for what was left out.
    ///
    /// # Errors
    /// The first limit that is out of range.
    pub fn check(self) -> Result<Limits, LimitError> {
        let default = Limits::default();
        let time = |written: Option<WrittenDuration>, or: Duration| written.map_or(or, |it| it.0);
        let size = |written: Option<WrittenSize>, or: u64| written.map_or(or, |it| it.0);
        let limits = Limits {
            transfers: self.transfers.unwrap_or(default.transfers),
            waiting_transfers: self.waiting_transfers.unwrap_or(default.waiting_transfers),
            memory_bytes: size(self.memory_bytes, default.memory_bytes),
            waiting_for_memory: self.waiting_for_memory.unwrap_or(default.waiting_for_memory),
            cpu_jobs: self.cpu_jobs.unwrap_or(default.cpu_jobs),
            waiting_cpu_jobs: self.waiting_cpu_jobs.unwrap_or(default.waiting_cpu_jobs),
            windows: self.windows,
            file_bytes: size(self.file_bytes, default.file_bytes),
            file_operations: self.file_operations.unwrap_or(default.file_operations),
            connect: time(self.connect, default.connect),
            upstream_head: time(self.upstream_head, default.upstream_head),
            idle: time(self.idle, default.idle),
            total: time(self.total, default.total),
            tries: self.tries.unwrap_or(default.tries),
            pause: time(self.pause, default.pause),
            longest_pause: time(self.longest_pause, default.longest_pause),
        };
        limits.check()?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Limits, &str>) {
        let read = toml::from_str::<LimitsConfig>(text).map_err(|error| error.message().to_owned());
        let checked = read.and_then(|it| it.check().map_err(|error| error.to_string()));
        assert_eq!(checked, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        check("", Ok(Limits::default()));
    }

    #[test]
    fn durations_and_sizes_have_units() {
        let default = Limits::default();
        let idle = Duration::from_millis(1500);
        check("idle = \"1.5s\"", Ok(Limits { idle, ..default.clone() }));
        check("file_bytes = \"1KiB\"", Ok(Limits { file_bytes: 1024, ..default }));
        let reason = "write a number with a unit, such as 250ms, 2.5s or 1m30s";
        check("idle = \"x\"", Err(&format!("\"x\" is no duration: {reason}")));
    }

    #[test]
    fn earlier_names_are_taken_as_well_but_not_beside_the_new_ones() {
        let (upstream_head, idle) = (Duration::from_secs(1), Duration::from_secs(2));
        let expected = Limits { upstream_head, idle, ..Limits::default() };
        check("upstream_head = \"1s\"\nidle = \"2s\"", Ok(expected.clone()));
        check("head = \"1s\"\nstall = \"2s\"", Ok(expected));
        check("idle = \"1s\"\nstall = \"2s\"", Err("duplicate field `idle`"));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        check("transfers = 0", Err("`transfers` must be between 1 and 10000"));
        check("tries = 101", Err("`tries` must be between 1 and 100"));
    }

    #[test]
    fn every_limit_can_be_written() {
        let text = "transfers = 1\nwaiting_transfers = 2\nmemory_bytes = \"16MiB\"\n\
                    waiting_for_memory = 3\ncpu_jobs = 4\nwaiting_cpu_jobs = 5\nwindows = 9\nfile_bytes = 6\n\
                    file_operations = 7\nconnect = \"1s\"\nupstream_head = \"2s\"\nidle = \"3s\"\n\
                    total = \"4s\"\ntries = 8\npause = \"5s\"\nlongest_pause = \"6s\"";
        let expected = Limits {
            transfers: 1,
            waiting_transfers: 2,
            memory_bytes: 16 << 20,
            waiting_for_memory: 3,
            cpu_jobs: 4,
            waiting_cpu_jobs: 5,
            windows: Some(9),
            file_bytes: 6,
            file_operations: 7,
            connect: Duration::from_secs(1),
            upstream_head: Duration::from_secs(2),
            idle: Duration::from_secs(3),
            total: Duration::from_secs(4),
            tries: 8,
            pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(6),
        };
        check(text, Ok(expected));
    }
}
