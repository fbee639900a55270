use std::borrow::Cow;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::*;

const SCRIPT: Script =
    Script { first: Duration::from_millis(20), gap: Duration::from_millis(10), chunks: 5 };

fn report(ttft_ms: u64) -> StreamReport {
    let now = Instant::now();
    StreamReport {
        outcome: Outcome::Ok,
        detail: Cow::Borrowed(""),
        started_at: now,
        ended_at: now,
        ttfb: None,
        ttft: Some(Duration::from_millis(ttft_ms)),
        streaming: None,
        total: None,
        ideal: None,
        status: None,
        chunks: 3,
        bytes: 0,
        chars: 0,
        correct: None,
    }
}

fn truth_of(first_ms: u64, gaps_ms: &[u64]) -> Truth {
    let received = Instant::now();
    let mut at = received + Duration::from_millis(first_ms);
    let mut writes = vec![at];
    for gap in gaps_ms {
        at += Duration::from_millis(*gap);
        writes.push(at);
    }
    Truth { received, writes }
}

#[test]
fn the_error_is_measured_minus_true() {
    let mut errors = Errors::default();
    let gaps = [Duration::from_millis(13), Duration::from_millis(8)];
    errors.compare(&report(107), &gaps, &truth_of(100, &[10, 10]));
    let control = errors.summary();
    let (ttft, gap) = (control.ttft_error_ms.unwrap(), control.gap_error_ms.unwrap());
    // Histograms tell three digits apart.
    assert!((ttft.max - 7.0).abs() < 0.007 && ttft.count == 1, "{ttft:?}");
    assert!((gap.max - 3.0).abs() < 0.003 && (gap.p50 - 2.0).abs() < 0.002, "{gap:?}");
}

#[test]
fn control_users_are_one_in_a_hundred_within_bounds_and_evenly_spread() {
    for (users, expected) in [(1, 1), (3, 3), (100, 4), (500, 5), (3000, 30), (12_000, 30)] {
        assert_eq!(control_users(users), expected, "{users}");
        let started: Vec<u64> = (0..users).filter(|user| starts_with(*user, users)).collect();
        assert_eq!(u64::try_from(started.len()).unwrap(), expected, "{users}: {started:?}");
        assert_eq!(started[0], 0);
    }
}

#[test]
fn the_script_follows_the_targets_cadence_within_bounds() {
    let seen = |ttft_ms, streaming_ms, chunks| {
        Script::like(
            Some(Duration::from_millis(ttft_ms)),
            Some(Duration::from_millis(streaming_ms)),
            chunks,
        )
    };
    let quick = seen(1102, 5460, 40);
    assert_eq!((quick.gap, quick.chunks), (Duration::from_millis(140), 28));
    assert_eq!(quick.first, Duration::from_millis(1102));
    let instant = seen(0, 0, 300);
    assert_eq!(instant.gap, Duration::from_millis(5));
    assert!(instant.length() < Duration::from_millis(250), "{instant:?}");
    let slow = seen(60_000, 60_000, 2);
    assert!(slow.length() <= Duration::from_secs(7), "{slow:?}");
    assert!(Script::like(None, None, 0).chunks >= 2);
}

/// What the server says about itself is what a plain socket sees: on a quiet machine each write
/// is seen within milliseconds after it, never before.
#[tokio::test]
async fn the_server_notes_when_it_wrote() {
    let server = ControlServer::start(SCRIPT).unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let asked = Instant::now();
    stream.write_all(b"GET /7 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let ended = Instant::now();
    assert_eq!(text.matches("data: x").count(), 5);
    assert!(text.ends_with("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"), "{text}");

    let truth = server.truths.take(7).unwrap();
    assert_eq!(server.truths.take(7), None);
    assert!(asked <= truth.received && *truth.writes.last().unwrap() <= ended);
    for (index, write) in (0u32..).zip(&truth.writes) {
        assert!(*write >= truth.received + SCRIPT.first + SCRIPT.gap * index);
    }
}

#[tokio::test]
async fn a_client_that_leaves_leaves_no_truth() {
    let server = ControlServer::start(SCRIPT).unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /3 HTTP/1.1\r\n\r\n").await.unwrap();
    drop(stream);
    // A second stream of the same script ends after the first one would have.
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /4 HTTP/1.1\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(server.truths.take(4).is_some());
    assert_eq!(server.truths.take(3), None);
}
