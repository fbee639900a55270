//! Starting, changing, and going down.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::world::{DONE, Gateway, Upstream, chat, delta, settings, upstream_tables};

/// An upstream that begins a stream and ends it when told to.
async fn held() -> (Upstream, mpsc::Sender<()>) {
    let (tell, told) = mpsc::channel(1);
    let told = std::sync::Arc::new(tokio::sync::Mutex::new(told));
    let upstream = Upstream::start(move |mut peer| {
        let told = std::sync::Arc::clone(&told);
        async move {
            peer.begin().await;
            peer.chunk(&delta("first")).await;
            told.lock().await.recv().await?;
            peer.done().await
        }
    })
    .await;
    (upstream, tell)
}

#[tokio::test]
async fn draining_fails_readiness_first_then_refuses_and_lets_streams_end() {
    let (upstream, end) = held().await;
    let mut gateway = Gateway::before(&[&upstream], "[drain]\nnotice = \"500ms\"\n");
    let mut client = gateway.streaming().await;
    assert!(client.reads("first").await);
    let mut idle = gateway.connect().await;
    idle.send("GET /healthz HTTP/1.1\r\nhost: weir\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    gateway.shutdown.drain.cancel();
    gateway.metric_becomes("weir_gateway_draining", 1.0).await;
    assert_eq!(gateway.get("/readyz").await.status, 503);
    // Within the notice, new streams are still taken.
    let mut late = gateway.streaming().await;
    assert!(late.reads("first").await);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let refused = gateway.ask(&chat(true)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    for _ in 0..2 {
        end.send(()).await.unwrap();
    }
    for mut client in [client, late] {
        let answer = client.answer().await;
        assert!(answer.whole && answer.body.ends_with(DONE), "{answer:?}");
    }
    gateway.ended().await;
    assert!(!idle.reads("nothing more").await, "idle connections are closed");
}

#[tokio::test]
async fn who_waits_for_a_place_is_told_at_once_that_the_server_goes_down() {
    let (upstream, end) = held().await;
    let limits = "[limits]\nopen_streams = 1\nqueue = 1\nqueue_wait = \"1h\"\n";
    let mut gateway = Gateway::before(&[&upstream], limits);
    let mut inside = gateway.streaming().await;
    assert!(inside.reads("first").await);
    let mut waiting = gateway.streaming().await;
    gateway.metric_becomes("weir_gateway_queue_length", 1.0).await;
    gateway.shutdown.drain.cancel();
    let refused = waiting.answer().await;
    assert!(refused.status == 503 && refused.body.contains("\"draining\""), "{refused:?}");
    end.send(()).await.unwrap();
    assert!(inside.answer().await.whole);
    gateway.ended().await;
}

#[tokio::test]
async fn at_the_limit_of_the_drain_streams_end_with_an_error_event() {
    let (upstream, _end) = held().await;
    let mut gateway = Gateway::before(&[&upstream], "[drain]\ntimeout = \"300ms\"\n");
    let mut client = gateway.streaming().await;
    assert!(client.reads("first").await);
    gateway.shutdown.drain.cancel();
    let answer = client.answer().await;
    assert!(answer.whole && answer.body.contains("\"code\":\"drain_deadline\""), "{answer:?}");
    gateway.ended().await;
    assert_eq!(gateway.usage().await[0]["outcome"], "drained");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let (upstream, _end) = held().await;
    let mut gateway = Gateway::before(&[&upstream], "");
    let mut client = gateway.streaming().await;
    assert!(client.reads("first").await);
    gateway.shutdown.drain.cancel();
    gateway.metric_becomes("weir_gateway_draining", 1.0).await;
    let asked = Instant::now();
    gateway.shutdown.abort.cancel();
    gateway.ended().await;
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    assert!(!client.answer().await.whole);
}

#[tokio::test]
async fn a_reload_changes_routes_and_keys_and_drops_no_stream() {
    let (upstream, end) = held().await;
    let other = Upstream::start(|peer| async move { peer.reply("200 OK", "", "{}").await }).await;
    let gateway = Gateway::before(&[&upstream], "");
    let mut client = gateway.streaming().await;
    assert!(client.reads("first").await);
    let key = crate::new_key().unwrap();
    let text =
        format!("{}[[key]]\nname = \"k\"\nsha256 = \"{}\"\n", upstream_tables(&[&other]), key.hash);
    gateway.handle.reload(settings(&text)).unwrap();
    assert_eq!(gateway.ask(&chat(false)).await.status, 401);
    let authorized =
        chat(false).replace("host: weir", &format!("authorization: Bearer {}", key.key));
    assert_eq!(gateway.ask(&authorized).await.body, "{}");
    end.send(()).await.unwrap();
    let answer = client.answer().await;
    assert!(answer.whole && answer.body.ends_with(DONE));
    let refused = gateway.handle.reload(crate::Settings { workers: 7, ..settings(&text) });
    assert_eq!(refused.unwrap_err(), crate::ReloadError::Workers);
}

/// A file that is read while it is being saved is often a valid one, without its end.
#[tokio::test]
async fn a_reload_never_opens_to_everybody_what_was_closed() {
    let upstream = Upstream::mirror().await;
    let key = crate::new_key().unwrap();
    let table = upstream_tables(&[&upstream]);
    let closed = format!("{table}[[key]]\nname = \"k\"\nsha256 = \"{}\"\n", key.hash);
    let gateway = Gateway::start(&closed);
    let refused = gateway.handle.reload(settings(&table));
    assert_eq!(refused.unwrap_err(), crate::ReloadError::Keys);
    assert_eq!(gateway.ask(&chat(false)).await.status, 401);
    gateway.metric_becomes("weir_gateway_config_reloads_total{result=\"refused\"}", 1.0).await;
}

#[tokio::test]
async fn an_upstream_that_a_reload_removes_is_shown_no_more() {
    let upstream = Upstream::mirror().await;
    let gateway = Gateway::before(&[&upstream, &upstream], "");
    let shown = async |name: &str| {
        let text = gateway.get("/metrics").await.body;
        text.contains(&format!("weir_gateway_upstream_up{{upstream=\"{name}\"}}"))
    };
    assert!(shown("a").await && shown("b").await);
    gateway.handle.reload(settings(&upstream_tables(&[&upstream]))).unwrap();
    assert!(shown("a").await && !shown("b").await);
}

#[tokio::test]
async fn the_live_page_is_told_what_is_carried_now() {
    let (upstream, _end) = held().await;
    let mut gateway = Gateway::before(&[&upstream], "");
    let page = gateway.get("/").await;
    assert!(page.body.starts_with("<!doctype html>"), "{page:?}");
    assert!(page.header("content-security-policy").is_some());
    let mut client = gateway.streaming().await;
    assert!(client.reads("first").await);
    let mut live = gateway.connect().await;
    live.send("GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(live.reads("\"open_streams\":1,").await);
    assert!(live.reads("\"name\":\"a\",\"well\":true,\"open_streams\":1").await);
    drop(client);
    assert!(live.reads("[\"client_left\",1]").await);
    // An open page does not hold up the end.
    gateway.shutdown.drain.cancel();
    gateway.ended().await;
}

/// The names of metrics that a text speaks of.
fn metrics_named_in(text: &str) -> std::collections::BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_name(c))
        .filter(|word| word.starts_with("weir_gateway_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn alert_rules_do_what_they_say_in_prometheus_itself() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/prometheus");
    let promtool = |arguments: [&str; 3]| {
        std::process::Command::new("promtool").args(arguments).current_dir(folder).output()
    };
    let Ok(output) = promtool(["check", "rules", "weir-gateway.rules.yml"]) else {
        println!("skipped: no promtool here; cargo xtask test installs it");
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let output = promtool(["test", "rules", "weir-gateway.test.yml"]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn alerts_and_dashboard_speak_of_metrics_that_exist() {
    let (upstream, _end) = held().await;
    let gateway = Gateway::before(&[&upstream], "");
    let mut client = gateway.streaming().await;
    assert!(client.reads("first").await);
    let exported = metrics_named_in(&gateway.get("/metrics").await.body);
    let dashboard = include_str!("../../../../deploy/grafana/weir-gateway.json");
    serde_json::from_str::<serde_json::Value>(dashboard).unwrap();
    for text in [dashboard, include_str!("../../../../deploy/prometheus/weir-gateway.rules.yml")] {
        let named = metrics_named_in(text);
        assert!(named.len() > 5, "{named:?}");
        let unknown: Vec<_> = named.difference(&exported).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
