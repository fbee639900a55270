//! Every fault in every dialect, streamed and not.

use std::fmt::Write as _;

use super::{DIALECTS, SHORT, whole};
use crate::testing::{Stage, on_stage, post};

const FAULTS: [&str; 18] = [
    "none",
    "status=429;retry-after=7",
    "status=529",
    "refuse",
    "slow-headers=1s",
    "slow-first=1s",
    "stall@0=1s",
    "stall@2=1s;stall@1=1s",
    "cut@0",
    "cut@2",
    "cut@3",
    "end@2",
    "error@2",
    "malformed@0",
    "malformed@2",
    "empty",
    "cut@99",
    "stall@1=1s;error@1",
];

/// What a client sees of an answer: times in ms, `*` for a content event.
async fn seen(stage: &Stage, path: &str, fault: &str, body: &str) -> String {
    let Some(heard) = stage.send(post(path, &[("x-weir-fault", fault)], body)).await else {
        return "no answer".to_owned();
    };
    let mut line = format!("{} after {}", heard.status.as_u16(), heard.head_after.as_millis());
    if !heard.header("retry-after").is_empty() {
        write!(line, ", retry after {}", heard.header("retry-after")).unwrap();
    }
    if heard.header("content-type") == "application/json" {
        let text = heard.text();
        let kind = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) if !value["error"].is_null() => "error",
            Ok(_) => "answer",
            Err(_) if text.is_empty() => "nothing",
            Err(_) => "broken JSON",
        };
        write!(line, ", {kind}").unwrap();
    } else {
        for (at, data) in heard.events() {
            let word = match serde_json::from_str::<serde_json::Value>(&data) {
                Err(_) if data == "[DONE]" => "[DONE]".to_owned(),
                Err(_) => "malformed".to_owned(),
                Ok(value) => name_of(&value),
            };
            if !word.is_empty() {
                write!(line, ", {} {word}", at.as_millis()).unwrap();
            }
        }
    }
    let (properly, at) = heard.ended;
    let end = if properly { "end" } else { "CUT" };
    write!(line, ", {} {end}", at.as_millis()).unwrap();
    line
}

/// A short name for an event; none for those that only frame.
fn name_of(event: &serde_json::Value) -> String {
    if !event["error"].is_null() {
        return "error".to_owned();
    }
    let choice = &event["choices"][0];
    match event["type"].as_str() {
        Some("content_block_delta" | "response.output_text.delta") => "*".to_owned(),
        Some(kind @ ("message_stop" | "response.completed" | "error")) => kind.to_owned(),
        Some(_) => String::new(),
        None if choice["delta"]["role"].is_string() => String::new(),
        None if choice["delta"]["content"].is_string() => "*".to_owned(),
        None => choice["finish_reason"].as_str().unwrap_or("?").to_owned(),
    }
}

#[test]
fn every_fault_looks_as_it_should_in_every_dialect() {
    for (path, body) in DIALECTS {
        let table = on_stage(SHORT, async |stage| {
            let mut table = String::new();
            for (how, body) in [("streamed", body.to_owned()), ("in one piece", whole(body))] {
                writeln!(table, "{how}").unwrap();
                for fault in FAULTS {
                    let line = seen(stage, path, fault, &body).await;
                    writeln!(table, "  {fault:26} {line}").unwrap();
                }
            }
            let stats = stage.stats().await;
            for count in ["started", "finished", "faulted", "rejected", "cancelled", "active"] {
                writeln!(table, "{count} {}", stats[count]).unwrap();
            }
            table
        });
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(format!("faults{}", path.replace('/', "_")), table);
        });
    }
}

#[test]
fn faults_by_chance_happen_as_often_as_configured_and_repeatably() {
    let config = format!("{SHORT}\n[[faults]]\nfault = \"status=500\"\nprobability = 0.25");
    let failures = || {
        on_stage(&config, async |stage| {
            let (path, body) = DIALECTS[0];
            let mut failures = Vec::new();
            for number in 0..400 {
                if stage.post(path, &[], body).await.status.is_server_error() {
                    failures.push(number);
                }
            }
            failures
        })
    };
    let once = failures();
    assert!((70..=130).contains(&once.len()), "{} of 400", once.len());
    assert_eq!(once, failures());
}

#[test]
fn a_header_replaces_faults_by_chance() {
    let config = format!("{SHORT}\n[[faults]]\nfault = \"refuse\"\nprobability = 1.0");
    on_stage(&config, async |stage| {
        let (path, body) = DIALECTS[0];
        assert!(stage.send(post(path, &[], body)).await.is_none());
        let heard = stage.post(path, &[("x-weir-fault", "none")], body).await;
        assert!(heard.status.is_success());
    });
}

#[test]
fn faults_can_end_with_the_clients_retries() {
    on_stage(SHORT, async |stage| {
        let (path, body) = DIALECTS[0];
        for (retry, status) in [("0", 503), ("1", 503), ("2", 200), ("3", 200)] {
            let headers =
                [("x-weir-fault", "status=503;tries=2"), ("x-stainless-retry-count", retry)];
            assert_eq!(stage.post(path, &headers, body).await.status, status, "retry {retry}");
        }
    });
}
