//! Who is not let in, and how it is told.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::world::{Client, Gateway, Upstream, chat, delta, post};

/// A refusal must come before any upstream work could have been done.
const SOON: Duration = Duration::from_millis(50);

async fn well() -> Upstream {
    Upstream::start(|peer| async move { peer.reply("200 OK", "", "{}").await }).await
}

/// An upstream whose streams begin and never end.
async fn endless() -> Upstream {
    Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.chunk(&delta("first")).await;
        peer.left().await;
        None
    })
    .await
}

async fn begin(gateway: &Gateway, request: &str) -> Client {
    let mut client = gateway.connect().await;
    client.send(request).await;
    assert!(client.reads("first").await);
    client
}

/// A gateway with one client key, which it returns.
fn with_key(upstream: &Upstream, more: &str) -> (Gateway, String) {
    let key = crate::new_key().unwrap();
    let table = super::world::upstream_tables(&[upstream]);
    let text = format!("{table}[[key]]\nname = \"k\"\nsha256 = \"{}\"\n{more}\n", key.hash);
    (Gateway::start(&text), key.key)
}

fn authorized(request: &str, key: &str) -> String {
    request.replace("host: weir", &format!("host: weir\r\nauthorization: Bearer {key}"))
}

#[tokio::test]
async fn nothing_here_is_told_in_the_callers_dialect() {
    let upstream = well().await;
    let gateway = Gateway::before(&[&upstream], "");
    assert_eq!(gateway.get("/v1/none").await.status, 404);
    assert_eq!(gateway.get("/v1/chat/completions").await.status, 405);
    let answer = gateway.ask(&post("/v1/messages", "", "{}")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("\"type\":\"invalid_request_error\""), "{}", answer.body);
    assert_eq!(gateway.ask(&chat(true)).await.status, 200);
}

#[tokio::test]
async fn without_a_known_key_only_health_is_open() {
    let upstream = well().await;
    let (gateway, key) = with_key(&upstream, "models = [\"m\"]");
    assert_eq!(gateway.get("/healthz").await.status, 200);
    let refused = gateway.ask(&chat(true)).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    let refused = gateway.ask(&post("/v1/messages", "x-api-key: nonsense\r\n", "{}")).await;
    assert!(refused.status == 401 && refused.body.contains("authentication_error"));
    assert_eq!(gateway.get("/v1/models").await.status, 401);
    assert_eq!(gateway.ask(&authorized(&chat(true), &key)).await.status, 200);
    let other = post("/v1/chat/completions", "", "{\"model\":\"other\"}");
    assert_eq!(gateway.ask(&authorized(&other, &key)).await.status, 403);
}

#[tokio::test]
async fn requests_and_tokens_of_a_key_are_counted_by_the_minute() {
    let upstream = Upstream::start(|peer| async move {
        peer.reply("200 OK", "", "{\"usage\":{\"input_tokens\":40,\"output_tokens\":60}}").await
    })
    .await;
    let (gateway, key) = with_key(&upstream, "requests_per_minute = 2");
    let ask = || authorized(&chat(false), &key);
    for expected in [200, 200, 429] {
        let answer = gateway.ask(&ask()).await;
        assert_eq!(answer.status, expected);
        assert_eq!(answer.header("retry-after").is_some(), expected == 429);
    }
    let (gateway, key) = with_key(&upstream, "tokens_per_minute = 50");
    assert_eq!(gateway.ask(&authorized(&chat(false), &key)).await.status, 200);
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"complete\"}", 1.0).await;
    let refused = gateway.ask(&authorized(&chat(false), &key)).await;
    assert!(refused.status == 429 && refused.body.contains("token_rate"), "{refused:?}");
    // 100 tokens at 50 a minute: more than a minute is owed.
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((55..=62).contains(&wait), "{wait}");
}

#[tokio::test]
async fn over_a_cap_the_refusal_is_quick_and_places_come_back() {
    let upstream = endless().await;
    let gateway = Gateway::before(&[&upstream], "[limits]\nopen_streams = 2\n");
    let first = begin(&gateway, &chat(true)).await;
    let _second = begin(&gateway, &chat(true)).await;
    let asked = Instant::now();
    let refused = gateway.ask(&chat(true)).await;
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    drop(first);
    gateway.metric_becomes("weir_gateway_open_streams", 1.0).await;
    begin(&gateway, &chat(true)).await;
    let (gateway, key) = with_key(&upstream, "open_streams = 1");
    let _held = begin(&gateway, &authorized(&chat(true), &key)).await;
    assert_eq!(gateway.ask(&authorized(&chat(true), &key)).await.status, 429);
    let table = super::world::upstream_tables(&[&upstream]) + "open_streams = 1\n";
    let gateway = Gateway::start(&table);
    let _held = begin(&gateway, &chat(true)).await;
    let refused = gateway.ask(&chat(true)).await;
    assert!(refused.status == 503 && refused.body.contains("upstream_full"), "{refused:?}");
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"upstream_full\"}", 1.0).await;
}

#[tokio::test]
async fn the_queue_is_bounded_and_its_wait_is_measured() {
    let upstream = endless().await;
    let limits = "[limits]\nopen_streams = 1\nqueue = 1\nqueue_wait = \"400ms\"\n";
    let gateway = Gateway::before(&[&upstream], limits);
    let held = begin(&gateway, &chat(true)).await;
    let mut waiting = gateway.streaming().await;
    gateway.metric_becomes("weir_gateway_queue_length", 1.0).await;
    let refused = gateway.ask(&chat(true)).await;
    assert!(refused.status == 503 && refused.body.contains("\"full\""), "{refused:?}");
    let refused = waiting.answer().await;
    assert!(refused.status == 503 && refused.body.contains("queue_timeout"), "{refused:?}");
    // Who waits gets the place that comes free; who leaves the queue does not take it away.
    let leaving = gateway.streaming().await;
    gateway.metric_becomes("weir_gateway_queue_length", 1.0).await;
    drop(leaving);
    gateway.metric_becomes("weir_gateway_queue_length", 0.0).await;
    gateway.metric_becomes("weir_gateway_refused_total{reason=\"client_left\"}", 1.0).await;
    let mut waiting = gateway.streaming().await;
    gateway.metric_becomes("weir_gateway_queue_length", 1.0).await;
    drop(held);
    assert!(waiting.reads("first").await);
    assert!(gateway.metric("weir_gateway_queue_wait_seconds_sum").await > 0.39);
}

#[tokio::test]
async fn bodies_and_heads_may_be_as_long_as_the_limit_and_no_longer() {
    let upstream = well().await;
    let gateway = Gateway::before(&[&upstream], "[limits]\nbody = 100\nhead = \"8KiB\"\n");
    let body = |length: usize| {
        let frame = "{\"model\":\"m\",\"x\":\"\"}".len();
        format!("{{\"model\":\"m\",\"x\":\"{}\"}}", "y".repeat(length - frame))
    };
    let announced = |length| post("/v1/chat/completions", "", &body(length));
    let chunked = |length| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{}\r\n0\r\n\r\n",
            body(length)
        )
    };
    assert_eq!(gateway.ask(&announced(100)).await.status, 200);
    assert_eq!(gateway.ask(&announced(101)).await.status, 413);
    assert_eq!(gateway.ask(&chunked(100)).await.status, 200);
    assert_eq!(gateway.ask(&chunked(101)).await.status, 413);
    let head = |length| {
        format!("GET /healthz HTTP/1.1\r\nhost: weir\r\nx: {}\r\n\r\n", "y".repeat(length))
    };
    assert_eq!(gateway.ask(&head(8000)).await.status, 200);
    assert_eq!(gateway.ask(&head(8300)).await.status, 431);
}

#[tokio::test]
async fn slow_heads_and_bodies_are_ended_and_nobody_else_notices() {
    let upstream = well().await;
    let deadlines = "[deadlines]\nclient_head = \"300ms\"\nclient_body = \"300ms\"\n";
    let gateway = Gateway::before(&[&upstream], deadlines);
    let mut slow_head = gateway.connect().await;
    slow_head.send("POST /v1/chat").await;
    let mut slow_body = gateway.connect().await;
    slow_body.send("POST /v1/messages HTTP/1.1\r\nhost: weir\r\ncontent-length: 50\r\n\r\n{").await;
    let mut silent = gateway.connect().await;
    let mut preface = gateway.connect().await;
    preface.send("PRI * HT").await;
    assert_eq!(gateway.ask(&chat(true)).await.status, 200);
    let refused = slow_body.answer().await;
    assert!(refused.status == 408 && refused.body.contains("invalid_request_error"), "{refused:?}");
    assert!(!slow_head.reads("200 OK").await);
    assert!(!silent.reads("anything").await);
    assert!(!preface.reads("anything").await);
    gateway.metric_becomes("weir_gateway_connections", 1.0).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_its_upstream_with_it() {
    let upstream = Upstream::start(|mut peer| async move {
        peer.begin().await;
        let event = delta(&"x".repeat(50_000));
        // Until the gateway hangs up.
        let frame = format!("{:x}\r\n{event}\r\n", event.len());
        while peer.stream.write_all(frame.as_bytes()).await.is_ok() {}
        None
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "[deadlines]\nclient_write = \"300ms\"\n");
    let mut client = begin_unread(&gateway).await;
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"client_slow\"}", 1.0).await;
    gateway.metric_becomes("weir_gateway_upstream_connections{upstream=\"a\"}", 0.0).await;
    let answer = client.answer().await;
    assert!(!answer.whole && !answer.body.contains("[DONE]"));
}

async fn begin_unread(gateway: &Gateway) -> Client {
    let mut client = gateway.streaming().await;
    assert!(client.reads("xxxx").await);
    client
}

#[tokio::test]
async fn an_event_without_end_is_cut_at_the_limit() {
    let upstream = Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.chunk(&delta("first")).await;
        peer.chunk(&format!("data: {}", "x".repeat(3000))).await;
        peer.done().await
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "[limits]\nevent = 2000\n");
    let answer = gateway.ask(&chat(true)).await;
    assert!(answer.body.contains("\"code\":\"event_too_long\"") && !answer.body.contains("xx"));
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_admin_keys() {
    let upstream = well().await;
    let (gateway, key) = with_key(&upstream, "admin = true");
    let through_a_proxy =
        "GET /metrics HTTP/1.1\r\nhost: weir\r\nx-forwarded-for: 192.0.2.1\r\n\r\n";
    assert_eq!(gateway.get("/metrics").await.status, 200);
    let refused = gateway.ask(through_a_proxy).await;
    assert!(refused.status == 401 && refused.head.contains("Basic realm"), "{refused:?}");
    assert_eq!(gateway.ask(&authorized(through_a_proxy, &key)).await.status, 200);
    for (host, status) in [
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("weir.example", 401),
        ("127.0.0.1.example", 401),
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: {host}\r\n\r\n");
        assert_eq!(gateway.ask(&request).await.status, status, "{host}");
    }
}
