//! What is measured: the media server's own functions, as its tools call them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use media::Limits;
use media::inline;
use media::pool::CpuPool;
use media::store::{Kind, OnConflict, SafeName, Store, Target};
use media::transform::image::{self, Format, ResizeMode, Size};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::Order;
use super::picture::{FRAME, PICTURE};

/// Bytes of each file that is written, and of each that is decoded from base64: a short video.
const FILE_BYTES: usize = 4 * 1024 * 1024;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workload {
    /// A picture of 2048x2048 decoded, cropped to 1280x720 and encoded as PNG.
    Images,
    /// A file of 4 MiB hashed, written, synced and renamed.
    Files,
    /// A file of 4 MiB decoded from base64.
    Base64,
    /// The three in turn.
    Mixed,
}

impl Workload {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Self; 4] = [Self::Images, Self::Files, Self::Base64, Self::Mixed];

    /// Its name in the table, and in what the Python program prints.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Images => "image preparation",
            Self::Files => "file writes",
            Self::Base64 => "base64 decoding",
            Self::Mixed => "mixed",
        }
    }

    /// What the item with this number is.
    fn item(self, number: u32) -> Self {
        match (self, number % 3) {
            (Self::Mixed, 0) => Self::Images,
            (Self::Mixed, 1) => Self::Files,
            (Self::Mixed, _) => Self::Base64,
            (own, _) => own,
        }
    }
}

/// Everything that the work needs. Its files are gone with it.
pub(super) struct Workshop {
    pub(super) items: u32,
    folder: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    pool: CpuPool,
    picture: Vec<u8>,
    file: Vec<u8>,
    text: String,
}

impl Workshop {
    /// Makes a picture, a file and its base64, and a folder of its own.
    pub(super) async fn set_up(items: u32, folder: Option<&Path>) -> Result<Self> {
        let folder = match folder {
            Some(folder) => tempfile::Builder::new().prefix("weir-bench-").tempdir_in(folder),
            None => tempfile::Builder::new().prefix("weir-bench-").tempdir(),
        };
        let folder = folder.context("failed to make a folder for the files")?;
        let store = Store::open_folder(Kind::Video, folder.path(), &Limits::default()).await?;
        let size = Size::new(PICTURE.0, PICTURE.1).context("the picture has a size")?;
        let picture = image::sample(size, Format::Jpeg)?;
        // Not the same byte over and over: no disk or file system gets off lightly.
        let file: Vec<u8> = picture.iter().copied().cycle().take(FILE_BYTES).collect();
        let text = inline::encode(&file);
        let shared = Shared { store, pool: CpuPool::of_cores(), picture, file, text };
        let workshop = Self { items, folder, shared: Arc::new(shared) };
        std::fs::write(workshop.picture_path(), &workshop.shared.picture)
            .context("failed to write the picture")?;
        Ok(workshop)
    }

    /// The folder for files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The picture as a file, for another program.
    pub(super) fn picture_path(&self) -> PathBuf {
        self.folder.path().join("picture.jpg")
    }

    /// The picture's file.
    pub(super) fn picture(&self) -> &[u8] {
        &self.shared.picture
    }

    /// Bytes of each file.
    pub(super) fn file_bytes() -> usize {
        FILE_BYTES
    }

    /// Does a workload once.
    pub(super) async fn run(&self, workload: Workload, order: Order) -> Result<()> {
        let mut running = JoinSet::new();
        for number in 0..self.items {
            let (shared, item) = (Arc::clone(&self.shared), workload.item(number));
            running.spawn(async move { shared.work(item, number).await });
            if order == Order::InTurn {
                ended(&mut running).await?;
            }
        }
        while !running.is_empty() {
            ended(&mut running).await?;
        }
        Ok(())
    }
}

async fn ended(running: &mut JoinSet<Result<()>>) -> Result<()> {
    match running.join_next().await {
        Some(ended) => ended.context("the work ended unexpectedly")?,
        None => Ok(()),
    }
}

impl Shared {
    async fn work(&self, item: Workload, number: u32) -> Result<()> {
        match item {
            Workload::Images => {
                let picture = self.picture.clone();
                let size = Size::new(FRAME.0, FRAME.1).context("a frame has a size")?;
                let (mode, limits) = (ResizeMode::Crop, image::Limits::DEFAULT);
                let job = self
                    .pool
                    .run(move |_| image::prepare(&picture, size, mode, Format::Png, &limits));
                job.await??;
            }
            Workload::Files => {
                let name = SafeName::parse(&format!("file-{number}.mp4"))?;
                let target = Target::new(name, OnConflict::Overwrite);
                self.store.write(target, &self.file).await?;
            }
            Workload::Base64 => {
                let text = self.text.clone();
                let bytes = self.pool.run(move |_| inline::decode(&text)).await??;
                anyhow::ensure!(bytes.len() == FILE_BYTES, "base64 lost bytes");
            }
            Workload::Mixed => anyhow::bail!("an item is one of the three"),
        }
        Ok(())
    }
}
