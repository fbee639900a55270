//! Which sounds there are.

use futures_util::{FutureExt, StreamExt, stream};
use regex::RegexBuilder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{FileInfo, Kind, Listing, MAX_LISTED, SafeName, SortBy};
use crate::tools::{Call, Media, ToolError};
use crate::transform::audio::probe;

/// Extensions of sounds that are listed.
const SOUNDS: [&str; 10] =
    ["mp3", "mp4", "mpeg", "mpga", "m4a", "wav", "webm", "flac", "ogg", "aac"];

/// Extensions that the transcription models take.
const TRANSCRIBED: [&str; 9] = ["mp3", "mp4", "mpeg", "mpga", "m4a", "wav", "webm", "flac", "ogg"];

/// Extensions that the models which talk about sound take.
const DISCUSSED: [&str; 2] = ["mp3", "wav"];

/// Files that are looked into at once.
const PROBES: usize = 8;

/// Largest compiled pattern, in bytes: a pattern of some hundred characters stays below it.
const PATTERN_BYTES: usize = 1 << 20;

/// What sounds are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AudioSort {
    /// By name.
    #[default]
    Name,
    /// By length in bytes.
    Size,
    /// By length in seconds.
    Duration,
    /// By the time of the last change.
    ModifiedTime,
    /// By extension.
    Format,
}

/// Parameters of `list_audio_files`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAudioFiles {
    /// Which names, as a regular expression
    #[serde(default)]
    pub pattern: Option<String>,
    /// Fewest bytes
    #[serde(default)]
    pub min_size_bytes: Option<u64>,
    /// Most bytes
    #[serde(default)]
    pub max_size_bytes: Option<u64>,
    /// Fewest seconds
    #[serde(default)]
    pub min_duration_seconds: Option<f64>,
    /// Most seconds
    #[serde(default)]
    pub max_duration_seconds: Option<f64>,
    /// Unix time after which it was changed
    #[serde(default)]
    pub min_modified_time: Option<f64>,
    /// Unix time before which it was changed
    #[serde(default)]
    pub max_modified_time: Option<f64>,
    /// Extension, as mp3
    #[serde(default)]
    pub format: Option<String>,
    /// What they are sorted by
    #[serde(default)]
    pub sort_by: AudioSort,
    /// The other way round
    #[serde(default)]
    pub reverse: bool,
}

/// A sound.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct AudioFile {
    /// Its name in the audio folder
    pub file_name: String,
    /// Its length in bytes
    pub size_bytes: u64,
    /// Unix time at which it was last changed
    pub modified_time: f64,
    /// Its extension
    pub format: String,
    /// Its length in seconds; null when it cannot be read
    pub duration_seconds: Option<f64>,
    /// Whether the transcription models take it
    pub transcription_support: bool,
    /// Whether the models that talk about sound take it
    pub chat_support: bool,
}

/// Sounds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AudioFiles {
    /// The sounds
    pub result: Vec<AudioFile>,
}

/// The sounds of the audio folder that fit. Their lengths come from their heads; nothing is decoded.
///
/// # Errors
/// When the pattern is no regular expression, or the folder holds more than can be listed.
pub async fn list_audio_files(
    media: &Media,
    params: ListAudioFiles,
    _call: &Call,
) -> Result<AudioFiles, ToolError> {
    let pattern = params.pattern.as_deref().map(|pattern| {
        RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).build().map_err(|_| {
            ToolError::Arguments("Invalid pattern: it is no regular expression".to_owned())
        })
    });
    let pattern = pattern.transpose()?;
    let most = i64::try_from(MAX_LISTED).unwrap_or(i64::MAX);
    let listing = Listing::new(None, most)?.extensions(SOUNDS).sorted(SortBy::Name, false);
    let mut found = media.store(Kind::Audio)?.list(listing).await?;
    found.retain(|file| {
        let name = file.name.as_str();
        pattern.as_ref().is_none_or(|pattern| pattern.is_match(name))
            && within(seconds(file), params.min_modified_time, params.max_modified_time)
            && params.min_size_bytes.is_none_or(|least| file.bytes >= least)
            && params.max_size_bytes.is_none_or(|most| file.bytes <= most)
            && params.format.as_ref().is_none_or(|it| {
                it.trim_start_matches('.').eq_ignore_ascii_case(&file.name.extension())
            })
    });
    let probes: Vec<_> = found.iter().map(|file| record(media, file).boxed()).collect();
    let mut result: Vec<AudioFile> = stream::iter(probes).buffered(PROBES).collect().await;
    if params.min_duration_seconds.is_some() || params.max_duration_seconds.is_some() {
        result.retain(|file| {
            file.duration_seconds.is_some_and(|length| {
                within(length, params.min_duration_seconds, params.max_duration_seconds)
            })
        });
    }
    sort(&mut result, params.sort_by);
    if params.reverse {
        result.reverse();
    }
    Ok(AudioFiles { result })
}

/// Parameters of `get_latest_audio`: none.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The sound that was changed last.
///
/// # Errors
/// When there is none.
pub async fn get_latest_audio(
    media: &Media,
    _params: Nothing,
    _call: &Call,
) -> Result<AudioFile, ToolError> {
    let listing = Listing::new(None, 1)?.extensions(SOUNDS);
    let found = media.store(Kind::Audio)?.list(listing).await?;
    match found.first() {
        Some(file) => Ok(record(media, file).await),
        None => Err(ToolError::Arguments("No audio files found".to_owned())),
    }
}

fn within(value: f64, least: Option<f64>, most: Option<f64>) -> bool {
    least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most)
}

fn seconds(file: &FileInfo) -> f64 {
    file.modified.as_duration().as_secs_f64()
}

fn sort(files: &mut [AudioFile], by: AudioSort) {
    files.sort_by(|one, two| match by {
        AudioSort::Name => one.file_name.cmp(&two.file_name),
        AudioSort::Size => one.size_bytes.cmp(&two.size_bytes),
        AudioSort::Duration => {
            let length = |file: &AudioFile| file.duration_seconds.unwrap_or(0.0);
            length(one).total_cmp(&length(two))
        }
        AudioSort::ModifiedTime => one.modified_time.total_cmp(&two.modified_time),
        AudioSort::Format => one.format.cmp(&two.format),
    });
}

async fn record(media: &Media, file: &FileInfo) -> AudioFile {
    let format = file.name.extension();
    AudioFile {
        file_name: file.name.to_string(),
        size_bytes: file.bytes,
        modified_time: seconds(file),
        duration_seconds: length(media, &file.name).await,
        transcription_support: TRANSCRIBED.contains(&format.as_str()),
        chat_support: DISCUSSED.contains(&format.as_str()),
        format,
    }
}

/// How long a sound lasts, in seconds; `None` when it cannot be read.
pub(super) async fn length(media: &Media, name: &SafeName) -> Option<f64> {
    let (source, _) = media.store(Kind::Audio).ok()?.seekable(name).await.ok()?;
    let text = name.to_string();
    let probed = media.pool.run(move |_stop| probe(source, &text)).await;
    Some(probed.ok()?.ok()?.duration.as_secs_f64())
}
