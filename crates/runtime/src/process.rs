//! What processes use, as the kernel counts it (`/proc`): CPU, memory, open files.
//!
//! Elsewhere than on Linux every question is answered with `None`: nothing is estimated.

use std::collections::HashSet;
use std::time::Duration;

use procfs::process::{FDTarget, Process, all_processes};

/// A process's name and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessName {
    /// Process id.
    pub pid: u32,
    /// The command's name: the file name of `argv[0]`, or of the script an interpreter runs.
    pub name: String,
}

/// A process's use of the machine at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessUsage {
    /// CPU time since its start, user and system together, all threads.
    /// The kernel's own resolution is one clock tick (10 ms).
    pub cpu: Duration,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Open file descriptors.
    pub open_files: u64,
}

/// What a process uses now, or `None` when it has ended or is not ours to look at.
#[must_use]
pub fn usage(pid: u32) -> Option<ProcessUsage> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    let stat = process.stat().ok()?;
    Some(ProcessUsage {
        cpu: ticks(stat.utime.saturating_add(stat.stime)),
        rss_bytes: stat.rss.saturating_mul(procfs::page_size()),
        open_files: u64::try_from(process.fd_count().unwrap_or(0)).unwrap_or(u64::MAX),
    })
}

/// Asks a process that leads a group of its own, and everything in that group, to end (SIGTERM).
/// False when there is no such group, or it is not ours to ask.
#[must_use]
pub fn terminate(pid: u32) -> bool {
    let group = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    group.is_some_and(|group| {
        rustix::process::kill_process_group(group, rustix::process::Signal::TERM).is_ok()
    })
}

/// CPU time of the calling thread so far, exact to the nanosecond. Asking takes less than a microsecond.
#[must_use]
pub fn thread_cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(spent).expect("a thread has worked for no negative time")
}

/// The process that listens on a TCP port of this machine, if it can be seen.
/// Where several share the port, the one with the lowest id: their parent, as a rule.
#[must_use]
pub fn listener_process(port: u16) -> Option<ProcessName> {
    let inodes = listening_inodes(port);
    if inodes.is_empty() {
        return None;
    }
    all_processes()
        .ok()?
        .filter_map(Result::ok)
        .filter(|process| holds_socket(process, &inodes))
        .filter_map(|process| named(&process))
        .min_by_key(|process| process.pid)
}

/// A process and its descendants, itself first: a server with worker processes is all of them.
#[must_use]
pub fn family(pid: u32) -> Vec<ProcessName> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    let parents: Vec<(i32, Process)> = processes
        .filter_map(Result::ok)
        .filter_map(|process| process.stat().ok().map(|stat| (stat.ppid, process)))
        .collect();
    let Ok(root) = i32::try_from(pid) else { return Vec::new() };
    let mut wanted = vec![root];
    let mut next = 0;
    while next < wanted.len() {
        let parent = wanted[next];
        let children = parents.iter().filter(|(ppid, _)| *ppid == parent);
        wanted.extend(children.map(|(_, process)| process.pid()));
        next += 1;
    }
    wanted
        .iter()
        .filter_map(|wanted| parents.iter().find(|(_, process)| process.pid() == *wanted))
        .filter_map(|(_, process)| named(process))
        .collect()
}

fn named(process: &Process) -> Option<ProcessName> {
    let pid = u32::try_from(process.pid()).ok()?;
    let name = process
        .cmdline()
        .ok()
        .and_then(|arguments| command_name(&arguments))
        .or_else(|| process.stat().ok().map(|stat| stat.comm))?;
    Some(ProcessName { pid, name })
}

/// `uvicorn` for `python3 /usr/bin/uvicorn app:app` and `python3 -m uvicorn`; `nginx` for
/// `nginx: master process`.
fn command_name(arguments: &[String]) -> Option<String> {
    let file_name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let first = file_name(arguments.first()?.split([' ', ':']).next()?);
    let interpreter = ["python", "node", "ruby", "perl", "bun", "deno"]
        .iter()
        .any(|known| first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') == *known);
    if !interpreter {
        return (!first.is_empty()).then_some(first);
    }
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-m" => return rest.next().map(|module| file_name(module)),
            "-c" | "-e" => break,
            option if option.starts_with('-') => {}
            script => return Some(file_name(script)),
        }
    }
    Some(first)
}

fn holds_socket(process: &Process, inodes: &HashSet<u64>) -> bool {
    process.fd().is_ok_and(|descriptors| {
        descriptors.filter_map(Result::ok).any(
            |descriptor| matches!(descriptor.target, FDTarget::Socket(inode) if inodes.contains(&inode)),
        )
    })
}

fn listening_inodes(port: u16) -> HashSet<u64> {
    let four = procfs::net::tcp().unwrap_or_default();
    let six = procfs::net::tcp6().unwrap_or_default();
    four.into_iter()
        .chain(six)
        .filter(|entry| {
            entry.state == procfs::net::TcpState::Listen && entry.local_address.port() == port
        })
        .map(|entry| entry.inode)
        .collect()
}

/// The time of a number of the kernel's clock ticks.
pub(crate) fn ticks(count: u64) -> Duration {
    let nanos_per_tick = 1_000_000_000 / procfs::ticks_per_second().max(1);
    Duration::from_nanos(count.saturating_mul(nanos_per_tick))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_name(arguments: &[&str], expected: &str) {
        let arguments: Vec<String> = arguments.iter().map(|&a| a.to_owned()).collect();
        assert_eq!(command_name(&arguments).as_deref(), Some(expected));
    }

    #[test]
    fn a_command_is_named_after_what_it_runs() {
        check_name(&["/usr/bin/python3.11", "/opt/venv/bin/uvicorn", "app:app"], "uvicorn");
        check_name(&["python", "-m", "uvicorn", "app:app"], "uvicorn");
        check_name(&["node", "--inspect", "/srv/server.mjs"], "server.mjs");
        check_name(&["nginx: master process /usr/sbin/nginx"], "nginx");
        check_name(&["/usr/local/bin/weir", "simulate"], "weir");
        check_name(&["python3", "-c", "print()"], "python3");
    }

    #[test]
    fn the_listener_of_our_own_port_is_ourselves() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = listener_process(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(found.pid, std::process::id());
    }

    #[test]
    fn nobody_listens_on_a_port_that_was_closed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(listener_process(port), None);
    }

    #[test]
    fn our_own_usage_is_plausible() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 100_000 && usage.open_files >= 3, "{usage:?}");
        assert!(thread_cpu() > Duration::ZERO);
        assert_eq!(usage_of_nobody(), None);
    }

    fn usage_of_nobody() -> Option<ProcessUsage> {
        usage(u32::MAX)
    }

    #[test]
    fn a_family_holds_its_children() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let family = family(std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(family.first().map(|process| process.pid), Some(std::process::id()));
        assert!(family.iter().any(|process| process.pid == child.id() && process.name == "sleep"));
    }
}
