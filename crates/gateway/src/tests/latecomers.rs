//! What is left of HTTP/2 connections to upstreams when clients leave: an upstream that speaks in
//! bare frames, because no library sends what comes too late.

use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::http2::{chat, connect};
use super::world::{DONE, Gateway, PATIENCE, delta};

/// The client's connection preface (RFC 9113, section 3.4).
const PREFACE: usize = 24;

/// Types of frames (RFC 9113, section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;

/// Flags: the end of a stream, an acknowledgement, the end of headers.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` from the static table, and `content-type: text/event-stream` as a literal with
/// the name from it (RFC 7541, appendix A and section 6.2.2).
const HEAD: &[u8] = b"\x88\x0f\x10\x11text/event-stream";

/// Clients that leave together, and how often: more in all than the 1,024 streams for which h2 by
/// itself refuses frames before it ends the connection.
const LEAVING: usize = 500;
const ROUNDS: usize = 3;

/// Frames that come for each of them after it has left.
const LATE: usize = 2;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The next connection that begins with HTTP/2's preface; the health check says nothing.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        if stream.read_exact(&mut [0; PREFACE]).await.is_ok() {
            return stream;
        }
    }
}

/// Begins every answer; goes on with those that were reset, as if it had not heard of it yet; and
/// ends the first one once all others have been reset.
async fn answer_too_late(mut stream: TcpStream) {
    // MAX_CONCURRENT_STREAMS is 1,000.
    let settings = [[0, 3].as_slice(), &1_000_u32.to_be_bytes()].concat();
    stream.write_all(&frame(SETTINGS, 0, 0, &settings)).await.unwrap();
    let (mut first, mut gone) = (None, 0);
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (kind, flags) = (head[3], head[4]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        let chunk = frame(DATA, 0, id, delta("word").as_bytes());
        let said = match kind {
            SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
            HEADERS => {
                first.get_or_insert(id);
                [frame(HEADERS, END_HEADERS, id, HEAD), chunk].concat()
            }
            RST_STREAM => {
                gone += 1;
                let mut said = chunk.repeat(LATE);
                if gone == ROUNDS * LEAVING {
                    let first = first.unwrap();
                    said.extend(frame(DATA, END_STREAM, first, DONE.as_bytes()));
                }
                said
            }
            _ => continue,
        };
        if stream.write_all(&said).await.is_err() {
            return;
        }
    }
}

fn table(listener: &TcpListener) -> String {
    let address = listener.local_addr().unwrap();
    format!("[[upstream]]\nname = \"a\"\nurl = \"http://{address}\"\nhttp2 = true\n")
}

#[tokio::test]
async fn a_crowd_that_leaves_breaks_nobody_elses_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(&table(&listener));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { answer_too_late(accept(&listener).await).await });
    // One client connection stays with one worker, and so with one connection to the upstream.
    let mut sender = connect(gateway.address, &mut tasks).await;
    let staying = sender.send_request(chat(gateway.address)).await.unwrap();
    for _ in 0..ROUNDS {
        let mut leaving = Vec::new();
        for _ in 0..LEAVING {
            leaving.push(sender.send_request(chat(gateway.address)).await.unwrap());
        }
    }
    let answer = timeout(PATIENCE, staying.into_body().collect()).await.unwrap();
    let answer: Bytes = answer.unwrap().to_bytes();
    assert!(answer.ends_with(DONE.as_bytes()), "{answer:?}");
}

#[tokio::test]
async fn an_opener_who_leaves_before_the_settings_leaves_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start(&table(&listener));
    let client = gateway.streaming().await;
    // It has read our request for a connection, and never answers.
    let mut opened = timeout(PATIENCE, accept(&listener)).await.unwrap();
    gateway.metric_becomes("weir_gateway_upstream_connections{upstream=\"a\"}", 1.0).await;
    drop(client);
    gateway.metric_becomes("weir_gateway_upstream_connections{upstream=\"a\"}", 0.0).await;
    let mut rest = Vec::new();
    timeout(PATIENCE, opened.read_to_end(&mut rest)).await.unwrap().unwrap();
}
