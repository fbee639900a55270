//! Whole runs against a server of known behaviour, over real sockets.

mod liar;

use std::rc::Rc;

use results::Outcome;
use tokio::sync::mpsc::{Receiver, channel};

use super::*;
use crate::error::ErrorKind;
use crate::event::EVENT_QUEUE;
use crate::level::worker::Client;
use crate::recorder::{Gauges, Recorder};
use liar::{CHUNKS, Decide, Fate, Liar, Pace};

const QUICK: Pace = Pace { first: Duration::from_millis(30), gap: Duration::from_millis(5) };

fn liar(decide: impl Fn(u64, u64) -> Fate + Send + Sync + 'static) -> Liar {
    let decide: Arc<Decide> = Arc::new(decide);
    Liar::start(QUICK, decide)
}

fn settings(url: &str, toml: &str) -> Settings {
    let mut settings =
        Settings::resolve(toml::from_str(toml).unwrap(), None, url.parse().unwrap()).unwrap();
    settings.minimum.bytes = 100;
    settings
}

async fn try_run(url: &str, toml: &str) -> (Result<Run, Error>, Receiver<RunEvent>) {
    let (sender, events) = channel(EVENT_QUEUE);
    let stop = CancellationToken::new();
    let settings = settings(url, toml);
    (run(settings, TargetProcesses::default(), sender, stop).await, events)
}

async fn run_against(liar: &Liar, toml: &str) -> Run {
    try_run(&liar.url(), toml).await.0.unwrap()
}

async fn check_refusal(fate: Fate, words: &[&str]) {
    let liar = liar(move |_, _| fate);
    let error = try_run(&liar.url(), "ladder = '5'").await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{error} should say {word:?}");
    }
}

#[tokio::test]
async fn whole_streams_are_counted_whole_and_timed_from_below() {
    let liar = liar(|_, _| Fate::Whole);
    let run = run_against(&liar, "ladder = '10,40'").await;
    assert_eq!(run.levels.iter().map(|level| level.users).collect::<Vec<_>>(), [10, 40]);
    for level in &run.levels {
        let users = level.users;
        assert_eq!((level.started, level.outcomes.ok, level.complete), (users, users, users));
        assert_eq!((level.correct, level.succeeded), (Some(users), users));
        assert_eq!((level.chunks, level.peak_open), (users * CHUNKS, users));
        assert_eq!(level.gap_ms.unwrap().count, users * (CHUNKS - 1));
        let (ttft, total) = (level.ttft_ms.unwrap(), level.total_ms.unwrap());
        assert!(ttft.p50 >= 30.0 && ttft.p50 < 1000.0, "{ttft:?}");
        assert!(total.p50 >= 30.0 + 19.0 * 5.0, "{total:?}");
        let chunks = level.chunks_per_stream.unwrap();
        assert_eq!((chunks.mean, chunks.p50, chunks.max), (20.0, 20.0, 20.0));
        let control = level.control.unwrap();
        assert!(control.ttft_error_ms.unwrap().count >= 4, "{control:?}");
        assert!(control.gap_error_ms.unwrap().count > 20, "{control:?}");
        assert!(level.tester_usage.lag_ms.unwrap().count > 0);
        assert_eq!(level.target_usage, None, "the server runs inside the test");
        assert!(!level.timeline.is_empty());
    }
    assert_eq!(run.target.server.as_deref(), Some("liar/1"));
    assert_eq!((run.target.http_version.as_str(), run.target.local), ("HTTP/1.1", true));
    assert!(!run.interrupted);
    assert_eq!(Run::from_json(&run.to_json()).unwrap(), run);
}

#[tokio::test]
async fn the_warm_up_leaves_a_stream_that_it_has_understood() {
    // The first answer stalls in its middle for ever; the run must not wait for its deadlines.
    let liar = liar(|number, _| if number == 0 { Fate::Stalled } else { Fate::Whole });
    let begin = Instant::now();
    let (run, mut events) = try_run(&liar.url(), "ladder = '5'").await;
    let took = begin.elapsed();
    assert!(took > crate::warm_up::READ_ON && took < Duration::from_secs(20), "{took:?}");
    assert_eq!(run.unwrap().levels[0].outcomes.ok, 5);
    let Some(RunEvent::WarmedUp { ttft, plan }) = events.recv().await else { panic!("no warm-up") };
    let plan = plan.unwrap();
    assert_eq!((ttft.is_some(), plan.streams, plan.takes), (true, Some(5), None));
}

#[tokio::test]
async fn a_server_that_drops_one_per_cent_is_reported_as_99_per_cent() {
    let liar = liar(|number, _| if number % 100 == 50 { Fate::Cut } else { Fate::Whole });
    let run = run_against(&liar, "ladder = '200'\nslo = 'complete >= 99.5%'").await;
    let level = &run.levels[0];
    assert_eq!((level.outcomes.ok, level.outcomes.truncated), (198, 2));
    assert_eq!(level.complete_share(), Some(0.99));
    assert!(!run.slo[0].passed);
}

#[tokio::test]
async fn every_fault_comes_out_by_its_name_and_number() {
    const FATES: [(Fate, Outcome); 12] = [
        (Fate::Whole, Outcome::Ok),
        (Fate::Cut, Outcome::Truncated),
        (Fate::NoTerminal, Outcome::Truncated),
        (Fate::ErrorEvent, Outcome::ErrorEvent),
        (Fate::Empty, Outcome::Empty),
        (Fate::Malformed, Outcome::Malformed),
        (Fate::WrongText, Outcome::WrongText),
        (Fate::Short, Outcome::Short),
        (Fate::Stalled, Outcome::Timeout),
        (Fate::Status(500), Outcome::HttpError),
        (Fate::Html, Outcome::HttpError),
        (Fate::Refused, Outcome::ConnectError),
    ];
    const EACH: u64 = 5;
    let liar = liar(|number, _| {
        let users = u64::try_from(FATES.len()).unwrap();
        // The first request is the warm-up's.
        if number == 0 { Fate::Whole } else { FATES[usize::try_from(number % users).unwrap()].0 }
    });
    let run = run_against(&liar, "ladder = '60'\ntimeout-idle = '400ms'").await;
    let level = &run.levels[0];
    for outcome in Outcome::ALL {
        let kinds = FATES.iter().filter(|(_, expected)| *expected == outcome).count();
        let expected = EACH * u64::try_from(kinds).unwrap();
        assert_eq!(level.outcomes.get(outcome), expected, "{outcome:?}: {:?}", level.errors);
    }
    assert_eq!((level.succeeded, level.complete), (4 * EACH, 2 * EACH));
    assert_eq!(level.errors.iter().map(|group| group.count).sum::<u64>(), 11 * EACH);
}

#[tokio::test]
async fn users_ask_again_and_think() {
    let liar = liar(|_, _| Fate::Whole);
    let toml = "ladder = '5'\nrequests-per-user = 3\nthink = '50ms'";
    let run = run_against(&liar, toml).await;
    let level = &run.levels[0];
    assert_eq!((level.started, level.outcomes.ok, level.peak_open), (15, 15, 5));
    // Connections are kept: each user opened one.
    assert_eq!(level.connect_ms.unwrap().count, 5);
    assert_eq!(run.workload.requests_per_user, 3);
}

#[tokio::test]
async fn a_spread_start_is_spread() {
    let liar = liar(|_, _| Fate::Whole);
    let run = run_against(&liar, "ladder = '20'\nstart = 'spread=400ms'").await;
    let spread_s = run.levels[0].start_spread_s;
    assert!((0.35..1.5).contains(&spread_s), "{spread_s}");
    assert_eq!(run.workload.start, "spread=400ms");
}

#[tokio::test]
async fn an_open_loop_sends_every_arrival_and_refuses_beyond_its_bound() {
    let liar = liar(|_, _| Fate::Whole);
    let run = run_against(&liar, "arrival = 'poisson=200/s'\nduration = '500ms'").await;
    let level = &run.levels[0];
    assert!((50..=160).contains(&level.started), "{}", level.started);
    assert_eq!((level.outcomes.ok, level.refused), (level.started, 0));
    assert_eq!((level.users, run.workload.duration_s), (level.peak_open, Some(0.5)));

    let toml = "arrival = 'poisson=200/s'\nduration = '500ms'\nmax-open = 3";
    let bounded = run_against(&liar, toml).await.levels.remove(0);
    assert_eq!(bounded.started + bounded.refused, level.started, "the same seed");
    assert!(bounded.refused > 0 && bounded.peak_open <= 4 && !bounded.trusted, "{bounded:?}");
}

#[tokio::test]
async fn a_capacity_search_finds_where_the_server_gives_up() {
    let liar = liar(|_, open| if open > 40 { Fate::Status(503) } else { Fate::Whole });
    let run = run_against(&liar, "find-capacity = '10..200'\nslo = 'complete >= 100%'").await;
    let users: Vec<u64> = run.levels.iter().map(|level| level.users).collect();
    assert!(users.starts_with(&[10, 20]), "{users:?}");
    let (passed, failed) = (run.capacity.passed, run.capacity.failed);
    for level in run.levels.iter().filter(|level| level.peak_open == level.users) {
        assert_eq!(level.outcomes.ok < level.users, level.users > 40, "{:?}", level.outcomes);
    }
    if run.levels.iter().all(|level| level.trusted) {
        assert!(passed <= Some(42) && failed > Some(38), "{passed:?}..{failed:?}");
    }
}

#[tokio::test]
async fn a_stopped_run_keeps_what_ended_and_counts_what_was_cut() {
    let pace = Pace { first: Duration::from_millis(10), gap: Duration::from_millis(100) };
    let liar = Liar::start(pace, Arc::new(|_, _| Fate::Whole));
    let (sender, mut events) = channel(EVENT_QUEUE);
    let stop = CancellationToken::new();
    let settings = settings(&liar.url(), "ladder = '8,8,8'");
    let running = run(settings, TargetProcesses::default(), sender, stop.clone());
    let stopping = async {
        let mut begun = false;
        while let Some(event) = events.recv().await {
            begun |= matches!(event, RunEvent::LevelStarted { index: 1, .. });
            if matches!(event, RunEvent::Progress(progress) if begun && progress.open == 8) {
                stop.cancel();
            }
        }
    };
    let (run, ()) = tokio::join!(running, stopping);
    let run = run.unwrap();
    assert!(run.interrupted);
    assert_eq!(run.levels.len(), 2);
    assert_eq!((run.levels[0].outcomes.ok, run.levels[0].interrupted), (8, 0));
    let cut = &run.levels[1];
    assert_eq!((cut.started, cut.interrupted, cut.outcomes.total()), (8, 8, 0));
    assert!(!cut.trusted && run.levels[0].trust_notes.iter().all(|note| !note.contains("stopped")));
}

#[tokio::test]
async fn a_run_stopped_before_its_first_level_has_nothing_to_write() {
    let liar = liar(|_, _| Fate::Stalled);
    let (sender, _events) = channel(EVENT_QUEUE);
    let stop = CancellationToken::new();
    let settings = settings(&liar.url(), "ladder = '8'");
    let running = run(settings, TargetProcesses::default(), sender, stop.clone());
    let stopping = async {
        sleep(Duration::from_millis(200)).await;
        stop.cancel();
    };
    let (run, ()) = tokio::join!(running, stopping);
    assert_eq!(run.unwrap_err().kind(), ErrorKind::Interrupted);
}

#[tokio::test]
async fn a_target_that_cannot_answer_is_told_before_the_load() {
    check_refusal(Fate::Html, &["text/html", "nothing was stressed"]).await;
    check_refusal(Fate::Status(401), &["401", "--api-key-env"]).await;
    check_refusal(Fate::Status(404), &["404", "--model"]).await;
}

#[tokio::test]
async fn an_overloaded_target_is_measured_and_not_refused() {
    let liar = liar(|_, _| Fate::Status(429));
    let run = run_against(&liar, "ladder = '5'").await;
    assert_eq!(run.levels[0].outcomes.http_error, 5);
    assert_eq!((run.levels[0].ttft_ms, run.levels[0].fairness), (None, None));
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = try_run(&format!("http://{address}/"), "ladder = '5'").await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("refused"), "{error}");
    let error = try_run("http://no-such-host.invalid/", "").await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

#[tokio::test]
async fn more_users_than_files_is_told_before_anything() {
    let error = try_run("http://127.0.0.1:9/", "ladder = '1000000'").await.0.unwrap_err();
    assert!(matches!(error, Error::OpenFiles { users: 1_000_000, .. }), "{error}");
}

#[tokio::test]
async fn a_live_view_hears_of_every_level_in_order() {
    let liar = liar(|_, _| Fate::Whole);
    let (run, mut events) = try_run(&liar.url(), "ladder = '3,6'").await;
    run.unwrap();
    let mut told = Vec::new();
    while let Some(event) = events.recv().await {
        match event {
            RunEvent::WarmedUp { ttft, .. } => told.push(format!("warm {}", ttft.is_some())),
            RunEvent::LevelStarted { index, of, users, expected } => {
                told.push(format!("start {index} {of:?} {users} {}", expected.is_some()));
            }
            RunEvent::LevelFinished(level) => told.push(format!("end {}", level.outcomes.ok)),
            RunEvent::Progress(_) => {}
        }
    }
    assert_eq!(
        told,
        ["warm true", "start 0 Some(2) 3 true", "end 3", "start 1 Some(2) 6 true", "end 6"]
    );
}

/// A waiting user costs its future, a socket and little else: 3,000 of them must stay small.
#[tokio::test]
async fn the_future_of_a_user_is_below_four_kilobytes() {
    let settings = settings("http://127.0.0.1:9/v1/chat/completions", "");
    let target = Target {
        host: "127.0.0.1".to_owned(),
        addresses: vec!["127.0.0.1:9".parse().unwrap()],
        sources: Vec::new(),
        security: Security::Plain,
    };
    let control = ControlServer::start(Script::like(None, None, 0)).unwrap();
    let requests = requests(&settings).unwrap();
    let gear = Arc::new(gear(&settings, target.clone(), requests, &control));
    let connector = crate::client::Connector::new(&target).unwrap();
    let carrier = Rc::new(Client { connector, gear });
    let recorder =
        Rc::new(Recorder::new(Arc::new(Gauges::new(1)), 0, settings.stall, settings.ideal));
    let plan = crate::user::ClosedLoop {
        users: 1,
        start: crate::arrival::Start::Burst,
        repeat: crate::settings::Repeat::Times(1),
        think: Duration::ZERO,
        first_request: 0,
        begin: Instant::now(),
    };
    let user = crate::user::user(plan, 0, carrier, recorder);
    assert!(size_of_val(&user) < 4096, "{} bytes", size_of_val(&user));
}
