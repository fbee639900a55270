//! Traces: what upstreams are told of them, and what a collector gets.

use super::world::{Gateway, Upstream, post};

const CLIENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The value of a header that the mirror has seen.
fn seen(body: &str, name: &str) -> Option<String> {
    let seen: serde_json::Value = serde_json::from_str(body).unwrap();
    let head = seen["head"].as_str().unwrap();
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}

#[tokio::test]
async fn a_clients_trace_goes_on_to_the_upstream() {
    let upstream = Upstream::mirror().await;
    let gateway = Gateway::before(&[&upstream], "");
    let headers = format!("traceparent: {CLIENT}\r\ntracestate: vendor=1\r\n");
    let answer = gateway.ask(&post("/v1/messages", &headers, "{\"model\":\"m\"}")).await;
    assert_eq!(seen(&answer.body, "traceparent").as_deref(), Some(CLIENT));
    assert_eq!(seen(&answer.body, "tracestate").as_deref(), Some("vendor=1"));
}

#[cfg(not(feature = "otel"))]
#[test]
fn a_collector_is_refused_where_nothing_would_be_sent_to_it() {
    let surroundings = crate::Surroundings {
        variable: &|_| None,
        file: &|_| Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    let text = "[traces]\nendpoint = \"http://127.0.0.1:4318\"\n\
                [[upstream]]\nname = \"a\"\nurl = \"http://127.0.0.1:1\"\n";
    let error = crate::Settings::parse("weir.toml", text, surroundings).unwrap_err().to_string();
    assert!(error.contains("--features otel"), "{error}");
}

#[cfg(feature = "otel")]
mod exported {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    use super::*;
    use crate::tests::world::{chat, delta, upstream_tables};

    /// A collector that keeps what it is sent, and refuses the first request.
    struct Collector {
        url: String,
        requests: Arc<Mutex<Vec<Vec<u8>>>>,
        _tasks: JoinSet<()>,
    }

    impl Collector {
        async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let requests = Arc::<Mutex<Vec<Vec<u8>>>>::default();
            let (kept, mut tasks) = (Arc::clone(&requests), JoinSet::new());
            tasks.spawn(async move {
                let mut refused = false;
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    let Some(request) = read_request(&mut stream).await else { continue };
                    // A collector that is busy is asked again.
                    let status = if refused { "200 OK" } else { "503 Service Unavailable" };
                    if refused {
                        kept.lock().unwrap().push(request);
                    }
                    refused = true;
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
            Self { url, requests, _tasks: tasks }
        }

        /// All spans so far, as the official library decodes them.
        fn spans(&self) -> Vec<Value> {
            let folder = tempfile::tempdir().unwrap();
            let mut command = Command::new(python());
            command.arg(repository().join("tests/otel/decode.py"));
            for (number, request) in self.requests.lock().unwrap().iter().enumerate() {
                let text = String::from_utf8_lossy(request).into_owned();
                let (head, _) = text.split_once("\r\n\r\n").unwrap();
                assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
                assert!(head.contains("content-type: application/x-protobuf"), "{head}");
                assert!(head.contains("x-tenant: upstream-key"), "{head}");
                let file = folder.path().join(number.to_string());
                std::fs::write(&file, &request[head.len() + 4..]).unwrap();
                command.arg(file);
            }
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    async fn read_request(stream: &mut tokio::net::TcpStream) -> Option<Vec<u8>> {
        let mut request = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length = head.split("content-length: ").nth(1)?.split("\r\n").next()?;
                if request.len() >= head.len() + 4 + length.parse::<usize>().ok()? {
                    return Some(request);
                }
            }
            if stream.read_buf(&mut request).await.ok()? == 0 {
                return None;
            }
        }
    }

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
    }

    fn python() -> PathBuf {
        let python = repository().join(".test-tools/venv/bin/python");
        assert!(python.exists(), "no Python here: run cargo xtask test, which installs it");
        python
    }

    fn gateway(collector: &Collector, upstream: &Upstream, more: &str) -> Gateway {
        Gateway::start(&format!(
            "[retry]\nattempts = 1\n[traces]\nendpoint = \"{}\"\nservice = \"carrier\"\n\
             header_env = {{ x-tenant = \"UPSTREAM_KEY\" }}\n{more}{}",
            collector.url,
            upstream_tables(&[upstream])
        ))
    }

    /// Ends the gateway, which sends what it has.
    async fn end(mut gateway: Gateway) {
        gateway.shutdown.abort.cancel();
        gateway.ended().await;
    }

    fn one<'a>(spans: &'a [Value], kind: &str, name: &str) -> &'a Value {
        let mut found = spans.iter().filter(|span| span["kind"] == kind && span["name"] == name);
        let one = found.next().unwrap_or_else(|| panic!("no {kind} {name} in {spans:#?}"));
        assert!(found.next().is_none(), "two of {name}");
        one
    }

    #[tokio::test]
    async fn a_request_is_two_spans_below_the_clients_own() {
        let collector = Collector::start().await;
        let upstream = Upstream::start(|mut peer| async move {
            if peer.body.contains("\"broken\"") {
                peer.begin().await;
                peer.chunk(&delta("half")).await;
                return None;
            }
            peer.begin().await;
            peer.chunk(&delta("first")).await;
            peer.chunk("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\n").await;
            peer.done().await
        })
        .await;
        let gateway = gateway(&collector, &upstream, "");
        let path = "/v1/chat/completions";
        let body = "{\"model\":\"m\",\"stream\":true,\"messages\":[\"secret\"]}";
        let headers = format!("traceparent: {CLIENT}\r\n");
        assert!(gateway.ask(&post(path, &headers, body)).await.whole);
        let broken = "{\"model\":\"broken\",\"stream\":true}";
        gateway.ask(&post(path, "", broken)).await;
        end(gateway).await;
        let spans = collector.spans();
        assert_eq!(spans.len(), 4);

        let client = one(&spans, "CLIENT", "chat m");
        let mine =
            |span: &&Value| span["trace_id"] == client["trace_id"] && span["kind"] == "SERVER";
        let server = spans.iter().find(mine).unwrap();
        assert_eq!(server["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(server["parent"], "00f067aa0ba902b7");
        assert_eq!(server["name"], "POST /v1/chat/completions");
        assert_eq!(client["parent"], server["span_id"]);
        assert!(server["began"].as_u64() <= client["began"].as_u64());
        assert!(client["began"].as_u64() < client["ended"].as_u64());
        assert_eq!(server["service"], "carrier");
        let told = &client["attributes"];
        for (name, value) in [
            ("gen_ai.operation.name", Value::from("chat")),
            ("gen_ai.provider.name", "openai".into()),
            ("gen_ai.request.model", "m".into()),
            ("gen_ai.request.stream", true.into()),
            ("gen_ai.usage.input_tokens", 3.into()),
            ("gen_ai.usage.output_tokens", 5.into()),
            ("server.address", "127.0.0.1".into()),
            ("server.port", upstream.address.port().into()),
            ("weir.outcome", "complete".into()),
        ] {
            assert_eq!(told[name], value, "{name}");
        }
        assert!(
            told["gen_ai.response.time_to_first_chunk"].as_f64().is_some_and(|wait| wait > 0.0)
        );
        assert_eq!(server["attributes"]["http.response.status_code"], 200);
        assert_eq!((&client["error"], &told["error.type"]), (&false.into(), &Value::Null));

        let failed = one(&spans, "CLIENT", "chat broken");
        assert_eq!(failed["error"], true);
        assert_eq!(failed["attributes"]["error.type"], "broken");
        assert_ne!(failed["trace_id"], client["trace_id"]);
        assert!(!format!("{spans:?}").contains("secret"));
    }

    #[tokio::test]
    async fn the_upstream_is_told_our_span_and_only_what_is_sampled_is_sent() {
        let (collector, upstream) = (Collector::start().await, Upstream::mirror().await);
        let gateway = gateway(&collector, &upstream, "sample = 0.0\n");
        let body = "{\"model\":\"m\"}";
        let ours = gateway.ask(&post("/v1/messages", "", body)).await.body;
        let ours = seen(&ours, "traceparent").unwrap();
        assert!(ours.len() == 55 && ours.ends_with("-00"), "{ours}");
        let lost = "traceparent: nonsense\r\ntracestate: vendor=1\r\n";
        let new = gateway.ask(&post("/v1/messages", lost, body)).await.body;
        assert_eq!(seen(&new, "tracestate"), None, "it belongs to a trace that nobody can read");
        let sampled = format!("traceparent: {CLIENT}\r\ntracestate: vendor=1\r\n");
        let told = gateway.ask(&post("/v1/messages", &sampled, body)).await.body;
        let parent = seen(&told, "traceparent").unwrap();
        assert_eq!(seen(&told, "tracestate").as_deref(), Some("vendor=1"));
        end(gateway).await;
        let spans = collector.spans();
        let client = one(&spans, "CLIENT", "chat m");
        assert_eq!(client["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(spans.len(), 2, "two requests were not sampled");
        let span_id = client["span_id"].as_str().unwrap();
        assert_eq!(parent, format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{span_id}-01"));
    }

    #[tokio::test]
    async fn a_refused_request_is_one_span_and_a_stranger_none() {
        let (collector, upstream) = (Collector::start().await, Upstream::mirror().await);
        let key = crate::new_key().unwrap();
        let keys = format!("[[key]]\nname = \"k\"\nsha256 = \"{}\"\n", key.hash);
        let text = format!("[limits]\nbody = 10\n{keys}");
        let gateway = gateway(&collector, &upstream, &text);
        let headers = format!("traceparent: {CLIENT}\r\n");
        let body = "{\"model\":\"m\",\"x\":0}";
        assert_eq!(gateway.ask(&post("/v1/messages", &headers, body)).await.status, 401);
        let headers = format!("{headers}x-api-key: {}\r\n", key.key);
        assert_eq!(gateway.ask(&post("/v1/messages", &headers, body)).await.status, 413);
        end(gateway).await;
        let spans = collector.spans();
        let span = one(&spans, "SERVER", "POST /v1/messages");
        assert_eq!(spans.len(), 1, "{spans:#?}");
        assert_eq!(span["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(span["parent"], "00f067aa0ba902b7");
        assert_eq!(span["attributes"]["http.response.status_code"], 413);
        assert_eq!(span["attributes"]["weir.refused"], "body_too_large");
        assert_eq!(span["error"], false, "the client has earned it");
    }

    #[tokio::test]
    async fn a_collector_that_is_gone_costs_spans_and_no_answer() {
        let (collector, upstream) = (Collector::start().await, Upstream::mirror().await);
        let gateway = gateway(&collector, &upstream, "");
        drop(collector);
        for _ in 0..3 {
            assert_eq!(gateway.ask(&chat(false)).await.status, 200);
        }
        gateway.metric_becomes("weir_gateway_spans_lost_total", 6.0).await;
    }
}
