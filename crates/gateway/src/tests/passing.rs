//! What goes through, and how.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::world::{DONE, Gateway, Upstream, chat, delta, post, upstream_tables};

#[tokio::test]
async fn a_stream_passes_byte_for_byte_and_event_by_event() {
    let upstream = Upstream::start(|mut peer| async move {
        peer.begin().await;
        peer.chunk(": ping\r\n\r\n").await;
        // The same bytes in pieces that end anywhere.
        for event in [delta("Grüße"), delta("\\n")] {
            let (first, second) = event.as_bytes().split_at(58);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            peer.chunk(&text(first)).await;
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            peer.chunk(&text(second)).await;
        }
        peer.done().await
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    let answer = gateway.ask(&chat(true)).await;
    let expected = format!(": ping\r\n\r\n{}{}{DONE}", delta("Grüße"), delta("\\n"));
    assert_eq!((answer.status, answer.body.as_str(), answer.whole), (200, expected.as_str(), true));
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("request-id"), Some("up-1"));
    assert_eq!(answer.header("x-request-id"), Some("up-2"));
    assert_eq!(answer.header("x-weir-request-id").map(str::len), Some(32));
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("7"));
    assert_eq!(answer.header("set-cookie"), None);
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"complete\"}", 1.0).await;
    gateway.metric_becomes("weir_gateway_events_total", 4.0).await;
    gateway.metric_becomes("weir_gateway_time_to_first_token_seconds_count", 1.0).await;
    gateway.metric_becomes("weir_gateway_open_streams", 0.0).await;
}

#[tokio::test]
async fn every_event_leaves_before_the_next_one_comes() {
    const EVENTS: usize = 20;
    let read = Arc::new(Semaphore::new(0));
    let of_upstream = Arc::clone(&read);
    let upstream = Upstream::start(move |mut peer| {
        let read = Arc::clone(&of_upstream);
        async move {
            peer.begin().await;
            for number in 0..EVENTS {
                peer.chunk(&delta(&format!("event {number};"))).await;
                read.acquire().await.ok()?.forget();
            }
            peer.done().await
        }
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    let mut client = gateway.streaming().await;
    for number in 0..EVENTS {
        assert!(client.reads(&format!("event {number};")).await);
        read.add_permits(1);
    }
    assert!(client.answer().await.whole);
}

#[tokio::test]
async fn every_path_leads_to_the_same_one_of_the_upstream() {
    let upstream = Upstream::mirror().await;
    let gateway = Gateway::before(&[&upstream], "");
    for path in [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/embeddings",
    ] {
        let body = "{\"model\": \"m\", \"input\": [ 1.0 ]}";
        let answer = gateway.ask(&post(path, "", body)).await;
        let seen: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let head = seen["head"].as_str().unwrap();
        assert!(head.starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{head}");
        assert_eq!((answer.status, &seen["body"]), (200, &body.into()));
    }
}

#[tokio::test]
async fn upstreams_share_the_work_by_open_streams_and_weight() {
    let endless = || {
        Upstream::start(|mut peer| async move {
            peer.begin().await;
            peer.chunk(&delta("first")).await;
            peer.left().await;
            None
        })
    };
    let (heavy, light) = (endless().await, endless().await);
    let tables = upstream_tables(&[&heavy, &light]);
    let tables = tables.replace("name = \"a\"\n", "name = \"a\"\nweight = 2\n");
    let gateway = Gateway::start(&tables);
    let mut clients = Vec::new();
    for _ in 0..9 {
        let mut client = gateway.streaming().await;
        assert!(client.reads("first").await);
        clients.push(client);
    }
    gateway.metric_becomes("weir_gateway_upstream_open_streams{upstream=\"a\"}", 6.0).await;
    gateway.metric_becomes("weir_gateway_upstream_open_streams{upstream=\"b\"}", 3.0).await;
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_passes_with_its_status_and_length() {
    const BODY: &str = "{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}";
    let upstream =
        Upstream::start(|peer| async move { peer.reply("200 OK", "", BODY).await }).await;
    let gateway = Gateway::before(&[&upstream], "");
    let answer = gateway.ask(&chat(false)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, BODY));
    assert_eq!(answer.header("content-length"), Some(BODY.len().to_string().as_str()));
    let usage = gateway.usage().await;
    assert_eq!(
        (usage[0]["input_tokens"].as_u64(), usage[0]["output_tokens"].as_u64()),
        (Some(3), Some(4))
    );
    assert_eq!((&usage[0]["outcome"], &usage[0]["upstream"]), (&"complete".into(), &"a".into()));
}

#[tokio::test]
async fn an_upstream_sees_its_own_key_and_model_and_no_credential_of_the_client() {
    let upstream = Upstream::mirror().await;
    let config = format!(
        "[[route]]\nmodel = \"fast\"\nsend_as = \"real-1\"\nupstreams = [\"a\"]\n\
         [[upstream]]\nname = \"a\"\nurl = \"http://{}/base/v1\"\nkey_env = \"UPSTREAM_KEY\"\n",
        upstream.address
    );
    let gateway = Gateway::start(&config);
    let headers = "authorization: Bearer client-key\r\nx-request-id: mine-1\r\nanthropic-version: 2023-06-01\r\n";
    let request =
        post("/v1/messages?beta=true", headers, "{ \"model\": \"fast\", \"max_tokens\": 1 }");
    let answer = gateway.ask(&request).await;
    let seen: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let head = seen["head"].as_str().unwrap();
    assert!(head.starts_with("POST /base/v1/messages?beta=true HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("x-api-key: upstream-key"), "{head}");
    assert!(
        head.contains("x-request-id: mine-1") && head.contains("anthropic-version: 2023-06-01")
    );
    assert!(!head.contains("client-key"), "{head}");
    assert!(head.contains(&format!("host: {}", upstream.address)));
    assert_eq!(seen["body"], "{ \"model\": \"real-1\", \"max_tokens\": 1 }");
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    assert_eq!(answer.header("x-weir-request-id"), Some("mine-1"));
}

#[tokio::test]
async fn connections_to_upstreams_are_used_again() {
    let upstream = Upstream::start(|mut peer| async move {
        let from = peer.stream.peer_addr().unwrap().to_string();
        peer.begin().await;
        peer.chunk(&delta(&from)).await;
        peer.done().await
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    // One client connection stays with one worker, and so with one pool.
    let mut client = gateway.streaming().await;
    let first = client.answer().await.body;
    client.send(&chat(true)).await;
    assert_eq!(client.answer().await.body, first);
}

#[tokio::test]
async fn models_are_those_of_the_configuration_and_of_the_upstreams() {
    let upstream = Upstream::start(|peer| async move {
        peer.reply("200 OK", "", "{\"data\":[{\"id\":\"x-1\",\"own\":5},{\"id\":\"unrouted\"}]}")
            .await
    })
    .await;
    let routes = "[[route]]\nmodel = \"x-*\"\nupstreams = [\"a\"]\n[[route]]\nmodel = \"alias\"\nupstreams = [\"a\"]\n";
    let gateway = Gateway::before(&[&upstream], routes);
    let models = gateway.get("/v1/models").await;
    let list: serde_json::Value = serde_json::from_str(&models.body).unwrap();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, ["alias", "x-1"]);
    assert_eq!(list["data"][1]["own"], 5);
    assert_eq!(gateway.get("/v1/models/x%2D1").await.body, "{\"id\":\"x-1\",\"own\":5}");
    let unknown = gateway.get("/v1/models/unrouted").await;
    assert!(unknown.status == 404 && unknown.body.contains("model_not_found"), "{unknown:?}");
    // A key is shown what it may ask for.
    let key = crate::new_key().unwrap();
    let table = format!("[[key]]\nname = \"k\"\nsha256 = \"{}\"\nmodels = [\"x-*\"]\n", key.hash);
    let limited = Gateway::start(&format!("{routes}{}{table}", upstream_tables(&[&upstream])));
    let asked = format!("GET /v1/models HTTP/1.1\r\nhost: weir\r\nx-api-key: {}\r\n\r\n", key.key);
    let models = limited.ask(&asked).await.body;
    assert!(models.contains("\"x-1\"") && !models.contains("alias"), "{models}");
}

#[tokio::test]
async fn health_needs_no_upstream_and_readiness_does() {
    let upstream =
        Upstream::start(|peer| async move { peer.reply("200 OK", "", "{}").await }).await;
    let config = format!(
        "[[upstream]]\nname = \"a\"\nurl = \"http://{}\"\nhealth = {{ every = \"200ms\" }}\n",
        upstream.address
    );
    let gateway = Gateway::start(&config);
    assert_eq!(gateway.get("/healthz").await.status, 200);
    assert_eq!(gateway.get("/readyz").await.status, 200);
    upstream.kill().await;
    gateway.metric_becomes("weir_gateway_upstream_up{upstream=\"a\"}", 0.0).await;
    assert_eq!(gateway.get("/readyz").await.status, 503);
    assert_eq!(gateway.get("/healthz").await.status, 200);
}
