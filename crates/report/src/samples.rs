//! Runs as the tester would write them, for tests: made by formula, the same every time.

use std::time::Duration;

use results::level::{
    ErrorGroup, Outcome, Outcomes, ProcessUsage, Role, TesterUsage, TimelinePoint,
};
use results::units::float;
use results::{
    AnyRun, Capacity, Control, Ideal, LatencyHistogram, Level, Machine, Run, RunKind, Slo, Summary,
    Target, Tester, Workload,
};

/// How one level went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    pub(crate) users: u64,
    /// What TTFT's median takes beyond the ideal 1100 ms.
    pub(crate) late_ms: f64,
    /// What a gap takes beyond the ideal 140 ms, on average.
    pub(crate) gap_late_ms: f64,
    /// Cores that the target keeps busy.
    pub(crate) cores: f64,
}

/// Samples of a waiting time: never below `floor`, `mean_late` more on average, with a tail.
fn waits(count: u64, floor_ms: f64, mean_late_ms: f64) -> LatencyHistogram {
    let mut histogram = LatencyHistogram::default();
    for index in 0..count {
        let share = (float(index) + 0.5) / float(count);
        let late = mean_late_ms * -(1.0 - share).ln();
        histogram.record(Duration::from_secs_f64((floor_ms + late) / 1000.0));
    }
    histogram
}

fn constant(count: u64, value: f64) -> Option<Summary> {
    let mut values = vec![value; usize::try_from(count.min(10_000)).unwrap()];
    Summary::of(&mut values)
}

/// A trusted level whose streams all ended whole: 40 events each.
pub(crate) fn level(course: Course) -> Level {
    let Course { users, late_ms, gap_late_ms, cores } = course;
    let events = users * 40;
    let ttft = waits(users, 1100.0, late_ms);
    let gaps = waits((events - users).min(5_000), 140.0 - gap_late_ms.min(1.0) / 2.0, gap_late_ms);
    let total = waits(users, 6560.0, late_ms + gap_late_ms * 39.0);
    let total_ms = total.summary_ms().unwrap();
    let duration_s = 6.7 + (late_ms * 4.0 + gap_late_ms * 39.0) / 1000.0;
    let scale = |value: f64| value / 6560.0;
    let stretch = Summary {
        count: users,
        mean: scale(total_ms.mean),
        p50: scale(total_ms.p50),
        p90: scale(total_ms.p90),
        p95: scale(total_ms.p95),
        p99: scale(total_ms.p99),
        max: scale(total_ms.max),
    };
    Level {
        users,
        started: users,
        succeeded: users,
        complete: users,
        correct: Some(users),
        outcomes: Outcomes { ok: users, ..Outcomes::default() },
        errors: Vec::new(),
        interrupted: 0,
        refused: 0,
        peak_open: users,
        duration_s,
        start_spread_s: 0.02,
        connect_ms: waits(users, 0.1, late_ms / 3.0).summary_ms(),
        ttfb_ms: waits(users, 0.3, late_ms / 2.0).summary_ms(),
        ttft_ms: ttft.summary_ms(),
        gap_ms: gaps.summary_ms(),
        total_ms: total.summary_ms(),
        stretch: Some(stretch),
        refusal_ms: None,
        stalls: 0,
        chunks_per_stream: constant(users, 40.0),
        bytes_per_stream: constant(users, 9_412.0),
        chars_per_stream: constant(users, 308.0),
        fairness: Some(0.999_7),
        chunks: events,
        bytes: users * 9_412,
        chunks_per_s: float(events) / duration_s,
        bytes_per_s: float(users * 9_412) / duration_s,
        gap_buckets: gaps.buckets_ms(),
        ttft_buckets: ttft.buckets_ms(),
        timeline: timeline(users, duration_s),
        target_usage: Some(vec![ProcessUsage {
            process: "weir simulate".to_owned(),
            role: Role::Target,
            pid: 4711,
            cpu_s: cores * duration_s,
            cpu_us_per_chunk: Some(cores * duration_s * 1e6 / float(events)),
            peak_rss_bytes: 6_291_456 + users * 5_800,
            idle_rss_bytes: 6_291_456,
            peak_fds: users + 20,
        }]),
        simulator: None,
        tester_usage: TesterUsage {
            cpu_s: cores * duration_s * 0.6,
            busiest_worker: (cores * 0.35).min(1.0),
            peak_rss_bytes: 9_437_184 + users * 4_900,
            lag_ms: waits(500, 0.05, 0.2).summary_ms(),
        },
        control: Some(control(200)),
        machine_other_cpu_s: Some(0.4),
        machine_busy: Some((cores * 0.8 + 0.03).min(1.0)),
        trusted: true,
        trust_notes: Vec::new(),
    }
}

fn timeline(users: u64, duration_s: f64) -> Vec<TimelinePoint> {
    (1u32..=100)
        .map(|step| {
            let t_s = duration_s * f64::from(step) / 100.0;
            let running = t_s > 1.1 && t_s < 6.6;
            let wobble = f64::from(step % 7) / 100.0;
            TimelinePoint {
                t_s,
                open: if t_s < 6.56 { users } else { users / 5 },
                chunks_per_s: if running { float(users) * (7.0 + wobble) } else { 0.0 },
                ended: if t_s < 6.56 { 0 } else { users - users / 5 },
            }
        })
        .collect()
}

fn control(count: u64) -> Control {
    Control {
        ttft_error_ms: waits(count, 0.05, 0.15).summary_ms(),
        gap_error_ms: waits(count * 39, 0.01, 0.08).summary_ms(),
    }
}

/// A run of these levels, judged by these predicates.
pub(crate) fn run_of(levels: Vec<Level>, predicates: &[&str]) -> Run {
    let slos: Vec<Slo> = predicates.iter().map(|text| text.parse().unwrap()).collect();
    Run {
        format: results::run::FORMAT.to_owned(),
        id: "20260206T144000Z-5eed".to_owned(),
        name: "quick".to_owned(),
        weir_version: "0.1.0".to_owned(),
        kind: RunKind::Streams,
        started_at: "2026-02-06T14:40:00Z".parse().unwrap(),
        duration_s: levels.iter().map(|level| level.duration_s).sum(),
        command_line: ["weir", "stress", "streams"].map(str::to_owned).to_vec(),
        target: Target {
            url: "http://127.0.0.1:43211/v1/chat/completions".to_owned(),
            api: "openai-chat".to_owned(),
            embedded: true,
            server: Some("weir-simulator/0.1.0".to_owned()),
            process: Some("weir simulate".to_owned()),
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
        workload: workload(levels.iter().map(|level| level.users).collect()),
        tester: Tester { control: control(800), workers: 2, batch_ms: 1.0 },
        slo: slos.iter().map(|slo| slo.judge(&levels)).collect(),
        capacity: Capacity::of(&levels, &slos),
        levels,
        interrupted: false,
    }
}

fn workload(ladder: Vec<u64>) -> Workload {
    Workload {
        scenario: "quick".to_owned(),
        ladder,
        start: "burst".to_owned(),
        arrival: None,
        duration_s: None,
        requests_per_user: 1,
        think_ms: 0.0,
        model: Some("claude-sonnet-4".to_owned()),
        max_tokens: None,
        prompt: "default".to_owned(),
        min_chunks: 10,
        min_bytes: 1_000,
        timeout_first_ms: 30_000.0,
        timeout_idle_ms: 30_000.0,
        timeout_total_ms: None,
        stall_ms: 1_000.0,
        seed: 42,
        profile: Some("quick".to_owned()),
        ideal: Some(Ideal { first_ms: 1_100.0, gap_ms: 140.0 }),
        server_cost_per_month: None,
        plan_users: None,
    }
}

/// Four levels with growing TTFT; everything whole.
pub(crate) fn quick() -> Run {
    let courses = [(100, 4.0, 0.4, 0.08), (500, 9.0, 0.6, 0.21), (1_000, 16.0, 0.9, 0.38)];
    let mut levels: Vec<Level> = courses
        .map(|(users, late_ms, gap_late_ms, cores)| {
            level(Course { users, late_ms, gap_late_ms, cores })
        })
        .to_vec();
    levels.push(level(Course { users: 3_000, late_ms: 240.0, gap_late_ms: 6.0, cores: 0.97 }));
    levels[3].stalls = 3;
    levels[3].fairness = Some(0.987);
    run_of(levels, &["complete >= 99.5%", "ttft.p95 <= 2.5s"])
}

/// The thirteen levels of the document, planned for 6000 users at a price.
pub(crate) fn ladder() -> Run {
    let users = [100, 250, 500, 750, 1_000, 1_250, 1_500, 1_750, 2_000, 2_250, 2_500, 2_750, 3_000];
    let levels = users
        .map(|users| {
            let load = float(users) / 1_000.0;
            level(Course {
                users,
                late_ms: 60.0 * load * load,
                gap_late_ms: load,
                cores: (0.4 * load).min(1.2),
            })
        })
        .to_vec();
    let mut run = run_of(levels, &["complete >= 99.5%", "ttft.p95 <= 2s", "stretch.p95 <= 1.5"]);
    run.name = "ladder".to_owned();
    run.workload.scenario = "ladder".to_owned();
    run.workload.profile = Some("claude-sonnet-4".to_owned());
    run.workload.plan_users = Some(6_000);
    run.workload.server_cost_per_month = Some(80.0);
    run
}

/// Every class of failure, against a server on another machine.
pub(crate) fn failures() -> Run {
    let mut run = quick();
    let level = &mut run.levels[3];
    let classes = Outcome::ALL.into_iter().skip(1).zip([40, 31, 7, 5, 2, 11, 64, 23, 12]);
    for (class, count) in classes {
        for _ in 0..count {
            level.outcomes.count(class);
            level.outcomes.ok -= 1;
        }
        level.errors.push(ErrorGroup {
            class,
            detail: match class {
                Outcome::HttpError => "HTTP 429".to_owned(),
                Outcome::Timeout => "no chunk within 30s (idle)".to_owned(),
                Outcome::ConnectError => "connection refused".to_owned(),
                other => format!("stream was {}", other.name()),
            },
            count,
        });
    }
    level.errors.sort_by_key(|group| std::cmp::Reverse(group.count));
    level.complete = level.outcomes.ok;
    level.succeeded = level.outcomes.ok + level.outcomes.short;
    level.correct = None;
    level.fairness = Some(0.91);
    level.stalls = 812;
    for level in &mut run.levels {
        level.target_usage = None;
        level.correct = None;
        level.stretch = None;
    }
    run.target.embedded = false;
    run.target.local = false;
    run.target.url = "https://llm.example.org/v1/chat/completions".to_owned();
    run.target.server = Some("uvicorn".to_owned());
    run.target.process = None;
    run.workload.profile = None;
    run.workload.ideal = None;
    run.name = "every failure".to_owned();
    rejudged(run, &["complete >= 99.5%", "ttft.p95 <= 2.5s"])
}

/// The two highest levels are not trusted.
pub(crate) fn untrusted() -> Run {
    let mut run = quick();
    for level in &mut run.levels[2..] {
        level.trusted = false;
        level.trust_notes = vec!["the tester's own timers fired 84 ms late (p99)".to_owned()];
    }
    run.levels[1].trust_notes = vec!["12 % of the CPU was used by other processes".to_owned()];
    run.name = "busy tester".to_owned();
    rejudged(run, &["complete >= 99.5%"])
}

/// One level with too few streams for percentiles.
pub(crate) fn few_samples() -> Run {
    let level = level(Course { users: 8, late_ms: 3.0, gap_late_ms: 0.3, cores: 0.01 });
    let mut run = run_of(vec![level], &["complete >= 99.5%"]);
    run.name = "eight users".to_owned();
    run
}

/// Ended by SIGINT within its second level.
pub(crate) fn interrupted() -> Run {
    let mut run = quick();
    run.levels.truncate(2);
    let level = &mut run.levels[1];
    level.interrupted = 180;
    level.outcomes.ok = 320;
    level.succeeded = 320;
    level.complete = 320;
    level.correct = Some(320);
    run.interrupted = true;
    run.name = "interrupted".to_owned();
    rejudged(run, &["complete >= 99.5%"])
}

/// Ended before its first level did.
pub(crate) fn empty() -> Run {
    let mut run = run_of(Vec::new(), &["complete >= 99.5%"]);
    run.workload.ladder = vec![100, 500];
    run.interrupted = true;
    run.name = "empty".to_owned();
    run
}

/// A server and a user that try to break out of every format.
pub(crate) fn hostile() -> Run {
    let attack = "</script><script>alert(1)</script>\u{1b}[31m|`*_[x](http://evil.example)\"'\n--";
    let mut run = failures();
    run.name = attack.to_owned();
    run.target.server = Some(attack.to_owned());
    run.target.process = Some(attack.to_owned());
    run.machine.cpu = attack.to_owned();
    run.workload.model = Some(attack.to_owned());
    run.command_line.push(attack.to_owned());
    run.levels[3].errors[0].detail = attack.to_owned();
    run.levels[2].trusted = false;
    run.levels[2].trust_notes = vec![attack.to_owned()];
    rejudged(run, &["complete >= 99.5%"])
}

/// Trusted levels with these TTFT values for every statistic, 200 samples each.
pub(crate) fn run_with_ttft(points: &[(u64, f64)]) -> Run {
    let levels = points
        .iter()
        .map(|&(users, ttft)| {
            let mut level = level(Course { users, late_ms: 1.0, gap_late_ms: 0.1, cores: 0.1 });
            level.ttft_ms = constant(200, ttft);
            level
        })
        .collect();
    run_of(levels, &["complete >= 99.5%"])
}

/// All samples under the names of their snapshots.
pub(crate) fn all() -> Vec<(&'static str, Run)> {
    vec![
        ("quick", quick()),
        ("ladder", ladder()),
        ("failures", failures()),
        ("untrusted", untrusted()),
        ("few_samples", few_samples()),
        ("interrupted", interrupted()),
        ("empty", empty()),
        ("hostile", hostile()),
    ]
}

/// The samples of both kinds of load.
pub(crate) fn any() -> Vec<(&'static str, AnyRun)> {
    let streams = all().into_iter().map(|(name, run)| (name, run.into()));
    let tools = crate::tools::samples::all().into_iter().map(|(name, run)| (name, run.into()));
    streams.chain(tools).collect()
}

fn rejudged(mut run: Run, predicates: &[&str]) -> Run {
    let slos: Vec<Slo> = predicates.iter().map(|text| text.parse().unwrap()).collect();
    run.slo = slos.iter().map(|slo| slo.judge(&run.levels)).collect();
    run.capacity = Capacity::of(&run.levels, &slos);
    run
}
