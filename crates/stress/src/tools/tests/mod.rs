//! Whole runs against a server on a real socket: what an honest one does, and what each lie looks
//! like from outside.

mod server;

use std::path::Path;
use std::time::Duration;

use results::tools::{Expected, ProbeKind, ToolsRun, Transport};
use results::{CallOutcome, CallOutcomes, RunKind, Slo, ToolsLevel};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::server::{FILE_BYTES, Lie, Manner, Server};
use super::mix::{Expectation, Mix};
use super::probe::{IDLE_FOR, LEAST_IDLE_PROBES};
use super::session::{Protocol, STATELESS, WITH_SESSIONS};
use super::settings::{Climb, Reach, Settings, ShapeLadder, Stage};
use super::verify::Source;
use crate::error::{Error, ErrorKind};
use crate::usage::TargetProcesses;

/// Settings for `save`, whose files are looked for in `folder`.
fn settings(server: &Server, folder: &Path, ladder: &str) -> Settings {
    let arguments = json!({ "filename": "{level}_{agent}_{call}.bin", "video_id": "vid_test" });
    let file = Some("{name}".to_owned());
    let mix = Mix::of("save", arguments, file, Expectation::default()).unwrap();
    Settings {
        name: "test".to_owned(),
        scenario: "save".to_owned(),
        reach: Reach::Http {
            url: server.url("/mcp"),
            headers: Vec::new(),
            cacert: None,
            insecure: false,
        },
        protocol: Protocol::Auto,
        stages: vec![Stage { name: None, mix, bare: None }],
        climb: Climb::Ladder(ladder.parse::<ShapeLadder>().unwrap().0),
        repeat: 1,
        rate: None,
        timeout: Duration::from_secs(30),
        probe_every: Some(Duration::from_millis(20)),
        sequential: 0,
        source: Some(Source::Directory(folder.to_owned())),
        upstream: Some(server.url("/")),
        scratch: folder.to_owned(),
        slos: vec![Slo::default_for(RunKind::Tools)],
        seed: 1,
        profile: None,
        command_line: vec!["weir".to_owned()],
    }
}

async fn try_run(settings: Settings) -> Result<ToolsRun, Error> {
    let (events, _silent) = tokio::sync::mpsc::channel(1);
    let stop = CancellationToken::new();
    super::run(settings, TargetProcesses::default(), events, stop).await
}

/// One level of the run that `change` makes of the usual settings, against a server of this manner.
async fn level(
    ladder: &str,
    manner: impl FnOnce(Manner) -> Manner,
    change: impl FnOnce(&mut Settings),
) -> ToolsLevel {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(manner(Manner::honest(folder.path().to_owned())));
    let mut settings = settings(&server, folder.path(), ladder);
    change(&mut settings);
    let mut run = try_run(settings).await.unwrap();
    run.levels.remove(0)
}

fn nothing(_: &mut Settings) {}

fn lying(lie: Lie) -> impl FnOnce(Manner) -> Manner {
    move |honest| Manner { lie, ..honest }
}

fn outcomes(ok: u64) -> CallOutcomes {
    CallOutcomes { ok, ..CallOutcomes::default() }
}

#[tokio::test]
async fn an_honest_server_s_files_are_proved_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let manner = Manner::honest(folder.path().to_owned());
    // Long enough for all calls to start before the first one ends, on a busy machine too.
    let server = Server::start(Manner { delay: Duration::from_millis(500), ..manner });
    let mut settings = settings(&server, folder.path(), "4x8,2x2");
    settings.sequential = 3;
    let run = try_run(settings).await.unwrap();
    let level = &run.levels[0];
    assert_eq!(level.outcomes, outcomes(32), "{:?}", level.errors);
    assert_eq!((level.correct, level.distinct_digests), (Some(32), 1));
    assert_eq!(level.bytes_total, 32 * u64::try_from(FILE_BYTES).unwrap());
    assert_eq!((level.peak_open, level.upstream_peak_open), (32, Some(32)));
    assert!(level.call_ms.unwrap().p50 >= 500.0);
    // Every call needed a connection of its own, but for one that the handshake had opened.
    let (connects, first_bytes) = (level.connect_ms.unwrap(), level.ttfb_ms.unwrap());
    assert!(connects.count >= 28 && connects.max < 500.0, "{connects:?}");
    assert!(first_bytes.count == 32 && first_bytes.p50 >= 500.0, "{first_bytes:?}");
    assert!(level.verify_s.is_some() && level.verify_cpu_s.is_some());
    // Half a second each, one after the other or all at once.
    assert!(level.speedup.unwrap() > 4.0, "{:?}", level.speedup);
    assert!(level.probe_ms.unwrap().count >= 1 && level.probe_idle_ms.unwrap().count == 100);
    assert_eq!(level.control.unwrap().call_error_ms.map(|errors| errors.count > 0), Some(true));
    assert!(level.files.iter().all(|call| call.md5.is_some() && call.end_ms > call.start_ms));
    assert_eq!(run.levels[1].outcomes, outcomes(4));
    let workload = &run.workload;
    assert_eq!((workload.protocol.as_str(), workload.sessions), (WITH_SESSIONS, true));
    assert_eq!(run.target.server.as_deref(), Some("t/1"));
    assert_eq!((workload.transport, workload.probe), (Transport::Http, Some(ProbeKind::Ping)));
    assert_eq!(workload.verification.as_ref().unwrap().expected, Expected::Upstream);
    assert_eq!(run.capacity.passed, run.levels[0].trusted.then_some(32).or(run.capacity.passed));
}

#[tokio::test]
async fn a_slow_server_s_trivial_calls_do_not_hold_up_its_level() {
    let slow = LEAST_IDLE_PROBES;
    let slowly = |honest| Manner { ping_delay: IDLE_FOR / slow, ..honest };
    assert_eq!(level("1x1", slowly, nothing).await.probe_idle_ms.unwrap().count, u64::from(slow));
}

#[tokio::test]
async fn the_stateless_revision_is_spoken_where_the_handshake_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let manner = Manner::honest(folder.path().to_owned());
    let server = Server::start(Manner { stateless: true, progress: Some(3), ..manner });
    let run = try_run(settings(&server, folder.path(), "2x4")).await.unwrap();
    assert_eq!((run.workload.protocol.as_str(), run.workload.sessions), (STATELESS, false));
    assert_eq!(run.workload.probe, Some(ProbeKind::ToolsList));
    assert_eq!(run.target.server.as_deref(), Some("t/2"));
    assert_eq!(run.levels[0].outcomes, outcomes(8), "{:?}", run.levels[0].errors);
}

#[tokio::test]
async fn a_server_that_serialises_is_known_by_its_upstream_and_its_speed_up() {
    // Long enough for all calls to start before the first one ends, on a busy machine too.
    let slow =
        |honest| Manner { lie: Lie::Serialises, delay: Duration::from_millis(300), ..honest };
    let level = level("2x3", slow, |settings| settings.sequential = 3).await;
    assert_eq!(level.outcomes, outcomes(6));
    // The tester has all calls open; the server has one.
    assert_eq!((level.peak_open, level.upstream_peak_open), (6, Some(1)));
    // An honest server of such calls would gain nearly six times.
    assert!(level.speedup.unwrap() < 1.2, "{:?}", level.speedup);
    // Whether a busy machine lets the level be trusted is not what this is about.
    let level = ToolsLevel { trusted: true, ..level };
    let judged = results::Judgement::of(&level, &[Slo::default_for(RunKind::Tools)]);
    assert!(judged.is_missed(), "no call failed, and yet the server is no concurrent one");
}

#[tokio::test]
async fn one_wrong_byte_in_one_file_is_found_and_its_call_is_named() {
    let level = level("4x8", lying(Lie::Corrupts(17)), nothing).await;
    assert_eq!(level.outcomes, CallOutcomes { wrong_bytes: 1, ..outcomes(31) });
    assert_eq!((level.correct, level.distinct_digests), (Some(31), 2));
    let wrong: Vec<_> =
        level.files.iter().filter(|call| call.outcome == Some(CallOutcome::WrongBytes)).collect();
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].bytes, Some(u64::try_from(FILE_BYTES).unwrap()));
    assert!(level.errors[0].detail.contains("SHA-256"), "{:?}", level.errors);
    // Whoever was the limit: neither tester nor machine writes a wrong byte.
    let level = ToolsLevel { trusted: false, ..level };
    let judged = results::Judgement::of(&level, &[Slo::default_for(RunKind::Tools)]);
    assert!(judged.is_missed(), "{judged:?}");
}

#[tokio::test]
async fn one_wrong_byte_is_found_even_where_nobody_says_what_is_right() {
    let level = level("4x8", lying(Lie::Corrupts(17)), |settings| settings.upstream = None).await;
    assert_eq!(level.outcomes, CallOutcomes { wrong_bytes: 1, ..outcomes(31) });
    assert_eq!((level.correct, level.distinct_digests), (None, 2));
    assert!(level.errors[0].detail.contains("most files"), "{:?}", level.errors);
}

#[tokio::test]
async fn a_dropped_call_is_found_among_a_hundred() {
    for (progress, outcome) in
        [(None, CallOutcome::TransportError), (Some(1), CallOutcome::ProtocolError)]
    {
        let manner = move |honest| Manner { lie: Lie::DropsOneIn(100), progress, ..honest };
        let level = level("4x25", manner, nothing).await;
        assert_eq!((level.outcomes.ok, level.outcomes.get(outcome)), (99, 1), "{:?}", level.errors);
        assert_eq!(level.errors[0].count, 1);
    }
}

#[tokio::test]
async fn a_call_that_is_never_answered_times_out_alone() {
    let quick = |settings: &mut Settings| settings.timeout = Duration::from_secs(1);
    let level = level("2x4", lying(Lie::IsSilentOneIn(8)), quick).await;
    assert_eq!(level.outcomes, CallOutcomes { timeout: 1, ..outcomes(7) });
    assert_eq!(level.errors[0].detail, "no response within 1s");
}

#[tokio::test]
async fn a_success_without_a_file_is_none() {
    let level = level("4x8", lying(Lie::WritesNothing(5)), nothing).await;
    assert_eq!(level.outcomes, CallOutcomes { missing_file: 1, ..outcomes(31) });
    assert_eq!(level.succeeded, 32);
    assert!(level.errors[0].detail.contains("no such file"), "{:?}", level.errors);
}

#[tokio::test]
async fn a_file_that_was_there_before_is_not_the_call_s_work() {
    let folder = tempfile::tempdir().unwrap();
    let manner = Manner::honest(folder.path().to_owned());
    let server = Server::start(Manner { lie: Lie::WritesNothing(1), ..manner });
    let old = folder.path().join("1_1_1.bin");
    std::fs::write(&old, "old").unwrap();
    // Past the margin that clocks are given.
    tokio::time::sleep(super::verify::CLOCK_MARGIN + Duration::from_millis(100)).await;
    let mut settings = settings(&server, folder.path(), "1x1");
    settings.probe_every = None;
    let run = try_run(settings).await.unwrap();
    assert_eq!(run.levels[0].outcomes.missing_file, 1, "{:?}", run.levels[0].errors);
    assert!(run.levels[0].errors[0].detail.contains("older than the call"));
}

#[tokio::test]
async fn files_behind_a_url_are_read_back_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let manner = Manner::honest(folder.path().to_owned());
    let server = Server::start(Manner { lie: Lie::Corrupts(2), ..manner });
    let mut settings = settings(&server, folder.path(), "2x4");
    settings.source = Some(Source::Url(server.url("/files/{name}").to_string()));
    let level = try_run(settings).await.unwrap().levels.remove(0);
    assert_eq!(level.outcomes, CallOutcomes { wrong_bytes: 1, ..outcomes(7) });
}

#[tokio::test]
async fn an_error_of_the_tool_is_the_tool_s() {
    let fail = |settings: &mut Settings| {
        let mix = Mix::of("fail", json!({}), None, Expectation::default()).unwrap();
        settings.stages = vec![Stage { name: None, mix, bare: None }];
    };
    let level = level("1x3", |honest| honest, fail).await;
    assert_eq!(level.outcomes, CallOutcomes { tool_error: 3, ..CallOutcomes::default() });
    assert_eq!((level.errors.len(), level.errors[0].detail.as_str()), (1, "Error #: cannot"));
}

async fn refused(tool: &str, arguments: Value, path: &str) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Manner::honest(folder.path().to_owned()));
    let mut settings = settings(&server, folder.path(), "1x1");
    let mix = Mix::of(tool, arguments, None, Expectation::default()).unwrap();
    settings.stages = vec![Stage { name: None, mix, bare: None }];
    let Reach::Http { url, .. } = &mut settings.reach else { unreachable!() };
    *url = server.url(path);
    try_run(settings).await.unwrap_err()
}

/// A mix of TOML tables as a user would write them.
fn mix(text: &str) -> Mix {
    Mix::built_in(text).unwrap_or_else(|error| panic!("{error}"))
}

/// One file alone before the load; the load's files are named after it and must be the same.
const PREPARED: &str = r#"
    [[prepare]]
    name = "save"
    as = "first"
    args = { filename = "first_{run}.bin" }
    until = { filename = "first_{run}.bin" }
    file = "{name}"
    [[tool]]
    name = "save"
    args = { filename = "{agent}_{call}_{first.filename}" }
    file = "{name}"
    same-as = "first"
"#;

#[tokio::test]
async fn what_a_step_before_the_load_made_is_used_and_proves_the_load_s_files() {
    let text = PREPARED.replace("    until = { filename = \"first_{run}.bin\" }\n", "");
    let level = level("2x4", lying(Lie::Corrupts(5)), |settings| {
        settings.upstream = None;
        settings.stages = vec![Stage { name: None, mix: mix(&text), bare: None }];
    })
    .await;
    // The first file is the step's: the fifth is the load's fourth.
    assert_eq!(level.outcomes, CallOutcomes { wrong_bytes: 1, ..outcomes(7) });
    assert_eq!(level.correct, Some(7));
    let name = level.files[0].name.as_deref().unwrap();
    assert!(name.contains("_first_") && !name.contains('{'), "{name}");
}

#[tokio::test]
async fn a_step_that_does_not_come_to_its_end_is_said_and_no_load_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Manner::honest(folder.path().to_owned()));
    let error = |text: String, timeout: u64| {
        let mut settings = settings(&server, folder.path(), "1x1");
        settings.timeout = Duration::from_millis(timeout);
        settings.stages = vec![Stage { name: None, mix: mix(&text), bare: None }];
        async move { try_run(settings).await.unwrap_err() }
    };
    let waiting = error(PREPARED.to_owned(), 900).await;
    assert!(waiting.to_string().contains("filename did not become"), "{waiting}");
    assert_eq!(waiting.kind(), ErrorKind::Environment);
    let failing =
        error(PREPARED.replace("name = \"save\"\n    as", "name = \"fail\"\n    as"), 900);
    let failing = failing.await;
    assert!(failing.to_string().contains("fail: Error #: cannot; no load was made"), "{failing}");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "the step's own file, and none of a load");
}

#[tokio::test]
async fn stages_are_climbed_in_turn_and_each_level_names_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Manner::honest(folder.path().to_owned()));
    let mut settings = settings(&server, folder.path(), "1x1,2x2");
    let stage = |name: &str| Stage { name: Some(name.to_owned()), ..settings.stages[0].clone() };
    settings.stages = vec![stage("one"), stage("two")];
    settings.sequential = 1;
    let run = try_run(settings).await.unwrap();
    let stages: Vec<_> = run.levels.iter().map(|level| level.stage.as_deref().unwrap()).collect();
    assert_eq!(stages, ["one", "one", "two", "two"]);
    assert!(run.levels.iter().all(|level| level.sequential.is_some()), "each has its own");
    assert_eq!(run.workload.tools[1].stage.as_deref(), Some("two"));
}

#[tokio::test]
async fn what_cannot_work_is_said_before_any_call() {
    let error = refused("load", json!({}), "/mcp").await;
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(error.to_string(), "the server has no tool \"load\"; it has fail, save");
    let error = refused("save", json!({ "filename": 3 }), "/mcp").await;
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("\"filename\" is 3"), "{error}");
    let error = refused("save", json!({ "filename": "f" }), "/").await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(
        error.to_string().contains("HTTP 404 nothing here; nothing was called; check the URL"),
        "{error}"
    );
}

#[tokio::test]
async fn a_run_that_is_stopped_keeps_what_it_measured() {
    let folder = tempfile::tempdir().unwrap();
    let manner = Manner::honest(folder.path().to_owned());
    let server = Server::start(Manner { delay: Duration::from_millis(300), ..manner });
    let mut settings = settings(&server, folder.path(), "2x2");
    settings.repeat = 50;
    settings.probe_every = None;
    let stop = CancellationToken::new();
    let (events, mut seen) = tokio::sync::mpsc::channel(64);
    let running = super::run(settings, TargetProcesses::default(), events, stop.clone());
    let stopping = async {
        while let Some(event) = seen.recv().await {
            if matches!(event, super::ToolsEvent::Progress(progress) if progress.ended >= 4) {
                stop.cancel();
            }
        }
    };
    let (run, ()) = tokio::join!(running, stopping);
    let run = run.unwrap();
    let level = &run.levels[0];
    assert!(run.interrupted && !level.trusted);
    assert!(level.outcomes.ok >= 4 && level.cancelled == 4, "{:?}", level.outcomes);
    assert_eq!(level.calls, level.outcomes.total() + 4);
}

#[tokio::test]
async fn calls_at_a_rate_count_from_when_they_were_due() {
    let slow = |honest| Manner { lie: Lie::Serialises, delay: Duration::from_millis(30), ..honest };
    let rated = |settings: &mut Settings| {
        settings.rate = Some(100.0);
        settings.repeat = 10;
    };
    let level = level("1x1", slow, rated).await;
    // Ten calls are due within 100 ms and take 30 ms each: the last one waits for the nine before.
    assert!(level.call_ms.unwrap().max > 180.0, "{:?}", level.call_ms);
}
