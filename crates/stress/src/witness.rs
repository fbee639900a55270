//! What the simulator behind an embedded target counted itself, read over its socket between the
//! levels: whether every request reached it once, and how late it was itself.

use std::net::SocketAddr;
use std::time::Duration;

use results::level;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the simulator may take. Nothing is lost when it takes longer but its testimony.
const WITHIN: Duration = Duration::from_secs(2);

/// Most bytes of its answer; it is below 2 KiB.
const MAX_ANSWER: u64 = 64 * 1024;

/// A simulator that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Witness {
    /// Where it listens.
    pub address: SocketAddr,
}

impl Witness {
    /// Sets its counts to zero. Returns whether it did: else it cannot tell of one level.
    pub async fn reset(self) -> bool {
        self.ask("POST", "/weir/reset").await.is_some_and(|(status, _)| status == 204)
    }

    /// What it has counted since the last reset, or `None` when it does not say.
    pub async fn testify(self) -> Option<level::Witness> {
        let (status, body) = self.ask("GET", "/weir/stats").await?;
        if status != 200 {
            return None;
        }
        // It says more than a level keeps.
        serde_json::from_slice(&body).ok()
    }

    async fn ask(self, method: &str, path: &str) -> Option<(u16, Vec<u8>)> {
        let asking = async {
            let mut stream = TcpStream::connect(self.address).await.ok()?;
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\n\
                 connection: close\r\n\r\n",
                self.address
            );
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut answer = Vec::new();
            stream.take(MAX_ANSWER).read_to_end(&mut answer).await.ok()?;
            parse(&answer)
        };
        timeout(WITHIN, asking).await.ok().flatten()
    }
}

/// Status and body of an answer that ends with its connection.
fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.get(end + 4..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(answer: &'static str) -> Option<level::Witness> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let witness = Witness { address: listener.local_addr().unwrap() };
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            let length = stream.read(&mut buffer).await.unwrap();
            assert!(buffer[..length].starts_with(b"GET /weir/stats HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let (testimony, ()) = tokio::join!(witness.testify(), async {
            serve.await;
        });
        testimony
    }

    #[tokio::test]
    async fn what_it_says_is_taken_as_it_says_it() {
        let said = asked(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
             {\"started\":7,\"finished\":5,\"faulted\":0,\"rejected\":0,\"cancelled\":2,\
             \"active\":0,\"peak_active\":6,\"endpoints\":{},\
             \"lateness_ms\":{\"count\":280,\"p50\":0.5,\"p99\":1.5,\"max\":2.0}}",
        )
        .await
        .unwrap();
        assert_eq!((said.started, said.finished, said.cancelled, said.peak_active), (7, 5, 2, 6));
        assert_eq!((said.lateness_ms.count, said.lateness_ms.p99), (280, Some(1.5)));
    }

    #[tokio::test]
    async fn who_says_nothing_sensible_is_no_witness() {
        assert_eq!(asked("HTTP/1.1 404 Not Found\r\n\r\n{}").await, None);
        assert_eq!(asked("HTTP/1.1 200 OK\r\n\r\n{\"started\":true}").await, None);
        assert_eq!(asked("").await, None);
        let nobody = Witness { address: "127.0.0.1:9".parse().unwrap() };
        assert!(!nobody.reset().await);
    }
}
