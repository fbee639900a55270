use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use h2::server::SendResponse;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinSet, LocalSet};
use tokio_rustls::TlsAcceptor;

use super::tls::authority;
use super::*;
use crate::client::http2::DEFAULT_STREAMS_PER_CONNECTION;

/// What a server of HTTP/2 does with each request.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    Whole,
    CleanEndInTheMiddle,
    ResetInTheMiddle,
    NotFound,
    Large,
}

#[derive(Debug, Clone, Copy)]
struct Server {
    behaviour: Behaviour,
    max_streams: Option<u32>,
}

async fn answer(mut respond: SendResponse<Bytes>, behaviour: Behaviour) {
    let head = |status: u16, content_type: &str| {
        http::Response::builder()
            .status(status)
            .header("content-type", content_type)
            .body(())
            .unwrap()
    };
    if let Behaviour::NotFound = behaviour {
        let mut body = respond.send_response(head(404, "application/json"), false).unwrap();
        return body.send_data("{\"error\":\"no model 7\"}".into(), true).unwrap();
    }
    let mut body = respond.send_response(head(200, "text/event-stream"), false).unwrap();
    body.send_data(content("a").into(), false).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    match behaviour {
        Behaviour::Whole => {
            body.send_data((content("b") + STOP + DONE).into(), true).unwrap();
        }
        Behaviour::Large => {
            // 18 MB, more than both windows: it arrives only if they are given back.
            for _ in 0..36 {
                body.send_data(content(&"x".repeat(500_000)).into(), false).unwrap();
            }
            body.send_data((STOP.to_owned() + DONE).into(), true).unwrap();
        }
        Behaviour::CleanEndInTheMiddle => body.send_data(Bytes::new(), true).unwrap(),
        Behaviour::ResetInTheMiddle => body.send_reset(h2::Reason::INTERNAL_ERROR),
        Behaviour::NotFound => unreachable!("answered above"),
    }
}

async fn serve_connection<T: AsyncRead + AsyncWrite + Unpin>(socket: T, server: Server) {
    let mut builder = h2::server::Builder::new();
    builder.max_send_buffer_size(64 << 20);
    if let Some(max) = server.max_streams {
        builder.max_concurrent_streams(max);
    }
    let Ok(mut connection) = builder.handshake::<_, Bytes>(socket).await else { return };
    let mut streams = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        assert_eq!(request.headers()["accept-encoding"], "identity");
        streams.spawn(answer(respond, server.behaviour));
    }
}

/// A server; how many connections it accepted is in the counter.
async fn serve(
    server: Server,
    tls: Option<TlsAcceptor>,
) -> (SocketAddr, Arc<AtomicU32>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepted = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&accepted);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            let tls = tls.clone();
            connections.spawn(async move {
                match tls {
                    None => serve_connection(socket, server).await,
                    Some(tls) => serve_connection(tls.accept(socket).await.unwrap(), server).await,
                }
            });
        }
    });
    (address, accepted, tasks)
}

fn plain(address: SocketAddr) -> Connector {
    Connector::new(&Target {
        host: address.ip().to_string(),
        addresses: vec![address],
        sources: Vec::new(),
        security: Security::PlainHttp2,
    })
    .unwrap()
}

async fn stream(connector: &Connector, scheme: &str) -> StreamReport {
    let request = request(Dialect::OpenaiChat, scheme, "localhost");
    connector.stream(&request, &mut None, None, &PATIENT, NO_MINIMUM, &Seen::default()).await
}

async fn check(behaviour: Behaviour, outcome: Outcome, detail: &str) {
    let (address, _, _server) = serve(Server { behaviour, max_streams: None }, None).await;
    let connector = plain(address);
    let report = stream(&connector, "http").await;
    assert_eq!((report.outcome, report.detail.as_ref()), (outcome, detail), "{behaviour:?}");
    assert_eq!(connector.http_version(), Some(HttpVersion::Http2));
}

#[tokio::test]
async fn every_end_of_a_stream_is_told_apart() {
    check(Behaviour::Whole, Outcome::Ok, "").await;
    check(Behaviour::CleanEndInTheMiddle, Outcome::Truncated, "ended without its terminal event")
        .await;
    let reset =
        "cut before its terminal event: HTTP/2 stream ended by the server with INTERNAL_ERROR";
    check(Behaviour::ResetInTheMiddle, Outcome::Truncated, reset).await;
    check(Behaviour::NotFound, Outcome::HttpError, "HTTP 404 no model #").await;
}

#[tokio::test]
async fn windows_are_given_back() {
    check(Behaviour::Large, Outcome::Ok, "").await;
}

/// Runs so many streams at once; all must be whole.
async fn burst(connector: Connector, scheme: &'static str, count: usize) -> Rc<Connector> {
    let connector = Rc::new(connector);
    let local = LocalSet::new();
    let mut users = JoinSet::new();
    for _ in 0..count {
        let connector = Rc::clone(&connector);
        users.spawn_local_on(async move { stream(&connector, scheme).await }, &local);
    }
    local
        .run_until(async {
            while let Some(report) = users.join_next().await {
                let report = report.unwrap();
                assert_eq!(report.outcome, Outcome::Ok, "{}", report.detail);
            }
        })
        .await;
    connector
}

#[tokio::test]
async fn a_burst_shares_as_few_connections_as_the_server_s_limit_allows() {
    let check = async |max_streams: Option<u32>, users: usize, connections: u32| {
        let server = Server { behaviour: Behaviour::Whole, max_streams };
        let (address, accepted, _server) = serve(server, None).await;
        burst(plain(address), "http", users).await;
        assert_eq!(accepted.load(Ordering::Relaxed), connections, "{max_streams:?}");
    };
    check(Some(10), 35, 4).await;
    check(Some(1000), 500, 1).await;
    check(None, DEFAULT_STREAMS_PER_CONNECTION, 1).await;
}

#[tokio::test]
async fn tls_leads_to_http2_where_the_server_offers_it() {
    let authority = authority(&["localhost"], &[b"h2", b"http/1.1"]);
    let settings = TlsSettings { cacert: Some(authority.cacert.clone()), ..TlsSettings::default() };
    let server = Server { behaviour: Behaviour::Whole, max_streams: Some(100) };
    let acceptor = TlsAcceptor::from(Arc::clone(&authority.server));
    let (address, accepted, _server) = serve(server, Some(acceptor)).await;
    let connector =
        burst(super::tls::connector("localhost", address.port(), &settings), "https", 50).await;
    assert_eq!(accepted.load(Ordering::Relaxed), 1);
    assert_eq!(connector.http_version(), Some(HttpVersion::Http2));
}

#[tokio::test]
async fn a_connection_that_went_away_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        // The first connection closes gracefully after one answer.
        for _ in 0..2 {
            let (socket, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(socket).await.unwrap();
            let (_, respond) = connection.accept().await.unwrap().unwrap();
            let mut answering = std::pin::pin!(answer(respond, Behaviour::Whole));
            tokio::select! {
                () = &mut answering => {}
                _ = connection.accept() => {}
            }
            connection.graceful_shutdown();
            while connection.accept().await.is_some() {}
        }
    };
    let users = async {
        let connector = plain(address);
        for _ in 0..2 {
            let report = stream(&connector, "http").await;
            assert_eq!(report.outcome, Outcome::Ok, "{}", report.detail);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = users => {}
        () = async { server.await; std::future::pending().await } => {}
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_http2_is_told_from_one_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut preface = [0; 24];
        socket.read_exact(&mut preface).await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        drop(listener);
        socket
    };
    let connector = plain(address);
    let (report, _socket) = tokio::join!(stream(&connector, "http"), server);
    assert_eq!(report.outcome, Outcome::ConnectError);
    assert!(report.detail.starts_with("no HTTP/2 with this server: "), "{}", report.detail);
    let report = stream(&connector, "http").await;
    assert_eq!(
        (report.outcome, report.detail.as_ref()),
        (Outcome::ConnectError, "connection refused")
    );
}
