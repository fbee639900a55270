//! Why a file could not be read or written.

use std::io;

use rustix::io::Errno;

use super::NameError;

/// Why a file could not be read or written. The message names the file as the caller named it and
/// nothing of the server; the cause, for logs, is the source.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The text is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// There is no such file.
    #[error("File not found: {0}")]
    NotFound(String),
    /// The folder that the name mentions does not exist. Folders are not made.
    #[error("Folder not found: {0}")]
    NoFolder(String),
    /// The name, or a folder in it, is a symbolic link. Links are not followed.
    #[error("File cannot be a symbolic link: {0}")]
    Symlink(String),
    /// A folder, a device, a socket or a pipe.
    #[error("Not a file: {0}")]
    NotAFile(String),
    /// The name is taken, and the policy is not to overwrite.
    #[error("File already exists: {0}")]
    Exists(String),
    /// The name's extension has no place in this folder.
    #[error("Unsupported file extension in '{name}': use one of {allowed}")]
    Extension {
        /// The name.
        name: String,
        /// What there could have been.
        allowed: String,
    },
    /// More bytes than the limit for one file or one reading.
    #[error("File is larger than the limit of {limit_bytes} bytes: {name}")]
    TooLarge {
        /// The name.
        name: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// The disk, or this account's share of it, is full.
    #[error("no space is left for {0} on the media server")]
    DiskFull(String),
    /// The media server may not do this in its own folder.
    #[error("the media server has no permission to access {0}")]
    Denied(String),
    /// A listing's pattern or limit cannot be understood.
    #[error("{0}")]
    Query(String),
    /// The configured folder cannot be used. The only message with a path of the server: it is
    /// for the operator, at start.
    #[error("the media folder {folder} cannot be used: {reason}")]
    Folder {
        /// The folder as it was configured.
        folder: String,
        /// What is wrong, and the way out.
        reason: String,
    },
    /// Something else of the file system.
    #[error("the media server could not access {name}")]
    Io {
        /// The name.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The object storage refused or could not be reached.
    #[error("the object storage did not accept an operation on {name}")]
    Remote {
        /// The name.
        name: String,
        /// What it said.
        #[source]
        source: Box<object_store::Error>,
    },
    /// The server is stopping, and takes no more work.
    #[error("the media server is stopping")]
    Stopping,
}

impl StoreError {
    /// What an error of the system means for a file of this name.
    pub(super) fn from_errno(errno: Errno, name: &str) -> Self {
        let name = name.to_owned();
        match errno {
            Errno::NOENT | Errno::NOTDIR => Self::NotFound(name),
            Errno::LOOP => Self::Symlink(name),
            // RESOLVE_BENEATH was about to be left: a race, since the name itself was checked.
            Errno::XDEV => Self::Name(NameError::Traversal(name)),
            Errno::EXIST => Self::Exists(name),
            Errno::ISDIR | Errno::NXIO => Self::NotAFile(name),
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Self::DiskFull(name),
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Denied(name),
            errno => Self::Io { name, source: errno.into() },
        }
    }

    /// What an error of the object storage means for a file of this name.
    pub(super) fn from_remote(error: object_store::Error, name: &str) -> Self {
        let name = name.to_owned();
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound(name),
            object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. } => Self::Exists(name),
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => Self::Denied(name),
            error => Self::Remote { name, source: Box::new(error) },
        }
    }
}
