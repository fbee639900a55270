use results::{Summary, ToolsRun};

use super::findings::findings;
use super::overview::Overview;
use super::samples;
use crate::document::{Block, Cell, Table};
use crate::subject::Subject;

fn rules(run: &ToolsRun) -> Vec<&'static str> {
    findings(&Overview::of(run)).into_iter().map(|finding| finding.rule).collect()
}

/// The sentence of a rule with plain spaces.
fn sentence(run: &ToolsRun, rule: &str) -> String {
    let all = findings(&Overview::of(run));
    let finding = all.iter().find(|finding| finding.rule == rule);
    let text = finding.unwrap_or_else(|| panic!("no {rule} in {:?}", rules(run))).text.plain();
    text.replace(['\u{202f}', '\u{a0}'], " ")
}

/// The answers to the claims, in their order.
fn answers(run: &ToolsRun) -> Vec<String> {
    let table = table(run, "claims-table");
    table.rows.iter().map(|row| Table::show(&row.cells[2], None)).collect()
}

fn table(run: &ToolsRun, id: &str) -> Table {
    let blocks = run.document().sections.into_iter().flat_map(|section| section.blocks);
    blocks
        .into_iter()
        .find_map(|block| match block {
            Block::Table(table) if table.id == id => Some(table),
            _ => None,
        })
        .unwrap_or_else(|| panic!("no table {id}"))
}

#[test]
fn the_document_s_test_is_summed_up_in_one_sentence() {
    let headline = samples::downloaded().document().headline;
    assert_eq!(headline.word, "MET");
    assert_eq!(
        headline.sentence.plain().replace(['\u{202f}', '\u{a0}'], " "),
        "Carries 32 calls at once (4 agents x 8 calls): 100 % ended ok, every file right byte for \
         byte, a call in 1.98 s (p95), 8.00× as fast as one after the other."
    );
}

#[test]
fn a_server_that_serialises_is_named_although_all_its_calls_are_open() {
    let run = samples::serialising();
    assert_eq!(run.levels[0].peak_open, 32);
    assert_eq!(
        sentence(&run, "serialised"),
        "At 4 agents x 8 calls the server carried its calls one after the other: with 32 calls \
         open, the upstream never saw more than 1 at a time; calling at once was 1.00× as fast."
    );
    assert_eq!(answers(&run)[0], "refuted");
    let headline = run.document().headline;
    assert_eq!(headline.word, "NOT MET", "nothing failed, and yet the server is no concurrent one");
    assert!(headline.sentence.plain().contains("carried one after the other"));
}

#[test]
fn without_the_upstream_s_counters_no_gain_is_said_and_nobody_is_accused() {
    let mut run = samples::serialising();
    run.levels[0].upstream_peak_open = None;
    assert!(sentence(&run, "no_gain").contains("it was 1.00× as fast as one after the other"));
    assert!(!rules(&run).contains(&"serialised"));
    assert_eq!(answers(&run)[0], "not shown");
    run.levels[0].upstream_peak_open = Some(32);
    assert!(sentence(&run, "no_gain").contains("The upstream had up to 32 at once"));
    assert_eq!(answers(&run)[0], "shown");
}

#[test]
fn ending_at_the_same_time_shows_nothing() {
    let mut run = samples::remote();
    for call in &mut run.levels[0].files {
        call.end_ms = 2_000.0;
    }
    assert_eq!(answers(&run)[0], "not shown");
    assert!(!rules(&run).contains(&"serialised"));
}

#[test]
fn a_corrupt_file_is_named_with_its_digest() {
    let run = samples::corrupt();
    assert_eq!(
        sentence(&run, "wrong_bytes"),
        "At 4 agents x 8 calls 1 call answered success but left a file that is not the expected \
         one: agent 3 call 5, video_3_5.mp4 (7 691 516 bytes, SHA-256 ffffffffffff…)."
    );
    assert_eq!(run.document().headline.word, "NOT MET");
    assert_eq!(answers(&run)[1], "refuted");
}

#[test]
fn a_success_without_a_file_is_named() {
    let run = samples::missing();
    assert_eq!(
        sentence(&run, "missing_file"),
        "At 4 agents x 8 calls 1 call answered success but left no file: agent 2 call 7, \
         video_2_7.mp4."
    );
    assert_eq!(run.document().headline.word, "NOT MET");
}

#[test]
fn a_call_without_an_answer_is_named_with_its_share() {
    assert_eq!(
        sentence(&samples::lost(), "no_answer"),
        "At 4 agents x 25 calls 1 call (1.00 %) got no answer at all: agent 2 call 17."
    );
}

#[test]
fn cancelled_calls_are_in_no_outcome_and_no_speed_up() {
    let run = samples::interrupted();
    assert!(sentence(&run, "interrupted").contains("16 open calls were cancelled"));
    assert!(!rules(&run).contains(&"speedup"), "{:?}", rules(&run));
    assert!(sentence(&run, "outcomes").starts_with("All 16 calls of all levels ended ok"));
}

#[test]
fn files_that_were_not_looked_at_are_a_limit_and_no_success() {
    let run = samples::remote();
    assert!(sentence(&run, "files_not_checked").contains("--verify-dir"));
    assert_eq!(answers(&run), ["not shown", "not shown", "shown", "not shown"]);
}

#[test]
fn an_untrusted_level_shows_nothing() {
    let run = samples::untrusted();
    assert_eq!(rules(&run)[0], "untrusted_level");
    assert!(answers(&run).iter().all(|answer| answer == "not shown"));
}

#[test]
fn a_server_that_hardly_answers_a_probe_is_a_problem() {
    let text = sentence(&samples::remote(), "responsiveness");
    assert!(text.ends_with("it hardly answers anything else."), "{text}");
    assert!(text.contains("1.00 ms on the idle server and 380 ms"), "{text}");
    let calm = sentence(&samples::downloaded(), "responsiveness");
    assert!(calm.ends_with("(p95)."), "{calm}");
}

/// The trivial call under load with so many samples of 90 ms, of 1 ms on the idle server.
fn probed(count: usize) -> ToolsRun {
    let mut run = samples::downloaded();
    run.levels[0].probe_ms = Summary::of(&mut vec![90.0; count]);
    run
}

#[test]
fn the_most_telling_statistic_that_the_probes_allow_is_shown_and_decides() {
    for (count, name) in [(8, "max"), (19, "max"), (20, "p95"), (99, "p95"), (100, "p99")] {
        let run = probed(count);
        let document = run.document();
        let number = document.key_numbers.last().unwrap();
        assert_eq!(number.label.plain(), format!("probe {name}"));
        assert_eq!(number.value.plain().replace('\u{a0}', " "), "90.0 ms");
        assert_eq!(document.levels.columns.last().unwrap().title.plain(), name);
        let found = sentence(&run, "responsiveness");
        assert!(found.contains(&format!("({name}): while it carries calls")), "{found}");
        let row = &table(&run, "probe-table").rows[0];
        let last: Vec<String> =
            row.cells[row.cells.len() - 3..].iter().map(|cell| Table::show(cell, None)).collect();
        assert_eq!(last, ["90.0×", name, "yes"]);
    }
}

#[test]
fn agents_that_wait_twice_as_long_as_others_are_named() {
    assert_eq!(
        sentence(&samples::unfair(), "unfair"),
        "At 4 agents x 8 calls agents are not served alike: a call of agent 1 took 725 ms on \
         average, one of agent 2 1.61 s, 2.22× as long."
    );
    assert!(!rules(&samples::downloaded()).contains(&"unfair"));
    assert!(!rules(&samples::serialising()).contains(&"unfair"), "it is said as what it is");
}

#[test]
fn a_full_machine_is_told_once() {
    let mut run = samples::staged();
    for (level, busy) in run.levels.iter_mut().zip([0.96, 0.98]) {
        level.machine_busy = Some(busy);
    }
    let said = "At 4 agents x 8 calls (downloads) and at one more level the machine itself is full: \
                up to 98.0 % of its CPU time is used, by the tester 1.60 %.";
    assert_eq!(sentence(&run, "machine_full"), said, "others may have filled it");
    run.levels[1].target_usage.as_mut().unwrap()[0].cpu_s = 3.0;
    let limit = format!("{said} This machine was the target's limit.");
    assert_eq!(sentence(&run, "machine_full"), limit);
}

#[test]
fn the_level_that_was_measured_worst_is_named() {
    let mut run = samples::staged();
    let worse = Summary::of(&mut vec![7.0; 40]);
    run.levels[1].control = Some(results::ToolsControl { call_error_ms: worse });
    let found = sentence(&run, "control_error");
    assert!(found.contains("; most at 4 agents x 8 calls (mixed), by 7.00 ms (p95), "), "{found}");
    assert!(!sentence(&samples::staged(), "control_error").contains("most at"));
}

#[test]
fn no_failure_among_few_calls_is_not_called_none() {
    let evidence = &table(&samples::downloaded(), "claims-table").rows[2].cells[3];
    let evidence = Table::show(evidence, None).replace(['\u{202f}', '\u{a0}'], " ");
    assert_eq!(evidence, "none of 32 did; with 95 % confidence fewer than 9.38 % do");
}

#[test]
fn few_calls_without_a_failure_show_nothing() {
    let ended = |ok: u64| {
        let mut run = samples::downloaded();
        run.levels[0].outcomes.ok = ok;
        answers(&run)[2].clone()
    };
    assert_eq!((ended(29).as_str(), ended(30).as_str()), ("not shown", "shown"));
}

#[test]
fn the_highest_level_of_every_stage_is_looked_at() {
    let run = samples::staged();
    assert_eq!(table(&run, "agents-table").caption, "Agents of 4 agents x 8 calls (downloads)");
    assert_eq!(table(&run, "agents-table-2").caption, "Agents of 4 agents x 8 calls (mixed)");
    let claims = table(&run, "claims-table");
    let loads: Vec<String> =
        claims.rows.iter().map(|row| Table::show(&row.cells[1], None)).collect();
    assert_eq!(loads, ["4x8 downloads", "4x8 mixed", "4x8 downloads", "4x8 mixed", "all", "all"]);
}

#[test]
fn a_folder_has_the_calls_of_every_level_as_a_drawing() {
    let files = crate::folder::files(&samples::staged());
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"chart-calls-0.svg") && names.contains(&"chart-calls-1.svg"));
    let (_, markdown) = files.iter().find(|(name, _)| name == "report.md").unwrap();
    assert!(markdown.contains("The calls of other levels: [4x8 mixed](chart-calls-1.svg)"));
}

#[test]
fn a_page_gives_up_single_calls_in_its_data_before_drawings() {
    let mut run = samples::ladder();
    let large = run.levels.pop().unwrap();
    run.levels = vec![large.clone(), large];
    let page = crate::html::render(&run);
    assert!(page.contains("id=\"chart-calls-0\"") && page.contains("id=\"chart-calls-1\""));
    assert!(page.len() < crate::html::MOST_BYTES, "{}", page.len());
}

#[test]
fn more_than_its_calls_can_gain_is_no_speed_up() {
    let mut run = samples::downloaded();
    run.levels[0].speedup = Some(60.0);
    assert!(sentence(&run, "speedup_impossible").contains("such as a cold start"));
}

#[test]
fn answers_from_a_cache_are_seen_in_the_upstream_s_counters() {
    let mut run = samples::downloaded();
    run.levels[0].upstream_transfers = Some(1);
    assert!(sentence(&run, "fewer_transfers").contains("served only 1 of them"));
}

#[test]
fn a_level_of_512_calls_collapses_to_its_agents() {
    let run = samples::ladder();
    assert_eq!(run.verdict().level, Some(1), "the headline's level has 128 calls");
    assert_eq!(table(&run, "agents-table").rows.len(), 4);
    let tables: Vec<String> = run
        .document()
        .sections
        .into_iter()
        .flat_map(|section| section.blocks)
        .filter_map(|block| if let Block::Table(table) = block { Some(table.id) } else { None })
        .collect();
    assert!(!tables.contains(&"calls-table".to_owned()), "{tables:?}");
}

#[test]
fn stages_are_no_ladder() {
    let run = samples::staged();
    let document = run.document();
    let headline = document.headline.sentence.plain().replace(['\u{202f}', '\u{a0}'], " ");
    assert!(headline.contains("(4 agents x 8 calls, downloads)"), "{headline}");
    assert!(document.level_charts.is_empty(), "no line joins levels of different calls");
    let answers = answers(&run);
    assert_eq!(answers[5], "not shown", "one load is no scale: {answers:?}");
    let overlaps: Vec<String> = findings(&Overview::of(&run))
        .into_iter()
        .filter(|finding| finding.rule == "upstream_overlap")
        .map(|finding| finding.text.plain())
        .collect();
    assert!(overlaps[0].ends_with("none waited in the target."), "{overlaps:?}");
    assert!(overlaps[1].ends_with("of those calls that are transfers for it."), "{overlaps:?}");
    assert!(!rules(&run).contains(&"fewer_transfers"));
}

#[test]
fn examples_are_the_run_s_own_command_line_with_another_load() {
    let document = samples::remote().document();
    let commands: Vec<String> = document
        .sections
        .iter()
        .flat_map(|section| &section.blocks)
        .filter_map(|block| if let Block::Examples(all) = block { Some(all) } else { None })
        .flatten()
        .map(|example| example.command.clone())
        .collect();
    let reached = "--api-key-env MEDIA_KEY --timeout 60s https://media.example.org/mcp";
    let begin = "weir stress tools --agents 4 --calls 1 --tool download_video --args ";
    assert!(commands[1].starts_with(begin) && commands[1].ends_with(reached), "{}", commands[1]);
    let mixed = format!("weir stress tools --agents 1 --calls 4 --mix mix.toml {reached}");
    assert_eq!(commands[3], mixed);
    assert!(commands[4].contains("--find-capacity 1..64 --slo 'ok >= 100%'"), "{}", commands[4]);
}

#[test]
fn every_table_has_as_many_cells_as_columns() {
    for (name, run) in samples::all() {
        let document = run.document();
        let blocks = document.sections.into_iter().flat_map(|section| section.blocks);
        let tables = blocks.filter_map(|b| if let Block::Table(t) = b { Some(t) } else { None });
        for table in tables.chain([document.levels]) {
            for row in &table.rows {
                assert_eq!(row.cells.len(), table.columns.len(), "{name}: {}", table.id);
                for (cell, column) in row.cells.iter().zip(&table.columns) {
                    let number = matches!(cell, Cell::Figure(_));
                    assert_eq!(number, column.kind.is_some(), "{name}: {}", table.id);
                }
            }
        }
    }
}

#[test]
fn csv_has_one_row_a_call_and_reads_as_before() {
    for (name, run) in samples::all().into_iter().filter(|(name, _)| *name != "tools_hostile") {
        let text = super::csv::render(&run);
        let names = text.lines().next().unwrap().split(',').count();
        for line in text.lines() {
            assert_eq!(line.split(',').count(), names, "{name}: {line}");
        }
    }
    let corrupt = samples::corrupt();
    assert_eq!(super::csv::render(&corrupt).lines().count(), 33);
    let mut short = corrupt;
    short.levels[0].files.truncate(22);
    insta::assert_snapshot!("corrupt", super::csv::render(&short));
}
