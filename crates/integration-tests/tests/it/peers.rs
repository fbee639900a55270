//! A server that is not ours: Django on Uvicorn, both from PyPI, measured by the real program.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use integration_tests::{repository, run_in, weir_in};
use results::{Level, Run};

/// How long Uvicorn may take until it listens; generous for a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// The schedule of the server's answers: first chunk, gap, chunks.
const FIRST_MS: f64 = 400.0;
const GAP_MS: f64 = 25.0;
const CHUNKS: u64 = 40;
/// Bytes of one answer of `/text`: an opening of seven, then words and a checksum of eight.
const TEXT_BYTES: u64 = 7 + 8 * (CHUNKS - 1);

/// `peers/python/django_asgi.py` on Uvicorn. Ended when dropped.
struct Uvicorn {
    child: Child,
    url: String,
}

impl Uvicorn {
    fn start() -> Self {
        let python = repository().join(".test-tools/venv/bin/python");
        assert!(python.exists(), "no Python here: run cargo xtask test, which installs it");
        let mut child = Command::new(python)
            .args(["-m", "uvicorn", "--app-dir", "peers/python", "--port", "0"])
            .args(["--no-access-log", "django_asgi:application"])
            .envs([("FIRST_MS", FIRST_MS.to_string()), ("GAP_MS", GAP_MS.to_string())])
            .env("CHUNKS", CHUNKS.to_string())
            .current_dir(repository())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let log = child.stderr.take().expect("stderr is piped");
        let (sender, urls) = sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if let Some(url) = line.split_whitespace().find(|word| word.starts_with("http://"))
                {
                    let _ = sender.try_send(url.to_owned());
                }
            }
        });
        let mut server = Self { child, url: String::new() };
        server.url =
            urls.recv_timeout(START_LIMIT).expect("Uvicorn logs the address it listens on");
        server
    }
}

impl Drop for Uvicorn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stress(folder: &Path, arguments: &[&str]) -> Run {
    let common = ["stress", "streams", "--no-progress", "--out", "out"];
    let output = weir_in(folder, common.iter().chain(arguments)).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let run = run_in(&folder.join("out")).unwrap_or_else(|error| panic!("{error:#}: {stderr}"));
    // On a machine that is busy with other tests the verdict may be that nothing can be trusted.
    if run.levels.iter().all(|level| level.trusted) {
        assert_eq!(output.status.code(), Some(0), "{stderr}");
    }
    run
}

fn check_every_stream_is_whole(level: &Level) {
    assert_eq!(level.started, level.users);
    assert_eq!(level.complete, level.users, "{:?} {:?}", level.outcomes, level.errors);
    assert_eq!(level.succeeded, level.users);
    assert_eq!(level.correct, Some(level.users), "the text verifies itself");
}

fn check_server_is_named_and_sampled(run: &Run) {
    assert_eq!(run.target.server.as_deref(), Some("uvicorn"));
    assert_eq!(run.target.process.as_deref(), Some("uvicorn"));
    assert!(run.target.local && !run.target.embedded);
    for level in &run.levels {
        let usage = level.target_usage.as_ref().expect("the server runs on this machine");
        assert_eq!(usage[0].process, "uvicorn");
        assert!(usage[0].cpu_s > 0.0, "{usage:?}");
        assert!(usage[0].peak_rss_bytes > 10_000_000, "{usage:?}");
    }
}

#[test]
fn a_chat_stream_of_django_on_uvicorn_is_measured_whole() {
    let server = Uvicorn::start();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/v1/chat/completions", server.url);
    let run = stress(folder.path(), &[&url, "--ladder", "20,50"]);

    assert_eq!(run.target.api, "openai-chat");
    check_server_is_named_and_sampled(&run);
    assert_eq!(run.levels.iter().map(|level| level.users).collect::<Vec<_>>(), [20, 50]);
    for level in &run.levels {
        check_every_stream_is_whole(level);
        assert_eq!(level.chunks, level.users * CHUNKS);
        let chunks = level.chunks_per_stream.unwrap();
        assert_eq!((chunks.mean, chunks.max), (40.0, 40.0));
        // What the server was asked to wait is a lower bound for what users saw.
        let (ttft, gap) = (level.ttft_ms.unwrap(), level.gap_ms.unwrap());
        assert!(ttft.p50 >= FIRST_MS, "{ttft:?}");
        assert_eq!(gap.count, level.users * (CHUNKS - 1));
        assert!((gap.mean - GAP_MS).abs() < GAP_MS / 5.0, "{gap:?}");
    }
}

#[test]
fn a_plain_text_stream_of_django_on_uvicorn_is_measured_whole() {
    let server = Uvicorn::start();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/text", server.url);
    let run =
        stress(folder.path(), &[&url, "--api", "text", "--ladder", "20", "--min-bytes", "100"]);

    assert_eq!(run.target.api, "text");
    check_server_is_named_and_sampled(&run);
    let level = &run.levels[0];
    check_every_stream_is_whole(level);
    // Two chunks that wait in one read are one chunk of plain text: only the bytes are exact.
    assert_eq!(level.bytes, level.users * TEXT_BYTES);
    assert!(level.chunks <= level.users * CHUNKS);
    assert!(level.ttft_ms.unwrap().p50 >= FIRST_MS);
}
