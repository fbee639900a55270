//! Where a new file goes, and what it turns out to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Md5, NameError, SafeName, Sha256};

/// What happens when a name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OnConflict {
    /// The new file takes the place of the old one, once it is whole. Of two writers to one name
    /// the last to be complete wins.
    #[default]
    Overwrite,
    /// The new file is refused, and the old one stays.
    Error,
    /// The new file gets `-2`, `-3`, … before its extension: the first number that is free when
    /// the file is whole.
    Rename,
}

impl OnConflict {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overwrite => "overwrite",
            Self::Error => "error",
            Self::Rename => "rename",
        }
    }
}

/// Where a new file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The name that is asked for.
    pub name: SafeName,
    /// What happens when it is taken.
    pub on_conflict: OnConflict,
    /// Whether the MD5 is computed as well. It costs about three times what SHA-256 costs.
    pub with_md5: bool,
}

impl Target {
    /// A target with this name and policy, without MD5.
    #[must_use]
    pub fn new(name: SafeName, on_conflict: OnConflict) -> Self {
        Self { name, on_conflict, with_md5: false }
    }

    /// A name made up for a file that the caller did not name: `{prefix}_{milliseconds since
    /// 1970}.{extension}`. Two of them never meet, because a taken name is renamed.
    ///
    /// # Errors
    /// When prefix and extension make no name.
    pub fn made_up(prefix: &str, extension: &str) -> Result<Self, NameError> {
        let now = jiff::Timestamp::now().as_millisecond();
        let name = SafeName::parse(&format!("{prefix}_{now}.{extension}"))?;
        Ok(Self::new(name, OnConflict::Rename))
    }
}

/// A file that is whole and will survive a loss of power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name: the target's, or a numbered one under [`OnConflict::Rename`].
    pub name: SafeName,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes, as they were written.
    pub sha256: Sha256,
    /// Their MD5, when it was asked for.
    pub md5: Option<Md5>,
}
