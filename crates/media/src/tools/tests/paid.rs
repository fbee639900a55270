//! What a provider was paid for is not lost.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use tokio::task::JoinSet;

use super::*;
use crate::inline;
use crate::pool::PoolError;
use crate::provider::{
    Answer, ImageEdit, ImageJob, ImageProvider, ImageRequest, ImageStart, MadeImage,
};
use crate::tools::image::generate_image;

/// Draws a picture, while somebody else takes every place of the CPU pool.
struct Painter {
    pool: CpuPool,
    asked: AtomicUsize,
    others: Mutex<Others>,
}

#[derive(Default)]
struct Others {
    jobs: JoinSet<Result<(), PoolError>>,
    /// They run until these are gone.
    held: Vec<mpsc::Sender<()>>,
}

impl Painter {
    fn new(pool: CpuPool) -> Arc<Self> {
        Arc::new(Self { pool, asked: AtomicUsize::new(0), others: Mutex::default() })
    }

    /// Somebody else's job takes the pool's only thread, and there is no queue behind it.
    async fn fill_the_pool(&self) {
        {
            let (held, release) = mpsc::channel::<()>();
            let pool = self.pool.clone();
            let mut others = self.others.lock().unwrap();
            others
                .jobs
                .spawn(async move { pool.run(move |_| assert!(release.recv().is_err())).await });
            others.held.push(held);
        }
        while self.pool.busy() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(self.pool.run(|_| ()).await, Err(PoolError::Full { .. })));
    }

    async fn release_the_pool(&self) {
        let Others { mut jobs, held } = std::mem::take(&mut *self.others.lock().unwrap());
        drop(held);
        while let Some(ended) = jobs.join_next().await {
            ended.unwrap().unwrap();
        }
    }

    async fn draw(&self) -> Result<MadeImage, crate::provider::ProviderError> {
        self.fill_the_pool().await;
        self.asked.fetch_add(1, Ordering::SeqCst);
        let picture = ::image::DynamicImage::new_rgb8(3, 2);
        let picture = image::Picture { pixels: picture, format: image::Format::Png, profile: None };
        let bytes = image::encode(&picture, image::Format::Png).unwrap();
        Ok(MadeImage { base64: inline::encode(&bytes), usage: None })
    }
}

impl ImageProvider for Painter {
    fn start(&self, _: ImageStart) -> Answer<'_, ImageJob> {
        unreachable!("no test starts a job")
    }

    fn status<'a>(&'a self, _: &'a str) -> Answer<'a, ImageJob> {
        unreachable!("no test starts a job")
    }

    fn picture<'a>(&'a self, _: &'a str) -> Answer<'a, (ImageJob, Option<String>)> {
        unreachable!("no test starts a job")
    }

    fn generate(&self, _: ImageRequest) -> Answer<'_, MadeImage> {
        Box::pin(self.draw())
    }

    fn edit(&self, _: ImageEdit) -> Answer<'_, MadeImage> {
        Box::pin(self.draw())
    }
}

async fn with_painter(folder: &Path) -> (Media, Arc<Painter>) {
    let pool = CpuPool::new(NonZeroUsize::MIN, 0);
    let painter = Painter::new(pool.clone());
    let image_provider: Option<Arc<dyn ImageProvider>> = Some(Arc::clone(&painter) as Arc<_>);
    (Media { pool, image_provider, ..media(folder).await }, painter)
}

fn wanted<T: serde::de::DeserializeOwned>(params: serde_json::Value) -> T {
    serde_json::from_value(params).unwrap()
}

#[tokio::test]
async fn a_picture_that_was_paid_for_waits_for_the_cpu_as_long_as_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let (media, painter) = with_painter(folder.path()).await;
    let of_call = media.clone();
    let mut calls = JoinSet::new();
    calls.spawn(async move {
        let params = wanted(serde_json::json!({ "prompt": "a weir", "filename": "weir.png" }));
        generate_image(&of_call, params, &quiet()).await
    });
    while painter.asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // It has its answer, and others have the pool.
    assert!(calls.try_join_next().is_none());
    painter.release_the_pool().await;
    let made = calls.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((made.filename.as_str(), made.size), ("weir.png", [3, 2]));
    assert!(folder.path().join("weir.png").exists());
}

#[tokio::test]
async fn a_name_that_will_be_refused_is_refused_before_anybody_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken.png"), b"old").unwrap();
    let (media, painter) = with_painter(folder.path()).await;
    for name in ["taken.png", "no/such/folder/a.png", "../a.png", "a.gif"] {
        let params = serde_json::json!({
            "prompt": "a weir", "filename": name, "on_conflict": "error",
        });
        let refused = generate_image(&media, wanted(params), &quiet()).await;
        assert!(refused.is_err(), "{name}");
    }
    assert_eq!(painter.asked.load(Ordering::SeqCst), 0);
    assert_eq!(std::fs::read(folder.path().join("taken.png")).unwrap(), b"old");
}
