//! Every fault of an upstream, as a client of the gateway sees it: nothing broken looks whole.

use integration_tests::Server;
use results::Outcome;

use super::{eventually, level, stat};

/// Streams of every check.
const USERS: u64 = 12;

const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/messages"];

/// In every dialect the fault must come out as this, and the upstream's work must end.
fn check(fault: &str, more: &[&str], expected: Outcome) {
    check_over(&["--http2"], &PATHS, fault, more, expected);
}

fn check_over(http: &[&str], paths: &[&str], fault: &str, more: &[&str], expected: Outcome) {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let gateway =
        Server::gateway([&["--upstream", simulator.url.as_str()], http].concat()).unwrap();
    for path in paths {
        let header = format!("x-weir-fault: {fault}");
        let more = [&["--header", header.as_str()], more].concat();
        let level = level(&gateway, path, USERS, &more);
        let place = format!("{fault} {path}: {:?}", level.errors);
        assert_eq!(level.outcomes.get(expected), USERS, "{place}");
        if expected == Outcome::Ok {
            assert_eq!(level.correct, Some(USERS), "{place}");
        } else {
            assert_eq!(level.complete, 0, "{place}");
        }
    }
    let open = || gateway.metric("weir_gateway_open_streams").unwrap();
    eventually("an end of all streams", || open() == 0.0);
    eventually("an end of the simulator's work", || stat(&simulator, "active") == 0);
}

#[test]
fn whole_answers_stay_whole_and_correct() {
    check("", &[], Outcome::Ok);
}

#[test]
fn a_cut_stream_ends_with_an_error_event() {
    check("cut@15", &[], Outcome::ErrorEvent);
}

#[test]
fn a_clean_end_without_the_terminal_event_is_an_error_event() {
    check("end@15", &[], Outcome::ErrorEvent);
}

#[test]
fn an_error_event_passes_unchanged() {
    check("error@15", &[], Outcome::ErrorEvent);
}

#[test]
fn a_malformed_event_is_neither_mended_nor_hidden() {
    check("malformed@15", &[], Outcome::Malformed);
}

#[test]
fn an_empty_answer_stays_empty() {
    check("empty", &[], Outcome::Empty);
}

#[test]
fn an_upstream_that_speaks_http_1_fails_alike() {
    let chat = &PATHS[..1];
    check_over(&[], chat, "", &[], Outcome::Ok);
    check_over(&[], chat, "cut@15", &[], Outcome::ErrorEvent);
    check_over(&[], chat, "stall@15=60s", &["--timeout-idle", "300ms"], Outcome::Timeout);
}

#[test]
fn statuses_pass_and_a_refused_connection_is_a_bad_gateway() {
    for fault in ["status=429;retry-after=60", "status=500", "refuse"] {
        check_over(&["--http2"], &PATHS[2..], fault, &[], Outcome::HttpError);
    }
}

#[test]
fn a_client_that_gives_up_ends_the_upstreams_work() {
    let messages = &PATHS[2..];
    let first = ["--timeout-first", "300ms"];
    check_over(&["--http2"], messages, "slow-headers=60s", &first, Outcome::Timeout);
    check_over(&["--http2"], messages, "slow-first=60s", &first, Outcome::Timeout);
    let idle = ["--timeout-idle", "300ms"];
    check_over(&["--http2"], messages, "stall@15=60s", &idle, Outcome::Timeout);
}
