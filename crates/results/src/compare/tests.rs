use proptest::prelude::*;

use super::*;
use crate::capacity::tests::{level, run};
use crate::level::{Level, ProcessUsage, Role};
use crate::slo::Slo;
use crate::summary::Summary;
use crate::tools::tests as tools;

fn summary(value: f64) -> Option<Summary> {
    Summary::of(&mut [value; 100])
}

/// A trusted level with this TTFT and stretch, its target having used `cpu_s`.
fn measured(users: u64, ttft_ms: f64, stretch: f64, cpu_s: f64) -> Level {
    Level {
        ttft_ms: summary(ttft_ms),
        total_ms: summary(6_560.0 * stretch),
        stretch: summary(stretch),
        target_usage: Some(vec![ProcessUsage {
            process: "server".to_owned(),
            role: Role::Target,
            pid: 1,
            cpu_s,
            cpu_us_per_chunk: None,
            peak_rss_bytes: 3_000_000,
            idle_rss_bytes: 1_000_000,
            peak_fds: 10,
        }]),
        ..level(users)
    }
}

fn named(name: &str, levels: Vec<Level>) -> AnyRun {
    run(name, levels, &[Slo::default()]).into()
}

fn compare(runs: &[AnyRun], rules: &[&str]) -> Comparison {
    let rules: Vec<FailIf> = rules.iter().map(|text| text.parse().unwrap()).collect();
    Comparison::of(runs, &rules, Workloads::MustAgree).unwrap_or_else(|error| panic!("{error}"))
}

/// Names with their ranks, best first.
fn ranks(comparison: &Comparison) -> Vec<(&str, Option<u64>)> {
    let name = |place: &Place| (comparison.runs[place.run].name.as_str(), place.rank);
    comparison.ranking.iter().map(name).collect()
}

/// Carries 1000 users; the others 100.
fn best() -> AnyRun {
    named("best", vec![measured(100, 20.0, 1.5, 1.0), measured(1_000, 30.0, 1.6, 9.0)])
}

fn limited(name: &str, stretch: f64, cpu_s: f64) -> AnyRun {
    let failing = Level { complete: 1, ..measured(1_000, 90.0, 9.0, 9.0) };
    named(name, vec![measured(100, 10.0, stretch, cpu_s), failing])
}

#[test]
fn capacity_comes_first_then_pace_then_cpu() {
    let runs =
        [limited("heavy", 1.1, 2.0), limited("slow", 1.2, 0.1), best(), limited("light", 1.1, 1.0)];
    let comparison = compare(&runs, &[]);
    assert_eq!(comparison.common_load, Some(1_000));
    let runs: Vec<AnyRun> = runs
        .into_iter()
        .map(|run| match run {
            AnyRun::Streams(mut run) if run.name != "best" => {
                run.levels.truncate(1);
                AnyRun::Streams(run)
            }
            other => other,
        })
        .collect();
    let comparison = compare(&runs, &[]);
    assert_eq!(comparison.common_load, Some(100));
    let expected = [("best", Some(1)), ("light", Some(2)), ("heavy", Some(3)), ("slow", Some(4))];
    assert_eq!(ranks(&comparison), expected);
}

#[test]
fn equal_runs_share_a_rank() {
    let comparison = compare(&[limited("b", 1.1, 1.0), best(), limited("a", 1.1, 1.0)], &[]);
    // In the order in which they were given.
    assert_eq!(ranks(&comparison), [("best", Some(1)), ("b", Some(2)), ("a", Some(2))]);
}

#[test]
fn a_number_that_one_run_lacks_ranks_nobody() {
    let mut without = measured(100, 10.0, 1.0, 1.0);
    without.stretch = None;
    without.target_usage = None;
    let runs = [named("a", vec![measured(100, 10.0, 1.3, 1.0)]), named("b", vec![without])];
    let comparison = compare(&runs, &[]);
    assert_eq!(comparison.runs[0].standing.pace_of.as_deref(), Some("total_p95"));
    assert_eq!(comparison.runs[0].standing.cpu_us, None);
    assert_eq!(ranks(&comparison), [("b", Some(1)), ("a", Some(2))]);
}

#[test]
fn an_untrusted_level_is_kept_and_decides_nothing() {
    let untrusted = Level { trusted: false, ..measured(100, 1.0, 1.0, 1.0) };
    let runs = [named("base", vec![measured(100, 10.0, 1.1, 1.0)]), named("busy", vec![untrusted])];
    let comparison = compare(&runs, &["ttft.p95 > +10%"]);
    assert_eq!((comparison.common_load, comparison.runs[1].levels.len()), (None, 1));
    assert_eq!(ranks(&comparison), [("base", Some(1)), ("busy", None)]);
    assert!(!comparison.passed(), "what could not be compared has not passed");
    assert!(comparison.notes.iter().any(|note| note.contains("busy: 1 of 1 levels")));
}

#[test]
fn a_run_that_an_untrusted_level_leaves_open_has_no_rank_and_takes_none() {
    let open = Level { trusted: false, ..measured(3_000, 30.0, 1.6, 9.0) };
    let failing = Level { complete: 1, ..measured(3_000, 90.0, 9.0, 9.0) };
    let of = |name, last: Level| {
        named(name, vec![measured(100, 10.0, 1.1, 1.0), measured(1_000, 20.0, 1.2, 2.0), last])
    };
    let met = of("met", measured(3_000, 30.0, 1.3, 3.0));
    let comparison = compare(&[of("missed", failing), of("busy", open), met], &[]);
    let expected = [("met", Some(1)), ("missed", Some(2)), ("busy", None)];
    assert_eq!(ranks(&comparison), expected);
    // Below what it held, or above what it did not, a level that is not trusted leaves nothing open.
    let low = Level { trusted: false, ..measured(100, 10.0, 1.1, 1.0) };
    let settled = named("settled", vec![low, measured(1_000, 20.0, 1.2, 2.0)]);
    assert!(compare(&[settled, best()], &[]).runs[0].is_settled());
}

#[test]
fn what_answers_the_target_is_counted_apart_and_ranks() {
    let mut gateway = measured(100, 10.0, 1.1, 1.0);
    let upstream = ProcessUsage {
        process: "simulator".to_owned(),
        role: Role::Upstream,
        cpu_s: 2.0,
        ..gateway.target_usage.as_ref().unwrap()[0].clone()
    };
    gateway.target_usage.as_mut().unwrap().push(upstream);
    let alone = named("alone", vec![measured(100, 10.0, 1.1, 2.0)]);
    let comparison = compare(&[named("gateway", vec![gateway]), alone], &[]);
    let cpu = |run: usize, column| comparison.runs[run].levels[0].value(column).unwrap();
    assert!((cpu(0, Column::CpuWithUpstream) / cpu(0, Column::Cpu) - 3.0).abs() < 1e-9);
    assert_eq!(cpu(1, Column::CpuWithUpstream), cpu(1, Column::Cpu));
    assert_eq!(ranks(&comparison), [("alone", Some(1)), ("gateway", Some(2))]);
    assert_eq!(comparison.runs[0].upstream.as_deref(), Some("simulator"));
    let both: Vec<&String> = comparison.notes.iter().filter(|n| n.contains("answered")).collect();
    assert_eq!(both.len(), 1, "{both:?}");
    let said = "gateway is answered by simulator, which shares the machine";
    assert!(comparison.notes.iter().any(|note| note.starts_with(said)), "{:?}", comparison.notes);
}

#[test]
fn a_profile_is_no_difference_where_all_answers_have_the_same_ideal_course() {
    let run = |profile: Option<&str>, first_ms: Option<f64>| {
        let AnyRun::Streams(mut run) = best() else { unreachable!() };
        run.workload.profile = profile.map(str::to_owned);
        run.workload.ideal = first_ms.map(|first_ms| crate::Ideal { first_ms, gap_ms: 140.0 });
        AnyRun::Streams(run)
    };
    let differs = |runs: [AnyRun; 2]| Comparison::of(&runs, &[], Workloads::MustAgree).is_err();
    assert!(!differs([run(None, Some(1_100.0)), run(Some("quick"), Some(1_100.0))]));
    assert!(differs([run(None, Some(900.0)), run(Some("quick"), Some(1_100.0))]));
    assert!(differs([run(None, None), run(Some("quick"), None)]));
    assert!(differs([run(Some("slow"), Some(1_100.0)), run(Some("quick"), Some(1_100.0))]));
}

#[test]
fn different_workloads_are_refused_with_what_differs() {
    let AnyRun::Streams(mut other) = best() else { unreachable!() };
    other.workload.min_chunks = 99;
    let runs = [best(), AnyRun::Streams(other)];
    let error = Comparison::of(&runs, &[], Workloads::MustAgree).unwrap_err().to_string();
    assert!(error.contains("workload.min_chunks is 10 / 99"), "{error}");
    assert!(error.contains("--allow-different-workloads"), "{error}");
    let allowed = Comparison::of(&runs, &[], Workloads::MayDiffer).unwrap();
    assert_eq!(allowed.differences.len(), 1);
}

/// The refusal to compare a run of tools with one that `change` has made another of.
fn refused_tools(change: impl FnOnce(&mut crate::ToolsWorkload)) -> String {
    let mut other = tools::run_of_call("other", 10.0);
    let share = other.workload.tools[0].clone();
    other.workload.tools.push(crate::tools::ToolShare { tool: "second".to_owned(), ..share });
    let base = other.clone();
    change(&mut other.workload);
    let runs: [AnyRun; 2] = [base.into(), other.into()];
    Comparison::of(&runs, &[], Workloads::MustAgree).unwrap_err().to_string()
}

#[test]
fn a_difference_is_named_where_it_lies_however_deep() {
    let error = refused_tools(|workload| workload.tools[1].weight = 2.0);
    assert!(error.contains(": workload.tools[1].weight is 1.0 / 2.0; use"), "{error}");
    let error = refused_tools(|workload| workload.tools.truncate(1));
    assert!(error.contains("workload.tools[1] is {"), "{error}");
    assert!(error.contains("} / none; use") || error.contains("… / none; use"), "{error}");
}

#[test]
fn long_values_are_shown_where_they_differ() {
    let same = "é".repeat(200);
    let arguments = |end: &str| format!("{same}{end}");
    let mut before = tools::run_of_call("before", 10.0);
    let mut after = before.clone();
    before.workload.tools[0].arguments = arguments("one");
    after.workload.tools[0].arguments = arguments(&"two".repeat(40));
    let runs: [AnyRun; 2] = [before.into(), after.into()];
    let error = Comparison::of(&runs, &[], Workloads::MustAgree).unwrap_err().to_string();
    let context = "é".repeat(20);
    let expected = format!(
        "workload.tools[0].arguments is …{context}one / …{context}{}…; use",
        "two".repeat(20)
    );
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn a_refusal_names_ten_differences_and_counts_the_rest() {
    let with = |count: usize| {
        refused_tools(|workload| {
            let shares = vec![workload.tools[0].clone(); 20];
            workload.tools.extend(shares.into_iter().take(count));
        })
    };
    assert!(with(10).contains("workload.tools[11] is none") && !with(10).contains("more; use"));
    assert!(with(11).contains("; 1 more; use"), "{}", with(11));
}

#[test]
fn another_rule_is_another_workload() {
    let strict = run("strict", vec![level(100)], &["complete >= 100%".parse().unwrap()]).into();
    let runs = [named("base", vec![level(100)]), strict];
    let error = Comparison::of(&runs, &[], Workloads::MustAgree).unwrap_err().to_string();
    assert!(error.contains("slo is complete >= 99.5% / complete >= 100%"), "{error}");
}

#[test]
fn other_loads_seeds_and_machines_are_noted_and_not_refused() {
    let AnyRun::Streams(mut other) = best() else { unreachable!() };
    other.levels.truncate(1);
    other.workload.seed = 7;
    other.machine.cores = 64;
    let notes = compare(&[best(), AnyRun::Streams(other)], &[]).notes.join("\n");
    for said in ["machines differ", "seeds differ", "ladders differ"] {
        assert!(notes.contains(said), "{notes}");
    }
}

#[test]
fn runs_of_different_kinds_share_no_number() {
    let runs = [best(), tools::run().into()];
    let error = Comparison::of(&runs, &[], Workloads::MayDiffer).unwrap_err().to_string();
    assert!(error.contains("is one of tools, the first is one of streams"), "{error}");
}

#[test]
fn one_run_and_too_many_are_refused() {
    for count in [0, 1, MAX_RUNS + 1] {
        let runs: Vec<AnyRun> = (0..count).map(|_| best()).collect();
        let error = Comparison::of(&runs, &[], Workloads::MustAgree).unwrap_err();
        assert_eq!(error, CompareError::Count(count));
    }
}

#[test]
fn a_regression_names_the_load_where_it_is_furthest() {
    let slower = |name: &str, at_100: f64, at_1000: f64| {
        named(name, vec![measured(100, at_100, 1.0, 1.0), measured(1_000, at_1000, 1.0, 1.0)])
    };
    let runs = [slower("base", 100.0, 200.0), slower("new", 105.0, 240.0)];
    let result = &compare(&runs, &["ttft.p95 > +10%"]).rules[0];
    let change = &result.changes[0];
    assert_eq!(
        (change.load, change.baseline, change.value),
        (Some(1_000), Some(200.0), Some(240.0))
    );
    assert_eq!((change.percent, change.failed, result.passed), (Some(20.0), true, false));
    assert!(compare(&runs, &["ttft.p95 > 20%"]).passed());
    assert!(compare(&runs, &["ttft.p95 < -10%"]).passed());
}

#[test]
fn capacity_can_regress_too() {
    let runs = [best(), limited("new", 1.0, 1.0)];
    let result = &compare(&runs, &["capacity < -5%"]).rules[0];
    assert_eq!((result.changes[0].percent, result.passed), (Some(-90.0), false));
    let runs = [limited("base", 1.0, 1.0), best()];
    assert!(compare(&runs, &["capacity < -5%"]).passed());
}

#[test]
fn something_from_nothing_is_above_every_limit() {
    let stalled = Level { stalls: 3, ..measured(100, 1.0, 1.0, 1.0) };
    let runs = [named("base", vec![measured(100, 1.0, 1.0, 1.0)]), named("new", vec![stalled])];
    let result = &compare(&runs, &["stalls > +500%"]).rules[0];
    assert_eq!((result.changes[0].percent, result.changes[0].failed), (None, true));
}

#[test]
fn tool_calls_are_compared_by_their_own_numbers() {
    let slower = tools::run_of_call("slower", 30.0);
    let runs: [AnyRun; 2] = [tools::run_of_call("base", 10.0).into(), slower.into()];
    let comparison = compare(&runs, &["call.max > +10%"]);
    let expected = [("base", Some(1)), ("slower", Some(1))];
    assert_eq!(ranks(&comparison), expected, "three calls have no p95");
    assert_eq!(comparison.rules[0].changes[0].percent, Some(200.0));
    let rule = "ttft.p95 > +10%".parse().unwrap();
    let error = Comparison::of(&runs, &[rule], Workloads::MustAgree).unwrap_err().to_string();
    assert!(error.contains("a run of tools has no such number"), "{error}");
}

#[test]
fn how_a_tool_is_reached_is_a_part_of_the_workload() {
    let refused = |change: &dyn Fn(&mut crate::ToolsWorkload)| {
        let mut other = tools::run_of_call("other", 10.0);
        change(&mut other.workload);
        let runs: [AnyRun; 2] = [tools::run_of_call("base", 10.0).into(), other.into()];
        Comparison::of(&runs, &[], Workloads::MustAgree).unwrap_err().to_string()
    };
    let pipe = refused(&|workload| workload.transport = crate::tools::Transport::Stdio);
    assert!(pipe.contains("workload.transport is http / stdio"), "{pipe}");
    let stateless = refused(&|workload| workload.protocol = "2026-07-28".to_owned());
    assert!(stateless.contains("workload.protocol is 2025-11-25 / 2026-07-28"), "{stateless}");
    assert!(refused(&|workload| workload.sessions = false).contains("workload.sessions"));
    let staged = refused(&|workload| workload.tools[0].stage = Some("mixed".to_owned()));
    assert!(staged.contains("workload.tools"), "{staged}");
}

#[test]
fn levels_of_different_stages_are_never_laid_side_by_side() {
    let run = |name, stages: &[&str]| AnyRun::from(tools::run_of_stages(name, stages));
    let both = [run("a", &["downloads", "mixed"]), run("b", &["downloads", "mixed"])];
    let comparison = compare(&both, &["call.max > +10%"]);
    assert_eq!(comparison.runs[0].levels.len(), 2, "one load, two stages");
    let common = Rung { stage: Some("downloads".to_owned()), load: 4 };
    assert_eq!((comparison.common(), comparison.rungs().len()), (Some(common), 2));
    let apart = [run("a", &["downloads"]), run("b", &["mixed"])];
    let comparison = compare(&apart, &["call.max > +10%"]);
    assert_eq!(comparison.common(), None);
    assert!(!comparison.passed(), "what could not be compared has not passed");
}

#[test]
fn rules_parse_or_say_why_not() {
    let refused = |text: &str| text.parse::<FailIf>().unwrap_err().to_string();
    for text in ["ttft.p95 > +10%", "capacity < -5%", "cpu >= 20 %", "bytes_per_s < -1.5%"] {
        assert_eq!(text.parse::<FailIf>().unwrap().to_string(), text);
    }
    assert!(refused("ttft.p95").contains("none of <="));
    assert!(refused("ttft.p95 > 10ms").contains("not a change in percent"));
    assert!(refused("speed > +10%").contains("also capacity, cpu, cpu_with_upstream and memory"));
    assert!(refused("ttft.p95 > -10%").contains("did not change at all"));
    assert!(refused("ttft.p95 >= 0%").contains("did not change at all"));
}

#[test]
fn a_comparison_reads_as_before() {
    let mut comparison = compare(&[best(), limited("limited", 1.1, 2.0)], &["ttft.p95 > +10%"]);
    // One column of each kind is enough to see the form.
    let shown = ["complete", "ttft_p95", "cpu", "memory", "correct"];
    for level in comparison.runs.iter_mut().flat_map(|run| &mut run.levels) {
        level.values.retain(|key, _| shown.contains(&key.as_str()));
    }
    insta::assert_snapshot!(comparison.to_json());
}

/// Up to five runs of one to three levels, with few different values, so that runs are often equal.
fn any_runs() -> impl Strategy<Value = Vec<AnyRun>> {
    let level = (0usize..3, 1u32..4, 1u32..4, any::<bool>(), any::<bool>());
    let run = prop::collection::vec(level, 1..4);
    prop::collection::vec(run, 2..6).prop_map(|runs| {
        runs.into_iter()
            .zip(["a", "b", "c", "d", "e"])
            .map(|(levels, name)| {
                let levels = levels
                    .into_iter()
                    .map(|(users, stretch, cpu_s, trusted, whole)| {
                        let users = [100, 500, 1_000][users];
                        let measured = measured(users, 10.0, f64::from(stretch), f64::from(cpu_s));
                        let complete = if whole { users } else { 0 };
                        Level { trusted, complete, ..measured }
                    })
                    .collect();
                named(name, levels)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn reordering_runs_does_not_change_the_ranking(
        (runs, order) in any_runs().prop_flat_map(|runs| {
            let order: Vec<usize> = (0..runs.len()).collect();
            (Just(runs), Just(order).prop_shuffle())
        })
    ) {
        let shuffled: Vec<AnyRun> = order.iter().map(|&index| runs[index].clone()).collect();
        let (given, other) = (compare(&runs, &[]), compare(&shuffled, &[]));
        let by_name = |comparison| {
            let mut ranks = ranks(comparison);
            ranks.sort_unstable();
            ranks
        };
        prop_assert_eq!(by_name(&given), by_name(&other));
        prop_assert_eq!(given.common_load, other.common_load);
    }

    #[test]
    fn every_run_has_one_place_and_ranks_never_fall(runs in any_runs()) {
        let comparison = compare(&runs, &[]);
        let mut places: Vec<usize> = comparison.ranking.iter().map(|place| place.run).collect();
        let ranks: Vec<u64> = comparison.ranking.iter().filter_map(|place| place.rank).collect();
        prop_assert!(ranks.is_sorted());
        prop_assert!(ranks.first().is_none_or(|first| *first == 1));
        for place in &comparison.ranking {
            prop_assert_eq!(place.rank.is_some(), comparison.runs[place.run].is_settled());
        }
        places.sort_unstable();
        prop_assert_eq!(places, (0..runs.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_run_beside_itself_has_not_changed(runs in any_runs()) {
        let twice = [runs[0].clone(), runs[0].clone()];
        let rules = ["ttft.p95 > +0.1%", "cpu > +0.1%", "stretch.p95 > +0.1%"];
        let comparison = compare(&twice, &rules);
        let trusted = comparison.baseline().trusted();
        prop_assert_eq!(comparison.passed(), trusted, "without a trusted level nothing is known");
    }
}
