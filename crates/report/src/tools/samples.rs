//! Runs of tool calls as the tester would write them, for tests: made by formula, so that every
//! number of their reports can be checked by hand.

use results::level::{ErrorGroup, ProcessUsage, Role, TesterUsage};
use results::tools::{
    Expected, Floor, PreparedCall, Probe, ProbeKind, ReadBack, Sequential, Shape, Tally, ToolShare,
    Transport, Verification,
};
use results::units::float;
use results::{
    Call, CallOutcome, Capacity, Machine, Slo, Summary, Target, Tester, ToolsControl, ToolsLevel,
    ToolsRun, ToolsWorkload,
};

/// The video of the original report.
const VIDEO_BYTES: u64 = 7_691_516;
const VIDEO_MD5: &str = "9b2cf535f27731c974343645a3985328";
const VIDEO_SHA256: &str = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";

/// A download that ended ok.
fn download(agent: u64, call: u64, start_ms: f64, end_ms: f64) -> Call {
    Call {
        agent,
        call,
        tool: "download_video".to_owned(),
        name: Some(format!("video_{agent}_{call}.mp4")),
        bytes: Some(VIDEO_BYTES),
        md5: Some(VIDEO_MD5.to_owned()),
        sha256: Some(VIDEO_SHA256.to_owned()),
        start_ms,
        end_ms,
        outcome: Some(CallOutcome::Ok),
    }
}

/// All calls of a shape: all start at once, the n-th (from 0) ends after `end_ms(n)`.
fn downloads(agents: u64, calls: u64, end_ms: impl Fn(u64) -> f64) -> Vec<Call> {
    (0..agents * calls)
        .map(|index| download(index / calls + 1, index % calls + 1, 0.0, end_ms(index)))
        .collect()
}

fn constant(count: u64, value: f64) -> Option<Summary> {
    Summary::of(&mut vec![value; usize::try_from(count).unwrap()])
}

/// A trusted level of these calls, with everything measured: 500 ms each one after the other, a
/// bare transfer four times as fast as the calls, probes of 1 ms idle and 2 to 5 ms under load.
fn level(agents: u64, calls_per_agent: u64, calls: Vec<Call>) -> ToolsLevel {
    let tally = Tally::of(&calls);
    let duration_s = calls.iter().map(|call| call.end_ms).fold(0.0, f64::max) / 1_000.0;
    let bytes_per_s = float(tally.bytes_total) / duration_s;
    let probes = probes(duration_s);
    let mut took: Vec<f64> = probes.iter().filter_map(|probe| probe.took_ms).collect();
    let mut level = ToolsLevel {
        stage: None,
        agents,
        calls_per_agent,
        calls: tally.calls,
        succeeded: tally.succeeded,
        correct: Some(tally.outcomes.ok),
        outcomes: tally.outcomes,
        cancelled: tally.cancelled,
        errors: Vec::new(),
        peak_open: tally.peak_open,
        upstream_peak_open: Some(tally.peak_open),
        upstream_transfers: Some(tally.calls),
        duration_s,
        session_ms: constant(agents, 3.0),
        connect_ms: constant(tally.calls, 0.3),
        ttfb_ms: constant(tally.calls, 12.0),
        call_ms: tally.call_ms,
        bytes_total: tally.bytes_total,
        bytes_per_s,
        distinct_digests: tally.distinct_digests,
        files: calls,
        files_left_out: 0,
        tools: tally.tools,
        probe_ms: Summary::of(&mut took),
        probe_idle_ms: constant(100, 1.0),
        probes_failed: 0,
        probes,
        sequential: None,
        speedup: None,
        floor: Some(Floor {
            transfers: agents * calls_per_agent,
            bytes_total: tally.bytes_total,
            duration_s: duration_s / 4.0,
            bytes_per_s: bytes_per_s * 4.0,
        }),
        verify_s: Some(0.25),
        verify_cpu_s: Some(float(tally.calls) * 0.02),
        target_usage: Some(vec![
            ProcessUsage {
                process: "weir mcp".to_owned(),
                role: Role::Target,
                pid: 4712,
                cpu_s: float(tally.calls) * 0.01,
                cpu_us_per_chunk: None,
                peak_rss_bytes: 20 * 1_048_576 + tally.calls * 131_072,
                idle_rss_bytes: 20 * 1_048_576,
                peak_fds: 20 + 2 * tally.calls,
            },
            upstream(tally.calls),
        ]),
        tester_usage: TesterUsage {
            cpu_s: float(tally.calls) * 0.002,
            busiest_worker: 0.1,
            peak_rss_bytes: 16 * 1_048_576,
            lag_ms: constant(200, 0.2),
        },
        control: Some(control(40)),
        machine_other_cpu_s: Some(0.01),
        machine_busy: Some(0.5),
        trusted: true,
        trust_notes: Vec::new(),
    };
    level.sequential = Some(Sequential { calls: 32, duration_s: 16.0 });
    level.speedup = level.sequential.and_then(|sequential| level.speedup_over(sequential));
    level
}

/// The simulator behind the target: half of its CPU time.
fn upstream(calls: u64) -> ProcessUsage {
    ProcessUsage {
        process: "weir simulate".to_owned(),
        role: Role::Upstream,
        pid: 4711,
        cpu_s: float(calls) * 0.005,
        cpu_us_per_chunk: None,
        peak_rss_bytes: 30 * 1_048_576,
        idle_rss_bytes: 10 * 1_048_576,
        peak_fds: 30 + calls,
    }
}

/// One every 50 ms; 2, 3, 4 and 5 ms in turn.
fn probes(duration_s: f64) -> Vec<Probe> {
    let turns = [2.0, 3.0, 4.0, 5.0];
    (0u32..)
        .map(|number| (f64::from(number) * 50.0, turns[usize::try_from(number % 4).unwrap()]))
        .take_while(|(at_ms, _)| *at_ms < duration_s * 1_000.0)
        .map(|(at_ms, took_ms)| Probe { at_ms, took_ms: Some(took_ms) })
        .collect()
}

fn control(count: u64) -> ToolsControl {
    ToolsControl { call_error_ms: constant(count, 0.4) }
}

fn share(tool: &str, weight: f64, arguments: &str) -> ToolShare {
    ToolShare {
        stage: None,
        tool: tool.to_owned(),
        weight,
        arguments: arguments.to_owned(),
        same_as: None,
    }
}

/// A run of these levels, judged by these predicates.
fn run_of(name: &str, levels: Vec<ToolsLevel>, predicates: &[&str]) -> ToolsRun {
    let run = ToolsRun {
        format: results::run::FORMAT.to_owned(),
        id: "20260206T224200Z-5eed".to_owned(),
        name: name.to_owned(),
        weir_version: "0.1.0".to_owned(),
        kind: results::RunKind::Tools,
        started_at: "2026-02-06T22:42:00Z".parse().unwrap(),
        duration_s: levels.iter().map(|level| level.duration_s).sum(),
        command_line: ["weir", "stress", "tools"].map(str::to_owned).to_vec(),
        target: Target {
            url: "http://127.0.0.1:43211/mcp".to_owned(),
            api: "mcp".to_owned(),
            embedded: true,
            server: Some("weir-media/0.1.0".to_owned()),
            process: Some("weir mcp".to_owned()),
            local: true,
            http_version: "HTTP/1.1".to_owned(),
        },
        machine: Machine {
            cpu: "AMD Ryzen 7 5800H".to_owned(),
            cores: 2,
            memory_bytes: 16_642_998_272,
            os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            kernel: "6.1.0-18-amd64".to_owned(),
            fd_limit: 20_000,
        },
        workload: ToolsWorkload {
            scenario: "downloads".to_owned(),
            ladder: levels.iter().map(ToolsLevel::shape).collect(),
            tools: vec![share(
                "download_video",
                1.0,
                r#"{"video_id":"vid_1","filename":"video_{agent}_{call}.mp4"}"#,
            )],
            prepare: Vec::new(),
            start: "burst".to_owned(),
            transport: Transport::Http,
            protocol: "2025-11-25".to_owned(),
            sessions: true,
            timeout_ms: 60_000.0,
            probe: Some(ProbeKind::Ping),
            probe_every_ms: 50.0,
            sequential_calls: 32,
            verification: Some(Verification {
                read_back: ReadBack::Directory,
                expected: Expected::Upstream,
                bytes: Some(VIDEO_BYTES),
                sha256: Some(VIDEO_SHA256.to_owned()),
            }),
            seed: 42,
            profile: Some("quick".to_owned()),
        },
        tester: Tester { control: control(40), workers: 2, batch_ms: 0.0 },
        slo: Vec::new(),
        capacity: Capacity::default(),
        levels,
        interrupted: false,
    };
    judged(run, predicates)
}

fn judged(mut run: ToolsRun, predicates: &[&str]) -> ToolsRun {
    let slos: Vec<Slo> = predicates.iter().map(|text| text.parse().unwrap()).collect();
    run.slo = slos.iter().map(|slo| slo.judge(&run.levels)).collect();
    run.capacity = Capacity::of(&run.levels, &slos);
    run
}

const RULE: &[&str] = &["ok >= 100%"];

/// The document's test: 4 agents with 8 downloads each, the n-th done after 1380 + 20 n ms. Two
/// seconds in all, eight times as fast as one after the other.
pub(crate) fn downloaded() -> ToolsRun {
    run_of("downloads", vec![level(4, 8, four_by_eight())], RULE)
}

fn four_by_eight() -> Vec<Call> {
    downloads(4, 8, |index| 1_380.0 + 20.0 * float(index))
}

/// The first agent's calls take half of their time: its own queue is served first.
pub(crate) fn unfair() -> ToolsRun {
    let mut calls = four_by_eight();
    for call in calls.iter_mut().filter(|call| call.agent == 1) {
        call.end_ms /= 2.0;
    }
    for call in calls.iter_mut().filter(|call| call.agent > 2) {
        call.end_ms = 1_600.0;
    }
    run_of("unfair", vec![level(4, 8, calls)], RULE)
}

/// Three levels up to 512 calls at once, of three tools.
pub(crate) fn ladder() -> ToolsRun {
    let mix = |calls: Vec<Call>| -> Vec<Call> { calls.into_iter().map(mixed).collect() };
    let levels = vec![
        level(4, 8, mix(four_by_eight())),
        level(4, 32, mix(downloads(4, 32, |index| 1_500.0 + 20.0 * float(index)))),
        level(16, 32, mix(downloads(16, 32, |index| 2_000.0 + 20.0 * float(index)))),
    ];
    let mut run = run_of("mixed ladder", levels, &["ok >= 100%", "call.p95 <= 5s"]);
    run.workload.scenario = "mixed".to_owned();
    run.workload.tools = vec![
        share("download_video", 2.0, r#"{"video_id":"vid_1","filename":"v_{agent}_{call}.mp4"}"#),
        share("prepare_reference_image", 1.0, r#"{"image":"photo.jpg","size":"1280x720"}"#),
        share("download_image", 1.0, r#"{"response_id":"resp_1"}"#),
    ];
    run.workload.verification.as_mut().unwrap().bytes = None;
    run.workload.verification.as_mut().unwrap().sha256 = None;
    run
}

/// The run without a target: the downloads, and then the mixed workload.
pub(crate) fn staged() -> ToolsRun {
    let in_stage =
        |stage: &str, level: ToolsLevel| ToolsLevel { stage: Some(stage.to_owned()), ..level };
    let calls: Vec<Call> = four_by_eight().into_iter().map(mixed).collect();
    let mut both = in_stage("mixed", level(4, 8, calls));
    // Only the downloads of videos are transfers for the upstream.
    (both.upstream_peak_open, both.upstream_transfers) = (Some(16), Some(16));
    both.floor = None;
    let mut run =
        run_of("media", vec![in_stage("downloads", level(4, 8, four_by_eight())), both], RULE);
    run.workload.scenario = "media".to_owned();
    run.workload.tools[0].stage = Some("downloads".to_owned());
    let of_mixed = |share: ToolShare, same_as: Option<&str>| ToolShare {
        stage: Some("mixed".to_owned()),
        same_as: same_as.map(str::to_owned),
        ..share
    };
    run.workload.tools.extend([
        of_mixed(share("download_video", 2.0, r#"{"video_id":"vid_1"}"#), None),
        of_mixed(
            share("prepare_reference_image", 1.0, r#"{"input_filename":"{photo.filename}"}"#),
            Some("reference"),
        ),
        of_mixed(share("download_image", 1.0, r#"{"response_id":"{job.id}"}"#), None),
    ]);
    run.workload.prepare = vec![PreparedCall {
        stage: Some("mixed".to_owned()),
        tool: "generate_image".to_owned(),
        arguments: r#"{"prompt":"a harbour at dawn"}"#.to_owned(),
    }];
    run
}

/// Every fourth call prepares an image, the one after it downloads one.
fn mixed(mut call: Call) -> Call {
    match call.call % 4 {
        3 => {
            call.tool = "prepare_reference_image".to_owned();
            call.name = Some(format!("photo_{}_{}.png", call.agent, call.call));
            call.bytes = Some(1_204_224);
            call.sha256 = Some("bb".repeat(32));
            call.md5 = Some("bb".repeat(16));
        }
        0 => {
            call.tool = "download_image".to_owned();
            call.name = Some(format!("image_{}_{}.png", call.agent, call.call));
            call.bytes = Some(2_097_152);
            call.sha256 = Some("cc".repeat(32));
            call.md5 = Some("cc".repeat(16));
        }
        _ => {}
    }
    call
}

/// A server that carries one call at a time, 500 ms each: all 32 are open, and wait.
pub(crate) fn serialising() -> ToolsRun {
    let mut level = level(4, 8, downloads(4, 8, |index| 500.0 * float(index + 1)));
    level.upstream_peak_open = Some(1);
    run_of("serialising", vec![level], RULE)
}

/// The third agent's fifth file has another byte in it, and its right size.
pub(crate) fn corrupt() -> ToolsRun {
    let mut calls = four_by_eight();
    let call = &mut calls[20];
    call.sha256 = Some("ff".repeat(32));
    call.md5 = Some("ff".repeat(16));
    call.outcome = Some(CallOutcome::WrongBytes);
    let mut level = level(4, 8, calls);
    level.errors = vec![group(CallOutcome::WrongBytes, "SHA-256 is not the expected one", 1)];
    run_of("corrupt byte", vec![level], RULE)
}

/// The second agent's seventh call is called a success and leaves nothing.
pub(crate) fn missing() -> ToolsRun {
    let mut calls = four_by_eight();
    let call = &mut calls[14];
    (call.bytes, call.sha256, call.md5) = (None, None, None);
    call.outcome = Some(CallOutcome::MissingFile);
    let mut level = level(4, 8, calls);
    level.upstream_transfers = Some(31);
    level.errors = vec![group(CallOutcome::MissingFile, "no file in the folder", 1)];
    run_of("missing file", vec![level], RULE)
}

/// One call in a hundred gets no answer.
pub(crate) fn lost() -> ToolsRun {
    let mut calls = downloads(4, 25, |index| 1_500.0 + 20.0 * float(index));
    let call = &mut calls[41];
    (call.bytes, call.sha256, call.md5, call.name) = (None, None, None, None);
    call.end_ms = 60_000.0;
    call.outcome = Some(CallOutcome::Timeout);
    let mut level = level(4, 25, calls);
    level.errors = vec![group(CallOutcome::Timeout, "no answer within 60s", 1)];
    run_of("lost call", vec![level], RULE)
}

/// Ended by SIGINT after 1.7 s: sixteen of the downloads had ended, sixteen were cancelled.
pub(crate) fn interrupted() -> ToolsRun {
    let mut calls = four_by_eight();
    for call in calls.iter_mut().filter(|call| call.end_ms > 1_690.0) {
        call.end_ms = 1_700.0;
        call.outcome = None;
        (call.bytes, call.sha256, call.md5) = (None, None, None);
    }
    let mut run = run_of("interrupted", vec![level(4, 8, calls)], RULE);
    run.workload.ladder.push(Shape { agents: 16, calls_per_agent: 32 });
    run.interrupted = true;
    run
}

/// Somebody's server on another machine: nothing but the answers is known, and it is slow to
/// answer a probe.
pub(crate) fn remote() -> ToolsRun {
    let mut level = level(4, 8, four_by_eight());
    for call in &mut level.files {
        (call.name, call.bytes, call.sha256, call.md5) = (None, None, None, None);
    }
    let mut slow: Vec<f64> = (1..=40u32).map(|number| f64::from(number) * 10.0).collect();
    level.probe_ms = Summary::of(&mut slow);
    level.probes_failed = 2;
    for probe in level.probes.iter_mut().skip(38) {
        probe.took_ms = None;
    }
    level.correct = None;
    level.bytes_total = 0;
    level.bytes_per_s = 0.0;
    level.distinct_digests = 0;
    level.tools[0].bytes_total = 0;
    (level.upstream_peak_open, level.upstream_transfers) = (None, None);
    (level.sequential, level.speedup, level.floor) = (None, None, None);
    (level.target_usage, level.machine_other_cpu_s, level.verify_s) = (None, None, None);
    let mut run =
        run_of("somebody's server", vec![level], &["success >= 99%", "probe.p95 <= 100ms"]);
    run.target.embedded = false;
    run.target.local = false;
    run.target.url = "https://media.example.org/mcp".to_owned();
    run.target.process = None;
    run.workload.verification = None;
    run.workload.profile = None;
    run.workload.sequential_calls = 0;
    let options = ["--tool", "download_video", "--args", &run.workload.tools[0].arguments];
    run.command_line.extend(options.map(str::to_owned));
    let reached = ["--api-key-env", "MEDIA_KEY", "--timeout", "60s", &run.target.url];
    run.command_line.extend(reached.map(str::to_owned));
    run
}

/// The tester was in the way.
pub(crate) fn untrusted() -> ToolsRun {
    let mut level = level(4, 8, four_by_eight());
    level.trusted = false;
    level.trust_notes = vec!["the tester's own timers fired 84 ms late (p99)".to_owned()];
    run_of("busy tester", vec![level], RULE)
}

/// Ended before its first level did.
pub(crate) fn empty() -> ToolsRun {
    let mut run = run_of("empty", Vec::new(), RULE);
    run.workload.ladder = vec![Shape { agents: 4, calls_per_agent: 8 }];
    run.interrupted = true;
    run
}

/// A server and a user that try to break out of every format.
pub(crate) fn hostile() -> ToolsRun {
    let attack = "</script><script>alert(1)</script>\u{1b}[31m|`*_[x](http://evil.example)\"'\n--";
    let mut run = corrupt();
    run.name = attack.to_owned();
    run.target.server = Some(attack.to_owned());
    run.target.embedded = false;
    run.command_line.push(attack.to_owned());
    run.workload.tools[0].tool = attack.to_owned();
    run.workload.tools[0].arguments = attack.to_owned();
    let level = &mut run.levels[0];
    level.errors[0].detail = attack.to_owned();
    level.trust_notes = vec![attack.to_owned()];
    for call in &mut level.files[20..22] {
        call.tool = attack.to_owned();
        call.name = Some(attack.to_owned());
        call.sha256 = Some(attack.to_owned());
    }
    run
}

fn group(class: CallOutcome, detail: &str, count: u64) -> ErrorGroup<CallOutcome> {
    ErrorGroup { class, detail: detail.to_owned(), count }
}

/// All samples under the names of their snapshots.
pub(crate) fn all() -> Vec<(&'static str, ToolsRun)> {
    vec![
        ("tools_downloaded", downloaded()),
        ("tools_ladder", ladder()),
        ("tools_staged", staged()),
        ("tools_serialising", serialising()),
        ("tools_corrupt", corrupt()),
        ("tools_missing", missing()),
        ("tools_lost", lost()),
        ("tools_interrupted", interrupted()),
        ("tools_remote", remote()),
        ("tools_untrusted", untrusted()),
        ("tools_empty", empty()),
        ("tools_hostile", hostile()),
    ]
}
