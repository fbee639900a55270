//! What `/proc` says about processes and the machine.

use std::fs;

/// Clock ticks of `/proc/PID/stat` in a second: `USER_HZ`, 100 on every platform that we run on.
const TICKS_PER_S: f64 = 100.0;

/// Whether there is a `/proc` as Linux has it.
pub(crate) fn available() -> bool {
    fs::exists("/proc/self/stat").unwrap_or(false)
}

/// CPU time of a process so far, with that of its children that have ended, and whether it has ended
/// itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cpu {
    /// Seconds, user and system together, all threads.
    pub(crate) seconds: f64,
    /// Ended, and not waited for yet: its CPU time is final.
    pub(crate) ended: bool,
}

/// CPU time of a process, or `None` when there is none with this id.
pub(crate) fn cpu(pid: u32) -> Option<Cpu> {
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
pub(crate) fn resident_bytes(pid: u32) -> Option<f64> {
    parse_resident(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// A process and all its descendants, without those that have ended.
pub(crate) fn family(pid: u32) -> Vec<u32> {
    let mut found: Vec<u32> = cpu(pid).filter(|cpu| !cpu.ended).map(|_| pid).into_iter().collect();
    // Any thread of a process may start others.
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let threads = threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok());
    found.extend(threads.flat_map(|thread| children(pid, thread)).flat_map(family));
    found
}

/// Resident memory of a process and of what its first thread started, in bytes; pages that they
/// share count for each. A client of 500 threads has too many for a look at each.
pub(crate) fn family_resident_bytes(pid: u32) -> f64 {
    let own = resident_bytes(pid).unwrap_or_default();
    own + children(pid, pid).into_iter().map(family_resident_bytes).sum::<f64>()
}

/// The processes that a thread has started.
fn children(pid: u32, thread: u32) -> Vec<u32> {
    let listing = fs::read_to_string(format!("/proc/{pid}/task/{thread}/children"));
    listing.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn parse_resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// The processor's name, its cores, the memory and the kernel, as in `AMD EPYC, 2 cores, 24 GiB,
/// Linux 6.18`; what is not known is left out.
pub(crate) fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = [
        field(&read("/proc/cpuinfo"), "model name"),
        Some(format!("{cores} cores")),
        field(&read("/proc/meminfo"), "MemTotal").and_then(|total| gibibytes(&total)),
        Some(format!("Linux {}", read("/proc/sys/kernel/osrelease").trim())),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The value of the first line `NAME : VALUE`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| field.trim() == name)?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `24554472 kB` in whole GiB.
fn gibibytes(kilobytes: &str) -> Option<String> {
    let kibibytes: u64 = kilobytes.strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{} GiB", kibibytes.div_ceil(1024 * 1024)))
}

/// CPU seconds that all processors have been busy since the machine's start.
pub(crate) fn busy_seconds() -> f64 {
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
        assert!(machine().contains("cores"));
    }

    #[test]
    fn a_family_is_a_process_and_what_it_started() {
        let script = "sleep 60 & echo $!; wait";
        let mut child = std::process::Command::new("sh")
            .args(["-c", script])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
        let (parent, sleep): (u32, u32) = (child.id(), line.trim().parse().unwrap());
        let both = family(parent);
        let memory = family_resident_bytes(parent);
        crate::shell::kill_family(&mut child);
        assert_eq!(both, [parent, sleep]);
        assert!(memory > 0.0);
        assert!(family(parent).is_empty());
    }

    #[test]
    fn a_machine_is_described_by_its_fields() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD  EPYC 9R14\nmodel name\t: other\n";
        assert_eq!(field(cpuinfo, "model name").as_deref(), Some("AMD EPYC 9R14"));
        assert_eq!(field(cpuinfo, "model"), None);
        assert_eq!(gibibytes("24554472 kB").as_deref(), Some("24 GiB"));
    }
}
