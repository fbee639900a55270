//! Speech as sound files: a tone for each letter, silence for each space, and the words
//! themselves in the file's metadata, where transcriptions find them again.
//!
//! Sound is made by position: a file of any length costs the memory of one piece.

use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;

use super::bits::Bits;
use super::source::Source;

/// Samples a second of WAV and PCM, as the provider's.
pub(crate) const RATE: u32 = 24_000;

/// How long a byte of text sounds at the usual speed: some 16 letters a second.
const BYTE_MS: f64 = 60.0;

/// Samples a second of MP3: a rate and a bit rate at which every frame has the same length.
const MP3_RATE: u32 = 48_000;
const MP3_KBIT: u32 = 32;

/// Samples of an MP3 frame, and its bytes (ISO/IEC 11172-3, section 2.4.3.1: 144 x bits / rate).
const MP3_FRAME_SAMPLES: u32 = 1152;
const MP3_FRAME_BYTES: u32 = 144 * MP3_KBIT * 1000 / MP3_RATE;

/// Most bytes of a piece: so many are made in a fraction of a millisecond.
const PIECE_BYTES: usize = 8 * 1024;

/// Loudness of a tone in a sample, of 32,767.
const AMPLITUDE: i32 = 6000;

/// Comes before the words in a file's metadata, with their length in bytes after it.
const MARK: &str = "weir-speech/1 ";

/// Words to be spoken.
#[derive(Debug, Clone)]
pub(crate) struct Speech {
    text: Arc<str>,
    /// Hertz of the lowest tone.
    pitch: u32,
    /// Of each byte of the text, at [`RATE`].
    samples_per_byte: u32,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Mp3,
    Wav,
    /// Samples of 16 bits, the lower byte first, without any head.
    Pcm,
}

impl Encoding {
    /// The encodings by their names of the API; the first one is the usual one.
    pub(crate) const NAMES: [&str; 3] = ["mp3", "wav", "pcm"];

    /// The encoding of a name.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "wav" => Self::Wav,
            "pcm" => Self::Pcm,
            _ => Self::Mp3,
        }
    }

    /// The file's media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm",
        }
    }
}

impl Speech {
    /// The words in a voice; at speed 2 they take half as long.
    pub(crate) fn new(text: &str, voice: &str, speed: f64) -> Self {
        let pitch = 200 + 10 * voice.bytes().map(u32::from).sum::<u32>() % 300;
        let samples = f64::from(RATE) * BYTE_MS / 1000.0 / speed;
        let samples_per_byte = crate::profile::whole(samples).max(1);
        Self { text: text.into(), pitch, samples_per_byte }
    }

    /// Its file.
    pub(crate) fn file(&self, encoding: Encoding) -> Arc<dyn Source> {
        match encoding {
            Encoding::Mp3 => Arc::new(Mp3::new(self.clone())),
            Encoding::Wav => Arc::new(Samples { head: self.wav_head(), speech: self.clone() }),
            Encoding::Pcm => Arc::new(Samples { head: Bytes::new(), speech: self.clone() }),
        }
    }

    fn samples(&self) -> u64 {
        let bytes = u64::try_from(self.text.len()).unwrap_or(u64::MAX);
        bytes * u64::from(self.samples_per_byte)
    }

    /// The tone at a sample's place, in hertz; `None` in silence.
    fn tone(&self, sample: u64) -> Option<u32> {
        let at = usize::try_from(sample / u64::from(self.samples_per_byte)).ok()?;
        let byte = *self.text.as_bytes().get(at)?;
        (!byte.is_ascii_whitespace()).then(|| self.pitch + u32::from(byte % 32) * 16)
    }

    /// A triangle wave of the tone.
    fn sample(&self, sample: u64) -> i16 {
        let Some(tone) = self.tone(sample) else { return 0 };
        let phase = sample * u64::from(tone) % u64::from(RATE);
        let phase = i32::try_from(phase).unwrap_or(0);
        let rate = i32::try_from(RATE).unwrap_or(i32::MAX);
        let up = if phase * 2 < rate { phase } else { rate - phase };
        i16::try_from(up * 4 * (AMPLITUDE / 100) / (rate / 100) - AMPLITUDE).unwrap_or(0)
    }

    fn marked_text(&self) -> Vec<u8> {
        format!("{MARK}{} {}", self.text.len(), self.text).into_bytes()
    }

    /// Source: Microsoft, "Multimedia Programming Interface and Data Specifications 1.0".
    fn wav_head(&self) -> Bytes {
        let mut comment = self.marked_text();
        // Text ends with a zero, and a chunk at an even place.
        comment.push(0);
        comment.extend((comment.len() % 2 == 1).then_some(0));
        let comment_bytes = u32::try_from(comment.len()).unwrap_or(0);
        let data_bytes = u32::try_from(self.samples() * 2).unwrap_or(u32::MAX - 65_536);
        let mut head = Vec::new();
        let number = |head: &mut Vec<u8>, value: u32| head.extend(value.to_le_bytes());
        head.extend_from_slice(b"RIFF");
        number(&mut head, 4 + 24 + 20 + comment_bytes + 8 + data_bytes);
        head.extend_from_slice(b"WAVEfmt ");
        number(&mut head, 16);
        head.extend_from_slice(&[1, 0, 1, 0]);
        number(&mut head, RATE);
        number(&mut head, RATE * 2);
        head.extend_from_slice(&[2, 0, 16, 0]);
        head.extend_from_slice(b"LIST");
        number(&mut head, 12 + comment_bytes);
        head.extend_from_slice(b"INFOICMT");
        number(&mut head, comment_bytes);
        head.extend_from_slice(&comment);
        head.extend_from_slice(b"data");
        number(&mut head, data_bytes);
        head.into()
    }
}

/// Samples behind a head.
struct Samples {
    head: Bytes,
    speech: Speech,
}

impl Source for Samples {
    fn length(&self) -> u64 {
        self.head.length() + self.speech.samples() * 2
    }

    fn piece(&self, at: u64, most: usize) -> Bytes {
        if at < self.head.length() {
            return self.head.piece(at, most);
        }
        let at = at - self.head.length();
        let left = usize::try_from(self.speech.samples() * 2 - at).unwrap_or(usize::MAX);
        let length = most.min(left).min(PIECE_BYTES);
        // A piece may begin and end within a sample.
        let samples = (at / 2..).flat_map(|sample| self.speech.sample(sample).to_le_bytes());
        samples.skip(usize::from(at % 2 == 1)).take(length).collect()
    }
}

/// MP3 frames behind an ID3 tag.
struct Mp3 {
    tag: Bytes,
    frames: u64,
    speech: Speech,
}

impl Mp3 {
    fn new(speech: Speech) -> Self {
        // From samples of speech to those of MP3.
        let samples = speech.samples() * u64::from(MP3_RATE / RATE);
        let frames = samples.div_ceil(u64::from(MP3_FRAME_SAMPLES)).max(1);
        Self { tag: tag(&speech.marked_text()), frames, speech }
    }

    fn frame(&self, number: u64) -> Vec<u8> {
        let sample = number * u64::from(MP3_FRAME_SAMPLES * RATE / MP3_RATE);
        frame(self.speech.tone(sample))
    }
}

impl Source for Mp3 {
    fn length(&self) -> u64 {
        self.tag.length() + self.frames * u64::from(MP3_FRAME_BYTES)
    }

    fn piece(&self, at: u64, most: usize) -> Bytes {
        if at < self.tag.length() {
            return self.tag.piece(at, most);
        }
        let at = at - self.tag.length();
        let length = u64::from(MP3_FRAME_BYTES);
        let skipped = usize::try_from(at % length).unwrap_or(0);
        let frames = (at / length..self.frames).flat_map(|number| self.frame(number));
        frames.skip(skipped).take(most.min(PIECE_BYTES)).collect()
    }
}

/// An ID3v2.4 tag with a comment of one's own (id3.org, "ID3 tag version 2.4.0", sections 3.1,
/// 4 and 4.2.6).
fn tag(text: &[u8]) -> Bytes {
    // Encoding (UTF-8), description with its end, text.
    let frame_bytes = u32::try_from(text.len() + 6).unwrap_or(0);
    let mut tag = b"ID3\x04\0\0".to_vec();
    tag.extend_from_slice(&seven_bits(frame_bytes + 10));
    tag.extend_from_slice(b"TXXX");
    tag.extend_from_slice(&seven_bits(frame_bytes));
    tag.extend_from_slice(b"\0\0\x03weir\0");
    tag.extend_from_slice(text);
    tag.into()
}

/// A number in four bytes of seven bits each.
fn seven_bits(number: u32) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| u8::try_from(number >> shift & 0x7F).unwrap_or(0))
}

/// A frame with one line of the spectrum, or none. Source: ISO/IEC 11172-3, sections 2.4.1.3
/// (header), 2.4.1.7 (side information), B.7 (Huffman codes).
fn frame(tone: Option<u32>) -> Vec<u8> {
    // Lines are 41.7 Hz apart. Up to the pair with the tone, each pair is 0 0.
    let pairs = tone.map_or(0, |tone| (tone * MP3_FRAME_SAMPLES / MP3_RATE / 2).clamp(1, 100) + 1);
    // One bit for each empty pair; three for the one with the tone: code and sign.
    let length = if pairs == 0 { 0 } else { pairs - 1 + 3 };
    let mut bits = Bits::default();
    bits.put(0xFF_FB_14_C0, 32); // MPEG 1, layer III, 32 kbit/s, 48 kHz, mono
    bits.put(0, 9 + 5 + 4); // main_data_begin, private_bits, scfsi
    for _ in 0..2 {
        bits.put(length, 12); // part2_3_length
        bits.put(pairs, 9); // big_values
        bits.put(198, 8); // global_gain: an eighth of full scale
        bits.put(0, 4 + 1); // scalefac_compress, window_switching_flag
        (0..3).for_each(|_| bits.put(1, 5)); // table_select
        bits.put(0, 4 + 3 + 3); // regions, preflag, scalefac_scale, count1table_select
    }
    for _ in 0..2 {
        if pairs > 0 {
            (1..pairs).for_each(|_| bits.put(1, 1));
            bits.put(0b010, 3);
        }
    }
    let mut frame = bits.into_bytes();
    frame.resize(usize::try_from(MP3_FRAME_BYTES).unwrap_or(0), 0);
    frame
}

/// The words in the metadata of a sound that was made here. Of several sounds, one behind the
/// other, the words of each.
pub(crate) fn spoken(file: &[u8]) -> Option<String> {
    let mut texts = Vec::new();
    for at in memmem::find_iter(file, MARK) {
        let rest = &file[at + MARK.len()..];
        let digits = rest.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
        let length = std::str::from_utf8(&rest[..digits]).ok().and_then(|it| it.parse().ok());
        let text = length.and_then(|length: usize| rest.get(digits + 1..digits + 1 + length));
        texts.extend(text.and_then(|text| std::str::from_utf8(text).ok()));
    }
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// How long a sound lasts, in seconds: exactly for WAV, and for MP3 of constant bit rate;
/// otherwise as if it had 64 kbit/s.
pub(crate) fn seconds(file: &[u8]) -> f64 {
    let bytes = |length: usize| f64::from(u32::try_from(length).unwrap_or(u32::MAX));
    wav_seconds(file).unwrap_or_else(|| {
        let kbit = mp3_kbit(file).unwrap_or(64);
        bytes(file.len()) * 8.0 / 1000.0 / f64::from(kbit)
    })
}

fn wav_seconds(file: &[u8]) -> Option<f64> {
    let number = |at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?))
    };
    if !file.starts_with(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return None;
    }
    let mut at = 12;
    let mut bytes_per_second = None;
    loop {
        let (name, length) = (file.get(at..at + 4)?, usize::try_from(number(at + 4)?).ok()?);
        match name {
            b"fmt " => bytes_per_second = number(at + 16).filter(|rate| *rate > 0),
            b"data" => {
                // Some writers leave the length open.
                let length = length.min(file.len() - (at + 8));
                let length = f64::from(u32::try_from(length).ok()?);
                return Some(length / f64::from(bytes_per_second?));
            }
            _ => {}
        }
        at = at.checked_add(8 + length + length % 2)?;
    }
}

/// The bit rate of the first frame. Source: ISO/IEC 11172-3, section 2.4.2.3 (layer III).
fn mp3_kbit(file: &[u8]) -> Option<u32> {
    const KBIT: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBIT_LOW: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    let tag = match file.strip_prefix(b"ID3") {
        Some(tag) => {
            let length = tag.get(3..7)?.iter().map(|&byte| usize::from(byte));
            10 + length.fold(0, |sum, byte| sum * 128 + byte)
        }
        None => 0,
    };
    let head = file.get(tag..tag + 3)?;
    if head[0] != 0xFF || head[1] & 0xE6 != 0xE2 {
        return None;
    }
    let table = if head[1] & 0x18 == 0x18 { KBIT } else { KBIT_LOW };
    table.get(usize::from(head[2] >> 4)).copied().filter(|kbit| *kbit > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "The river is deep. Où ?";

    fn collect(source: &dyn Source, most: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while u64::try_from(all.len()).unwrap() < source.length() {
            let piece = source.piece(u64::try_from(all.len()).unwrap(), most);
            assert!((1..=most).contains(&piece.len()));
            all.extend_from_slice(&piece);
        }
        all
    }

    fn all(encoding: Encoding, speed: f64) -> Vec<u8> {
        collect(Speech::new(TEXT, "alloy", speed).file(encoding).as_ref(), usize::MAX)
    }

    #[test]
    fn a_file_says_what_is_spoken_and_how_long() {
        let expected = f64::from(u32::try_from(TEXT.len()).unwrap()) * BYTE_MS / 1000.0;
        for (encoding, tolerance) in [(Encoding::Wav, 0.001), (Encoding::Mp3, 0.06)] {
            let file = all(encoding, 1.0);
            assert_eq!(spoken(&file).as_deref(), Some(TEXT));
            assert!((seconds(&file) - expected).abs() < tolerance, "{}", seconds(&file));
            let fast = all(encoding, 2.0);
            assert!((seconds(&fast) - expected / 2.0).abs() < tolerance, "{}", seconds(&fast));
        }
        assert_eq!(spoken(&all(Encoding::Pcm, 1.0)), None);
    }

    #[test]
    fn sounds_behind_each_other_keep_their_words() {
        let both = [all(Encoding::Mp3, 1.0), all(Encoding::Mp3, 1.0)].concat();
        assert_eq!(spoken(&both), Some(format!("{TEXT} {TEXT}")));
    }

    #[test]
    fn every_mp3_frame_is_as_long_as_its_header_says() {
        for tone in [None, Some(1), Some(200), Some(1000), Some(20_000)] {
            let frame = frame(tone);
            assert_eq!(frame.len(), 96, "{tone:?}");
            assert_eq!(frame[..4], [0xFF, 0xFB, 0x14, 0xC0]);
        }
    }

    #[test]
    fn voices_differ_and_are_not_too_loud() {
        let of = |voice| collect(Speech::new(TEXT, voice, 1.0).file(Encoding::Pcm).as_ref(), 4096);
        assert_ne!(of("alloy"), of("echo"));
        let loudest = of("alloy")
            .chunks(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs())
            .max();
        assert!((5000..=6000).contains(&loudest.unwrap()), "{loudest:?}");
    }

    #[test]
    fn a_sound_is_the_same_in_pieces_of_any_size() {
        for encoding in [Encoding::Mp3, Encoding::Wav, Encoding::Pcm] {
            let file = Speech::new("a b", "alloy", 1.0).file(encoding);
            let whole = collect(file.as_ref(), usize::MAX);
            for most in [1, 2, 3, 95, 96, 97, 1001] {
                assert!(collect(file.as_ref(), most) == whole, "{encoding:?} by {most}");
            }
        }
    }

    proptest! {

        #[test]
        fn no_file_makes_it_panic(file in any::<Vec<u8>>(), head in "(RIFF....WAVE|ID3|fmt |data|weir-speech/1 |9){0,5}") {
            let file = [head.as_bytes(), &file].concat();
            let _ = (spoken(&file), seconds(&file));
        }
    }
}
