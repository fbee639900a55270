//! The floor: the same bytes, moved from the same place by nothing but a bare client.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use results::tools::Floor;
use results::units::float;
use runtime::workers::{Batching, Workers};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fetch::{plain_request, transfer};
use crate::client::{Connector, Detail, Target};
use crate::target_url::TargetUrl;

/// Most bare transfers: enough to fill a machine, and a bound on what they write to disk.
pub const MAX_TRANSFERS: u64 = 64;

/// How long all of them may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What is moved, and where to.
#[derive(Debug, Clone)]
pub struct Bare {
    /// Where the bytes are.
    pub url: TargetUrl,
    /// Where that host is.
    pub target: Target,
    /// Where files are written, and removed again.
    pub scratch: PathBuf,
}

/// Moves so many files at once, at most [`MAX_TRANSFERS`], and writes them as a server would have
/// to. `None` when one of them fails, with a warning.
pub async fn measure(bare: &Bare, transfers: u64, stop: &CancellationToken) -> Option<Floor> {
    let transfers = transfers.min(MAX_TRANSFERS);
    let workers = runtime::workers::per_core();
    let begin = Instant::now();
    let (bare, stop) = (Arc::new(bare.clone()), stop.clone());
    let threads = Workers::start("bare", workers, &Batching::default(), move |worker| {
        let (bare, stop) = (Arc::clone(&bare), stop.clone());
        async move { stop.run_until_cancelled(work(&bare, worker, workers, transfers)).await }
    });
    let joined = match threads {
        Ok(threads) => tokio::task::spawn_blocking(move || threads.join()).await.ok()?,
        Err(error) => Err(error),
    };
    let parts = joined.inspect_err(|error| tracing::warn!(%error, "no bare transfer")).ok()?;
    let mut bytes_total = 0;
    let mut end = begin;
    for part in parts {
        let (bytes, ended_at) =
            part?.inspect_err(|detail| tracing::warn!(%detail, "a bare transfer failed")).ok()?;
        bytes_total += bytes;
        end = end.max(ended_at);
    }
    let duration_s = end.saturating_duration_since(begin).as_secs_f64();
    (bytes_total > 0 && duration_s > 0.0).then(|| Floor {
        transfers,
        bytes_total,
        duration_s,
        bytes_per_s: float(bytes_total) / duration_s,
    })
}

/// One worker's transfers, all at once: bytes, and when the last ended.
async fn work(
    bare: &Bare,
    worker: usize,
    workers: usize,
    transfers: u64,
) -> Result<(u64, Instant), Detail> {
    let connector = Connector::new(&bare.target).map_err(|error| error.to_string())?;
    let request = plain_request("GET", &bare.url, &[])?;
    let deadline = Instant::now() + LIMIT;
    let (worker, workers) =
        (u64::try_from(worker).unwrap_or(0), u64::try_from(workers).unwrap_or(1));
    let numbers = (0..transfers).filter(|number| number % workers == worker);
    let moved = numbers.map(|number| {
        let (connector, request) = (&connector, &request);
        async move {
            let scratch = Scratch::create(&bare.scratch, number).map_err(|e| e.to_string())?;
            let bytes = RefCell::new(0);
            transfer(connector, request, &mut None, deadline, |data: &[u8]| {
                *bytes.borrow_mut() += u64::try_from(data.len()).unwrap_or(0);
                // This thread has nothing else to do: writing at once is the least work.
                (&scratch.file).write_all(data).is_ok()
            })
            .await?;
            Ok::<_, Detail>((bytes.into_inner(), Instant::now()))
        }
    });
    let mut sum = (0, Instant::now());
    for part in join_all(moved).await {
        let (bytes, ended_at) = part?;
        sum = (sum.0 + bytes, sum.1.max(ended_at));
    }
    Ok(sum)
}

/// A file that is removed when it is dropped.
struct Scratch {
    path: PathBuf,
    file: File,
}

impl Scratch {
    fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let path = folder.join(format!(".weir-bare-{}-{number}", std::process::id()));
        let file = File::create(&path)?;
        Ok(Self { path, file })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
