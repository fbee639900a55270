//! What a level costs: the target's processes and who answers it, the tester, everybody else on
//! the machine.
//! Read from the operating system, never estimated; what cannot be read is left out.

use std::time::Duration;

use results::level::MIN_CPU_S_TO_DIVIDE;
use results::units::{float, micros};
use results::{ProcessUsage, Role};
use runtime::machine::{self, MachineCpu};
use runtime::process::{self, ProcessName};
use tokio::time::Instant;

use crate::target_url::TargetUrl;
use crate::witness::Witness;

/// The processes of a target, as far as the caller knows them.
#[derive(Debug, Clone, Default)]
pub struct TargetProcesses {
    /// They were started for this run.
    pub embedded: bool,
    /// Name and id of each. Without any, the process that listens on the target's port is looked
    /// for, where the target is on loopback.
    pub known: Vec<ProcessName>,
    /// Processes that answer the target, as providers would: watched beside it.
    pub upstream: Vec<ProcessName>,
    /// The simulator that answers in the end, where the run started it.
    pub witness: Option<Witness>,
}

impl TargetProcesses {
    /// The target's processes with their descendants, and those that answer it; without any of
    /// the target where they cannot be seen.
    ///
    /// Descendants are looked up once, before the first level: a server that starts workers under
    /// load is not followed.
    #[must_use]
    pub fn find(&self, url: &TargetUrl, local: bool) -> Vec<Process> {
        let roots = if !self.known.is_empty() {
            self.known.clone()
        } else if local {
            process::listener_process(url.port).into_iter().collect()
        } else {
            Vec::new()
        };
        let targets = roots.iter().map(|root| (root, Role::Target));
        let upstreams = self.upstream.iter().map(|root| (root, Role::Upstream));
        targets
            .chain(upstreams)
            // The tester cannot tell its own use from that of a target in its own process.
            .filter(|(root, _)| root.pid != std::process::id())
            .flat_map(|(root, role)| {
                family_named(root).into_iter().map(move |name| Process { name, role })
            })
            .collect()
    }
}

/// A process that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its name and id.
    pub name: ProcessName,
    /// What it is to the run.
    pub role: Role,
}

/// A process, under the name that it is known by, and its descendants.
fn family_named(root: &ProcessName) -> Vec<ProcessName> {
    let mut family = process::family(root.pid);
    match family.first_mut() {
        Some(first) => first.name.clone_from(&root.name),
        None => family.push(root.clone()),
    }
    family
}

/// Watches one level from before its first connection to its end.
#[derive(Debug)]
pub struct Watch {
    began: Instant,
    machine: Option<MachineCpu>,
    tester: Option<process::ProcessUsage>,
    tester_peak_rss: u64,
    target: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    process: Process,
    /// It was seen to have ended.
    gone: bool,
    before: process::ProcessUsage,
    latest: process::ProcessUsage,
    peak_rss: u64,
    peak_files: u64,
}

/// What a level cost.
#[derive(Debug, Clone)]
pub struct Cost {
    /// The target's processes and those that answer it, or `None` where none can be seen.
    pub target: Option<Vec<ProcessUsage>>,
    /// Names of those that ended during the level.
    pub gone: Vec<String>,
    /// CPU seconds of the tester.
    pub tester_cpu_s: f64,
    /// Highest resident memory of the tester.
    pub tester_peak_rss: u64,
    /// CPU seconds that were neither the tester's nor those of the watched processes.
    pub other_cpu_s: Option<f64>,
    /// Share of the machine's CPU time used by anybody.
    pub machine_busy: Option<f64>,
}

impl Watch {
    /// Begins to watch. Call it when the target is idle: its memory now is its idle memory.
    #[must_use]
    pub fn begin(processes: &[Process]) -> Self {
        let target = processes
            .iter()
            .filter_map(|process| {
                let before = process::usage(process.name.pid)?;
                Some(Watched {
                    process: process.clone(),
                    gone: false,
                    before,
                    latest: before,
                    peak_rss: before.rss_bytes,
                    peak_files: before.open_files,
                })
            })
            .collect();
        let tester = process::usage(std::process::id());
        Self {
            began: Instant::now(),
            machine: machine::cpu(),
            tester,
            tester_peak_rss: tester.map_or(0, |usage| usage.rss_bytes),
            target,
        }
    }

    /// Looks at memory and files; call it a few times a second.
    pub fn sample(&mut self) {
        if let Some(usage) = process::usage(std::process::id()) {
            self.tester_peak_rss = self.tester_peak_rss.max(usage.rss_bytes);
        }
        for watched in &mut self.target {
            // A process that has ended keeps what was seen of it.
            let usage = process::usage(watched.process.name.pid);
            watched.gone = usage.is_none();
            if let Some(usage) = usage {
                watched.latest = usage;
                watched.peak_rss = watched.peak_rss.max(usage.rss_bytes);
                watched.peak_files = watched.peak_files.max(usage.open_files);
            }
        }
    }

    /// Ends the watch; `chunks` are those that the tester received meanwhile.
    #[must_use]
    pub fn end(mut self, chunks: u64) -> Cost {
        self.sample();
        let now = machine::cpu();
        let tester_cpu_s = self
            .tester
            .zip(process::usage(std::process::id()))
            .map_or(0.0, |(before, after)| seconds_between(before.cpu, after.cpu));
        let target: Vec<ProcessUsage> =
            self.target.iter().map(|watched| watched.usage(chunks)).collect();
        let target_cpu_s: f64 = target.iter().map(|usage| usage.cpu_s).sum();
        let machine = self.machine.zip(now).map(|(before, after)| {
            (seconds_between(before.busy, after.busy), seconds_between(before.all, after.all))
        });
        Cost {
            tester_cpu_s,
            tester_peak_rss: self.tester_peak_rss,
            other_cpu_s: machine.map(|(busy, _)| (busy - tester_cpu_s - target_cpu_s).max(0.0)),
            machine_busy: machine
                .filter(|(_, all)| *all > 0.0)
                .map(|(busy, all)| (busy / all).min(1.0)),
            target: (!target.is_empty()).then_some(target),
            gone: self
                .target
                .iter()
                .filter(|watched| watched.gone)
                .map(|watched| watched.process.name.name.clone())
                .collect(),
        }
    }

    /// Open files of all the target's processes at the last look.
    #[must_use]
    pub fn target_files(&self) -> u64 {
        self.target.iter().map(|watched| watched.latest.open_files).sum()
    }

    /// Time since the watch began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Watched {
    fn usage(&self, chunks: u64) -> ProcessUsage {
        let cpu = self.latest.cpu.saturating_sub(self.before.cpu);
        ProcessUsage {
            process: self.process.name.name.clone(),
            role: self.process.role,
            pid: self.process.name.pid,
            cpu_s: cpu.as_secs_f64(),
            cpu_us_per_chunk: (chunks > 0 && cpu.as_secs_f64() >= MIN_CPU_S_TO_DIVIDE)
                .then(|| float(micros(cpu)) / float(chunks)),
            peak_rss_bytes: self.peak_rss,
            idle_rss_bytes: self.before.rss_bytes,
            peak_fds: self.peak_files,
        }
    }
}

fn seconds_between(before: Duration, after: Duration) -> f64 {
    after.saturating_sub(before).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    struct Spinner(Child);

    impl Drop for Spinner {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    fn target(name: ProcessName) -> Process {
        Process { name, role: Role::Target }
    }

    fn spinner() -> (Spinner, ProcessName) {
        let child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let process = ProcessName { pid: child.id(), name: "spinner".to_owned() };
        (Spinner(child), process)
    }

    #[tokio::test]
    async fn a_process_that_spins_is_charged_for_it() {
        let (_spinner, process) = spinner();
        let pid = process.pid;
        let watch = Watch::begin(&[target(process)]);
        // Until enough has been counted to divide by, however busy the machine is.
        let enough = Duration::from_millis(300);
        while process::usage(pid).is_some_and(|usage| usage.cpu < enough) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let cost = watch.end(1000);
        let usage = &cost.target.unwrap()[0];
        assert!(usage.cpu_s > 0.0 && usage.cpu_s < 5.0, "{usage:?}");
        assert!((usage.cpu_us_per_chunk.unwrap() - usage.cpu_s * 1000.0).abs() < 1.0, "{usage:?}");
        assert!(usage.peak_rss_bytes >= usage.idle_rss_bytes && usage.peak_fds > 0);
        assert!((0.0..=1.0).contains(&cost.machine_busy.unwrap()));
    }

    #[test]
    fn nothing_to_see_is_nothing_and_not_zero() {
        let gone = ProcessName { pid: u32::MAX, name: "gone".to_owned() };
        assert!(Watch::begin(&[target(gone)]).end(0).target.is_none());
    }

    #[test]
    fn a_target_in_our_own_process_is_not_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        assert_eq!(TargetProcesses::default().find(&url, true), []);
    }

    #[test]
    fn a_known_process_keeps_the_name_it_is_known_by() {
        let (_spinner, process) = spinner();
        let processes = TargetProcesses {
            embedded: true,
            known: vec![process.clone()],
            ..TargetProcesses::default()
        };
        let found = processes.find(&"http://127.0.0.1:9/".parse().unwrap(), true);
        assert_eq!(found, [target(process)]);
    }

    #[test]
    fn who_answers_the_target_is_watched_beside_it_and_told_when_it_ends() {
        let ((one, first), (two, second)) = (spinner(), spinner());
        let processes = TargetProcesses {
            embedded: true,
            known: vec![first],
            upstream: vec![second],
            witness: None,
        };
        let found = processes.find(&"http://127.0.0.1:9/".parse().unwrap(), true);
        let watch = Watch::begin(&found);
        drop(two);
        let cost = watch.end(0);
        let usage = cost.target.unwrap();
        let roles: Vec<Role> = usage.iter().map(|process| process.role).collect();
        assert_eq!(
            (roles, cost.gone),
            (vec![Role::Target, Role::Upstream], vec!["spinner".into()])
        );
        drop(one);
    }
}
