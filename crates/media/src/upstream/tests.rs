use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;

/// Answers every request on a connection, and keeps it open.
async fn answer_all(mut connection: DuplexStream) -> io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await?);
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_share_their_connections_whichever_clone_of_the_client_makes_them() {
    let opened = Arc::new(AtomicUsize::new(0));
    let (count, tasks) = (Arc::clone(&opened), TaskTracker::new());
    let upstream = Upstream::in_memory(&Limits::default(), move || {
        count.fetch_add(1, Ordering::Relaxed);
        let (ours, theirs) = tokio::io::duplex(1024);
        tasks.spawn(answer_all(theirs));
        Ok(ours)
    });
    for _ in 0..5 {
        let mut request = Request::new(body(""));
        *request.uri_mut() = "http://upstream.test/v1/videos".parse().unwrap();
        let response = upstream.clone().send(request).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
        // A connection is back in the pool once its task has seen the end of the answer.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}
