//! Which sounds there are.

use futures_util::{FutureExt, StreamExt, stream};
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pool::Stop;
use crate::store::{FileInfo, Kind, Listing, MAX_LISTED, SafeName};
use crate::tools::{Call, Media, ToolError};
use crate::transform::audio::probe;

/// Extensions of sounds that are listed.
const SOUNDS: [&str; 10] =
    ["mp3", "mp4", "mpeg", "mpga", "m4a", "wav", "webm", "flac", "ogg", "aac"];

/// Extensions that the transcription models take.
const TRANSCRIBED: [&str; 9] = ["mp3", "mp4", "mpeg", "mpga", "m4a", "wav", "webm", "flac", "ogg"];

/// Extensions that the models which talk about sound take.
const DISCUSSED: [&str; 2] = ["mp3", "wav"];

/// The models that write down what is said, as sanzaru 0.10 names them in its lists.
const TRANSCRIBERS: [&str; 4] =
    ["whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"];

/// The models that talk about sound, as sanzaru 0.10 names them in its lists.
const TALKERS: [&str; 6] = [
    "gpt-4o-audio-preview",
    "gpt-4o-audio-preview-2024-10-01",
    "gpt-4o-audio-preview-2024-12-17",
    "gpt-4o-audio-preview-2025-06-03",
    "gpt-4o-mini-audio-preview",
    "gpt-4o-mini-audio-preview-2024-12-17",
];

/// Files that are looked into at once.
const PROBES: usize = 8;

/// Largest compiled pattern, in bytes: a pattern of some hundred characters stays below it.
const PATTERN_BYTES: usize = 1 << 20;

/// What sounds are sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The transcription models that take it; null when none does
    pub transcription_support: Option<&'static [&'static str]>,
    /// The models that talk about sound that take it; null when none does
    pub chat_support: Option<&'static [&'static str]>,
}

/// Sounds.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AudioFiles {
    /// The sounds: the first 1000 of those that fit, in the order that was asked for
    pub result: Vec<AudioFile>,
    /// How many fit
    pub total: usize,
}

/// The sounds of the audio folder that fit. Their lengths come from their heads; nothing is decoded.
///
/// # Errors
/// When the pattern is no regular expression, the folder holds more than can be listed, or more
/// files fit than are looked into for their lengths.
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
    let (pattern, asked) = (pattern.transpose()?, params.clone());
    let found = media.store(Kind::Audio)?.list(Listing::everything().extensions(SOUNDS)).await?;
    let choosing = move |_: &Stop| chosen(found, &asked, pattern.as_ref());
    let fitting = media.pool.run(choosing).await?;
    if params.is_about_lengths() && fitting.len() > MAX_LISTED {
        return Err(ToolError::Arguments(format!(
            "{} files fit, and at most {MAX_LISTED} are looked into for their lengths: narrow them \
             by pattern, format, size or time",
            fitting.len()
        )));
    }
    let told = fitting.iter().take(MAX_LISTED);
    let probes: Vec<_> = told.map(|file| record(media, file).boxed()).collect();
    let mut result: Vec<AudioFile> = stream::iter(probes).buffered(PROBES).collect().await;
    if !params.is_about_lengths() {
        return Ok(AudioFiles { result, total: fitting.len() });
    }
    choose_by_length(&mut result, &params);
    Ok(AudioFiles { total: result.len(), result })
}

impl ListAudioFiles {
    fn wants_lengths_within(&self) -> bool {
        self.min_duration_seconds.is_some() || self.max_duration_seconds.is_some()
    }

    /// Whether files have to be looked into before it is known which of them come first.
    fn is_about_lengths(&self) -> bool {
        self.sort_by == AudioSort::Duration || self.wants_lengths_within()
    }
}

/// The files that fit by what a folder knows of them, in the order that was asked for. Those that
/// are sorted by their lengths are in the order of their names.
fn chosen(
    mut found: Vec<FileInfo>,
    params: &ListAudioFiles,
    pattern: Option<&Regex>,
) -> Vec<FileInfo> {
    found.retain(|file| {
        let name = file.name.as_str();
        pattern.is_none_or(|pattern| pattern.is_match(name))
            && within(seconds(file), params.min_modified_time, params.max_modified_time)
            && params.min_size_bytes.is_none_or(|least| file.bytes >= least)
            && params.max_size_bytes.is_none_or(|most| file.bytes <= most)
            && params.format.as_ref().is_none_or(|it| {
                it.trim_start_matches('.').eq_ignore_ascii_case(&file.name.extension())
            })
    });
    // They come by name, and what is equal stays in its order.
    match params.sort_by {
        AudioSort::Name | AudioSort::Duration => {}
        AudioSort::Size => found.sort_by_key(|file| file.bytes),
        AudioSort::ModifiedTime => found.sort_by_key(|file| file.modified),
        AudioSort::Format => found.sort_by_cached_key(|file| file.name.extension()),
    }
    if params.reverse && params.sort_by != AudioSort::Duration {
        found.reverse();
    }
    found
}

fn choose_by_length(files: &mut Vec<AudioFile>, params: &ListAudioFiles) {
    if params.wants_lengths_within() {
        files.retain(|file| {
            file.duration_seconds.is_some_and(|length| {
                within(length, params.min_duration_seconds, params.max_duration_seconds)
            })
        });
    }
    if params.sort_by == AudioSort::Duration {
        let length = |file: &AudioFile| file.duration_seconds.unwrap_or(0.0);
        files.sort_by(|one, two| length(one).total_cmp(&length(two)));
        if params.reverse {
            files.reverse();
        }
    }
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

async fn record(media: &Media, file: &FileInfo) -> AudioFile {
    let format = file.name.extension();
    AudioFile {
        file_name: file.name.to_string(),
        size_bytes: file.bytes,
        modified_time: seconds(file),
        duration_seconds: length(media, &file.name).await,
        transcription_support: TRANSCRIBED.contains(&format.as_str()).then_some(&TRANSCRIBERS),
        chat_support: DISCUSSED.contains(&format.as_str()).then_some(&TALKERS),
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
