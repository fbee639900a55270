//! Requests that mean harm: refused clearly, without a crash, and with nobody else noticing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::world::{Client, DONE, Gateway, PATIENCE, Upstream, chat, delta, post};

/// A gateway whose upstream counts its requests, and a stream through it that must not notice
/// what happens beside it.
struct Attacked {
    gateway: Gateway,
    bystander: Client,
    asked: Arc<AtomicUsize>,
    release: Arc<Semaphore>,
    _upstream: Upstream,
}

impl Attacked {
    async fn start(more: &str) -> Self {
        let (asked, release) = (Arc::<AtomicUsize>::default(), Arc::new(Semaphore::new(0)));
        let (count, held) = (Arc::clone(&asked), Arc::clone(&release));
        let upstream = Upstream::start(move |mut peer| {
            let held = Arc::clone(&held);
            count.fetch_add(1, Ordering::SeqCst);
            async move {
                if peer.number > 0 {
                    return peer.mirror().await;
                }
                peer.begin().await;
                peer.chunk(&delta("first")).await;
                held.acquire().await.ok()?.forget();
                peer.done().await
            }
        })
        .await;
        let gateway = Gateway::before(&[&upstream], more);
        let mut bystander = gateway.streaming().await;
        assert!(bystander.reads("first").await);
        Self { gateway, bystander, asked, release, _upstream: upstream }
    }

    /// Sends bytes on a connection of their own and returns all that comes back, up to the end of
    /// the connection.
    async fn send(&self, bytes: &[u8]) -> String {
        use tokio::io::AsyncWriteExt;
        let mut client = self.gateway.connect().await;
        // The gateway may hang up before it has read everything.
        let _ = client.stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let reading = client.stream.read_to_end(&mut answer);
        // A reset after the answer is an end, too.
        let _ = timeout(PATIENCE, reading)
            .await
            .unwrap_or_else(|_| panic!("{:.60?} stays open", String::from_utf8_lossy(bytes)));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// What the upstream was asked, beside the bystander's request.
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst) - 1
    }

    /// The bystander's answer comes whole, and the next request is served.
    async fn nobody_noticed(mut self) {
        self.release.add_permits(1);
        let answer = self.bystander.answer().await;
        assert!(answer.whole && answer.body.ends_with(DONE), "{answer:?}");
        assert_eq!(self.gateway.ask(&chat(false)).await.status, 200);
        self.gateway.metric_becomes("weir_gateway_open_streams", 0.0).await;
    }
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.match_indices("HTTP/1.1 ").map(|(at, found)| &answer[at + found.len()..][..3]).collect()
}

#[tokio::test]
async fn a_head_with_two_framings_or_none_is_refused_and_its_connection_ends() {
    let attacked = Attacked::start("").await;
    let smuggled = "GET /healthz HTTP/1.1\r\nhost: weir\r\n\r\n";
    let framings = [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: +5\r\n",
        "content-length: 0x5\r\n",
        "content-length: -1\r\n",
        "content-length: 99999999999999999999\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding:\u{b}chunked\r\n",
        "x: y\r\n transfer-encoding: chunked\r\n",
        "x: y\rtransfer-encoding: chunked\r\n",
        "x: a\0b\r\n",
        ": nameless\r\n",
    ];
    for framing in framings {
        let head = format!("POST /v1/messages HTTP/1.1\r\nhost: weir\r\n{framing}\r\n");
        let answer = attacked.send(format!("{head}0\r\n\r\n{smuggled}").as_bytes()).await;
        assert_eq!(statuses(&answer), ["400"], "{framing:?}: {answer}");
    }
    assert_eq!(attacked.asked(), 0, "no upstream has seen any of it");
    attacked.nobody_noticed().await;
}

#[tokio::test]
async fn a_length_beside_a_coding_is_refused_and_its_connection_ends() {
    // RFC 9112, section 6.3: what a front proxy took for the body's rest is never a request, and
    // neither is what it took for the body.
    let attacked = Attacked::start("").await;
    let smuggled = "GET /healthz HTTP/1.1\r\nhost: weir\r\n\r\n";
    let well = post("/v1/messages", "", "{\"model\":\"m\"}");
    let (length, coding) = ("content-length: 4\r\n", "transfer-encoding: chunked\r\n");
    for (before, headers, expected) in [
        ("", [length, coding], &["400"][..]),
        ("", [coding, length], &["400"]),
        ("", [coding, "Content-Length: nonsense\r\n"], &["400"]),
        ("", ["Transfer-Encoding: gzip, chunked\r\n", ""], &["400"]),
        // Also behind other requests on the same connection, read together with them.
        (&well, [coding, length], &["200", "400"]),
        (&smuggled.repeat(3), [length, coding], &["200", "200", "200", "400"]),
    ] {
        let asked = attacked.asked();
        let headers = headers.concat();
        let request = format!(
            "{before}POST /v1/messages HTTP/1.1\r\nhost: weir\r\n{headers}\r\n0\r\n\r\n{smuggled}"
        );
        let answer = attacked.send(request.as_bytes()).await;
        assert_eq!(statuses(&answer), expected, "{headers:?}: {answer}");
        let reason =
            if headers.contains("gzip") { "coding other" } else { "both a content-length" };
        let told = answer.contains(reason) && answer.contains("invalid_request_error");
        assert!(told && answer.contains("connection: close"), "{answer}");
        let passed = usize::from(before == well);
        assert_eq!(attacked.asked(), asked + passed, "no upstream has seen it");
    }
    attacked.nobody_noticed().await;
}

#[tokio::test]
async fn broken_chunks_are_refused_and_their_connection_ends() {
    let attacked = Attacked::start("[limits]\nbody = \"64KiB\"\n").await;
    let endless = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(20_000));
    let bodies = [
        // A bare line feed where CR LF belongs; in an extension; a size that is none, too large,
        // or negative; too little and too much data; extensions without end.
        "d\n{\"model\":\"m\"}\n0\n\n",
        "d;a=\n\r\n{\"model\":\"m\"}\r\n0\r\n\r\n",
        "x\r\n",
        "10000000000000000\r\n",
        "-1\r\n",
        "5\r\n{\"model\":\"m\"}\r\n0\r\n\r\n",
        endless.as_str(),
    ];
    for body in bodies {
        let request = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: weir\r\ntransfer-encoding: chunked\r\n\r\n{body}"
        );
        let answer = attacked.send(request.as_bytes()).await;
        let found = statuses(&answer);
        assert!(matches!(found.as_slice(), ["400"] | ["413"]), "{body:.40?}: {answer}");
    }
    assert_eq!(attacked.asked(), 0);
    attacked.nobody_noticed().await;
}

#[tokio::test]
async fn a_client_cannot_name_the_place_that_is_asked() {
    // Somebody else's server, which nobody may reach through the gateway.
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = elsewhere.local_addr().unwrap();
    let attacked = Attacked::start("").await;
    let body = "{\"model\":\"m\"}";
    let post_to = |target: &str, host: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // The absolute form must be understood (RFC 9112, section 3.2.2); only its path counts.
    for (target, host) in [
        (format!("http://{address}/v1/messages"), "weir".to_owned()),
        ("/v1/messages".to_owned(), address.to_string()),
    ] {
        let answer = attacked.send(post_to(&target, &host).as_bytes()).await;
        assert_eq!(statuses(&answer), ["200"], "{answer}");
        assert!(!answer.contains(&address.to_string()), "{answer}");
    }
    for target in ["//v1/messages", "/v1/../v1/messages", "/v1/messages/", "/V1/messages", "*"] {
        let answer = attacked.send(post_to(target, "weir").as_bytes()).await;
        assert_eq!(statuses(&answer), ["404"], "{target}: {answer}");
    }
    let connect =
        format!("CONNECT {address} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    assert_eq!(statuses(&attacked.send(connect.as_bytes()).await), ["404"]);
    // Neither is another protocol spoken, nor the wish for it passed on.
    let upgrade = post(
        "/v1/messages",
        "connection: upgrade, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
        body,
    );
    let answer = attacked.send(upgrade.as_bytes()).await;
    assert_eq!(statuses(&answer), ["200"], "{answer}");
    assert!(!answer.contains("upgrade: h2c"), "{answer}");
    assert_eq!(attacked.asked(), 3);
    let nobody = timeout(std::time::Duration::from_millis(50), elsewhere.accept()).await;
    assert!(nobody.is_err(), "the gateway went where the client sent it");
    attacked.nobody_noticed().await;
}

#[tokio::test]
async fn bodies_that_are_no_request_are_refused_before_any_upstream() {
    let attacked = Attacked::start("[limits]\nbody = \"2MiB\"\n").await;
    let deep = format!("{{\"model\":\"m\",\"x\":{}", "[".repeat(1 << 20));
    let bodies: [&[u8]; 9] = [
        b"",
        b"not json",
        b"[\"m\"]",
        b"{\"model\":\"a\",\"model\":\"b\"}",
        b"{\"model\":\"m\",\"messages\":[}",
        b"{\"model\":\"m\"} {\"model\":\"n\"}",
        b"\xef\xbb\xbf{\"model\":\"m\"}",
        b"{\"model\":\"m\",\"messages\":\"\xc3\x28\"}",
        deep.as_bytes(),
    ];
    for body in bodies {
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let answer = attacked.send(&[head.as_bytes(), body].concat()).await;
        assert_eq!(statuses(&answer), ["400"], "{:.40?}: {answer}", String::from_utf8_lossy(body));
        assert!(answer.contains("\"invalid_request_error\""), "{answer}");
    }
    assert_eq!(attacked.asked(), 0);
    attacked.nobody_noticed().await;
}

#[tokio::test]
async fn heads_without_end_are_refused_at_the_limit() {
    let attacked = Attacked::start("[limits]\nhead = \"16KiB\"\n").await;
    let start = "GET /healthz HTTP/1.1\r\nhost: weir\r\n";
    for (head, expected) in [
        (format!("{start}x: {}", "y".repeat(40_000)), "431"),
        (format!("{start}{}\r\n", "a: b\r\n".repeat(200)), "431"),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "y".repeat(40_000)), "4"),
    ] {
        let answer = attacked.send(head.as_bytes()).await;
        let found = statuses(&answer);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{head:.60}: {answer}");
    }
    attacked.nobody_noticed().await;
}

#[tokio::test]
async fn who_dribbles_has_no_more_time_than_others() {
    let deadlines = "[deadlines]\nclient_head = \"400ms\"\nclient_body = \"400ms\"\n";
    let attacked = Attacked::start(deadlines).await;
    // A byte every 50 ms: never silent, and never done.
    let heads = "GET /healthz HTTP/1.1\r\nx: ";
    let bodies = "POST /v1/messages HTTP/1.1\r\nhost: weir\r\ncontent-length: 900\r\n\r\n";
    for (start, expected) in [(heads, None), (bodies, Some("408"))] {
        let mut client = attacked.gateway.connect().await;
        client.send(start).await;
        let began = tokio::time::Instant::now();
        let mut answer = Vec::new();
        let ended = loop {
            use tokio::io::AsyncWriteExt;
            let pause = std::time::Duration::from_millis(50);
            match timeout(pause, client.stream.read_buf(&mut answer)).await {
                Ok(Ok(0) | Err(_)) => break began.elapsed(),
                Ok(Ok(_)) => {}
                // A refused body's rest may be written in vain.
                Err(_) => drop(client.stream.write_all(b"y").await),
            }
            assert!(began.elapsed() < PATIENCE, "still open");
        };
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(statuses(&answer).first().copied(), expected, "{answer}");
        assert!(ended >= std::time::Duration::from_millis(350), "{ended:?}");
        assert!(ended < std::time::Duration::from_secs(5), "{ended:?}");
    }
    attacked.nobody_noticed().await;
}
