//! Media over real sockets, many at once; and uploads that wait for their turn.

use std::collections::HashSet;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use ring::digest::{SHA256, digest};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::SHORT;
use super::sockets::{Live, live};
use crate::media::{MAX_UPLOAD_BYTES, MAX_UPLOADS};
use crate::testing::{get, on_stage, post};

const CONFIG: &str = "profile = \"instant\"\nvideo_bytes = 131072";

/// Fetches a file; its length and digest.
async fn download(live: &Live, path: &str) -> (usize, Vec<u8>) {
    let mut tasks = JoinSet::new();
    let response = live.http1(&mut tasks).await.send_request(get(path, &[])).await.unwrap();
    assert_eq!(response.status(), 200);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (bytes.len(), digest(&SHA256, &bytes).as_ref().to_vec())
}

#[test]
fn many_files_at_once_are_whole_and_the_witness_saw_them_overlap() {
    const DOWNLOADS: usize = 256;
    live(CONFIG, async |live| {
        // At this pace a file takes a good half second: all are open before the first one ends.
        let path = "/v1/videos/vid_weir~pace=200000/content";
        let downloads = (0..DOWNLOADS).map(|_| download(live, path));
        let found: HashSet<_> = join_all(downloads).await.into_iter().collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found.into_iter().next().unwrap().0, 131_072);
        let transfers = live.stats().await["media"]["transfers"].clone();
        assert_eq!(transfers["finished"], DOWNLOADS);
        assert_eq!((&transfers["cut"], &transfers["open"]), (&0.into(), &0.into()));
        let peak = transfers["peak_open"].as_u64().unwrap();
        assert!(peak > 200, "only {peak} were open at once");
    });
}

/// Runs all futures at the same time, on this task.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = true;
        for (future, output) in &mut running {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
            all &= output.is_some();
        }
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

#[test]
fn a_client_that_leaves_a_file_is_noticed_and_counted_as_cut() {
    live(CONFIG, async |live| {
        let mut tasks = JoinSet::new();
        let path = "/v1/videos/vid_weir~stall@70000=1m/content";
        let response = live.http1(&mut tasks).await.send_request(get(path, &[])).await.unwrap();
        response.into_body().frame().await.unwrap().unwrap();
        tasks.shutdown().await;
        live.until("cancelled", 1).await;
        let transfers = live.stats().await["media"]["transfers"].clone();
        assert_eq!((&transfers["cut"], &transfers["open"]), (&1.into(), &0.into()));
    });
}

#[test]
fn a_connection_is_used_again_after_a_file() {
    live(CONFIG, async |live| {
        let mut tasks = JoinSet::new();
        let mut sender = live.http1(&mut tasks).await;
        for path in [
            "/v1/videos/vid_weir/content",
            "/v1/videos/vid_weir~end@5/content",
            "/v1/videos/vid_weir/content?variant=thumbnail",
            "/v1/videos/vid_none/content",
        ] {
            sender.ready().await.unwrap();
            let response = sender.send_request(get(path, &[])).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
    });
}

#[test]
fn an_upload_beyond_64_mib_gets_413_and_one_below_is_read() {
    live(CONFIG, async |live| {
        let head = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nvision\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let tail = "\r\n--b--\r\n";
        for (bytes, status) in [(MAX_UPLOAD_BYTES, 200), (MAX_UPLOAD_BYTES + 1, 413)] {
            let mut body = head.as_bytes().to_vec();
            body.resize(bytes - tail.len(), 0);
            body.extend_from_slice(tail.as_bytes());
            let mut tasks = JoinSet::new();
            let request = Request::post("/v1/files").header("host", "weir");
            let request = request.header("content-type", "multipart/form-data; boundary=b");
            let request = request.body(Full::new(body.into())).unwrap();
            let response = live.http1(&mut tasks).await.send_request(request).await.unwrap();
            assert_eq!(response.status(), status);
            response.into_body().collect().await.unwrap();
        }
    });
}

#[test]
fn an_upload_too_many_waits_until_another_one_is_over() {
    on_stage(SHORT, async |stage| {
        let mut slow = Vec::new();
        for _ in 0..MAX_UPLOADS {
            let (mut client, server) = tokio::io::duplex(4096);
            stage.serve(server);
            let head = b"POST /v1/videos HTTP/1.1\r\nhost: w\r\ncontent-length: 99\r\n\r\n{";
            client.write_all(head).await.unwrap();
            slow.push(client);
        }
        let json = [("content-type", "application/json")];
        let create = || stage.send(post("/v1/videos", &json, r#"{"prompt":"a"}"#));
        assert!(timeout(Duration::from_secs(1), create()).await.is_err());
        // Reading is never held up.
        let known = stage.send(get("/v1/videos/vid_weir", &[])).await.unwrap();
        assert_eq!(known.status, 200);
        slow.pop();
        let created = timeout(Duration::from_secs(1), create()).await.unwrap().unwrap();
        assert_eq!(created.status, 200);
    });
}
