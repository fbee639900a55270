use super::*;
use crate::samples;

fn rules(run: &results::Run) -> Vec<&'static str> {
    findings(&Overview::of(run)).into_iter().map(|finding| finding.rule).collect()
}

/// The sentence of a rule with plain spaces.
fn sentence(run: &results::Run, rule: &str) -> String {
    let all = findings(&Overview::of(run));
    let finding = all.iter().find(|finding| finding.rule == rule);
    let text = finding.unwrap_or_else(|| panic!("no {rule} in {:?}", rules(run))).text.plain();
    text.replace(['\u{202f}', '\u{a0}'], " ")
}

#[test]
fn growth_names_the_bend_and_both_slopes() {
    let run = samples::run_with_ttft(&[(100, 1_100.0), (1_100, 1_200.0), (2_100, 2_200.0)]);
    assert_eq!(
        sentence(&run, "ttft_growth"),
        "TTFT p95 grows 0.100 ms/user up to 1 100 users and 1.00 ms/user after: from 1.20 s to \
         2.20 s at 2 100 users."
    );
}

#[test]
fn one_busy_core_of_two_is_the_end_of_a_single_thread() {
    assert!(sentence(&samples::quick(), "target_cpu").contains("one thread cannot use more"));
    let mut idle = samples::quick();
    idle.levels[3].target_usage.as_mut().unwrap()[0].cpu_s = 0.5;
    assert!(sentence(&idle, "target_cpu").starts_with("The target keeps"));
    let mut remote = samples::quick();
    remote.levels[3].target_usage = None;
    assert!(sentence(&remote, "target_cpu").contains("not known"));
}

#[test]
fn what_answers_the_target_is_shown_and_is_no_part_of_its_cost() {
    let mut run = samples::quick();
    let alone = Overview::of(&run).levels[3].target_cpu_s();
    for level in &mut run.levels {
        let processes = level.target_usage.as_mut().unwrap();
        processes[0].process = "weir serve".to_owned();
        let mut upstream = processes[0].clone();
        upstream.process = "weir simulate".to_owned();
        upstream.role = results::Role::Upstream;
        // Busier than the target, and yet not the one that is judged.
        upstream.cpu_s *= 3.0;
        processes.push(upstream);
    }
    run.target.process = Some("weir serve".to_owned());
    let overview = Overview::of(&run);
    assert_eq!(
        (overview.levels[3].target_cpu_s(), overview.upstream()),
        (alone, Some("weir simulate"))
    );
    assert!(sentence(&run, "target_cpu").contains("process weir serve keeps"));
    let markdown = crate::markdown::render(&run);
    for shown in ["weir serve before weir simulate", "Answered by", "weir simulate behind it"] {
        assert!(markdown.contains(shown), "{shown}");
    }
}

#[test]
fn untrusted_levels_are_named_first_and_make_no_trend() {
    let run = samples::untrusted();
    let all = rules(&run);
    assert_eq!(all[..2], ["untrusted_level", "untrusted_level"]);
    assert!(sentence(&run, "ttft_growth").contains("at 500"), "the highest trusted level");
    assert!(!all.contains(&"machine_full") && !all.contains(&"added_time"), "{all:?}");
}

#[test]
fn failures_are_counted_by_class() {
    let run = samples::failures();
    let text = sentence(&run, "outcomes");
    assert!(text.starts_with("195 of 4 600 streams did not end whole: 40 short"), "{text}");
    assert!(sentence(&run, "commonest_error").contains("“HTTP 429”: 64 streams"));
    assert!(sentence(&run, "slo_missed").contains("93.50 %, at 3 000 users"));
}

#[test]
fn whole_answers_are_said_to_be_whole() {
    assert_eq!(
        sentence(&samples::quick(), "outcomes"),
        "All 4 600 streams of all levels ended whole."
    );
}

#[test]
fn unfair_service_is_a_problem_and_fair_service_a_note() {
    assert!(sentence(&samples::failures(), "fairness").starts_with("Users were not served alike"));
    assert!(sentence(&samples::quick(), "fairness").starts_with("Users were served alike"));
}

#[test]
fn connecting_is_named_when_it_takes_a_large_part_of_ttft() {
    let mut run = samples::quick();
    assert!(!rules(&run).contains(&"connect_share"));
    let quarter = run.levels[3].ttft_ms.unwrap().mean * 0.25;
    run.levels[3].connect_ms.as_mut().unwrap().mean = quarter;
    assert!(sentence(&run, "connect_share").contains("25.0 % of the mean TTFT"));
}

#[test]
fn missing_concurrency_is_seen_for_a_burst_only() {
    let mut run = samples::quick();
    run.levels[3].peak_open = 2_500;
    assert!(sentence(&run, "concurrency_not_reached").contains("at most 2 500 streams"));
    run.workload.start = "spread=10s".to_owned();
    assert!(!rules(&run).contains(&"concurrency_not_reached"));
}

#[test]
fn a_run_without_levels_says_only_that() {
    assert_eq!(rules(&samples::empty()), ["interrupted", "slo_missed"]);
}
