//! The bare work of a download: bytes from a socket into a file, hashed and synced or neither.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use ring::digest::{Context as Digest, SHA256};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::measured::Times;
use crate::target::Target;

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// What is fetched, and where to.
pub(crate) struct Work<'a> {
    pub(crate) target: &'a Target,
    pub(crate) files: u32,
    pub(crate) at_once: u32,
    pub(crate) folder: &'a Path,
    /// Whether each file is hashed and synced: what it takes to say that it is there.
    pub(crate) checked: bool,
}

/// Fetches every file on one of `at_once` threads, each with one connection for all its files. Every
/// file is removed when it is whole, so that the disk holds `at_once` of them at most.
pub(crate) fn run(work: &Work) -> Result<Value> {
    let (next, times, bytes) = (AtomicU32::new(0), Mutex::new(Times::new()), Mutex::new(0_u64));
    let began = Instant::now();
    thread::scope(|scope| {
        let fetchers: Vec<_> = (0..work.at_once.max(1))
            .map(|_| scope.spawn(|| fetch_until_done(work, &next, &times, &bytes)))
            .collect();
        fetchers.into_iter().try_for_each(|it| it.join().unwrap_or_else(|_| bail!("a panic")))
    })?;
    let wall_s = began.elapsed().as_secs_f64();
    let times = times.into_inner().unwrap_or_else(|it| it.into_inner());
    let bytes = bytes.into_inner().unwrap_or_else(|it| it.into_inner());
    Ok(json!({
        "calls": work.files, "ok": work.files, "bytes": bytes, "wall_s": wall_s,
        "call_ms": times.to_json(),
    }))
}

fn fetch_until_done(
    work: &Work,
    next: &AtomicU32,
    times: &Mutex<Times>,
    bytes: &Mutex<u64>,
) -> Result<()> {
    let mut socket = TcpStream::connect(work.target.address)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= work.files {
            return Ok(());
        }
        let began = Instant::now();
        let path = work.folder.join(format!("bare-{number}.mp4"));
        let length = fetch(work, &mut socket, &path, &mut piece)?;
        fs::remove_file(&path)?;
        times.lock().map_err(|_| anyhow::anyhow!("a panic"))?.record(began.elapsed());
        *bytes.lock().map_err(|_| anyhow::anyhow!("a panic"))? += length;
    }
}

fn fetch(work: &Work, socket: &mut TcpStream, path: &Path, piece: &mut [u8]) -> Result<u64> {
    let target = work.target;
    write!(socket, "GET {} HTTP/1.1\r\nhost: {}\r\n\r\n", target.path, target.address)?;
    let mut file = File::create(path)?;
    let mut hash = Digest::new(&SHA256);
    let (length, mut have) = head(socket, piece)?;
    let mut left = length;
    loop {
        let part = &piece[..have];
        left = left.checked_sub(u64::try_from(have)?).context("more bytes than announced")?;
        if work.checked {
            hash.update(part);
        }
        file.write_all(part)?;
        if left == 0 {
            break;
        }
        have = socket.read(piece)?;
        if have == 0 {
            bail!("the server broke off");
        }
    }
    if !work.checked {
        return Ok(length);
    }
    file.sync_all()?;
    // Used, lest the compiler leaves it out.
    if hash.finish().as_ref().iter().all(|&byte| byte == 0) {
        bail!("a digest of zeros");
    }
    Ok(length)
}

/// Reads a response's head. What came of the body moves to the front of `piece`; returns the body's
/// length, and how much of it is there.
fn head(socket: &mut TcpStream, piece: &mut [u8]) -> Result<(u64, usize)> {
    let mut have = 0;
    loop {
        let got = socket.read(&mut piece[have..])?;
        if got == 0 {
            bail!("the server broke off in the head");
        }
        have += got;
        if let Some(end) = memchr::memmem::find(&piece[..have], b"\r\n\r\n") {
            let text = std::str::from_utf8(&piece[..end])?.to_ascii_lowercase();
            if text.split(' ').nth(1) != Some("200") {
                bail!("{}", text.lines().next().unwrap_or_default());
            }
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length = length.context("no content length")?.trim().parse()?;
            piece.copy_within(end + 4..have, 0);
            return Ok((length, have - end - 4));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// A server of three bytes for each request, which announces `length`. Its one connection ends
    /// when the client has gone, or after an answer that is shorter than announced.
    fn server(length: u64) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = format!("http://{}/file", listener.local_addr().unwrap()).parse().unwrap();
        thread::spawn(move || {
            let (socket, _) = listener.accept().unwrap();
            let mut requests = BufReader::new(socket.try_clone().unwrap());
            let mut line = String::new();
            while requests.read_line(&mut line).is_ok_and(|read| read > 0) {
                if line.ends_with("\r\n\r\n") {
                    write!(&socket, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\nabc")
                        .unwrap();
                    if length > 3 {
                        return;
                    }
                    line.clear();
                }
            }
        });
        target
    }

    fn fetched(length: u64, checked: bool) -> Result<(Value, usize)> {
        let folder = tempfile::tempdir().unwrap();
        let target = server(length);
        let work = Work { target: &target, files: 5, at_once: 1, folder: folder.path(), checked };
        let result = run(&work)?;
        Ok((result, fs::read_dir(folder.path()).unwrap().count()))
    }

    #[test]
    fn every_file_is_fetched_and_none_stays() {
        for checked in [false, true] {
            let (result, left) = fetched(3, checked).unwrap();
            assert_eq!((&result["ok"], &result["bytes"], left), (&json!(5), &json!(15), 0));
            assert_eq!(result["call_ms"]["count"], 5);
        }
    }

    #[test]
    fn a_body_that_is_shorter_than_announced_is_an_error() {
        let error = fetched(4, false).unwrap_err().to_string();
        assert_eq!(error, "the server broke off");
    }
}
