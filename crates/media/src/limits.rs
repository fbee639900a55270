//! Every bound of the media server's files, with its default.

mod config;

use std::time::Duration;

pub use config::LimitsConfig;

use crate::pool::WAITING_LIMIT;

/// The bounds. All of them can be configured; [`Limits::check`] refuses what cannot work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Transfers that run at once. Each has at most two connections or files open and
    /// [`crate::download::PEAK_BYTES`] of memory; further ones wait in turn.
    pub transfers: usize,
    /// Transfers that wait. Past it a call is refused at once.
    pub waiting_transfers: usize,
    /// Bytes that pictures, sounds and answers may hold in memory at once, all calls together.
    pub memory_bytes: u64,
    /// Calls that wait for memory. Past it a call is refused at once.
    pub waiting_for_memory: usize,
    /// CPU jobs that run at once; 0 means one for each core.
    pub cpu_jobs: usize,
    /// CPU jobs that wait. Past it a call is refused at once.
    pub waiting_cpu_jobs: usize,
    /// Windows of one long recording that are listened to at once, 1 to [`Limits::MOST_WINDOWS`];
    /// `None` leaves it to who starts the server, else to [`Limits::USUAL_WINDOWS`].
    pub windows: Option<usize>,
    /// Largest file that is downloaded or written.
    pub file_bytes: u64,
    /// File operations that run at once, each on a thread of its own.
    pub file_operations: usize,
    /// Time to open a connection to an upstream: name, TCP and TLS.
    pub connect: Duration,
    /// Time from sending a request to the head of its answer.
    pub upstream_head: Duration,
    /// Longest silence in a body.
    pub idle: Duration,
    /// Time for one download, with all its tries and pauses, without waiting for its turn.
    pub total: Duration,
    /// Tries of a download that bring nothing new, in a row, before it is given up.
    pub tries: u32,
    /// First pause between two tries; it doubles with each.
    pub pause: Duration,
    /// Longest pause between two tries, also when the upstream asks for more: then the download
    /// is given up at once.
    pub longest_pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // 64 transfers have 128 descriptors: far from the common limit of 1,024, and more
            // than enough to fill a network or a disk.
            transfers: 64,
            waiting_transfers: 4096,
            memory_bytes: 512 << 20,
            waiting_for_memory: 1024,
            cpu_jobs: 0,
            waiting_cpu_jobs: WAITING_LIMIT,
            windows: None,
            file_bytes: 8 << 30,
            // Most of them wait for the disk, and a file system brings what waits for it together
            // there in one go: many small waits become few.
            file_operations: 64,
            connect: Duration::from_secs(10),
            upstream_head: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(30 * 60),
            tries: 5,
            pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// A limit that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` must be {must}")]
pub struct LimitError {
    /// The limit's name.
    pub name: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl Limits {
    /// Most windows of one recording that can be listened to at once: some 100 MB of sound.
    pub const MOST_WINDOWS: usize = 16;

    /// Windows of one recording that are listened to at once when nobody says, as in sanzaru.
    pub const USUAL_WINDOWS: usize = 4;

    /// Whether a server can work within these bounds.
    ///
    /// # Errors
    /// The first bound that is out of range.
    pub fn check(&self) -> Result<(), LimitError> {
        let counts = [
            ("transfers", self.transfers, 1..=10_000),
            ("waiting_transfers", self.waiting_transfers, 0..=1_000_000),
            ("waiting_for_memory", self.waiting_for_memory, 0..=1_000_000),
            ("cpu_jobs", self.cpu_jobs, 0..=4096),
            ("waiting_cpu_jobs", self.waiting_cpu_jobs, 0..=1_000_000),
            // Tokio has 512 threads for blocking work; the rest belongs to CPU jobs.
            ("file_operations", self.file_operations, 1..=256),
        ];
        if let Some((name, ..)) = counts.iter().find(|(_, value, range)| !range.contains(value)) {
            let must = match *name {
                "transfers" => "between 1 and 10000",
                "file_operations" => "between 1 and 256",
                "cpu_jobs" => "between 0 and 4096",
                _ => "at most 1000000",
            };
            return Err(LimitError { name, must });
        }
        let refuse = |name, must| Err(LimitError { name, must });
        match self {
            _ if self.windows.is_some_and(|it| !(1..=Self::MOST_WINDOWS).contains(&it)) => {
                refuse("windows", "between 1 and 16")
            }
            _ if self.memory_bytes < 16 << 20 => refuse("memory_bytes", "at least 16 MiB"),
            _ if self.file_bytes == 0 => refuse("file_bytes", "above zero"),
            _ if !(1..=100).contains(&self.tries) => refuse("tries", "between 1 and 100"),
            _ if self.connect.is_zero() => refuse("connect", "above zero"),
            _ if self.upstream_head.is_zero() => refuse("upstream_head", "above zero"),
            _ if self.idle.is_zero() => refuse("idle", "above zero"),
            _ if self.total.is_zero() => refuse("total", "above zero"),
            _ if self.pause > self.longest_pause => {
                refuse("pause", "no longer than `longest_pause`")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Limits), refused: Option<&str>) {
        let mut limits = Limits::default();
        change(&mut limits);
        assert_eq!(limits.check().err().map(|error| error.name), refused);
    }

    #[test]
    fn the_defaults_work() {
        check(|_| {}, None);
    }

    #[test]
    fn limits_end_at_their_edges() {
        check(|limits| limits.transfers = 1, None);
        check(|limits| limits.transfers = 0, Some("transfers"));
        check(|limits| limits.transfers = 10_001, Some("transfers"));
        check(|limits| limits.waiting_transfers = 0, None);
        check(|limits| limits.windows = Some(1), None);
        check(|limits| limits.windows = Some(0), Some("windows"));
        check(|limits| limits.windows = Some(16), None);
        check(|limits| limits.windows = Some(17), Some("windows"));
        check(|limits| limits.file_operations = 257, Some("file_operations"));
        check(|limits| limits.memory_bytes = (16 << 20) - 1, Some("memory_bytes"));
        check(|limits| limits.file_bytes = 0, Some("file_bytes"));
        check(|limits| limits.tries = 0, Some("tries"));
        check(|limits| limits.idle = Duration::ZERO, Some("idle"));
        check(|limits| limits.pause = limits.longest_pause, None);
        check(|limits| limits.longest_pause = Duration::from_millis(249), Some("pause"));
    }
}
