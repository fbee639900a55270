//! Downloads a file into a folder by the media server's own code, as a process of its own that
//! tests can kill, confine and measure: `fetch FOLDER NAME URL COUNT`. It prints a line for each
//! file, and the most memory it had.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use media::admission::Caller;
use media::container::Container;
use media::download::Request;
use media::store::{Kind, OnConflict, SafeName, Target};
use media::upstream::Trust;
use media::{Admission, Downloads, Limits, Store, Upstream};
use tokio::task::JoinSet;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, name, url, count] = arguments.as_slice() else {
        bail!("usage: fetch FOLDER NAME URL COUNT");
    };
    let fetch = fetch(Path::new(folder), name, url, count.parse()?);
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fetch)
}

async fn fetch(folder: &Path, name: &str, url: &str, count: u64) -> Result<()> {
    let limits = Limits::default();
    let store = Store::open_folder(Kind::Video, folder, &limits).await?;
    let upstream = Upstream::new(&limits, &Trust::system()?);
    let downloads = Downloads::new(upstream, Admission::new(&limits), &limits);
    let mut transfers = JoinSet::new();
    for number in 0..count {
        let name = if count == 1 { name.to_owned() } else { format!("{number}-{name}") };
        let target = Target::new(SafeName::parse(&name)?, OnConflict::Overwrite);
        let (uri, headers, container) = (url.parse()?, Default::default(), Some(Container::Mp4));
        let request = Request { uri, headers, target, container };
        let (store, downloads) = (store.clone(), downloads.clone());
        transfers.spawn(async move {
            downloads.fetch(&store, request, Caller(number % 4), |_| {}).await
        });
    }
    let mut stdout = std::io::stdout();
    while let Some(done) = transfers.join_next().await {
        match done? {
            Ok(file) => writeln!(stdout, "ok {} {} {}", file.name, file.bytes, file.sha256)?,
            Err(error) => writeln!(stdout, "error {error}")?,
        }
    }
    writeln!(stdout, "peak_rss_kib {}", peak_rss_kib().context("the kernel tells the peak")?)?;
    Ok(())
}

/// The most memory that this process has had.
fn peak_rss_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}
