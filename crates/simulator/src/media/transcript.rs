//! What was said in a sound, in the forms of the API. Times are shared out by characters.

use std::fmt::Write as _;

use serde::Serialize;

use crate::api::Api;

/// Words of a segment.
const SEGMENT_WORDS: usize = 8;

/// A text with the seconds that it took.
#[derive(Debug, Clone)]
pub(crate) struct Transcript {
    pub(crate) text: String,
    pub(crate) seconds: f64,
    /// Whether the usage is told as a duration, as for `whisper-1`, and not as tokens.
    pub(crate) by_duration: bool,
}

/// A part of the text and its times. The parts of a text are the whole text, white space
/// included.
#[derive(Debug, Clone, Copy)]
struct Timed<'a> {
    text: &'a str,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Usage {
    Duration {
        seconds: f64,
    },
    Tokens {
        input_tokens: u32,
        input_token_details: InputDetails,
        output_tokens: u32,
        total_tokens: u32,
    },
}

#[derive(Serialize)]
pub(crate) struct InputDetails {
    text_tokens: u32,
    audio_tokens: u32,
}

#[derive(Serialize)]
struct Plain<'a> {
    text: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Verbose<'a> {
    task: &'static str,
    language: &'static str,
    duration: f64,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<Segment<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<Word<'a>>>,
    usage: Usage,
}

#[derive(Serialize)]
struct Segment<'a> {
    id: usize,
    seek: u32,
    start: f64,
    end: f64,
    text: &'a str,
    tokens: [u32; 0],
    temperature: f64,
    avg_logprob: f64,
    compression_ratio: f64,
    no_speech_prob: f64,
}

#[derive(Serialize)]
struct Word<'a> {
    word: &'a str,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct Diarized<'a> {
    task: &'static str,
    duration: f64,
    text: &'a str,
    segments: Vec<Turn<'a>>,
    usage: Usage,
}

#[derive(Serialize)]
struct Turn<'a> {
    r#type: &'static str,
    id: String,
    start: f64,
    end: f64,
    text: &'a str,
    speaker: &'static str,
}

impl Transcript {
    /// `json`: the text with its usage.
    pub(crate) fn plain(&self) -> Vec<u8> {
        super::json(&Plain { text: &self.text, usage: self.usage() })
    }

    /// `verbose_json`.
    pub(crate) fn verbose(&self, with_segments: bool, with_words: bool) -> Vec<u8> {
        let segments = || {
            let segment = |(id, Timed { text, start, end })| Segment {
                id,
                seek: 0,
                start,
                end,
                text,
                tokens: [],
                temperature: 0.0,
                avg_logprob: -0.1,
                compression_ratio: 1.0,
                no_speech_prob: 0.0,
            };
            self.segments().into_iter().enumerate().map(segment).collect()
        };
        let words = || {
            let word = |Timed { text, start, end }| Word { word: text.trim(), start, end };
            self.parts(1).into_iter().map(word).collect()
        };
        super::json(&Verbose {
            task: "transcribe",
            language: "english",
            duration: self.seconds,
            text: &self.text,
            segments: with_segments.then(segments),
            words: with_words.then(words),
            usage: Usage::Duration { seconds: self.seconds.ceil() },
        })
    }

    /// `diarized_json`: two speakers take turns.
    pub(crate) fn diarized(&self) -> Vec<u8> {
        let turn = |(number, Timed { text, start, end })| Turn {
            r#type: "transcript.text.segment",
            id: format!("seg_{number:03}"),
            start,
            end,
            text,
            speaker: if number % 2 == 0 { "A" } else { "B" },
        };
        super::json(&Diarized {
            task: "transcribe",
            duration: self.seconds,
            text: &self.text,
            segments: self.segments().into_iter().enumerate().map(turn).collect(),
            usage: self.usage(),
        })
    }

    /// `srt`: subtitles, numbered from 1.
    pub(crate) fn srt(&self) -> Vec<u8> {
        let mut out = String::new();
        for (number, part) in (1..).zip(self.segments()) {
            let (start, end) = (clock(part.start, ','), clock(part.end, ','));
            let _ = write!(out, "{number}\n{start} --> {end}\n{}\n\n", one_line(part.text));
        }
        out.into_bytes()
    }

    /// `vtt`: the subtitles of the Web.
    pub(crate) fn vtt(&self) -> Vec<u8> {
        let mut out = String::from("WEBVTT\n\n");
        for part in self.segments() {
            let (start, end) = (clock(part.start, '.'), clock(part.end, '.'));
            let _ = write!(out, "{start} --> {end}\n{}\n\n", one_line(part.text));
        }
        out.into_bytes()
    }

    /// The pieces of a streamed transcription.
    pub(crate) fn pieces(&self) -> Vec<&str> {
        self.segments().into_iter().map(|part| part.text).collect()
    }

    /// What it is said to have cost.
    pub(crate) fn usage(&self) -> Usage {
        if self.by_duration {
            return Usage::Duration { seconds: self.seconds.ceil() };
        }
        // Ten tokens for each second of sound.
        let audio_tokens = crate::profile::whole(self.seconds * 10.0);
        let output_tokens = Api::tokens_of(self.text.len());
        Usage::Tokens {
            input_tokens: audio_tokens,
            input_token_details: InputDetails { text_tokens: 0, audio_tokens },
            output_tokens,
            total_tokens: audio_tokens.saturating_add(output_tokens),
        }
    }

    fn segments(&self) -> Vec<Timed<'_>> {
        self.parts(SEGMENT_WORDS)
    }

    /// The text in parts of so many words, each with the white space behind it.
    fn parts(&self, words: usize) -> Vec<Timed<'_>> {
        let total = characters(&self.text).max(1.0);
        let time_of = |characters: f64| milliseconds(self.seconds * characters / total);
        let mut parts = Vec::new();
        let (mut begins, mut in_part, mut before) = (0, 0, 0.0);
        let starts: Vec<usize> = word_starts(&self.text).collect();
        for (index, _) in starts.iter().enumerate() {
            in_part += 1;
            let next = starts.get(index + 1).copied();
            if in_part < words && next.is_some() {
                continue;
            }
            let end = next.unwrap_or(self.text.len());
            let text = &self.text[begins..end];
            let after = before + characters(text);
            parts.push(Timed { text, start: time_of(before), end: time_of(after) });
            (begins, in_part, before) = (end, 0, after);
        }
        parts
    }
}

/// Where the words of a text begin.
fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    let mut in_word = false;
    text.char_indices().filter_map(move |(at, character)| {
        let starts = !in_word && !character.is_whitespace();
        in_word = !character.is_whitespace();
        starts.then_some(at)
    })
}

fn characters(text: &str) -> f64 {
    f64::from(u32::try_from(text.chars().count()).unwrap_or(u32::MAX))
}

/// Seconds, rounded to the millisecond.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Seconds as `00:01:02,345`.
fn clock(seconds: f64, mark: char) -> String {
    let millis = crate::profile::whole(seconds * 1000.0);
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{:02}:{:02}:{seconds:02}{mark}{millis:03}", minutes / 60, minutes % 60)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn transcript(text: &str, seconds: f64) -> Transcript {
        Transcript { text: text.to_owned(), seconds, by_duration: false }
    }

    #[test]
    fn subtitles_have_the_form_of_their_formats() {
        let transcript = transcript("one two three four five six seven eight nine\n\nten", 3725.5);
        let srt = "1\n00:00:00,000 --> 00:50:41,224\none two three four five six seven eight\n\n\
                   2\n00:50:41,224 --> 01:02:05,500\nnine ten\n\n";
        assert_eq!(String::from_utf8(transcript.srt()).unwrap(), srt);
        let vtt = "WEBVTT\n\n00:00:00.000 --> 00:50:41.224\n\
                   one two three four five six seven eight\n\n\
                   00:50:41.224 --> 01:02:05.500\nnine ten\n\n";
        assert_eq!(String::from_utf8(transcript.vtt()).unwrap(), vtt);
    }

    proptest! {
        #[test]
        fn parts_are_the_whole_text_in_order_of_time(
            text in "[a-z \n]{0,200}", words in 1usize..10, seconds in 0.0f64..1000.0,
        ) {
            let transcript = transcript(&text, seconds);
            let parts = transcript.parts(words);
            let joined: String = parts.iter().map(|part| part.text).collect();
            let expected = if text.trim().is_empty() { "" } else { text.as_str() };
            prop_assert_eq!(joined, expected);
            prop_assert!(parts.windows(2).all(|pair| pair[0].end <= pair[1].start));
            prop_assert!(parts.last().is_none_or(|last| last.end <= seconds + 0.001));
        }
    }
}
