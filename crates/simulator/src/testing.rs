//! What several tests need.

use std::future::Future;

use tokio::runtime::{Builder, LocalOptions};

/// Runs a future on a local runtime whose clock moves only when everything waits.
pub(crate) fn virtual_time<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .unwrap()
        .block_on(future)
}
