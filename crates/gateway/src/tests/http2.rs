//! HTTP/2 on both sides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::world::{DONE, Gateway, PATIENCE, Upstream, delta};

/// A client's HTTP/2 connection to a gateway, driven as long as `tasks` lives.
pub(super) async fn connect(
    address: SocketAddr,
    tasks: &mut JoinSet<()>,
) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    sender
}

pub(super) fn chat(address: SocketAddr) -> Request<Full<Bytes>> {
    Request::post(format!("http://{address}/v1/chat/completions"))
        .body(Full::new(Bytes::from_static(b"{\"model\":\"m\",\"stream\":true}")))
        .unwrap()
}

/// An upstream that speaks HTTP/2 with prior knowledge and allows `limit` streams a connection.
/// Its streams send one chunk, and end as soon as `release` lets them.
struct Http2Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    most_streams: Arc<AtomicUsize>,
    release: Arc<Semaphore>,
    _tasks: JoinSet<()>,
}

impl Http2Upstream {
    async fn start(limit: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, most_streams) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let release = Arc::new(Semaphore::new(0));
        let mut tasks = JoinSet::new();
        let (counted, most, held) =
            (Arc::clone(&connections), Arc::clone(&most_streams), Arc::clone(&release));
        tasks.spawn(async move {
            let mut driven = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // The health check connects, too, and says nothing.
                let mut first = [0];
                if stream.peek(&mut first).await.unwrap_or(0) == 0 {
                    continue;
                }
                stream.set_nodelay(true).unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let (open, most, held) =
                    (Arc::<AtomicUsize>::default(), Arc::clone(&most), Arc::clone(&held));
                let service = service_fn(move |_: Request<Incoming>| {
                    let now = open.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    respond(Arc::clone(&open), Arc::clone(&held))
                });
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.max_concurrent_streams(limit);
                driven.spawn(async move {
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, connections, most_streams, release, _tasks: tasks }
    }

    fn table(&self) -> String {
        format!("[[upstream]]\nname = \"a\"\nurl = \"http://{}\"\nhttp2 = true\n", self.address)
    }
}

type StreamedBody =
    StreamBody<futures_util::stream::BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

async fn respond(
    open: Arc<AtomicUsize>,
    held: Arc<Semaphore>,
) -> Result<Response<StreamedBody>, std::convert::Infallible> {
    use futures_util::StreamExt;
    let first = futures_util::stream::once(async { Ok(Frame::data(Bytes::from(delta("first")))) });
    let last = futures_util::stream::once(async move {
        held.acquire().await.unwrap().forget();
        open.fetch_sub(1, Ordering::SeqCst);
        Ok(Frame::data(Bytes::from_static(DONE.as_bytes())))
    });
    let mut response = Response::new(StreamBody::new(first.chain(last).boxed()));
    response.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
    Ok(response)
}

#[tokio::test]
async fn upstream_streams_share_connections_up_to_the_peers_limit() {
    const STREAMS: usize = 250;
    let upstream = Http2Upstream::start(100).await;
    let gateway = Gateway::start(&upstream.table());
    // One client connection stays with one worker, and so with one pool.
    let mut tasks = JoinSet::new();
    let sender = connect(gateway.address, &mut tasks).await;
    let mut bodies = Vec::new();
    let responses: Vec<_> =
        (0..STREAMS).map(|_| sender.clone().send_request(chat(gateway.address))).collect();
    for response in futures_util::future::join_all(responses).await {
        let mut body = response.unwrap().into_body();
        let first = timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), delta("first"));
        bodies.push(body);
    }
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 3);
    assert_eq!(upstream.most_streams.load(Ordering::SeqCst), 100);
    upstream.release.add_permits(STREAMS);
    for body in bodies {
        assert_eq!(body.collect().await.unwrap().to_bytes(), DONE);
    }
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"complete\"}", 250.0).await;
    // The places on the connections are free again: no fourth one is opened.
    upstream.release.add_permits(1);
    let again = sender.clone().send_request(chat(gateway.address)).await.unwrap();
    again.into_body().collect().await.unwrap();
    assert_eq!(upstream.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_http2_is_told_apart() {
    let upstream =
        Upstream::start(|peer| async move { peer.reply("200 OK", "", "{}").await }).await;
    let table = super::world::upstream_tables(&[&upstream]) + "http2 = true\n";
    let gateway =
        Gateway::start(&format!("[retry]\nattempts = 1\n[deadlines]\nconnect = \"2s\"\n{table}"));
    let answer = gateway.ask(&super::world::chat(true)).await;
    assert!(matches!(answer.status, 502 | 504), "{answer:?}");
}

#[tokio::test]
async fn a_stream_that_a_client_resets_ends_its_upstream_and_no_other_stream() {
    let (tell, mut told) = mpsc::channel(4);
    let upstream = Upstream::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            if peer.number == 0 {
                // Its client leaves before any head.
                tell.send(()).await.unwrap();
                peer.left().await;
                tell.send(()).await.unwrap();
                return None;
            }
            peer.begin().await;
            peer.chunk(&delta("first")).await;
            if peer.number == 1 {
                peer.left().await;
                tell.send(()).await.unwrap();
                return None;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            peer.done().await
        }
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    let mut tasks = JoinSet::new();
    let sender = connect(gateway.address, &mut tasks).await;
    let headless = sender.clone().send_request(chat(gateway.address));
    let headless = tokio::task::JoinSet::from_iter([headless]);
    told.recv().await.unwrap();
    let reset = sender.clone().send_request(chat(gateway.address)).await.unwrap();
    let kept = sender.clone().send_request(chat(gateway.address)).await.unwrap();
    drop(headless);
    timeout(PATIENCE, told.recv()).await.expect("the first upstream request ends").unwrap();
    drop(reset);
    timeout(PATIENCE, told.recv()).await.expect("the second upstream request ends").unwrap();
    let kept = kept.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(kept, delta("first") + DONE);
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"client_left\"}", 2.0).await;
}

#[tokio::test]
async fn one_slow_stream_of_a_connection_is_cut_and_the_others_go_on() {
    let upstream = Upstream::start(|mut peer| async move {
        peer.begin().await;
        if peer.number == 0 {
            let event = delta(&"x".repeat(50_000));
            let frame = format!("{:x}\r\n{event}\r\n", event.len());
            use tokio::io::AsyncWriteExt;
            while peer.stream.write_all(frame.as_bytes()).await.is_ok() {}
            return None;
        }
        peer.chunk(&delta("first")).await;
        tokio::time::sleep(Duration::from_millis(900)).await;
        peer.done().await
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "[deadlines]\nclient_write = \"300ms\"\n");
    let mut tasks = JoinSet::new();
    let sender = connect(gateway.address, &mut tasks).await;
    let slow = sender.clone().send_request(chat(gateway.address)).await.unwrap();
    let quick = sender.clone().send_request(chat(gateway.address)).await.unwrap();
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"client_slow\"}", 1.0).await;
    let quick = quick.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(quick, delta("first") + DONE);
    assert!(slow.into_body().collect().await.is_err());
}

/// Hyper's ping is answered all the time: a client needs no key for that.
#[tokio::test]
async fn a_connection_on_which_nothing_is_asked_any_more_is_closed() {
    let upstream = Upstream::mirror().await;
    let gateway = Gateway::before(&[&upstream], "[deadlines]\nclient_head = \"100ms\"\n");
    let mut tasks = JoinSet::new();
    let mut client = connect(gateway.address, &mut tasks).await;
    let health = format!("http://{}/healthz", gateway.address);
    let request = Request::get(health).body(Full::default()).unwrap();
    assert_eq!(client.send_request(request).await.unwrap().status(), 200);
    timeout(PATIENCE, tasks.join_next()).await.expect("the end of the connection");
    assert!(client.is_closed());
}
