use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;

fn target(address: SocketAddr) -> Target {
    Target {
        host: address.ip().to_string(),
        addresses: vec![address],
        sources: Vec::new(),
        security: Security::Plain,
    }
}

/// Runs one stream on a fresh connector.
async fn stream(address: SocketAddr, dialect: Dialect, deadlines: &Deadlines) -> StreamReport {
    let connector = Connector::new(&target(address)).unwrap();
    let request = request(dialect, "http", &address.to_string());
    let seen = Seen::default();
    connector.stream(&request, &mut None, None, deadlines, NO_MINIMUM, &seen).await
}

async fn read_request(socket: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    while !request.ends_with(b"{\"stream\":true}") {
        if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return false;
        }
    }
    true
}

/// A server that answers every request on every connection with the same bytes, and closes the
/// connection after each answer unless it keeps it alive.
async fn serve(answer: impl Into<Vec<u8>>, keep_alive: bool) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer: Vec<u8> = answer.into();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            connections.spawn(async move {
                while read_request(&mut socket).await {
                    if socket.write_all(&answer).await.is_err() || !keep_alive {
                        return;
                    }
                }
            });
        }
    });
    (address, tasks)
}

async fn check(answer: &str, outcome: Outcome, detail: &str) -> StreamReport {
    let (address, _server) = serve(answer, false).await;
    let report = stream(address, Dialect::OpenaiChat, &PATIENT).await;
    assert_eq!((report.outcome, report.detail.as_ref()), (outcome, detail), "{answer}");
    report
}

#[tokio::test]
async fn a_whole_answer_is_ok_and_counted_exactly() {
    let report = check(
        &whole(&["weir/1 ", "the ", "ende"]),
        Outcome::WrongText,
        "the text's checksum does not match",
    )
    .await;
    assert_eq!((report.correct, report.chunks), (Some(false), 3));
    let before = "weir/1 der Fluß ";
    let closing = wire::text::closing_word(before.as_bytes());
    let report = check(&whole(&["weir/1 ", "der Fluß ", &closing]), Outcome::Ok, "").await;
    assert_eq!((report.correct, report.chunks, report.status), (Some(true), 3, Some(200)));
    assert_eq!(report.chars, 16 + 8);
    assert!(report.ttfb <= report.ttft && report.ttft <= report.total);
}

#[tokio::test]
async fn the_announced_ideal_is_taken_over() {
    let answer = whole(&["a"]).replacen("\r\n", "\r\nx-weir-ideal-us: 1234567\r\n", 1);
    let report = check(&answer, Outcome::Ok, "").await;
    assert_eq!(report.ideal, Some(Duration::from_micros(1_234_567)));
}

#[tokio::test]
async fn every_break_is_found() {
    let two = format!("{HEAD}{}{}", coded(&content("a")), coded(&content("b")));
    let cut = "cut before its terminal event: connection closed";
    check(&two, Outcome::Truncated, cut).await;
    check(&format!("{two}5\r\nda"), Outcome::Truncated, cut).await;
    check(&format!("{two}{END}"), Outcome::Truncated, "ended without its terminal event").await;
    let error =
        coded("data: {\"error\":{\"type\":\"server_error\",\"message\":\"worker 17 died\"}}\n\n");
    check(&format!("{two}{error}{END}"), Outcome::ErrorEvent, "server_error: worker # died").await;
    let broken = coded("data: {\"choices\":[{\"ind\n\n");
    check(&format!("{two}{broken}{END}"), Outcome::Malformed, "an event is not valid JSON").await;
    check(&format!("{HEAD}{}{END}", coded(DONE)), Outcome::Empty, "no chunk").await;
    check(&format!("{HEAD}{END}"), Outcome::Empty, "no chunk").await;
    let coding = "broken chunked coding: a chunk is longer than its announced size";
    check(&format!("{two}1\r\nxyz"), Outcome::Malformed, coding).await;
    check("SSH-2.0-x\r\n", Outcome::Malformed, "the answer is not HTTP/1.1").await;
    let late = format!("{}{}", whole(&["a"]).strip_suffix(END).unwrap(), coded(&content("b")));
    check(&(late + END), Outcome::Malformed, "data after the terminal event").await;
}

#[tokio::test]
async fn answers_that_are_no_streams_say_what_they_are() {
    let check = async |head: &str, body: &str, detail: &str| {
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        check(&answer, Outcome::HttpError, detail).await
    };
    check(
        "200 OK\r\ncontent-type: text/html",
        "<html>",
        "HTTP 200 with text/html instead of a stream of openai-chat",
    )
    .await;
    check(
        "200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip",
        "x",
        "HTTP 200 with content-encoding gzip, though identity was asked for",
    )
    .await;
    check("302 Found\r\nlocation: /login?next=1", "", "HTTP 302: redirect to /login").await;
    let report = check(
        "429 Too Many\r\ncontent-type: application/json",
        r#"{"error":{"type":"tokens","message":"3000 used"}}"#,
        "HTTP 429 tokens: # used",
    )
    .await;
    assert_eq!(report.status, Some(429));
    check("500 Broken", &"x".repeat(200_000), "HTTP 500").await;
}

#[tokio::test]
async fn too_few_chunks_or_bytes_are_short() {
    let (address, _server) = serve(whole(&["a", "b"]), false).await;
    let connector = Connector::new(&target(address)).unwrap();
    let request = request(Dialect::OpenaiChat, "http", &address.to_string());
    let seen = Seen::default();
    for (chunks, bytes, outcome, detail) in [
        (2, 0, Outcome::Ok, ""),
        (3, 0, Outcome::Short, "fewer than 3 chunks"),
        (0, 1000, Outcome::Short, "fewer than 1000 bytes"),
    ] {
        let minimum = Minimum { chunks, bytes };
        let report = connector.stream(&request, &mut None, None, &PATIENT, minimum, &seen).await;
        assert_eq!((report.outcome, report.detail.as_ref()), (outcome, detail));
        assert!(report.total.is_some());
    }
}

#[tokio::test]
async fn other_dialects_end_with_their_body() {
    let check = async |dialect, head: &str, body: &str, outcome, chunks| {
        let (address, _server) =
            serve(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}"), false).await;
        let report = stream(address, dialect, &PATIENT).await;
        assert_eq!(
            (report.outcome, report.chunks),
            (outcome, chunks),
            "{dialect}: {}",
            report.detail
        );
        assert_eq!(report.total.is_some(), outcome == Outcome::Ok);
    };
    check(Dialect::Text, "content-type: text/plain", "some text", Outcome::Ok, 1).await;
    check(Dialect::Text, "content-length: 10", "some text", Outcome::Truncated, 1).await;
    check(
        Dialect::Ndjson,
        "content-type: application/x-ndjson",
        "{\"a\":1}\n{\"a\":2}",
        Outcome::Ok,
        2,
    )
    .await;
    check(
        Dialect::Sse,
        "content-type: text/event-stream",
        "data: a\n\ndata: b\n\n",
        Outcome::Ok,
        2,
    )
    .await;
    check(Dialect::Sse, "content-type: text/plain", "data: a\n\n", Outcome::HttpError, 0).await;
}

#[tokio::test]
async fn no_connection_is_a_connect_error_with_its_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = stream(address, Dialect::Sse, &PATIENT).await;
    assert_eq!(
        (report.outcome, report.detail.as_ref()),
        (Outcome::ConnectError, "connection refused")
    );
    assert_eq!((report.ttfb, report.status), (None, None));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reset = async {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_zero_linger().unwrap();
    };
    let (report, ()) = tokio::join!(stream(address, Dialect::Sse, &PATIENT), reset);
    let expected = (Outcome::ConnectError, "connection reset before a response");
    assert_eq!((report.outcome, report.detail.as_ref()), expected);
}

#[tokio::test]
async fn a_reset_in_the_middle_is_truncated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reset = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        socket.write_all((HEAD.to_owned() + &coded(&content("a"))).as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        socket.set_zero_linger().unwrap();
    };
    let (report, ()) = tokio::join!(stream(address, Dialect::OpenaiChat, &PATIENT), reset);
    let expected = (Outcome::Truncated, "cut before its terminal event: connection reset");
    assert_eq!((report.outcome, report.detail.as_ref()), expected);
    assert_eq!(report.chunks, 1);
}

#[tokio::test]
async fn deadlines_hold_on_real_sockets() {
    let short = Duration::from_millis(150);
    let check = async |answer: &str, deadlines: Deadlines, detail: &str| {
        let (address, _server) = serve(answer, true).await;
        let report = stream(address, Dialect::OpenaiChat, &deadlines).await;
        assert_eq!((report.outcome, report.detail.as_ref()), (Outcome::Timeout, detail));
        let took = report.ended_at - report.started_at;
        assert!(took >= short && took < short + Duration::from_millis(500), "{took:?}");
    };
    let first = Deadlines { first: short, ..PATIENT };
    check("", first, "no response head within 150ms (first)").await;
    check(HEAD, first, "no chunk within 150ms (first)").await;
    let idle = Deadlines { idle: short, ..PATIENT };
    check(&(HEAD.to_owned() + &coded(&content("a"))), idle, "no chunk for 150ms (idle)").await;
    let total = Deadlines { total: Some(short), ..PATIENT };
    check(HEAD, total, "not at its end within 150ms (total)").await;
}

#[tokio::test]
async fn a_server_that_does_not_accept_is_a_timeout_of_the_connection() {
    // A listener whose queue is full lets further connections hang.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = JoinSet::new();
    for _ in 0..8 {
        queued.spawn(TcpStream::connect(address));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let first = Deadlines { first: Duration::from_millis(200), ..PATIENT };
    let report = stream(address, Dialect::Sse, &first).await;
    let expected = (Outcome::Timeout, "no connection within 200ms (connect)");
    assert_eq!((report.outcome, report.detail.as_ref()), expected);
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_once_if_it_died() {
    let (address, _server) = serve(whole(&["a"]), true).await;
    let connector = Connector::new(&target(address)).unwrap();
    let request = request(Dialect::OpenaiChat, "http", &address.to_string());
    let seen = Seen::default();
    let mut connection = None;
    for _ in 0..3 {
        let report =
            connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.detail);
        assert!(connection.is_some());
    }
    assert_eq!(seen.connected.get(), 1);
    assert_eq!(connector.http_version(), Some(HttpVersion::Http1));

    // This server closes each connection after one answer, without saying so.
    let (address, _server) = serve(whole(&["a"]), false).await;
    let connector = Connector::new(&target(address)).unwrap();
    let seen = Seen::default();
    let mut connection = None;
    for _ in 0..3 {
        let report =
            connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.detail);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(seen.connected.get(), 3);
}

#[tokio::test]
async fn any_split_of_the_answer_gives_the_same_report() {
    let answer = whole(&["a", "\u{1F600}\n"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connector = Connector::new(&target(address)).unwrap();
    let request = request(Dialect::OpenaiChat, "http", &address.to_string());
    let seen = Seen::default();
    let (mut server, mut connection) = (None, None);
    for cut in 1..answer.len() {
        let (left, right) = answer.as_bytes().split_at(cut);
        let serve = async {
            let mut socket = match server.take() {
                Some(socket) => socket,
                None => listener.accept().await.unwrap().0,
            };
            assert!(read_request(&mut socket).await);
            socket.set_nodelay(true).unwrap();
            socket.write_all(left).await.unwrap();
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            socket.write_all(right).await.unwrap();
            socket
        };
        let stream = connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen);
        let (report, socket) = tokio::join!(stream, serve);
        server = Some(socket);
        assert_eq!(
            (report.outcome, report.chunks, report.chars),
            (Outcome::Ok, 2, 3),
            "cut at {cut}"
        );
    }
    assert_eq!(seen.connected.get(), 1);
}

#[tokio::test]
async fn the_clock_of_open_load_starts_when_the_stream_was_due() {
    let (address, _server) = serve(whole(&["a"]), false).await;
    let connector = Connector::new(&target(address)).unwrap();
    let request = request(Dialect::OpenaiChat, "http", &address.to_string());
    let due = Instant::now().checked_sub(Duration::from_secs(3)).unwrap();
    let report = connector
        .stream(&request, &mut None, Some(due), &PATIENT, NO_MINIMUM, &Seen::default())
        .await;
    assert_eq!(report.started_at, due);
    assert!(report.ttft >= Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn the_next_address_is_tried_and_remembered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = listener.local_addr().unwrap();
    drop(listener);
    let (address, _server) = serve(whole(&["a"]), false).await;
    let two = Target { addresses: vec![dead, address], ..target(address) };
    let connector = Connector::new(&two).unwrap();
    let request = request(Dialect::OpenaiChat, "http", &address.to_string());
    for _ in 0..2 {
        let report = connector
            .stream(&request, &mut None, None, &PATIENT, NO_MINIMUM, &Seen::default())
            .await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.detail);
    }
    let none = Target { addresses: Vec::new(), ..target(address) };
    assert!(matches!(Connector::new(&none), Err(ConnectorError::NoAddress)));
}

#[tokio::test]
async fn sources_are_used_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sources: Vec<std::net::IpAddr> =
        ["127.0.0.2", "127.0.0.3"].map(|source| source.parse().unwrap()).into();
    let connector =
        Connector::new(&Target { sources: sources.clone(), ..target(address) }).unwrap();
    let request = request(Dialect::OpenaiChat, "http", &address.to_string());
    let mut peers = Vec::new();
    for _ in 0..3 {
        let accept = async { listener.accept().await.unwrap().1.ip() };
        let seen = Seen::default();
        let mut connection = None;
        let stream = connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen);
        peers.push(tokio::join!(stream, accept).1);
    }
    assert_eq!(peers, [sources[0], sources[1], sources[0]]);
}

#[tokio::test]
async fn the_future_of_a_stream_is_small() {
    let (address, _server) = serve("", false).await;
    let connector = Connector::new(&target(address)).unwrap();
    let request = request(Dialect::OpenaiChat, "http", &address.to_string());
    let seen = Seen::default();
    let mut connection = None;
    let stream = connector.stream(&request, &mut connection, None, &PATIENT, NO_MINIMUM, &seen);
    let size = size_of_val(&stream);
    assert!(size < 4096, "{size} bytes");
}
