//! A client that leaves ends its upstream's work, in every phase.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::world::{Gateway, PATIENCE, Upstream, chat, delta};

/// How soon the upstream must see that the client has left. The machine may be busy; a gateway
/// that polls, or waits for the next event, needs longer: here no further event comes.
const AT_ONCE: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    BeforeHead,
    BeforeFirstEvent,
    MidStream,
}

async fn check(phase: Phase, stream: bool) {
    let (tell, mut told) = mpsc::channel(4);
    let upstream = Upstream::start(move |mut peer| {
        let tell = tell.clone();
        async move {
            if phase != Phase::BeforeHead {
                peer.begin().await;
            }
            if phase == Phase::MidStream {
                peer.chunk(&delta("first")).await;
            }
            tell.send(()).await.unwrap();
            peer.left().await;
            tell.send(()).await.unwrap();
            None
        }
    })
    .await;
    let gateway = Gateway::before(&[&upstream], "");
    let mut client = gateway.connect().await;
    client.send(&chat(stream)).await;
    told.recv().await.unwrap();
    if phase == Phase::MidStream {
        assert!(client.reads("first").await);
    }
    drop(client);
    let left = Instant::now();
    timeout(PATIENCE, told.recv()).await.expect("the upstream's work ends").unwrap();
    let took = left.elapsed();
    assert!(took < AT_ONCE, "{phase:?} took {took:?}");
    gateway.metric_becomes("weir_gateway_streams_total{outcome=\"client_left\"}", 1.0).await;
    gateway.metric_becomes("weir_gateway_upstream_open_streams{upstream=\"a\"}", 0.0).await;
    gateway.metric_becomes("weir_gateway_open_streams", 0.0).await;
    let usage = gateway.usage().await;
    let status = if phase == Phase::MidStream { 200 } else { 499 };
    assert_eq!(
        (&usage[0]["outcome"], &usage[0]["status"]),
        (&"client_left".into(), &status.into())
    );
    assert_eq!(usage[0]["chunks"], u64::from(phase == Phase::MidStream));
}

#[tokio::test]
async fn before_the_upstreams_head() {
    check(Phase::BeforeHead, true).await;
}

#[tokio::test]
async fn before_the_upstreams_head_of_an_answer_that_is_not_streamed() {
    check(Phase::BeforeHead, false).await;
}

#[tokio::test]
async fn between_head_and_first_event() {
    check(Phase::BeforeFirstEvent, true).await;
}

#[tokio::test]
async fn in_the_middle_of_the_stream() {
    check(Phase::MidStream, true).await;
}
