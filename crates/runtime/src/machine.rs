//! What machine this is, and how busy it is altogether.

use std::time::Duration;

use procfs::{Current, CurrentSI};

use crate::process::ticks;

/// What machine this is. Texts are empty and numbers zero where the system does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The operating system's name and version.
    pub os: String,
    /// The kernel's version.
    pub kernel: String,
}

/// CPU time of the whole machine since its start, all processors together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineCpu {
    /// Used by anybody, including interrupts and what the hypervisor took away.
    pub busy: Duration,
    /// Used and unused together.
    pub all: Duration,
}

/// Reads the machine's facts.
#[must_use]
pub fn describe() -> Machine {
    let cpu = procfs::CpuInfo::current()
        .ok()
        .and_then(|info| info.model_name(0).map(str::to_owned))
        .unwrap_or_default();
    let memory_bytes = procfs::Meminfo::current().map_or(0, |info| info.mem_total);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default();
    let os = std::fs::read_to_string("/etc/os-release")
        .ok()
        .and_then(|text| pretty_name(&text))
        .unwrap_or_else(|| std::env::consts::OS.to_owned());
    Machine { cpu, cores: crate::workers::per_core(), memory_bytes, os, kernel }
}

/// CPU time of the whole machine so far, or `None` off Linux.
#[must_use]
pub fn cpu() -> Option<MachineCpu> {
    let total = procfs::KernelStats::current().ok()?.total;
    let busy = total.user
        + total.nice
        + total.system
        + total.irq.unwrap_or(0)
        + total.softirq.unwrap_or(0)
        + total.steal.unwrap_or(0);
    let idle = total.idle + total.iowait.unwrap_or(0);
    Some(MachineCpu { busy: ticks(busy), all: ticks(busy + idle) })
}

fn pretty_name(os_release: &str) -> Option<String> {
    let line = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_cores_and_memory() {
        let machine = describe();
        assert!(machine.cores >= 1 && machine.memory_bytes > 1 << 20, "{machine:?}");
        assert!(!machine.kernel.is_empty() && !machine.os.is_empty(), "{machine:?}");
    }

    #[test]
    fn busy_time_never_exceeds_all_time() {
        let cpu = cpu().unwrap();
        assert!(cpu.busy > Duration::ZERO && cpu.busy <= cpu.all, "{cpu:?}");
    }

    #[test]
    fn the_pretty_name_is_unquoted() {
        assert_eq!(pretty_name("ID=x\nPRETTY_NAME=\"Debian 12\"\n").as_deref(), Some("Debian 12"));
        assert_eq!(pretty_name("ID=x\n"), None);
    }
}
