//! One case: a server, a client that loads it, and what both used meanwhile.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::linux;
use crate::say::{self, Stopwatch};
use crate::server::Server;
use crate::shell::{self, Tool};

/// Between two looks at the processes. A look costs some 50 µs.
const LOOK: Duration = Duration::from_millis(100);

/// What one process used while the client ran.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU seconds.
    pub(crate) cpu_s: f64,
    /// Resident memory before the first connection.
    pub(crate) idle_bytes: f64,
    /// Most resident memory seen.
    pub(crate) peak_bytes: f64,
}

/// What a case came to.
pub(crate) struct Outcome {
    pub(crate) server: Usage,
    pub(crate) client: Usage,
    /// What the client printed.
    pub(crate) output: String,
    /// CPU that neither of the two used, and so somebody else on this machine: percent of one
    /// processor.
    pub(crate) others_percent: f64,
}

/// Loads a running server with a client, and waits for the client's end.
///
/// # Errors
/// When the client cannot be started, fails, or takes longer than `limit`.
pub(crate) fn run(server: &Server, client: Tool, limit: Duration) -> Result<Outcome> {
    let line = client.line();
    let idle_bytes = linux::resident_bytes(server.pid()).context("the server is gone")?;
    let server_before = linux::cpu(server.pid()).context("the server is gone")?.seconds;
    let busy_before = linux::busy_seconds();
    let watch = Stopwatch::start();
    let mut child = client
        .into_command()
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{line}` could not be started"))?;
    let mut stdout = child.stdout.take().context("stdout is a pipe")?;
    // A client that prints more than a pipe holds must not wait for us while we wait for its end.
    let reader = std::thread::spawn(move || {
        let mut output = String::new();
        stdout.read_to_string(&mut output).map(|_| output)
    });
    let peaks = watch_until_end(&mut child, server.pid(), &watch, limit);
    if peaks.is_err() {
        shell::kill_family(&mut child);
    }
    let output = reader.join().map_err(|_| anyhow!("the reader of `{line}` died"))??;
    let peaks = peaks.with_context(|| format!("`{line}`"))?;
    let duration_s = watch.elapsed().as_secs_f64();
    let server_cpu_s = linux::cpu(server.pid()).context("the server died")?.seconds - server_before;
    let others = linux::busy_seconds() - busy_before - server_cpu_s - peaks.client_cpu_s;
    let status = child.wait()?;
    // A run without a verdict (3), or with another than we would like (1), has its numbers, too.
    if !matches!(status.code(), Some(0 | 1 | 3)) {
        bail!("`{line}` failed: {status}");
    }
    Ok(Outcome {
        server: Usage { cpu_s: server_cpu_s, idle_bytes, peak_bytes: peaks.server_bytes },
        client: Usage {
            cpu_s: peaks.client_cpu_s,
            idle_bytes: 0.0,
            peak_bytes: peaks.client_bytes,
        },
        output,
        others_percent: others.max(0.0) / duration_s * 100.0,
    })
}

#[derive(Default)]
struct Peaks {
    server_bytes: f64,
    client_bytes: f64,
    client_cpu_s: f64,
}

/// Looks at both processes until the client has ended; its CPU time is final then.
fn watch_until_end(
    child: &mut Child,
    server: u32,
    watch: &Stopwatch,
    limit: Duration,
) -> Result<Peaks> {
    let mut peaks = Peaks::default();
    loop {
        let cpu = linux::cpu(child.id()).context("the client vanished")?;
        peaks.client_cpu_s = cpu.seconds;
        if cpu.ended {
            return Ok(peaks);
        }
        let server_now = linux::resident_bytes(server).unwrap_or_default();
        let client_now = linux::family_resident_bytes(child.id());
        peaks.server_bytes = peaks.server_bytes.max(server_now);
        peaks.client_bytes = peaks.client_bytes.max(client_now);
        if watch.elapsed() > limit {
            bail!("did not end within {limit:?}");
        }
        say::wait(LOOK);
    }
}

/// The JSON behind a path of a server, by one plain HTTP/1.1 request.
///
/// # Errors
/// When the server does not answer, or not in JSON.
pub(crate) fn get_json(base: &str, path: &str) -> Result<Value> {
    let address = base.strip_prefix("http://").context("a base URL begins with http://")?;
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let length = socket.read(&mut buffer)?;
        answer.extend_from_slice(&buffer[..length]);
        if let Some(body) = whole_body(&answer) {
            return serde_json::from_str(&body).with_context(|| format!("{path}: no JSON"));
        }
        if length == 0 {
            bail!("{path}: the answer ended early");
        }
    }
}

/// The body of a response with a content length, when it has come as a whole.
fn whole_body(answer: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let lines = head.lines().map(str::to_ascii_lowercase);
    let length =
        lines.filter_map(|line| Some(line.strip_prefix("content-length:")?.trim().parse()));
    let length: usize = length.flatten().next()?;
    (body.len() >= length).then(|| body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_whole_when_its_length_has_come() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(whole_body(format!("{head}{{").as_bytes()), None);
        assert_eq!(whole_body(format!("{head}{{}}").as_bytes()).as_deref(), Some("{}"));
    }

    const LIMIT: Duration = Duration::from_secs(60);

    fn case(script: &str, limit: Duration) -> Result<Outcome> {
        let server = "echo http://127.0.0.1:1; exec sleep 60";
        let server = Server::start(Tool::new("sh").args(["-c", server])).unwrap();
        run(&server, Tool::new("sh").args(["-c", script]), limit)
    }

    #[test]
    fn a_case_reports_what_its_client_used_and_printed() {
        let work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done";
        let outcome = case(work, LIMIT).unwrap();
        assert_eq!(outcome.output, "done\n");
        assert!(outcome.client.cpu_s > 0.0);
        assert!(outcome.server.peak_bytes > 0.0 && outcome.others_percent >= 0.0);
    }

    #[test]
    fn a_client_may_print_more_than_a_pipe_holds() {
        let outcome = case("head -c 300000 /dev/zero | tr '\\0' x", LIMIT).unwrap();
        assert_eq!(outcome.output.len(), 300_000);
    }

    #[test]
    fn a_client_that_fails_is_an_error() {
        let error = case("exit 4", LIMIT).err().unwrap();
        assert!(error.to_string().ends_with("exit status: 4"));
    }

    #[test]
    fn a_client_that_does_not_end_is_ended_with_what_it_started() {
        let error = case("sleep 60 & wait", Duration::from_millis(300)).err().unwrap();
        assert!(format!("{error:#}").ends_with("did not end within 300ms"), "{error:#}");
    }
}
