//! A long recording, written down window by window and put together again.

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::listen::{HEARD, How};
use crate::provider::{Transcript, Upload};
use crate::store::{Kind, SafeName};
use crate::tools::{Call, Media, Step, ToolError, inputs};
use crate::transform::audio::{SpeechWindows, WINDOW, WINDOWED_ABOVE, Window, plan};

/// What a window is taken to need: 2.88 MB of sound (90 s of 16,000 samples of two bytes), and as
/// much again for the form that it is sent in.
const WINDOW_BYTES: u64 = 2 * 2_880_000;

/// Most words in which the end of one window is looked for in the next: fifteen seconds of speech
/// have some forty.
const OVERLAP_WORDS: usize = 80;

/// Fewest words that are taken for an overlap: two words may follow each other twice by chance.
const FEWEST_WORDS: usize = 3;

/// What is said in a recording.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Transcribed {
    /// All of it
    pub text: String,
    /// Length of the recording in seconds
    pub duration: Option<f64>,
    /// Whether it was listened to in windows
    pub chunked: bool,
    /// The windows, when there are several
    pub windows: Option<Vec<WindowText>>,
    /// What else the provider knows: language, segments, words, usage
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is said in one window.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct WindowText {
    /// Where it begins, in seconds
    pub start: f64,
    /// Where it ends, in seconds
    pub end: f64,
    /// What is said in it; empty when it could not be listened to
    pub text: String,
    /// Why it could not be listened to: then the whole text has a gap here
    pub error: Option<String>,
}

impl Transcribed {
    /// A recording that was listened to as a whole.
    pub(super) fn whole(transcript: Transcript, length: Option<f64>) -> Self {
        let Transcript { text, mut more } = transcript;
        let said = more.remove("duration").and_then(|duration| duration.as_f64());
        // A provider's own field of these names would be there twice.
        more.retain(|name, _| !["text", "chunked", "windows"].contains(&name.as_str()));
        Self { text, duration: said.or(length), chunked: false, windows: None, more }
    }
}

/// Whether a recording of so many seconds goes in windows.
pub(super) fn is_long(seconds: f64) -> bool {
    seconds > WINDOWED_ABOVE.as_secs_f64()
}

/// Writes down what is said in a long recording.
pub(super) async fn transcribe(
    media: &Media,
    name: &SafeName,
    how: &How,
    length: Option<f64>,
    call: &Call,
) -> Result<Transcribed, ToolError> {
    if !HEARD.contains(&name.extension().as_str()) {
        return Err(ToolError::Arguments(format!("Unsupported file format of {name}")));
    }
    // Those that are listened to, and one more that is being decoded.
    let windows = u64::try_from(media.windows + 1).unwrap_or(u64::MAX);
    let _held = inputs::admit_memory(media, windows.saturating_mul(WINDOW_BYTES), call).await?;
    let (source, _) = media.store(Kind::Audio)?.seekable(name).await?;
    let text = name.to_string();
    let opened = media.pool.run(move |_stop| SpeechWindows::open(source, &text)).await??;
    let seconds = length.unwrap_or_default().clamp(0.0, 1e6);
    let total = plan(std::time::Duration::from_secs_f64(seconds)).len();
    let total = u64::try_from(total).ok();
    call.say(Step { total, message: Some("listening".into()), ..Step::default() });
    let (mut rest, mut heard, mut all) = (Some(opened), FuturesOrdered::new(), Vec::new());
    loop {
        // Only as many windows are decoded as are listened to.
        while heard.len() < media.windows
            && let Some(windows) = rest.take()
        {
            if let Some((window, windows)) = next(media, windows).await? {
                heard.push_back(listen(media, how, window));
                rest = Some(windows);
            }
        }
        let Some(window) = heard.next().await else { break };
        all.push(window?);
        let done = u64::try_from(all.len()).unwrap_or(u64::MAX);
        call.say(Step { done, total, message: Some("listening".into()) });
    }
    if all.iter().all(|window| window.error.is_some())
        && let Some(error) = all.first().and_then(|window| window.error.clone())
    {
        let message = format!("no part of {name} could be transcribed: {error}");
        return Err(ToolError::Arguments(message));
    }
    let text = all.iter().fold(String::new(), |text, window| joined(text, &window.text));
    Ok(Transcribed { text, duration: length, chunked: true, windows: Some(all), more: Map::new() })
}

/// A window with its sound.
type Decoded = (Window, Vec<u8>);

/// Decodes the next window on the CPU pool; those before it are paid for.
async fn next(
    media: &Media,
    mut windows: SpeechWindows,
) -> Result<Option<(Decoded, SpeechWindows)>, ToolError> {
    let decoding = media.pool.run_admitted(move |stop| {
        let next = windows.next(stop);
        (next, windows)
    });
    let (window, windows) = decoding.await?;
    Ok(window?.map(|window| (window, windows)))
}

/// Listens to one window. What the provider refuses is a gap and not the end.
async fn listen(
    media: &Media,
    how: &How,
    (window, bytes): Decoded,
) -> Result<WindowText, ToolError> {
    debug_assert!(window.end - window.start <= WINDOW);
    let filename = "window.wav".to_owned();
    let audio = Upload { filename, media_type: "audio/wav", bytes: bytes.into() };
    let answer = media.audio_provider()?.transcribe(how.request(audio)).await;
    let (text, error) = match answer {
        Ok(transcript) => (transcript.text, None),
        Err(error) => (String::new(), Some(error.to_string())),
    };
    let (start, end) = (window.start.as_secs_f64(), window.end.as_secs_f64());
    Ok(WindowText { start, end, text, error })
}

/// Puts a window's text behind what is there, without the words that are in both: the longest end
/// of the one that the other begins with.
fn joined(mut before: String, after: &str) -> String {
    let after = after.trim();
    if before.is_empty() || after.is_empty() {
        before.push_str(after);
        return before;
    }
    let plain = |word: &str| -> String {
        word.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let tail: Vec<String> = {
        let words: Vec<&str> = before.split_whitespace().rev().take(OVERLAP_WORDS).collect();
        words.into_iter().rev().map(plain).collect()
    };
    let words: Vec<&str> = after.split_whitespace().collect();
    let head: Vec<String> = words.iter().take(OVERLAP_WORDS).map(|word| plain(word)).collect();
    let longest = tail.len().min(head.len());
    let common = (FEWEST_WORDS..=longest)
        .rev()
        .find(|&length| tail[tail.len() - length..] == head[..length])
        .unwrap_or(0);
    let rest = words[common..].join(" ");
    if !rest.is_empty() {
        before.push(' ');
        before.push_str(&rest);
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &str) {
        assert_eq!(joined(before.to_owned(), after), expected);
    }

    #[test]
    fn words_in_both_windows_are_there_once() {
        check(
            "We met at noon, and then",
            "Noon and then we left.",
            "We met at noon, and then we left.",
        );
        check("one two three four five", "three four five", "one two three four five");
        check("", "hello", "hello");
        check("hello", "", "hello");
    }

    #[test]
    fn a_chance_repetition_is_kept() {
        check("so it goes", "it goes on", "so it goes it goes on");
    }

    #[test]
    fn eight_minutes_are_not_long() {
        assert!(!is_long(480.0));
        assert!(is_long(480.1));
    }
}
