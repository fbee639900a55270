//! Clients that do not read: what each of them may cost.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use integration_tests::Server;
use tokio::time::{Duration, Instant};

use super::{PATIENCE, eventually};

/// Clients that ask and never read.
const CLIENTS: u64 = 10;

/// What their kernel takes for them: little, so that the answers stop soon.
const RECEIVE_BUFFER: usize = 16 << 10;

/// Memory of the gateway for each: 64 KiB towards the client and 64 KiB read from the upstream, each
/// twice while it grows. With hyper's own read buffer it was three times as much; a gateway that
/// reads on would need megabytes.
const KIB_EACH: u64 = 256;

/// What a first load, however small, takes for good.
const FIRST_LOAD_KIB: u64 = 3 << 10;

/// One event of an answer without end, as a chunk of HTTP/1.1.
fn event() -> String {
    let event = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(4000)
    );
    format!("{:x}\r\n{event}\r\n", event.len())
}

/// Answers every request on every connection with events, as fast as they are taken.
fn endless(listener: TcpListener) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        std::thread::spawn(move || {
            let mut head = [0; 4096];
            // The health check connects and says nothing.
            if stream.read(&mut head).unwrap_or(0) == 0 {
                return;
            }
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                          transfer-encoding: chunked\r\n\r\n";
            let mut sent = stream.write_all(answer.as_bytes());
            let event = event();
            while sent.is_ok() {
                sent = stream.write_all(event.as_bytes());
            }
        });
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(RECEIVE_BUFFER).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

fn resident_kib(server: &Server) -> u64 {
    let bytes = runtime::process::usage(server.pid()).unwrap().rss_bytes;
    bytes / 1024
}

#[test]
fn a_client_that_does_not_read_costs_a_bounded_buffer_and_then_its_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weir.toml");
    let text = format!(
        "[deadlines]\nclient_write = \"3s\"\n\
         [[upstream]]\nname = \"a\"\nurl = \"http://{}\"\n",
        listener.local_addr().unwrap()
    );
    std::fs::write(&file, text).unwrap();
    std::thread::spawn(move || endless(listener));
    let gateway = Server::gateway(["--config", file.to_str().unwrap()]).unwrap();
    let before = resident_kib(&gateway);
    let address = gateway.url.strip_prefix("http://").unwrap();
    let body = "{\"model\":\"m\",\"stream\":true}";
    let unread: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = connect(address.parse().unwrap());
            let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\ncontent-length:";
            write!(stream, "{head} {}\r\n\r\n{body}", body.len()).unwrap();
            stream
        })
        .collect();
    // Every client has its answer's beginning: the kernel's buffers fill up, then the gateway's.
    for stream in &unread {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(stream.peek(&mut [0; 16]).unwrap() > 0);
    }
    let (mut peak, began) = (0, Instant::now());
    let cut = "weir_gateway_streams_total{outcome=\"client_slow\"}";
    eventually("all of them are cut", || {
        peak = peak.max(resident_kib(&gateway));
        gateway.metric(cut).unwrap() >= 10.0
    });
    assert!(began.elapsed() > Duration::from_secs(1), "they had time to fill what there is");
    let grown = peak.saturating_sub(before);
    println!("{grown} KiB for {CLIENTS} clients that do not read");
    assert!(grown <= FIRST_LOAD_KIB + CLIENTS * KIB_EACH, "{grown} KiB");
    eventually("nothing is left of them", || {
        gateway.metric("weir_gateway_upstream_connections{upstream=\"a\"}").unwrap() == 0.0
    });
}
