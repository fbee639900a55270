use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::metrics::Metrics;

/// Longer than anything here takes, on a machine that does other work, too.
const PATIENCE: Duration = Duration::from_secs(20);

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n";

/// A connection to a peer that does what `script` says.
async fn connected<F>(script: impl FnOnce(TcpStream) -> F, tasks: &mut JoinSet<()>) -> Connection
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    tasks.spawn(script(peer));
    let open = OpenConnection::new(&Metrics::new().upstream("a"));
    Connection::new(Transport::Plain(stream), open)
}

async fn exchange(
    connection: Connection,
    body: impl Into<Bytes>,
) -> Result<(response::Parts, Body), Failed> {
    let reading = Rc::default();
    let exchange = connection.exchange(Bytes::from_static(REQUEST), body.into(), &reading);
    timeout(PATIENCE, exchange).await.expect("an answer in time")
}

async fn read_all(body: &mut Body) -> Result<Vec<u8>, Http1Error> {
    let mut all = Vec::new();
    while let Some(data) = poll_fn(|context| body.poll_data(context)).await {
        all.extend_from_slice(&data?);
    }
    Ok(all)
}

/// Asks a peer that says `answer` and then, with `stays`, waits for us to leave. It lives as long
/// as `tasks`.
async fn ask(
    answer: &str,
    stays: bool,
    tasks: &mut JoinSet<()>,
) -> Result<(response::Parts, Body), Failed> {
    let answer = answer.to_owned();
    let connection = connected(
        async move |mut peer: TcpStream| {
            let mut request = [0; 1024];
            let _ = peer.read(&mut request).await;
            peer.write_all(answer.as_bytes()).await.unwrap();
            if stays {
                let _ = peer.read(&mut request).await;
            }
        },
        tasks,
    )
    .await;
    exchange(connection, "{}").await
}

#[tokio::test]
async fn an_answer_is_the_same_in_whatever_pieces_it_comes() {
    const ANSWER: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\n\
        transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
    for size in [1, 2, 7, ANSWER.len()] {
        let mut tasks = JoinSet::new();
        let script = async move |mut peer: TcpStream| {
            peer.set_nodelay(true).unwrap();
            for piece in ANSWER.chunks(size) {
                peer.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            let _ = peer.read_to_end(&mut Vec::new()).await;
        };
        let connection = connected(script, &mut tasks).await;
        let (head, mut body) = exchange(connection, "{}").await.unwrap();
        assert_eq!((head.status.as_u16(), &head.headers["a"]), (200, &"b".parse().unwrap()));
        assert_eq!(read_all(&mut body).await.unwrap(), b"abcde", "pieces of {size}");
        assert!(body.into_idle().is_some());
    }
}

#[tokio::test]
async fn a_connection_is_kept_only_when_it_can_be_used_again() {
    let mut tasks = JoinSet::new();
    let mut check = async |answer: &str, kept: bool| {
        let (_, mut body) = ask(answer, true, &mut tasks).await.unwrap();
        assert_eq!(read_all(&mut body).await.unwrap(), b"abc", "{answer:?}");
        assert_eq!(body.into_idle().is_some(), kept, "{answer:?}");
    };
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", true).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcd", false).await;
    check("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc", false).await;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    check(chunked, true).await;
    check(&format!("{chunked}HTTP/1.1 200 OK\r\n\r\n"), false).await;
    let (_, body) = ask(chunked, true, &mut tasks).await.unwrap();
    assert!(body.into_idle().is_none(), "not read to its end");
}

#[tokio::test]
async fn a_body_without_length_ends_with_its_connection_and_others_break_off() {
    let mut tasks = JoinSet::new();
    let (_, mut body) = ask("HTTP/1.1 200 OK\r\n\r\nabc", false, &mut tasks).await.unwrap();
    assert_eq!(read_all(&mut body).await.unwrap(), b"abc");
    assert!(body.is_at_end() && body.into_idle().is_none());
    for head in ["content-length: 4\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nab"] {
        let (_, mut body) =
            ask(&format!("HTTP/1.1 200 OK\r\n{head}"), false, &mut tasks).await.unwrap();
        assert!(matches!(read_all(&mut body).await, Err(Http1Error::Closed)), "{head:?}");
    }
}

#[tokio::test]
async fn whether_the_upstream_said_anything_is_told() {
    let mut tasks = JoinSet::new();
    let failed = ask("", false, &mut tasks).await.err().unwrap();
    assert!(matches!(failed.error, Http1Error::Closed) && failed.sent && !failed.heard);
    let failed = ask("HTTP/1.1 2", false, &mut tasks).await.err().unwrap();
    assert!(matches!(failed.error, Http1Error::Closed) && failed.heard);
    let failed = ask("hello\r\n\r\n", false, &mut tasks).await.err().unwrap();
    assert!(matches!(failed.error, Http1Error::Answer(AnswerError::NotHttp)) && failed.heard);
}

#[tokio::test]
async fn a_head_may_be_as_long_as_the_limit_and_no_longer() {
    let mut tasks = JoinSet::new();
    let answer = |length: usize| {
        let (begin, end) = ("HTTP/1.1 200 OK\r\na: ", "\r\ncontent-length: 1\r\n\r\n");
        let filler = "x".repeat(length - begin.len() - end.len());
        format!("{begin}{filler}{end}x")
    };
    let (_, mut body) = ask(&answer(MAX_HEAD), true, &mut tasks).await.unwrap();
    assert_eq!(read_all(&mut body).await.unwrap(), b"x");
    let failed = ask(&answer(MAX_HEAD + 1), true, &mut tasks).await.err().unwrap();
    assert!(matches!(failed.error, Http1Error::Answer(AnswerError::HeadTooLong)));
}

/// More than the sockets of both sides take.
const LARGE: usize = 32 << 20;

#[tokio::test]
async fn an_upstream_that_answers_early_gets_the_rest_of_the_request() {
    let mut tasks = JoinSet::new();
    let script = async move |mut peer: TcpStream| {
        peer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n").await.unwrap();
        let mut request = vec![0; REQUEST.len() + LARGE];
        peer.read_exact(&mut request).await.unwrap();
        peer.write_all(b"abc").await.unwrap();
    };
    let connection = connected(script, &mut tasks).await;
    let (_, mut body) = exchange(connection, vec![b'x'; LARGE]).await.unwrap();
    let read = timeout(PATIENCE, read_all(&mut body)).await.expect("the request goes on");
    assert_eq!(read.unwrap(), b"abc");
}

#[tokio::test]
async fn a_refusal_of_a_large_request_is_told_although_it_is_not_read() {
    let mut tasks = JoinSet::new();
    let script = async move |mut peer: TcpStream| {
        peer.write_all(b"HTTP/1.1 413 Too much\r\nconnection: close\r\n\r\nno").await.unwrap();
        // Let go only when we have: a reset would overtake the answer.
        let _ = peer.read_to_end(&mut Vec::new()).await;
    };
    let connection = connected(script, &mut tasks).await;
    let (head, body) = exchange(connection, vec![b'x'; LARGE]).await.unwrap();
    assert_eq!(head.status, 413);
    assert!(body.into_idle().is_none());
}

#[tokio::test]
async fn an_idle_connection_is_dead_as_soon_as_anything_comes() {
    for surplus in ["", "x"] {
        let mut tasks = JoinSet::new();
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let script = async move |mut peer: TcpStream| {
            told.await.unwrap();
            peer.write_all(surplus.as_bytes()).await.unwrap();
        };
        let mut connection = connected(script, &mut tasks).await;
        assert!(connection.is_idle());
        tell.send(()).unwrap();
        let noticed = async {
            while connection.is_idle() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, noticed).await.expect("it is noticed");
    }
}
