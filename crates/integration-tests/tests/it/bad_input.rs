//! Bad input gets one clear message, the right exit code, and nothing half-written.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use integration_tests::weir_in;

/// `weir` with these arguments must end with this code, say all of these words on stderr in few
/// lines, print nothing on stdout and leave the folder as it was.
fn check_in(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let before = fs::read_dir(folder).unwrap().count();
    let output = weir_in(folder, arguments).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{arguments:?} must say {word:?}: {stderr}");
    }
    assert!(output.stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    assert!(stderr.lines().count() <= 12, "{arguments:?}: {stderr}");
    assert!(!stderr.lines().any(repeats), "{arguments:?} says something twice: {stderr}");
    assert_eq!(fs::read_dir(folder).unwrap().count(), before, "{arguments:?} left files");
}

/// Whether an error is followed by a cause that it has told already.
fn repeats(line: &str) -> bool {
    line.match_indices(": ").any(|(at, _)| line[..at].ends_with(&line[at..]))
}

fn check(arguments: &[&str], code: i32, words: &[&str]) {
    check_in(tempfile::tempdir().unwrap().path(), arguments, code, words);
}

#[test]
fn unknown_flags_and_commands_are_usage() {
    check(&["stress", "streams", "--ledder", "5"], 2, &["--ledder", "--ladder"]);
    check(&["stres"], 2, &["stres"]);
}

#[test]
fn unknown_names_list_the_known_ones() {
    check(&["simulate", "--profile", "gpt-9"], 2, &["gpt-9", "claude-sonnet-4", "quick"]);
    check(&["stress", "streams", "--scenario", "quik"], 2, &["quik", "quick", "ladder"]);
    check(&["stress", "streams", "--profile", "gpt-9"], 2, &["gpt-9", "claude-sonnet-4"]);
}

#[test]
fn nonsense_values_are_usage_and_say_what_is_allowed() {
    let url = "http://127.0.0.1:9/v1/chat/completions";
    for (flag, value, word) in [
        ("--ladder", "0", "0"),
        ("--ladder", "abc", "abc"),
        ("--slo", "ttft <= 1s", "ttft.p95"),
        ("--start", "later", "burst"),
        ("--timeout-idle", "5", "250ms"),
        ("--min-bytes", "lots", "64KiB"),
        ("--header", "novalue", "Name: value"),
        ("--api", "soap", "openai-chat"),
        ("--find-capacity", "10", "MIN..MAX"),
    ] {
        check(&["stress", "streams", url, flag, value], 2, &[flag, word]);
    }
}

#[test]
fn an_address_in_use_names_who_uses_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check(&["simulate", "--listen", &address], 3, &[&address, "in use"]);
    let upstream = ["--upstream", "http://127.0.0.1:9"];
    check(&[&["serve", "--listen", &address], &upstream[..]].concat(), 3, &[&address, "in use"]);
}

#[test]
fn malformed_toml_is_shown_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.toml"), "ladder = [100\nusers = \n").unwrap();
    check_in(
        folder.path(),
        &["stress", "streams", "--scenario", "bad.toml"],
        3,
        &["bad.toml", "line", "|"],
    );
    check_in(folder.path(), &["simulate", "--profile", "bad.toml"], 3, &["bad.toml", "line", "|"]);
    check_in(folder.path(), &["simulate", "--config", "bad.toml"], 3, &["bad.toml", "line", "|"]);
}

#[test]
fn an_out_that_cannot_be_written_is_found_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("taken"), "precious").unwrap();
    check_in(folder.path(), &["stress", "streams", "--out", "taken"], 3, &["taken", "file"]);
    assert_eq!(fs::read_to_string(folder.path().join("taken")).unwrap(), "precious");
}

#[test]
fn an_unreachable_target_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
    drop(listener);
    check(&["stress", "streams", &url, "--ladder", "5"], 4, &["refused"]);
    check(
        &["stress", "streams", "http://no-such-host.invalid/v1/messages"],
        4,
        &["no-such-host.invalid"],
    );
    check(&["stress", "streams", "ftp://127.0.0.1/x"], 2, &["ftp"]);
}

#[test]
fn a_target_without_tls_is_told_apart_from_one_that_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/v1/chat/completions", listener.local_addr().unwrap());
    let server = answer_all(listener, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    check(&["stress", "streams", &url, "--ladder", "5"], 4, &["TLS"]);
    drop(server);
}

#[test]
fn a_target_that_answers_html_is_told_before_the_load() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/chat/completions", listener.local_addr().unwrap());
    let body = "<html><body>It works!</body></html>";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let server = answer_all(listener, &answer);
    check(&["stress", "streams", &url, "--ladder", "5"], 4, &["text/html"]);
    drop(server);
}

#[test]
fn a_run_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), "{\"format\": \"weir.run/9\"}").unwrap();
    fs::write(folder.path().join("b.json"), "{").unwrap();
    check_in(folder.path(), &["report", "a.json"], 3, &["a.json", "weir.run/9"]);
    check_in(folder.path(), &["report", "b.json"], 3, &["b.json"]);
    check_in(folder.path(), &["report", "c.json"], 3, &["c.json"]);
}

/// Answers every connection with the same bytes, on a thread that ends with the process.
fn answer_all(listener: TcpListener, answer: &str) -> std::thread::JoinHandle<()> {
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { break };
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(answer.as_bytes());
        }
    })
}
