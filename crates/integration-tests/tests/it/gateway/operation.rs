//! Running the gateway: starting, changing, failing over, ending.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use integration_tests::{Server, repository, weir_binary, weir_in};

use super::{eventually, level, stat};

fn toml(folder: &Path, text: &str) -> String {
    let file = folder.join("weir.toml");
    fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn upstream(name: &str, server: &Server) -> String {
    format!("[[upstream]]\nname = \"{name}\"\nurl = \"{}\"\nhttp2 = true\n", server.url)
}

/// Answers of ten seconds that begin soon.
const SLOW: &str = r#"
description = "Ten seconds"
ttft = { distribution = "constant", value = "300ms" }
gap = { distribution = "constant", value = "200ms" }
events = { distribution = "constant", value = 50 }
chars_per_event = { distribution = "constant", value = 6 }
"#;

#[test]
fn a_log_that_cannot_be_written_ends_nobody() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let arguments = ["serve", "-vv", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:9"];
    let gateway = Server::start(Command::new(weir_binary()).args(arguments).stderr(full)).unwrap();
    let level = level(&gateway, "/v1/messages", 20, &[]);
    // Nobody is behind it, and every failed try is logged.
    assert_eq!(level.outcomes.http_error, 20, "{:?}", level.errors);
    assert_eq!(gateway.get("/healthz").unwrap().0, 200);
}

#[test]
fn a_killed_upstream_costs_its_streams_an_error_event_and_nobody_else_anything() {
    // Of every dialect; together 500.
    const USERS: [(&str, u64); 3] =
        [("/v1/messages", 200), ("/v1/chat/completions", 150), ("/v1/responses", 150)];
    let folder = tempfile::tempdir().unwrap();
    // Each tester warms up at its own pace: answers of ten seconds are all open at once whatever
    // the seconds between their starts.
    let slow = folder.path().join("slow.toml");
    std::fs::write(&slow, SLOW).unwrap();
    let dying = Server::simulator(["--profile", slow.to_str().unwrap()]).unwrap();
    let other = Server::simulator(["--profile", "instant"]).unwrap();
    let routes = "[[route]]\nmodel = \"*\"\nupstreams = [\"dying\"]\nfallback = [\"other\"]\n";
    let text = [routes, &upstream("dying", &dying), &upstream("other", &other)].concat();
    let gateway = Server::gateway(["--config", &toml(folder.path(), &text)]).unwrap();
    let cut = std::thread::scope(|scope| {
        let gateway = &gateway;
        let users = USERS
            .map(|(path, users)| (users, scope.spawn(move || level(gateway, path, users, &[]))));
        eventually("all streams open", || stat(&dying, "active") == 500);
        // Once its first event has been passed on, none can be moved away any more. Each tester's
        // warm-up had one, too, whether it was read to its end or left.
        let first_events = (500 + USERS.len()) as f64;
        eventually("all first events", || {
            let name = "weir_gateway_time_to_first_token_seconds_count";
            gateway.metric(name).unwrap() == first_events
        });
        dying.signal("KILL").unwrap();
        let new = level(gateway, "/v1/messages", 20, &[]);
        assert_eq!(new.outcomes.ok, 20, "{:?}", new.errors);
        assert_eq!(gateway.get("/readyz").unwrap().0, 200);
        let waited = Duration::from_secs_f64(new.ttft_ms.unwrap().max / 1000.0);
        assert!(waited < Duration::from_secs(1), "{waited:?}");
        users.map(|(users, level)| (users, level.join().unwrap()))
    });
    for (users, level) in cut {
        // The tester reads each dialect's own error event, and takes nothing else for one.
        let outcomes = level.outcomes;
        assert_eq!(outcomes.error_event, users, "{outcomes:?} {:?}", level.errors);
    }
}

#[test]
fn sigterm_lets_streams_finish_and_ends_with_zero() {
    let simulator = Server::simulator(["--profile", "quick"]).unwrap();
    let mut gateway = Server::gateway(["--upstream", &simulator.url]).unwrap();
    let finished = std::thread::scope(|scope| {
        let users = scope.spawn(|| level(&gateway, "/v1/chat/completions", 20, &[]));
        eventually("all streams open", || stat(&simulator, "active") == 20);
        gateway.signal("TERM").unwrap();
        eventually("failing readiness", || {
            gateway.get("/readyz").is_ok_and(|(status, _)| status == 503)
        });
        users.join().unwrap()
    });
    assert_eq!(finished.correct, Some(20), "{:?}", finished.errors);
    assert_eq!(gateway.wait().unwrap().code(), Some(0));
}

#[test]
fn a_changed_file_is_loaded_and_a_bad_one_is_not() {
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let good = upstream("a", &simulator);
    let file = toml(folder.path(), &good);
    let gateway = Server::gateway(["--config", &file]).unwrap();
    let reloads = |result: &str| {
        let name = format!("weir_gateway_config_reloads_total{{result=\"{result}\"}}");
        gateway.metric(&name).unwrap()
    };
    toml(folder.path(), &format!("{good}nonsense = 1\n"));
    gateway.signal("HUP").unwrap();
    eventually("a refused reload", || reloads("refused") > 0.0);
    assert_eq!(level(&gateway, "/v1/responses", 1, &[]).outcomes.ok, 1);
    let limited = format!("[limits]\nopen_streams = 7\n{good}");
    toml(folder.path(), &limited);
    // Without a signal.
    eventually("a reload", || gateway.metric("weir_gateway_open_streams_limit").unwrap() == 7.0);
}

#[test]
fn over_the_cap_the_others_are_refused_and_those_inside_notice_nothing() {
    let simulator = Server::simulator(["--profile", "quick"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!("[limits]\nopen_streams = 50\n{}", upstream("a", &simulator));
    let gateway = Server::gateway(["--config", &toml(folder.path(), &text)]).unwrap();
    let level = level(&gateway, "/v1/chat/completions", 150, &[]);
    assert_eq!((level.outcomes.ok, level.outcomes.http_error), (50, 100), "{:?}", level.errors);
    assert_eq!(stat(&simulator, "peak_active"), 50, "no upstream work for who is refused");
    // The bound of the requirement is 1.05; the rest is this test's busy machine.
    assert!(level.stretch.unwrap().p95 < 1.2, "{:?}", level.stretch);
}

#[test]
fn a_new_key_opens_the_gateway_and_stands_in_no_log() {
    let made =
        Command::new(weir_binary()).args(["key", "new", "--name", "alice"]).output().unwrap();
    let (table, talk) =
        (String::from_utf8(made.stdout).unwrap(), String::from_utf8(made.stderr).unwrap());
    let key = talk.trim().rsplit(' ').next().unwrap();
    assert!(key.starts_with("weir-") && !table.contains(key), "{talk}{table}");
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("usage.jsonl");
    let text =
        format!("[log]\nusage = \"{}\"\n{}{table}", log.display(), upstream("a", &simulator));
    let mut gateway = Server::gateway(["--config", &toml(folder.path(), &text)]).unwrap();
    let url = format!("{}/v1/messages", gateway.url);
    let refused = weir_in(folder.path(), ["stress", "streams", &url, "--ladder", "2"]).unwrap();
    assert_eq!(refused.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("HTTP 401"), "{refused:?}");
    let authorization = format!("authorization: Bearer {key}");
    let level =
        level(&gateway, "/v1/messages", 3, &["--header", &authorization, "--prompt", "a secret"]);
    assert_eq!(level.outcomes.ok, 3, "{:?}", level.errors);
    gateway.signal("TERM").unwrap();
    assert!(gateway.wait().unwrap().success());
    let log = fs::read_to_string(log).unwrap();
    // The tester's first stream, with which it looks at its target, and three users.
    assert_eq!(log.lines().count(), 4, "{log}");
    assert!(!log.contains(key) && !log.contains("a secret"), "{log}");
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["key"], &line["outcome"]), (&"alice".into(), &"complete".into()));
        assert!(line["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{line}");
    }
}

#[test]
fn a_bad_configuration_is_told_before_a_port_is_bound() {
    let folder = tempfile::tempdir().unwrap();
    let file = toml(folder.path(), "[[upstream]]\nname = \"a\"\nurl = \"nowhere\"\n");
    for more in [&["--check"][..], &[]] {
        let output =
            weir_in(folder.path(), [&["serve", "--config", file.as_str()], more].concat()).unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(output.stdout.is_empty());
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            message.contains("weir.toml:3:7: upstream.url:") && message.contains("^^^"),
            "{message}"
        );
    }
    assert_eq!(
        weir_in(folder.path(), ["serve", "--config", "none.toml"]).unwrap().status.code(),
        Some(3)
    );
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(weir_in(empty.path(), ["serve"]).unwrap().status.code(), Some(2));
}

#[test]
fn every_example_is_valid_and_one_runs() {
    let folder = repository().join("examples/gateway");
    let mut examples = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let output = Command::new(weir_binary())
            .args(["serve", "--check", "--config"])
            .arg(&file)
            .env("OPENAI_API_KEY", "set")
            .env("ANTHROPIC_API_KEY", "set")
            .output()
            .unwrap();
        assert!(output.status.success(), "{file:?}: {}", String::from_utf8_lossy(&output.stderr));
        examples += 1;
    }
    assert!(examples >= 3, "{examples}");
    let simulator = Server::simulator(["--profile", "instant"]).unwrap();
    let text = fs::read_to_string(folder.join("simulator.toml")).unwrap();
    let here = text.replace("http://127.0.0.1:8100", &simulator.url);
    assert_ne!(here, text);
    let temporary = tempfile::tempdir().unwrap();
    let gateway = Server::gateway(["--config", &toml(temporary.path(), &here)]).unwrap();
    assert_eq!(level(&gateway, "/v1/chat/completions", 5, &[]).outcomes.ok, 5);
}
