//! The tester's own error: calls whose true length is known, made beside the agents' calls on the
//! same threads and through the same client.
//!
//! A small server in this process answers each call after a fixed delay, and says in the answer when
//! it wrote it, on the same clock. How much later the client believes that the answer came is the
//! tester's error: the kernel, and the tester's threads being elsewhere. How long the server itself
//! waited for a processor is not, as it would not be with any other server.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use results::LatencyHistogram;
use results::units::micros;
use runtime::workers::{Batching, Workers};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::http::{Endpoint, HttpTransport};
use super::transport::Ask;
use crate::client::{Connector, Security, Target};
use crate::target_url::TargetUrl;

/// How long the server takes over an answer: as a quick tool would.
pub const DELAY: Duration = Duration::from_millis(10);

/// How often each worker makes a call of known length.
pub const PERIOD: Duration = Duration::from_millis(25);

/// When such a call is given up: its server is in this process.
const LIMIT: Duration = Duration::from_secs(5);

/// Longest request that the server reads.
const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// A running server of known delay: a thread and a loopback port of its own.
#[derive(Debug)]
pub struct DelayServer {
    /// Where it listens.
    pub address: SocketAddr,
    epoch: Instant,
    stop: CancellationToken,
    thread: Option<Workers<()>>,
}

impl DelayServer {
    /// Starts the server.
    ///
    /// # Errors
    /// When no loopback port or thread is to be had.
    pub fn start() -> io::Result<Self> {
        let mut listeners = runtime::listen::listeners(SocketAddr::from(([127, 0, 0, 1], 0)), 1)?;
        let listener = listeners.pop().ok_or_else(|| io::Error::other("no listener"))?;
        let address = listener.local_addr()?;
        let (stop, epoch) = (CancellationToken::new(), Instant::now());
        let stopped = stop.clone();
        let thread = Workers::start("control", 1, &Batching::default(), move |_| {
            let (listener, stopped) = (listener.try_clone(), stopped.clone());
            async move { stopped.run_until_cancelled(serve(listener, epoch)).await.unwrap_or_default() }
        })?;
        Ok(Self { address, epoch, stop, thread: Some(thread) })
    }

    /// What a client needs of it.
    #[must_use]
    pub fn known(&self) -> Known {
        let target = Target {
            host: self.address.ip().to_string(),
            addresses: vec![self.address],
            sources: Vec::new(),
            security: Security::Plain,
        };
        Known { target, epoch: self.epoch }
    }
}

/// A server whose instants of writing are known.
#[derive(Debug, Clone)]
pub struct Known {
    /// Where it is.
    pub target: Target,
    /// From when it counts its time.
    pub epoch: Instant,
}

impl Drop for DelayServer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && let Err(error) = thread.join()
        {
            tracing::warn!(%error, "the control server's thread did not start");
        }
    }
}

async fn serve(listener: io::Result<std::net::TcpListener>, epoch: Instant) {
    let listener = match listener.and_then(TcpListener::from_std) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "the control server cannot listen");
            return;
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn_local(answer(stream, epoch));
                }
                Err(error) => tracing::warn!(%error, "the control server could not accept"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the requests of one connection until it closes.
async fn answer(mut stream: TcpStream, epoch: Instant) -> io::Result<()> {
    let mut request = Vec::with_capacity(1024);
    loop {
        let body = loop {
            if let Some(body) = body_of(&request) {
                break body;
            }
            if request.len() > MAX_REQUEST_BYTES || stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        };
        let received = Instant::now();
        let id = serde_json::from_slice::<Asked>(&request[body]).map_or(0, |asked| asked.id);
        sleep_until(received + DELAY).await;
        // The last thing before the bytes leave.
        let written = micros(epoch.elapsed());
        let body =
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"written_us\":{written}}}}}");
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        request.clear();
    }
}

#[derive(Deserialize)]
struct Asked {
    id: u64,
}

/// Where the body of a whole request lies; our client always tells its length.
fn body_of(request: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(start) = head.parse(request).ok()? else { return None };
    let length = head.headers.iter().find(|field| field.name == "content-length")?;
    let length: usize = std::str::from_utf8(length.value).ok()?.parse().ok()?;
    (request.len() >= start + length).then_some(start..start + length)
}

/// How much later the answer to one call seemed to come than it was written, in microseconds; `None`
/// when it failed.
async fn measure(transport: &HttpTransport, epoch: Instant) -> Option<u64> {
    #[derive(Deserialize)]
    struct Truth {
        written_us: u64,
    }
    let started_at = Instant::now();
    let params = json!({});
    let ask = Ask {
        method: "ping",
        name: None,
        params: &params,
        started_at,
        deadline: started_at + LIMIT,
    };
    let reply = transport.request(transport.next_id(), ask).await;
    let ended = micros(reply.phases.ended_at.saturating_duration_since(epoch));
    match reply.result {
        Ok(text) => {
            let truth: Truth = serde_json::from_str(text.get()).ok()?;
            Some(ended.abs_diff(truth.written_us))
        }
        Err(failure) => {
            tracing::warn!(detail = %failure.detail(), "a control call failed");
            None
        }
    }
}

/// Makes calls of known length until it is dropped, and records by how much each was measured wrong.
pub async fn watch(known: &Known, errors: Rc<RefCell<LatencyHistogram>>) {
    let Ok(connector) = Connector::new(&known.target) else { return };
    let Some(address) = known.target.addresses.first() else { return };
    let url = TargetUrl {
        tls: false,
        host: address.ip().to_string(),
        port: address.port(),
        path: "/".to_owned(),
    };
    let endpoint = Rc::new(Endpoint { url, headers: Vec::new() });
    let transport = HttpTransport::new(Rc::new(connector), endpoint);
    let mut due = Instant::now();
    loop {
        if let Some(error) = measure(&transport, known.epoch).await {
            errors.borrow_mut().record_micros(error);
        }
        // A call that outlasted its period is followed at once by the next: no more is owed.
        due = (due + PERIOD).max(Instant::now());
        sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_a_body_once_it_is_whole() {
        let whole = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(body_of(whole), Some(whole.len() - 2..whole.len()));
        assert_eq!(body_of(&whole[..whole.len() - 1]), None);
        assert_eq!(body_of(b"POST / HTTP/1.1\r\n\r\n"), None);
    }

    #[tokio::test]
    async fn calls_of_known_length_are_measured_with_a_small_error() {
        let server = DelayServer::start().unwrap();
        let errors = Rc::new(RefCell::new(LatencyHistogram::default()));
        let known = server.known();
        let observed = Rc::clone(&errors);
        let _ = tokio::time::timeout(Duration::from_millis(500), watch(&known, observed)).await;
        let summary = errors.borrow().summary_ms().unwrap();
        // A busy machine may make single calls late; half of them are measured well.
        assert!(summary.count >= 3 && summary.p50 < 5.0, "{summary:?}");
    }
}
