//! Why a call brought no result.

use std::time::Duration;

use crate::admission::Busy;
use crate::download::DownloadError;
use crate::inline::InlineError;
use crate::pool::PoolError;
use crate::provider::ProviderError;
use crate::store::StoreError;
use crate::transform::audio::AudioError;
use crate::transform::image::ImageError;

/// Why a call brought no result. Messages are for agents and people: they hold no path of the
/// server and no key.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The arguments do not fit together or are out of range.
    #[error("{0}")]
    Arguments(String),
    /// The server is not set up for this.
    #[error("{0}")]
    Config(String),
    /// A file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The provider gave no answer.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A transfer failed for good.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A picture arrived that is none.
    #[error(transparent)]
    Inline(#[from] InlineError),
    /// The CPU pool took no work, or lost it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A picture could not be read or made.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A sound could not be read or made.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// A job ended without a result.
    #[error("job {id} ended as {status}{}", reason(.message))]
    JobFailed {
        /// Its id.
        id: String,
        /// How it ended.
        status: String,
        /// What the provider says.
        message: Option<String>,
    },
    /// A job has no result yet.
    #[error("job {id} is not completed yet (status: {status}); wait for it, then try again")]
    NotReady {
        /// Its id.
        id: String,
        /// How far it is.
        status: String,
    },
    /// A job took longer than it was to be waited for.
    #[error("job {id} is still {status} after {}s; wait for it again", waited.as_secs())]
    Timeout {
        /// Its id.
        id: String,
        /// How far it is.
        status: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// More calls wait than there is room for.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Somebody stopped it.
    #[error("cancelled")]
    Cancelled,
    /// A defect of this server.
    #[error("internal error: {0}")]
    Internal(String),
}

fn reason(message: &Option<String>) -> String {
    message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
}

/// What kind of failure it is: the `error.type` of the command line, the outcome in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The caller must ask for something else.
    Usage,
    /// The operator must set something up.
    Config,
    /// The provider refused or failed.
    Api,
    /// There is no such job or file.
    NotFound,
    /// The job itself failed.
    JobFailed,
    /// It took too long.
    Timeout,
    /// The transfer failed.
    Download,
    /// Somebody stopped it.
    Cancelled,
    /// A defect.
    Internal,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Api => "api_error",
            Self::NotFound => "not_found",
            Self::JobFailed => "job_failed",
            Self::Timeout => "timeout",
            Self::Download => "download_error",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl ToolError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Arguments(_) | Self::NotReady { .. } => Kind::Usage,
            Self::Config(_) => Kind::Config,
            Self::Provider(ProviderError::NotFound { .. }) => Kind::NotFound,
            Self::Provider(ProviderError::Unauthorized { .. }) => Kind::Config,
            Self::Provider(ProviderError::Late { .. }) | Self::Timeout { .. } => Kind::Timeout,
            Self::Provider(ProviderError::Pool(PoolError::Full { .. })) => Kind::Api,
            Self::Provider(ProviderError::Pool(_)) => Kind::Internal,
            Self::Provider(_) => Kind::Api,
            Self::Store(StoreError::NotFound(_) | StoreError::NoFolder(_)) => Kind::NotFound,
            Self::Audio(AudioError::EncoderMissing { .. }) => Kind::Config,
            Self::Store(_) | Self::Image(_) | Self::Audio(_) => Kind::Usage,
            Self::Download(_) => Kind::Download,
            Self::JobFailed { .. } => Kind::JobFailed,
            Self::Busy(_) | Self::Inline(_) | Self::Pool(PoolError::Full { .. }) => Kind::Api,
            Self::Pool(_) => Kind::Internal,
            Self::Cancelled => Kind::Cancelled,
            Self::Internal(_) => Kind::Internal,
        }
    }
}
