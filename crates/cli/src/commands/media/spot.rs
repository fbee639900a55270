//! Where files of one kind are: in a folder on this machine, or in the object storage of the media.

use std::path::{Path, PathBuf};

use media::store::{Kind, SafeName, Store, StoreError, Target, Written};
use media::tools::{ErrorKind, ToolError};
use serde_json::{Value, json};

use super::envelope::Problem;
use super::session::Session;

/// Where files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// A folder on this machine.
    Folder(PathBuf),
    /// The object storage that the media are in.
    Storage,
}

impl Spot {
    /// Where the media of a kind are usually; `None` where no folder is named.
    pub(super) fn usual(session: &Session, kind: Kind) -> Option<Self> {
        if session.plan.in_object_storage() {
            return Some(Self::Storage);
        }
        session.plan.folder(kind).map(|folder| Self::Folder(folder.to_path_buf()))
    }

    /// The same, or the way to have one.
    pub(super) fn usual_or_problem(session: &Session, kind: Kind) -> Result<Self, Problem> {
        Self::usual(session, kind).ok_or_else(|| {
            let variable = match kind {
                Kind::Video => "VIDEO_PATH",
                Kind::Image => "IMAGE_PATH",
                Kind::Audio => "AUDIO_PATH",
            };
            Problem::new(
                ErrorKind::Config,
                format!(
                    "there is no {} folder: name one by --media DIR, WEIR_MEDIA_PATH or {variable}",
                    kind.as_str()
                ),
            )
        })
    }

    /// Opens it.
    pub(super) async fn open(&self, session: &Session, kind: Kind) -> Result<Store, Problem> {
        let folder = match self {
            Self::Folder(folder) => folder,
            Self::Storage => {
                let store = session.plan.open_store(kind).await;
                let store = store.map_err(|error| Problem::config(&error))?;
                return store.ok_or_else(|| Problem::internal("there is no object storage"));
            }
        };
        let store = Store::open_folder(kind, folder, session.plan.limits()).await;
        store.map_err(|error| {
            let path = folder.display();
            Problem::from(ToolError::Store(error)).recast(ErrorKind::Config, &format!("{path}: "))
        })
    }

    /// What a result says about a file that is here: `file`.
    pub(super) async fn described(
        &self,
        session: &Session,
        kind: Kind,
        name: &str,
    ) -> Result<Value, Problem> {
        match self {
            Self::Folder(folder) => Ok(on_disk(&folder.join(name))),
            Self::Storage => {
                let info = self.open(session, kind).await?.info(&safe(name)?).await;
                let bytes = info.map_err(ToolError::Store)?.bytes;
                Ok(json!({ "url": session.plan.url(kind, name), "bytes": bytes }))
            }
        }
    }
}

fn on_disk(path: &Path) -> Value {
    let absolute = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    match std::fs::metadata(&absolute) {
        Ok(metadata) => json!({ "path": absolute, "bytes": metadata.len() }),
        Err(_) => json!({ "path": absolute }),
    }
}

/// Copies a file, which is under its new name only when it is whole.
pub(super) async fn copy(
    from: &Store,
    name: &str,
    to: &Store,
    target: Target,
) -> Result<Written, Problem> {
    let mut reader = from.reader(&safe(name)?, 0, u64::MAX).await.map_err(ToolError::Store)?;
    let mut writer = to.create(target).await.map_err(ToolError::Store)?;
    while let Some(piece) = reader.next().await.map_err(ToolError::Store)? {
        writer.write(&piece).await.map_err(ToolError::Store)?;
    }
    Ok(writer.finish().await.map_err(ToolError::Store)?)
}

/// A name as stores take it.
pub(super) fn safe(name: &str) -> Result<SafeName, Problem> {
    Ok(SafeName::parse(name).map_err(StoreError::from).map_err(ToolError::Store)?)
}
