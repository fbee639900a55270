use std::pin::pin;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{sleep_until, timeout};

use super::*;
use crate::client::exchange::{Ended, Scratch, exchange};
use crate::client::judge::{Heads, Judge};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs one exchange of chat over a pipe whose other end plays `server`; both end together or
/// the server is dropped.
async fn over_pipe<F: Future<Output = ()>>(
    deadlines: Deadlines,
    observer: &Seen,
    server: impl FnOnce(DuplexStream, Instant) -> F,
) -> (StreamReport, Ended) {
    let (mut client, remote) = tokio::io::duplex(64 * 1024);
    let started_at = Instant::now();
    let heads = Heads::default();
    let terms = Terms {
        dialect: Dialect::OpenaiChat,
        deadlines,
        minimum: NO_MINIMUM,
        observer,
        heads: &heads,
        wording: Wording::General,
    };
    let mut judge = Judge::new(&terms, started_at);
    judge.connected(None);
    let scratch = RefCell::<Scratch>::default();
    let sleep = pin!(sleep_until(judge.deadline()));
    let request = request(Dialect::OpenaiChat, "http", "pipe");
    let mut server = pin!(server(remote, started_at));
    let mut server_done = false;
    let ended = {
        let mut exchange =
            pin!(exchange(&mut client, &request.serialised, &mut judge, &scratch, sleep));
        loop {
            tokio::select! {
                biased;
                () = &mut server, if !server_done => server_done = true,
                ended = &mut exchange => break ended,
            }
        }
    };
    let report = judge.report(&ended.ending, ended.at, &mut scratch.borrow_mut().grammar);
    (report, ended)
}

async fn read_request(pipe: &mut DuplexStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"{\"stream\":true}") {
        pipe.read_buf(&mut request).await.unwrap();
    }
}

/// Answers after `first`, then every 140 ms, `count` chunks in all, without holding the clock up.
async fn steady(mut pipe: DuplexStream, start: Instant, first: Duration, count: u32) {
    read_request(&mut pipe).await;
    pipe.write_all(HEAD.as_bytes()).await.unwrap();
    for index in 0..count {
        sleep_until(start + first + millis(140) * index).await;
        pipe.write_all(coded(&content("word ")).as_bytes()).await.unwrap();
    }
    pipe.write_all((coded(STOP) + &coded(DONE) + END).as_bytes()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_57_seconds_is_measured_exactly() {
    let seen = Seen::default();
    let (report, ended) =
        over_pipe(PATIENT, &seen, |pipe, start| steady(pipe, start, millis(1100), 401)).await;
    assert_eq!((report.outcome, report.detail.as_ref()), (Outcome::Ok, ""));
    assert_eq!(report.ttfb, Some(Duration::ZERO));
    assert_eq!(report.ttft, Some(millis(1100)));
    assert_eq!(report.streaming, Some(millis(140) * 400));
    assert_eq!(report.total, Some(millis(57_100)));
    assert_eq!(report.ended_at - report.started_at, millis(57_100));
    assert_eq!((report.chunks, report.chars, report.correct), (401, 401 * 5, None));
    assert_eq!(report.bytes, seen.bytes.get());
    let gaps = seen.gaps.borrow();
    assert_eq!(gaps[0], None);
    assert!(gaps[1..].iter().all(|gap| *gap == Some(millis(140))));
    assert!(ended.reusable);
}

#[tokio::test(start_paused = true)]
async fn each_deadline_is_met_and_named() {
    let deadlines = Deadlines { first: millis(2000), idle: millis(300), total: None };
    let check = async |deadlines, at, detail: &str, server: fn(DuplexStream, Instant) -> _| {
        let (report, ended) = over_pipe(deadlines, &Seen::default(), |pipe, start| {
            let server: std::pin::Pin<Box<dyn Future<Output = ()>>> = server(pipe, start);
            server
        })
        .await;
        assert_eq!((report.outcome, report.detail.as_ref()), (Outcome::Timeout, detail));
        assert_eq!(report.ended_at - report.started_at, at, "{detail}");
        assert_eq!(report.total, None);
        assert!(!ended.reusable);
    };
    check(deadlines, millis(2000), "no response head within 2s (first)", |mut pipe, _| {
        Box::pin(async move {
            read_request(&mut pipe).await;
            std::future::pending().await
        })
    })
    .await;
    check(deadlines, millis(2000), "no chunk within 2s (first)", |mut pipe, _| {
        Box::pin(async move {
            read_request(&mut pipe).await;
            pipe.write_all(HEAD.as_bytes()).await.unwrap();
            // Comments are no chunks, however many come.
            for _ in 0..100 {
                tokio::time::sleep(millis(100)).await;
                pipe.write_all(coded(": ping\n\n").as_bytes()).await.unwrap();
            }
        })
    })
    .await;
    check(
        deadlines,
        millis(1100 + 140 * 2 + 300),
        "no chunk for 300ms (idle)",
        |mut pipe, start| {
            Box::pin(async move {
                read_request(&mut pipe).await;
                pipe.write_all(HEAD.as_bytes()).await.unwrap();
                for index in 0..3 {
                    sleep_until(start + millis(1100) + millis(140) * index).await;
                    pipe.write_all(coded(&content("a")).as_bytes()).await.unwrap();
                }
                std::future::pending().await
            })
        },
    )
    .await;
    let total = Deadlines { total: Some(millis(5000)), ..deadlines };
    check(total, millis(5000), "not at its end within 5s (total)", |pipe, start| {
        Box::pin(steady(pipe, start, millis(1100), 401))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_complete_at_its_terminal_event_and_its_end_is_awaited_briefly() {
    let (report, ended) = over_pipe(PATIENT, &Seen::default(), |mut pipe, _| async move {
        read_request(&mut pipe).await;
        let body = coded(&content("a")) + &coded(STOP) + &coded(DONE);
        pipe.write_all((HEAD.to_owned() + &body).as_bytes()).await.unwrap();
        std::future::pending().await
    })
    .await;
    assert_eq!(report.outcome, Outcome::Ok);
    assert_eq!(report.total, Some(Duration::ZERO));
    assert_eq!(report.ended_at, report.started_at);
    assert_eq!(ended.at - report.started_at, crate::client::judge::DRAIN_LIMIT);
    assert!(!ended.reusable);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_before_the_request_is_read_counts() {
    // A pipe of 64 KiB cannot take this request: the server answers and stops reading.
    let (mut client, mut remote) = tokio::io::duplex(1024);
    let seen = Seen::default();
    let heads = Heads::default();
    let terms = Terms {
        dialect: Dialect::OpenaiChat,
        deadlines: PATIENT,
        minimum: NO_MINIMUM,
        observer: &seen,
        heads: &heads,
        wording: Wording::General,
    };
    let mut judge = Judge::new(&terms, Instant::now());
    let scratch = RefCell::<Scratch>::default();
    let sleep = pin!(sleep_until(judge.deadline()));
    let large = vec![b'x'; 1 << 20];
    let server = async {
        let refusal = "HTTP/1.1 413 Too Large\r\nserver: tiny\r\ncontent-length: 0\r\n\r\n";
        remote.write_all(refusal.as_bytes()).await.unwrap();
        drop(remote);
    };
    let exchange = exchange(&mut client, &large, &mut judge, &scratch, sleep);
    let (ended, ()) =
        timeout(millis(1000), async { tokio::join!(exchange, server) }).await.unwrap();
    assert!(!ended.reusable);
    let report = judge.report(&ended.ending, ended.at, &mut scratch.borrow_mut().grammar);
    assert_eq!((report.outcome, report.detail.as_ref()), (Outcome::HttpError, "HTTP 413"));
    assert_eq!(heads.server.get().map(Box::as_ref), Some("tiny"));
}

#[tokio::test(start_paused = true)]
async fn the_body_of_an_error_is_not_awaited_for_long() {
    let (report, ended) = over_pipe(PATIENT, &Seen::default(), |mut pipe, _| async move {
        read_request(&mut pipe).await;
        let head = "HTTP/1.1 500 Broken\r\ncontent-type: text/plain\r\n\r\nout of ";
        pipe.write_all(head.as_bytes()).await.unwrap();
        std::future::pending().await
    })
    .await;
    assert_eq!((report.outcome, report.detail.as_ref()), (Outcome::HttpError, "HTTP 500 out of"));
    assert_eq!(ended.at - report.started_at, crate::client::judge::ERROR_BODY_LIMIT);
}
