//! What `/proc` says about processes and the machine.

#![expect(clippy::disallowed_methods, reason = "sampling waits in a thread of its own program")]

use std::fs;
use std::time::Duration;

/// Clock ticks of `/proc/PID/stat` in a second: `USER_HZ`, 100 on every platform that we run on.
const TICKS_PER_S: f64 = 100.0;

/// Between two looks at a process. A look costs some 50 µs.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether there is a `/proc` as Linux has it.
pub(super) fn available() -> bool {
    fs::exists("/proc/self/stat").unwrap_or(false)
}

/// Waits until the next look.
pub(super) fn pause() {
    std::thread::sleep(PAUSE);
}

/// CPU time of a process so far, with that of its children that have ended, and whether it has ended
/// itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cpu {
    /// Seconds, user and system together, all threads.
    pub(super) seconds: f64,
    /// Ended, and not waited for yet: its CPU time is final.
    pub(super) ended: bool,
}

/// CPU time of a process, or `None` when there is none with this id.
pub(super) fn cpu(pid: u32) -> Option<Cpu> {
    parse_cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_cpu(stat: &str) -> Option<Cpu> {
    // The name is in parentheses and may hold anything, so that fields count from its end: state is
    // the first, utime, stime, cutime and cstime are the twelfth and on (proc_pid_stat(5)).
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    let ended = *fields.first()? == "Z";
    let all = [11, 12, 13, 14].iter().map(|&index| ticks(index)).sum::<Option<f64>>()?;
    Some(Cpu { seconds: all / TICKS_PER_S, ended })
}

/// Resident memory of a process in bytes, now, or `None` when it has ended.
pub(super) fn resident_bytes(pid: u32) -> Option<f64> {
    parse_resident(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Resident memory of a process and all its descendants in bytes, or `None` when it has ended.
pub(super) fn family_resident_bytes(pid: u32) -> Option<f64> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    Some(resident_bytes(pid)? + pids.filter_map(family_resident_bytes).sum::<f64>())
}

fn parse_resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// CPU seconds that all processors have been busy since the machine's start.
pub(super) fn busy_seconds() -> f64 {
    fs::read_to_string("/proc/stat").ok().and_then(|stat| parse_busy(&stat)).unwrap_or(f64::NAN)
}

fn parse_busy(stat: &str) -> Option<f64> {
    // cpu user nice system idle iowait irq softirq steal …
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<f64> = fields.map_while(|field| field.parse().ok()).collect();
    let busy = [0, 1, 2, 5, 6].iter().map(|&index| ticks.get(index)).sum::<Option<f64>>()?;
    Some(busy / TICKS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_read_behind_any_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 19 1 20 0 1 0";
        assert_eq!(parse_cpu(stat), Some(Cpu { seconds: 3.2, ended: false }));
        let ended = stat.replace(") S", ") Z");
        assert_eq!(parse_cpu(&ended), Some(Cpu { seconds: 3.2, ended: true }));
        assert_eq!(parse_cpu("7 (a) S"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(parse_resident("VmHWM:\t  99 kB\nVmRSS:\t  12 kB\n"), Some(12_288.0));
        assert_eq!(parse_resident("Name:\tx\n"), None);
    }

    #[test]
    fn busy_leaves_out_idle_waiting_and_stolen_time() {
        let stat = "cpu  100 10 200 9999 500 3 7 800 0 0\ncpu0 1 1 1 1\n";
        assert_eq!(parse_busy(stat), Some(3.2));
    }

    #[test]
    fn this_process_has_memory_and_the_machine_was_busy() {
        assert!(cpu(std::process::id()).is_some_and(|cpu| !cpu.ended));
        assert!(resident_bytes(std::process::id()).is_some_and(|bytes| bytes > 100_000.0));
        assert!(busy_seconds() > 0.0);
    }
}
