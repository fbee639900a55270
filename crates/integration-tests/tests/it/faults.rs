//! The tester against a liar: every fault that the simulator can make must come out by its name,
//! in every dialect, for exactly as many streams as were broken.

use integration_tests::{Server, run_in, weir_in};
use results::{Level, Outcome};

/// Streams of every check.
const USERS: u64 = 12;

const DIALECTS: [(&str, &str); 3] = [
    ("openai-chat", "/v1/chat/completions"),
    ("openai-responses", "/v1/responses"),
    ("anthropic", "/v1/messages"),
];

/// Holds 12 streams of a fault open in one dialect and returns the level.
fn level_with(simulator: &Server, path: &str, fault: &str, more: &[&str]) -> Level {
    let folder = tempfile::tempdir().unwrap();
    let (url, header) = (format!("{}{path}", simulator.url), format!("x-weir-fault: {fault}"));
    let users = USERS.to_string();
    let mut arguments = vec!["stress", "streams", &url, "--ladder", &users, "--out", "out"];
    arguments.extend(["--header", &header, "--model", "any"]);
    arguments.extend(more);
    let output = weir_in(folder.path(), arguments).unwrap();
    let run = run_in(&folder.path().join("out"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let expected_code = if run.levels[0].outcomes.ok == USERS { 0 } else { 1 };
    if run.levels[0].trusted {
        assert_eq!(output.status.code(), Some(expected_code), "{fault}");
    }
    run.levels[0].clone()
}

/// Every dialect must report the fault as this outcome, for all streams.
fn check(fault: &str, more: &[&str], expected: Outcome) {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    for (api, path) in DIALECTS {
        let level = level_with(&simulator, path, fault, more);
        assert_eq!(level.outcomes.get(expected), USERS, "{api} {fault}: {:?}", level.errors);
        assert_eq!(level.outcomes.total(), USERS, "{api} {fault}: {:?}", level.outcomes);
        if expected != Outcome::Ok {
            assert_eq!(level.complete, 0, "{api} {fault}");
            assert!(!level.errors.is_empty(), "{api} {fault}: a failure has a reason");
        }
    }
}

#[test]
fn whole_streams_are_ok_and_correct() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    for (api, path) in DIALECTS {
        let level = level_with(&simulator, path, "", &[]);
        assert_eq!(level.outcomes.ok, USERS, "{api}: {:?}", level.errors);
        assert_eq!(level.correct, Some(USERS), "{api}");
    }
}

#[test]
fn a_connection_cut_mid_body_is_truncated() {
    check("cut@15", &[], Outcome::Truncated);
}

#[test]
fn a_clean_end_without_the_terminal_event_is_truncated() {
    check("end@15", &[], Outcome::Truncated);
}

#[test]
fn an_error_inside_the_stream_is_an_error_event() {
    check("error@15", &[], Outcome::ErrorEvent);
}

#[test]
fn broken_json_is_malformed() {
    check("malformed@15", &[], Outcome::Malformed);
}

#[test]
fn an_answer_without_content_is_empty() {
    check("empty", &[], Outcome::Empty);
}

#[test]
fn a_refused_connection_is_a_connect_error() {
    check("refuse", &[], Outcome::ConnectError);
}

#[test]
fn error_statuses_are_http_errors() {
    for fault in ["status=429;retry-after=1", "status=500", "status=529"] {
        check(fault, &[], Outcome::HttpError);
    }
}

#[test]
fn a_late_head_and_a_late_first_chunk_are_timeouts() {
    check("slow-headers=20s", &["--timeout-first", "300ms"], Outcome::Timeout);
    check("slow-first=20s", &["--timeout-first", "300ms"], Outcome::Timeout);
}

#[test]
fn a_stall_is_a_timeout_of_its_own_name() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let more = ["--timeout-idle", "300ms"];
    let level = level_with(&simulator, "/v1/chat/completions", "stall@15=20s", &more);
    assert_eq!(level.outcomes.timeout, USERS, "{:?}", level.errors);
    assert!(level.errors[0].detail.contains("idle"), "{:?}", level.errors);
}

#[test]
fn a_stall_within_the_deadline_is_counted_as_a_stall() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let more = ["--stall", "200ms"];
    let level = level_with(&simulator, "/v1/chat/completions", "stall@15=500ms", &more);
    assert_eq!((level.outcomes.ok, level.stalls), (USERS, USERS), "{:?}", level.errors);
}

#[test]
fn an_answer_below_the_minimum_is_short() {
    check("", &["--min-chunks", "10", "--max-tokens", "5"], Outcome::Short);
}

#[test]
fn a_share_of_broken_streams_is_reported_as_that_share() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("faults.toml");
    std::fs::write(&config, "[[faults]]\nfault = \"end@12\"\nprobability = 0.1\n").unwrap();
    let simulator = Server::simulator([
        "--profile".as_ref(),
        "instant".as_ref(),
        "--seed".as_ref(),
        "3".as_ref(),
        "--config".as_ref(),
        config.as_os_str(),
    ])
    .unwrap();
    let url = format!("{}/v1/chat/completions", simulator.url);
    let arguments = ["stress", "streams", &url, "--ladder", "400", "--out", "out", "--model", "m"];
    weir_in(folder.path(), arguments).unwrap();
    let level = run_in(&folder.path().join("out")).unwrap().levels[0].clone();
    assert_eq!(level.outcomes.ok + level.outcomes.truncated, 400, "{:?}", level.errors);
    assert!((20..=70).contains(&level.outcomes.truncated), "{:?}", level.outcomes);
    let share = level.complete_share().unwrap();
    assert!(level.complete == level.outcomes.ok && share < 0.96, "{share}");
}
