//! What is refused, and how it is said.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::{DIALECTS, SHORT};
use crate::testing::{Stage, on_stage, post};

async fn line(stage: &Stage, request: Request<Full<Bytes>>) -> String {
    let what = format!("{} {}", request.method(), request.uri());
    let heard = stage.send(request).await.unwrap();
    let allow = heard.header("allow");
    let allow = if allow.is_empty() { String::new() } else { format!(" allow {allow}") };
    format!("{what} -> {}{allow} {}\n", heard.status.as_u16(), heard.text())
}

fn get(path: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let request = Request::get(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Full::default()).unwrap()
}

#[test]
fn each_api_says_it_in_its_own_way() {
    let text = on_stage(SHORT, async |stage| {
        let mut text = String::new();
        let seed = [("x-weir-seed", "1")];
        for (path, _) in DIALECTS {
            for body in ["", "{", "[]", "{}"] {
                text += &line(stage, post(path, &seed, body)).await;
            }
        }
        let anthropic = [("anthropic-version", "2023-06-01"), ("x-weir-seed", "1")];
        for headers in [&seed[..], &anthropic[..]] {
            text += &line(stage, get("/v1/nothing", headers)).await;
            text += &line(stage, get("/v1/chat/completions", headers)).await;
            text += &line(stage, get("/v1/models/nothing", headers)).await;
        }
        text += &line(stage, get("/v1/responses/resp_nothing", &seed)).await;
        text += &line(stage, post("/v1/models", &seed, "")).await;
        let following = r#"{"model":"m","input":"hi","previous_response_id":"resp_nothing"}"#;
        text += &line(stage, post("/v1/responses", &seed, following)).await;
        text
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("errors", text);
    });
}

#[test]
fn a_bad_header_says_what_is_allowed() {
    let text = on_stage(SHORT, async |stage| {
        let mut text = String::new();
        for (name, value) in [
            ("x-weir-profile", "nothing"),
            ("x-weir-seed", "minus one"),
            ("x-weir-fault", "explode"),
            ("x-weir-fault", "cut"),
            ("x-weir-fault", "stall@1=soon"),
        ] {
            let (path, body) = DIALECTS[0];
            let answer = line(stage, post(path, &[(name, value)], body)).await;
            writeln!(text, "{name}: {value}\n  {answer}").unwrap();
        }
        let stats = stage.stats().await;
        assert_eq!((&stats["rejected"], &stats["active"]), (&5.into(), &0.into()));
        text
    });
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("bad_headers", text);
    });
}

#[test]
fn statistics_can_be_zeroed_and_read_as_metrics() {
    on_stage(SHORT, async |stage| {
        let (path, body) = DIALECTS[0];
        stage.post(path, &[], body).await;
        let metrics = stage.send(get("/metrics", &[])).await.unwrap().text();
        let finished =
            r#"weir_simulator_requests_total{endpoint="chat_completions",outcome="finished"} 1"#;
        assert!(metrics.contains(finished), "{metrics}");
        assert!(metrics.contains("weir_simulator_event_lateness_seconds_count 3"), "{metrics}");
        assert!(metrics.contains(r#"_bucket{le="+Inf"} 3"#), "{metrics}");
        let reset = stage.send(post("/weir/reset", &[], "")).await.unwrap();
        assert_eq!(reset.status, 204);
        let stats = stage.stats().await;
        for count in ["started", "finished", "peak_active", "active"] {
            assert_eq!(stats[count], 0, "{count}");
        }
        assert!(stats["lateness_ms"]["p99"].is_null());
    });
}
