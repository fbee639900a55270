//! What this very test cannot say, detected from how it was run.

use super::not_measured;
use crate::document::{Block, Section};
use crate::figure::Figure;
use crate::number::{self, Kind};
use crate::overview::Overview;
use crate::text::{Text, foreign, text};

/// A shorter run says nothing about leaks, garbage or heat: ten minutes.
pub const SHORT_RUN_S: f64 = 600.0;

/// The section that the original report fills with guesses about other servers.
pub(super) fn comparison(_overview: &Overview<'_>) -> Section {
    Section {
        id: "comparison",
        title: "Comparison",
        question: "How does it stand against others?",
        blocks: vec![not_measured(
            "other servers: one run measures one target",
            "run the same command line against the other server, on the same machine, and lay the \
             two side by side: weir compare a/run.json b/run.json",
        )],
    }
}

pub(super) fn section(overview: &Overview<'_>) -> Section {
    Section {
        id: "limits",
        title: "Risks and limits of this test",
        question: "What does this run not say?",
        blocks: vec![Block::List(limits(overview))],
    }
}

fn limits(overview: &Overview<'_>) -> Vec<Text> {
    let mut limits = Vec::new();
    limits.extend(place(overview));
    limits.extend(load(overview));
    limits.extend(reach(overview));
    limits
}

/// Where target and tester ran, and what the target was.
fn place(overview: &Overview<'_>) -> Vec<Text> {
    let target = &overview.run.target;
    let mut limits: Vec<Text> = Vec::new();
    if target.local || target.embedded {
        limits.push(
            "Loopback: no network delay, loss or bandwidth limit between user and server. To \
             include them, run weir on another machine."
                .into(),
        );
        limits.push(match overview.upstream() {
            None => "One machine: target and tester share its processors, so that the target had \
                     less than all of them. The tester's share stands under Bottleneck."
                .into(),
            Some(upstream) => text![format!(
                "One machine: target, {} behind it and tester share its processors, so that the \
                 target had less than all of them. Their shares stand under Bottleneck.",
                foreign(upstream)
            )],
        });
    } else {
        limits.push(
            "Remote target: latencies contain the network between tester and target; its CPU and \
             memory are not measured."
                .into(),
        );
    }
    if let Some(profile) = &overview.run.workload.profile {
        limits.push(text![
            format!("Simulated model (profile {}): no provider's rate limits, ", foreign(profile)),
            "outages or changing speed. To include them, stress a server that uses the provider."
        ]);
    }
    limits.push(
        "A single tester process on a single machine: its users share one address range and one \
         clock."
            .into(),
    );
    limits
}

/// How the load was shaped.
fn load(overview: &Overview<'_>) -> Vec<Text> {
    let workload = &overview.run.workload;
    let mut limits: Vec<Text> = Vec::new();
    match &workload.arrival {
        None => limits.push(text![
            format!(
                "Uniform load: all users of a level start as “{}” says ",
                foreign(&workload.start)
            ),
            "and then behave alike; real users come in waves. To include them, use --arrival."
        ]),
        Some(arrival) => limits.push(text![format!(
            "Open loop ({}): arrivals do not slow down when the server does, as users would not.",
            foreign(arrival)
        )]),
    }
    if workload.arrival.is_none() && workload.requests_per_user == 1 {
        limits.push(
            "One request for each user: connections are not reused, and no conversation grows."
                .into(),
        );
    }
    let duration = overview.run.duration_s;
    if duration < SHORT_RUN_S {
        limits.push(text![
            "Short: ",
            Figure::of_run("duration_s", Kind::Span, Some(duration)),
            format!(
                " in all, below {}. Leaks and slow decay do not show. To see them, run \
                 --scenario soak.",
                number::show(Kind::Span, Some(SHORT_RUN_S))
            )
        ]);
    }
    limits.push(
        "One run: how much the numbers differ from run to run is not measured. To measure it, run \
         the same command line again."
            .into(),
    );
    limits
}

/// How far the results reach.
fn reach(overview: &Overview<'_>) -> Vec<Text> {
    let run = overview.run;
    let mut limits: Vec<Text> = Vec::new();
    if run.interrupted {
        limits.push("Ended early: the levels that are missing were not measured.".into());
    }
    if run.capacity.passed.is_some() && run.capacity.failed.is_none() {
        limits.push("No trusted level missed the rule: the limit itself was not found.".into());
    }
    let untrusted = overview.levels.len() - overview.trusted.len();
    if untrusted > 0 {
        limits.push(text![
            Figure::derived(
                "untrusted_levels",
                Kind::Count,
                Some(results::units::ratio_base(untrusted))
            ),
            " of the levels are not trusted and decide nothing."
        ]);
    }
    let few = |users: u64| users < results::summary::SAMPLES_FOR_P99;
    if overview.levels.iter().any(|view| few(view.level.users)) {
        limits.push(
            "Levels with fewer than 100 streams have no p99 of TTFT and total: too few samples. \
             To have it, use more users or --requests-per-user."
                .into(),
        );
    }
    if overview.ended() > 0 && overview.levels.iter().all(|view| view.level.correct.is_none()) {
        limits.push("The text of the answers could not be verified.".into());
    }
    limits
}
