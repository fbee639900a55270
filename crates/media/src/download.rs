//! Fetching a file from an upstream into a store, so that it is whole or not there.
//!
//! A transfer that breaks goes on where it broke when the upstream says that the file is still the
//! same (`Range` with `If-Range` and an entity tag), and begins again otherwise. Pauses double, and
//! an upstream that asks for a pause gets it. Dropping the future is the way to stop: the
//! connection is closed at once, and the temporary file goes with it.
//!
//! A file of a format that is known must also end where it says itself that it does
//! ([`crate::container`]): a short body that ends cleanly is found by nothing else.

mod attempt;
mod begin;
mod error;
mod head;
mod pause;
mod sink;

use std::num::NonZeroU64;

use http::{HeaderMap, Uri};

pub use error::DownloadError;

use self::attempt::{Attempt, Failure};
use self::begin::Turns;
use self::pause::Pauses;
use crate::admission::{Admission, Caller};
use crate::container::Container;
use crate::store::{BATCH_BYTES, Store, Target, Written};
use crate::{Limits, Upstream};

/// The most memory that one running transfer holds: two batches, and the connection's buffer of
/// at most 128 KiB, which for a moment exists twice when it grows.
pub const PEAK_BYTES: usize = 4 * BATCH_BYTES;

/// A try that gets this much further than all before it has proved that it is worth going on: the
/// count of vain tries begins anew.
const NEW_BYTES: u64 = 1 << 20;

/// What to fetch, and where to put it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The address. Redirections are followed; see [`Request::headers`].
    pub uri: Uri,
    /// Headers of the request: the key, above all. They are not sent to another host to which
    /// the upstream redirects.
    pub headers: HeaderMap,
    /// Where the file goes.
    pub target: Target,
    /// What the file is, if that is known: it is then checked to be whole.
    pub container: Option<Container>,
}

/// What a transfer is doing. It may be told hundreds of times a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its turn.
    Queued {
        /// Transfers that wait already.
        ahead: usize,
    },
    /// So many bytes are here. A file that begins again begins at zero.
    Received {
        /// Bytes so far.
        bytes: u64,
        /// Bytes in all, when the upstream says so.
        total: Option<NonZeroU64>,
    },
    /// A try has failed, and the next one begins after a pause.
    Pausing {
        /// How long.
        pause: std::time::Duration,
    },
}

/// Who is told what a transfer is doing.
type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Fetches files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Downloads {
    upstream: Upstream,
    admission: Admission,
    turns: Turns,
    limits: Limits,
}

impl Downloads {
    /// Fetches by this client, admitted by these gates, within these limits.
    #[must_use]
    pub fn new(upstream: Upstream, admission: Admission, limits: &Limits) -> Self {
        Self { upstream, admission, turns: Turns::default(), limits: limits.clone() }
    }

    /// Fetches one file, on the threads of the upstream's connections; `on_progress` is called there.
    /// When this returns a file, it is whole, durable and under its name; when it
    /// returns an error, everything is as it was before.
    ///
    /// Dropping the future stops the transfer: see the module.
    ///
    /// # Errors
    /// See [`DownloadError`].
    pub async fn fetch(
        &self,
        store: &Store,
        request: Request,
        caller: Caller,
        mut on_progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Written, DownloadError> {
        let (downloads, store) = (self.clone(), store.clone());
        let fetching =
            async move { downloads.fetch_here(&store, request, caller, &mut on_progress).await };
        self.upstream.threads().run(Box::pin(fetching)).await
    }

    async fn fetch_here(
        &self,
        store: &Store,
        request: Request,
        caller: Caller,
        on_progress: OnProgress<'_>,
    ) -> Result<Written, DownloadError> {
        let queued = |ahead| on_progress(Progress::Queued { ahead });
        let _place = self.admission.transfers.enter(caller, 1, queued).await?;
        self.turns.next().await;
        let transfer = self.transfer(store, request, on_progress);
        match tokio::time::timeout(self.limits.total, Box::pin(transfer)).await {
            Ok(done) => done,
            Err(_) => Err(DownloadError::Total { limit: self.limits.total }),
        }
    }

    async fn transfer(
        &self,
        store: &Store,
        request: Request,
        on_progress: OnProgress<'_>,
    ) -> Result<Written, DownloadError> {
        let writer = store.create(request.target.clone()).await?;
        let mut attempt = Attempt::new(&self.upstream, &self.limits, &request, writer);
        let mut pauses = Pauses::new(self.limits.pause, self.limits.longest_pause);
        let (mut vain_tries, mut furthest) = (0, 0);
        loop {
            let Failure { error, again } = match attempt.run(on_progress).await {
                Ok(()) => return attempt.finish().await,
                Err(failure) => failure,
            };
            let is_vain = attempt.reached() < furthest + NEW_BYTES;
            furthest = attempt.reached().max(furthest);
            vain_tries = if is_vain { vain_tries + 1 } else { 1 };
            if vain_tries == 1 {
                pauses = Pauses::new(self.limits.pause, self.limits.longest_pause);
            }
            let Some(pause) = again.and_then(|asked| pauses.next(asked)) else {
                return Err(error);
            };
            if vain_tries >= self.limits.tries {
                return Err(error);
            }
            tracing::debug!(%error, ?pause, vain_tries, "a download will be tried again");
            on_progress(Progress::Pausing { pause });
            tokio::time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests;
