//! What the tools have in common: files that go in, names that come out, lists of a folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Call, Media, ToolError};
use crate::admission::Permit;
use crate::provider::openai::MAX_UPLOAD;
use crate::provider::{Order, Upload};
use crate::store::{FileInfo, Kind, Listing, OnConflict, SafeName, SortBy, StoreError, Target};

impl Media {
    /// What the caller wants to happen when a name is taken, or what the server does usually.
    pub(super) fn conflict(&self, asked: Option<OnConflict>) -> OnConflict {
        asked.unwrap_or(self.on_conflict)
    }
}

/// A name as the callers write it.
pub(super) fn name(text: &str) -> Result<SafeName, ToolError> {
    Ok(SafeName::parse(text).map_err(StoreError::from)?)
}

/// A file that a provider is to be sent.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// As the caller names it.
    pub(super) name: &'a str,
    /// Extensions that make sense here.
    pub(super) extensions: &'static [&'static str],
}

/// Files of a folder, to be sent to a provider, and the memory that they take together with
/// `beside` bytes for the answer. It is waited for in one go: two calls that each held a part of
/// what they need could wait for each other for ever.
pub(super) async fn uploads(
    media: &Media,
    kind: Kind,
    inputs: &[Input<'_>],
    beside: u64,
    call: &Call,
) -> Result<(Vec<Upload>, Permit), ToolError> {
    // A request of words alone needs no folder.
    if inputs.is_empty() {
        return Ok((Vec::new(), admit_memory(media, beside, call).await?));
    }
    let store = media.store(kind)?;
    let (mut names, mut total) = (Vec::with_capacity(inputs.len()), beside);
    for input in inputs {
        let name = name(input.name)?;
        let extension = name.extension();
        if !input.extensions.contains(&extension.as_str()) {
            let known = input.extensions.join(", .");
            let message = format!("Unsupported file format '.{extension}' of {name}: use .{known}");
            return Err(ToolError::Arguments(message));
        }
        // The file, and the request that it becomes a part of: in a form as it is, in JSON as base64
        // (a third more), of which there are two while it is written out.
        total += 4 * store.info(&name).await?.bytes.min(MAX_UPLOAD);
        names.push(name);
    }
    let held = admit_memory(media, total, call).await?;
    let mut uploads = Vec::with_capacity(names.len());
    for name in names {
        let bytes = store.read(&name, MAX_UPLOAD).await?;
        let filename = name.file_name().to_owned();
        uploads.push(Upload { filename, media_type: kind.mime_type(&name), bytes });
    }
    Ok((uploads, held))
}

/// Waits until so many bytes may be held.
pub(super) async fn admit_memory(
    media: &Media,
    bytes: u64,
    call: &Call,
) -> Result<Permit, ToolError> {
    let queued = |_| call.note("queued");
    Ok(media.admission.memory.enter(call.caller, bytes, queued).await?)
}

/// Where a file goes: where the caller says, or a made-up name that nobody else gets.
pub(super) fn target(
    media: &Media,
    asked: Option<&str>,
    prefix: &str,
    extension: &str,
    conflict: Option<OnConflict>,
) -> Result<Target, ToolError> {
    match asked {
        Some(text) => Ok(Target::new(name(text)?, media.conflict(conflict))),
        None => Ok(Target::made_up(prefix, extension).map_err(StoreError::from)?),
    }
}

/// Where a file goes that is made from another: where the caller says, or under `made_up` beside the
/// other. Under a name that nobody chose it takes no other file's place, unless the caller asks for
/// that.
pub(super) fn beside(
    media: &Media,
    asked: Option<&str>,
    input: &SafeName,
    made_up: &str,
    conflict: Option<OnConflict>,
) -> Result<Target, ToolError> {
    let target = match (asked, input.folder()) {
        (Some(text), _) => Target::new(name(text)?, media.conflict(conflict)),
        (None, folder) => {
            let folder = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
            let output = name(&format!("{folder}{made_up}"))?;
            Target::new(output, conflict.unwrap_or(OnConflict::Rename))
        }
    };
    if target.name == *input {
        return Err(ToolError::Arguments(format!(
            "output_filename is the input itself: choose another name than {input}"
        )));
    }
    Ok(target)
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum SortedBy {
    /// When it was last changed.
    #[default]
    Modified,
    /// Its name.
    Name,
    /// Its length.
    Size,
}

impl From<SortedBy> for SortBy {
    fn from(sorted: SortedBy) -> Self {
        match sorted {
            SortedBy::Modified => Self::Modified,
            SortedBy::Name => Self::Name,
            SortedBy::Size => Self::Size,
        }
    }
}

/// Files in a list when nothing else is asked for.
pub(super) fn usual_limit() -> i64 {
    50
}

/// What a list is to hold.
pub(super) struct Wanted<'a> {
    pub(super) pattern: Option<&'a str>,
    pub(super) extensions: &'static [&'static str],
    pub(super) sort_by: SortedBy,
    pub(super) order: Order,
    pub(super) limit: i64,
}

/// Files of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Files {
    /// The files
    pub data: Vec<ListedFile>,
}

/// A file in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct ListedFile {
    /// Its whole name beneath the folder, by which every tool finds it
    pub filename: String,
    /// Its length
    pub size_bytes: u64,
    /// Unix time at which it was last changed
    pub modified_timestamp: i64,
    /// Its type
    pub file_type: String,
}

/// The finished files of a folder.
pub(super) async fn list(
    media: &Media,
    kind: Kind,
    wanted: Wanted<'_>,
) -> Result<Files, ToolError> {
    let listing = Listing::new(wanted.pattern, wanted.limit)?
        .extensions(wanted.extensions.iter().copied())
        .sorted(wanted.sort_by.into(), wanted.order == Order::Desc);
    let found = media.store(kind)?.list(listing).await?;
    Ok(Files { data: found.iter().map(listed).collect() })
}

fn listed(file: &FileInfo) -> ListedFile {
    let extension = file.name.extension();
    ListedFile {
        filename: file.name.to_string(),
        size_bytes: file.bytes,
        modified_timestamp: file.modified.as_second(),
        file_type: if extension == "jpg" { "jpeg".to_owned() } else { extension },
    }
}
