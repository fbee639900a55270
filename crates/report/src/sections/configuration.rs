//! What was run, against what, on what.

use results::units::float;
use results::{Machine, Target};

use crate::document::{Block, Fact, Section};
use crate::figure::Figure;
use crate::number::{self, Kind};
use crate::overview::Overview;
use crate::text::{Inline, Text, foreign, text};

pub(super) fn section(overview: &Overview<'_>) -> Section {
    let run = overview.run;
    Section {
        id: "configuration",
        title: "Configuration",
        question: "What was run, against what, on what machine?",
        blocks: vec![
            Block::Facts(target(overview)),
            Block::Facts(workload(overview)),
            Block::Facts(machine(&run.machine)),
            Block::Command(command_line(&run.command_line)),
        ],
    }
}

fn target(overview: &Overview<'_>) -> Vec<Fact> {
    let target = &overview.run.target;
    let unknown = || "not known".to_owned();
    let mut facts = vec![
        Fact::new("Target", Text(vec![Inline::code(foreign(&target.url))])),
        Fact::new("Server header", target.server.as_deref().map_or_else(unknown, foreign)),
        Fact::new("Process", target.process.as_deref().map_or_else(unknown, foreign)),
        Fact::new("Runs on", place(target)),
        Fact::new("Dialect", foreign(&target.api)),
        Fact::new("Protocol", foreign(&target.http_version)),
    ];
    if let Some(upstream) = overview.upstream() {
        facts
            .insert(3, Fact::new("Answered by", format!("{}, on this machine", foreign(upstream))));
    }
    facts
}

/// Where the target runs.
pub(crate) fn place(target: &Target) -> &'static str {
    match (target.embedded, target.local) {
        (true, _) => "this machine, started by this run",
        (false, true) => "this machine, over loopback",
        (false, false) => "another machine",
    }
}

fn workload(overview: &Overview<'_>) -> Vec<Fact> {
    let workload = &overview.run.workload;
    let ladder: Vec<String> = workload.ladder.iter().map(|users| number::count(*users)).collect();
    let latency = |field: &str, value: Option<f64>| {
        Figure::of_run(&format!("workload.{field}"), Kind::Latency, value)
    };
    let count = |field: &str, value: u64| {
        Figure::of_run(&format!("workload.{field}"), Kind::Count, Some(float(value)))
    };
    let mut facts = vec![
        Fact::new("Scenario", foreign(&workload.scenario)),
        Fact::new("Ladder", ladder.join(" · ")),
    ];
    match &workload.arrival {
        Some(arrival) => {
            facts.push(Fact::new("Arrival (open loop)", foreign(arrival)));
            let span = Figure::of_run("workload.duration_s", Kind::Span, workload.duration_s);
            facts.push(Fact::new("Each level lasts", span));
        }
        None => {
            facts.push(Fact::new("Start", foreign(&workload.start)));
            let pause = latency("think_ms", Some(workload.think_ms));
            let requests = match workload.duration_s {
                Some(span) => text![
                    "one after the other for ",
                    Figure::of_run("workload.duration_s", Kind::Span, Some(span)),
                    ", pause ",
                    pause
                ],
                None => {
                    text![count("requests_per_user", workload.requests_per_user), ", pause ", pause]
                }
            };
            facts.push(Fact::new("Requests of each user", requests));
        }
    }
    facts.extend([
        Fact::new("Model", workload.model.as_deref().map_or("not named".to_owned(), foreign)),
        Fact::new(
            "Profile of the simulator",
            workload.profile.as_deref().map_or("none".to_owned(), foreign),
        ),
        Fact::new("Prompt", foreign(&workload.prompt)),
        Fact::new(
            "A whole answer has at least",
            text![
                count("min_chunks", workload.min_chunks),
                " events and ",
                Figure::of_run("workload.min_bytes", Kind::Bytes, Some(float(workload.min_bytes)))
            ],
        ),
        Fact::new(
            "Deadlines",
            text![
                "first event ",
                latency("timeout_first_ms", Some(workload.timeout_first_ms)),
                ", between events ",
                latency("timeout_idle_ms", Some(workload.timeout_idle_ms)),
                ", whole answer ",
                match workload.timeout_total_ms {
                    Some(_) => {
                        Inline::from(latency("timeout_total_ms", workload.timeout_total_ms))
                    }
                    None => Inline::from("without one"),
                }
            ],
        ),
        Fact::new("A gap is a stall from", latency("stall_ms", Some(workload.stall_ms))),
        Fact::new("Seed", workload.seed.to_string()),
    ]);
    if let Some(tokens) = workload.max_tokens {
        facts.push(Fact::new("Most tokens asked for", count("max_tokens", tokens)));
    }
    if let Some(ideal) = workload.ideal {
        facts.push(Fact::new(
            "Ideal course",
            text![
                "first event after ",
                latency("ideal.first_ms", Some(ideal.first_ms)),
                ", then one every ",
                latency("ideal.gap_ms", Some(ideal.gap_ms))
            ],
        ));
    }
    facts
}

/// The machine of the tester.
pub(crate) fn machine(machine: &Machine) -> Vec<Fact> {
    vec![
        Fact::new(
            "Machine of the tester",
            text![
                foreign(&machine.cpu),
                ", ",
                Figure::of_run("machine.cores", Kind::Count, Some(float(machine.cores))),
                " processors"
            ],
        ),
        Fact::new(
            "Memory",
            Figure::of_run("machine.memory_bytes", Kind::Bytes, Some(float(machine.memory_bytes))),
        ),
        Fact::new(
            "System",
            format!("{}, kernel {}", foreign(&machine.os), foreign(&machine.kernel)),
        ),
        Fact::new(
            "Open files allowed",
            Figure::of_run("machine.fd_limit", Kind::Count, Some(float(machine.fd_limit))),
        ),
    ]
}

/// The command line as a shell reads it: words that need it are quoted.
pub(crate) fn command_line(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    words
        .iter()
        .map(|word| {
            if !word.is_empty() && word.chars().all(plain) {
                word.clone()
            } else {
                format!("'{}'", word.replace('\'', "'\\''"))
            }
        })
        .map(|word| foreign(&word))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        let words = ["weir", "--slo", "ttft.p95 <= 2s", "it's", ""].map(str::to_owned);
        assert_eq!(command_line(&words), r"weir --slo 'ttft.p95 <= 2s' 'it'\''s' ''");
    }
}
