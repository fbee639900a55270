//! Why a file could not be fetched.

use std::time::Duration;

use crate::admission::Busy;
use crate::container::NotWhole;
use crate::store::StoreError;
use crate::upstream::SendError;

/// Why a file could not be fetched. Everything that may pass has been tried again by then; no
/// message shows an address, a key or a path of the server.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// Too many transfers wait already.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The upstream refused.
    #[error("the upstream answered {status}{}", explained(.message.as_deref()))]
    Refused {
        /// The status of its answer.
        status: u16,
        /// Its reason, when it gave one that can be shown.
        message: Option<String>,
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// The body fell silent.
    #[error("the upstream sent nothing for {} s, after {received} bytes", .limit.as_secs_f64())]
    Stalled {
        /// The longest silence that is allowed.
        limit: Duration,
        /// What had come by then.
        received: u64,
    },
    /// The body ended before its end.
    #[error("the transfer was cut after {received} bytes{}", of_total(*.total))]
    Cut {
        /// What had come by then.
        received: u64,
        /// The announced length.
        total: Option<u64>,
        /// What the connection said.
        #[source]
        source: Option<hyper::Error>,
    },
    /// The body has another length than the upstream said.
    #[error("the upstream announced {announced} bytes and sent {received}")]
    Length {
        /// The length that was announced.
        announced: u64,
        /// What came.
        received: u64,
    },
    /// There is nothing in it. No media file is empty, so this is an answer gone wrong.
    #[error("the upstream sent an empty file")]
    Empty,
    /// The body ended well, but not where the file itself says that it ends.
    #[error("the upstream sent no whole file: {0}")]
    NotWhole(#[from] NotWhole),
    /// The bytes have another digest than the upstream said.
    #[error("the file's SHA-256 is not the one that the upstream announced")]
    Digest,
    /// The time for everything is over.
    #[error("the download took longer than {} s", .limit.as_secs_f64())]
    Total {
        /// The limit.
        limit: Duration,
    },
    /// Redirected too often, or to no address that we may go to.
    #[error("the upstream redirected {0}")]
    Redirect(&'static str),
    /// An answer that makes no sense: a part of the file for which nobody asked.
    #[error("the upstream sent another part of the file than was asked for")]
    OtherPart,
}

fn explained(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| format!(": {message}"))
}

fn of_total(total: Option<u64>) -> String {
    total.map_or_else(String::new, |total| format!(" of {total}"))
}
