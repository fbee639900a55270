use std::f32::consts::TAU;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use proptest::prelude::*;
use symphonia::core::io::MediaSource;

use super::*;
use crate::pool::Stop;

const MP3: &[u8] = include_bytes!("tests/tone.mp3");
const BARE_MP3: &[u8] = include_bytes!("tests/bare.mp3");
const M4A: &[u8] = include_bytes!("tests/tone.m4a");
const FLAC: &[u8] = include_bytes!("tests/tone.flac");
const OGG: &[u8] = include_bytes!("tests/tone.ogg");

/// A WAV of a tone of 440 Hz at a third of full scale.
fn tone(rate: u32, channels: u16, frames: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    // One second of the tone is a whole number of periods: a table is exact.
    let table: Vec<i16> = (0..rate).map(|frame| sample(frame, rate)).collect();
    for frame in 0..frames {
        for _ in 0..channels {
            writer.write_sample(table[usize::try_from(frame % rate).unwrap()]).unwrap();
        }
    }
    writer.finalize().unwrap();
    file.into_inner()
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a test tone")]
fn sample(frame: u32, rate: u32) -> i16 {
    ((frame as f32 * 440.0 / rate as f32 * TAU).sin() * 10_922.0) as i16
}

/// A file that counts what is read of it.
struct Counted {
    file: Cursor<Vec<u8>>,
    read: Arc<AtomicUsize>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read, Ordering::Relaxed);
        Ok(read)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

impl MediaSource for Counted {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        self.file.byte_len()
    }
}

#[test]
fn the_length_of_a_long_file_costs_some_reads_and_no_decoding() {
    let file = tone(8000, 1, 8000 * 600);
    let length = file.len();
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Counted { file: Cursor::new(file), read: Arc::clone(&read) };
    assert_eq!(probe(counted, "long.wav").unwrap().duration.as_secs(), 600);
    let read = read.load(Ordering::Relaxed);
    assert!(read < length / 20, "{read} of {length} bytes were read");
}

/// Runs a job with an output, and returns its result with the bytes that came out.
fn run<T: Send>(job: impl FnOnce(Output) -> T + Send) -> (T, Vec<u8>) {
    let (output, mut chunks) = channel();
    std::thread::scope(|scope| {
        let job = scope.spawn(|| job(output));
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.blocking_recv() {
            assert!(chunk.len() <= CHUNK_BYTES);
            bytes.extend_from_slice(&chunk);
        }
        (job.join().unwrap(), bytes)
    })
}

fn to_wav(source: &[u8], name: &str) -> Result<Vec<u8>, AudioError> {
    let source = Cursor::new(Bytes::copy_from_slice(source));
    let (written, bytes) = run(|output| {
        convert(source, name, Container::Wav, &Encoder::new("none"), output, &Stop::default())
    });
    assert_eq!(written?, u64::try_from(bytes.len()).unwrap());
    Ok(bytes)
}

fn info(bytes: &[u8], name: &str) -> Result<Info, AudioError> {
    probe(Cursor::new(Bytes::copy_from_slice(bytes)), name)
}

fn milliseconds(duration: Duration) -> u128 {
    duration.as_millis()
}

/// The share of a signal's energy that is at 440 Hz (Goertzel).
#[expect(clippy::cast_precision_loss, reason = "a test signal is short")]
fn share_of_tone(samples: &[i16], rate: u32) -> f32 {
    let (mut sine, mut cosine, mut energy) = (0.0, 0.0, 0.0);
    for (index, &sample) in samples.iter().enumerate() {
        let (angle, sample) = (index as f32 * 440.0 / rate as f32 * TAU, f32::from(sample));
        sine += angle.sin() * sample;
        cosine += angle.cos() * sample;
        energy += sample * sample;
    }
    (sine * sine + cosine * cosine) * 2.0 / (energy * samples.len() as f32)
}

/// Every file of the tests holds a second of one tone: its middle must, too, when it was decoded.
fn check_tone(wav: &[u8], rate: u32, channels: u16) {
    let mut reader = hound::WavReader::new(wav).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (rate, channels, 16));
    let samples: Vec<i16> =
        reader.samples().step_by(usize::from(channels)).map(Result::unwrap).collect();
    let tenth = usize::try_from(rate / 10).unwrap();
    let second = tenth * 10;
    assert!(samples.len().abs_diff(second) <= tenth / 2, "{} frames", samples.len());
    let share = share_of_tone(&samples[tenth..tenth * 9], rate);
    assert!(share > 0.98, "only {share} of it is the tone");
}

#[test]
fn every_format_is_measured_without_its_extension() {
    for (bytes, container, rate) in [
        (MP3, "mp3", 44_100),
        (BARE_MP3, "mp3", 44_100),
        (M4A, "isomp4", 44_100),
        (FLAC, "flac", 16_000),
        (OGG, "ogg", 16_000),
        (tone(8_000, 1, 8_000).as_slice(), "wave", 8_000),
    ] {
        let info = info(bytes, "sound").unwrap();
        assert_eq!((info.container, info.sample_rate), (container, Some(rate)));
        let length = milliseconds(info.duration);
        assert!((980..=1_080).contains(&length), "{container}: {length} ms");
    }
}

#[test]
fn every_format_is_decoded() {
    for (bytes, rate, channels) in [
        (MP3, 44_100, 2),
        (BARE_MP3, 44_100, 1),
        (M4A, 44_100, 1),
        (FLAC, 16_000, 1),
        (OGG, 16_000, 1),
    ] {
        check_tone(&to_wav(bytes, "sound").unwrap(), rate, channels);
    }
}

#[test]
fn wav_stays_as_it_is_to_the_last_sample() {
    let before = tone(22_050, 2, 30_000);
    let after = to_wav(&before, "a.wav").unwrap();
    let samples = |wav: &[u8]| -> Vec<i16> {
        hound::WavReader::new(wav).unwrap().samples().map(Result::unwrap).collect()
    };
    assert_eq!(samples(&after), samples(&before));
}

#[test]
fn a_wav_whose_writer_did_not_know_its_length_is_measured_by_its_packets() {
    let mut streamed = tone(8_000, 1, 4_000);
    streamed[4..8].copy_from_slice(&[0xff; 4]);
    streamed[40..44].copy_from_slice(&[0xff; 4]);
    assert_eq!(milliseconds(info(&streamed, "speech.wav").unwrap().duration), 500);
    assert_eq!(to_wav(&streamed, "speech.wav").unwrap().len(), 44 + 8_000);
}

#[test]
fn a_cut_file_becomes_a_whole_one_of_what_is_left() {
    let whole = tone(8_000, 1, 8_000);
    let wav = to_wav(&whole[..44 + 8_000], "cut.wav").unwrap();
    let reader = hound::WavReader::new(wav.as_slice()).unwrap();
    assert_eq!(u64::from(reader.len()) * 2 + 44, u64::try_from(wav.len()).unwrap());
    check_whole(&to_wav(&MP3[..MP3.len() / 2], "cut.mp3").unwrap());
}

fn check_whole(wav: &[u8]) {
    let reader = hound::WavReader::new(wav).unwrap();
    let frame_bytes = 2 * u32::from(reader.spec().channels);
    assert_eq!(usize::try_from(44 + reader.duration() * frame_bytes).unwrap(), wav.len());
}

#[test]
fn what_is_no_sound_is_refused() {
    for junk in [&b""[..], b"RIFF", b"<html>sorry</html>", &[0; 5_000]] {
        assert!(matches!(info(junk, "a.mp3"), Err(AudioError::Unknown)), "{junk:?}");
        assert!(matches!(to_wav(junk, "a.wav"), Err(AudioError::Unknown)), "{junk:?}");
    }
}

/// Usual rates, and one that shares no factor with them.
const RATES: [u32; 6] = [8_000, 11_025, 16_000, 44_100, 48_000, 1_009];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_damaged_file_is_read_or_refused(which in 0_usize..5, at in 0_usize..20_000, to: u8) {
        let mut bytes = [MP3, M4A, FLAC, OGG, &tone(8_000, 1, 100)][which].to_vec();
        let at = at % bytes.len();
        bytes[at] = to;
        if let Ok(wav) = to_wav(&bytes, "sound") {
            check_whole(&wav);
        }
    }

    #[test]
    fn resampling_keeps_the_length_to_the_frame(
        from in 0_usize..RATES.len(),
        to in 0_usize..RATES.len(),
        frames in 0_usize..5_000,
        split in 1_usize..700,
    ) {
        let (from, to) = (RATES[from], RATES[to]);
        let mut resampler = resample::Resampler::new(from, to, 1).unwrap();
        let mut output = Vec::new();
        for piece in vec![0.5; frames].chunks(split) {
            resampler.push(piece, &mut output).unwrap();
        }
        resampler.finish(&mut output).unwrap();
        let frames = u64::try_from(frames).unwrap();
        let due = (frames * u64::from(to)).div_ceil(u64::from(from));
        prop_assert_eq!(u64::try_from(output.len()).unwrap(), due);
    }
}

#[test]
fn a_sound_becomes_small_enough_or_says_that_it_cannot() {
    let hour = Duration::from_secs(3_600);
    let plan = |bytes, container| compression(hour, bytes, container);
    let megabytes = 25 * 1024 * 1024;
    assert_eq!(
        plan(megabytes, Container::Mp3).unwrap(),
        Compression { sample_rate: 24_000, kilobits: Some(48) }
    );
    let room = 4 * 1024;
    assert_eq!(plan(3_600_000 + room, Container::Mp3).unwrap().kilobits, Some(8));
    assert!(matches!(
        plan(3_600_000 + room - 1, Container::Mp3),
        Err(AudioError::CannotFit { container: Container::Mp3, .. })
    ));
    assert_eq!(plan(57_600_000 + room, Container::Wav).unwrap().sample_rate, 8_000);
    assert!(plan(57_600_000 + room - 1, Container::Wav).is_err());
    assert!(compression(hour, 0, Container::Mp3).is_err());
}

#[test]
fn compressed_wav_is_one_channel_and_keeps_the_tone() {
    let source = Cursor::new(tone(44_100, 2, 44_100));
    let smaller = Compression { sample_rate: 16_000, kilobits: None };
    let (written, bytes) = run(|output| {
        compress(source, "a.wav", smaller, &Encoder::new("none"), output, &Stop::default())
    });
    written.unwrap();
    check_tone(&bytes, 16_000, 1);
}

#[test]
fn a_missing_encoder_is_named_with_the_way_out() {
    let encoder = Encoder::new("/nowhere/ffmpeg");
    assert!(!encoder.is_installed());
    let source = Cursor::new(tone(8_000, 1, 800));
    let (written, bytes) =
        run(|output| convert(source, "a.wav", Container::Mp3, &encoder, output, &Stop::default()));
    let message = written.unwrap_err().to_string();
    assert!(message.contains("/nowhere/ffmpeg") && message.contains("install"), "{message}");
    assert!(bytes.is_empty());
}

#[test]
fn an_encoder_that_fails_is_quoted() {
    let encoder = script("echo 'no such codec' >&2; exit 1");
    let source = Cursor::new(tone(8_000, 1, 80_000));
    let (written, bytes) = run(|output| {
        convert(source, "a.wav", Container::Mp3, &encoder.0, output, &Stop::default())
    });
    let message = written.unwrap_err().to_string();
    assert!(message.ends_with("no such codec"), "{message}");
    assert!(bytes.is_empty());
}

#[test]
fn a_stopped_job_ends_its_encoder() {
    let encoder = script("exec cat");
    let stop = Stop::default();
    stop.request();
    let source = Cursor::new(tone(8_000, 1, 800));
    let (written, _) =
        run(|output| convert(source, "a.wav", Container::Mp3, &encoder.0, output, &stop));
    assert!(matches!(written, Err(AudioError::Stopped)), "{written:?}");
}

#[test]
fn an_encoder_that_hangs_is_ended_with_the_job() {
    let encoder = script("exec sleep 60");
    let stop = Stop::default();
    let source = Cursor::new(tone(8_000, 1, 800));
    let (written, _) = run(|output| {
        std::thread::scope(|scope| {
            let job =
                scope.spawn(|| convert(source, "a.wav", Container::Mp3, &encoder.0, output, &stop));
            stop.request();
            job.join().unwrap()
        })
    });
    assert!(matches!(written, Err(AudioError::Stopped)), "{written:?}");
}

/// A program that does as this shell script says.
fn script(text: &str) -> (Encoder, tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoder");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    (Encoder::new(path), folder)
}

#[test]
fn mp3_is_written_and_lasts_as_long_and_as_many_bytes_as_planned() {
    let source = tone(44_100, 2, 132_300);
    let encoder = Encoder::new(ffmpeg());
    let (written, bytes) = run(|output| {
        let source = Cursor::new(source.clone());
        convert(source, "a.wav", Container::Mp3, &encoder, output, &Stop::default())
    });
    written.unwrap();
    let made = info(&bytes, "a.mp3").unwrap();
    assert_eq!((made.container, made.sample_rate, made.channels), ("mp3", Some(44_100), Some(2)));
    assert!((2_900..=3_200).contains(&milliseconds(made.duration)), "{made:?}");

    let limit = 20_000;
    let plan = compression(Duration::from_secs(3), limit, Container::Mp3).unwrap();
    let (written, bytes) = run(|output| {
        compress(Cursor::new(source), "a.wav", plan, &encoder, output, &Stop::default())
    });
    written.unwrap();
    assert!(u64::try_from(bytes.len()).unwrap() <= limit, "{} bytes", bytes.len());
    assert_eq!(info(&bytes, "a.mp3").unwrap().channels, Some(1));
}

/// The `ffmpeg` that the tests' Python environment brings (the package `imageio-ffmpeg`).
fn ffmpeg() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let library = root.join(".test-tools/venv/lib");
    let found = std::fs::read_dir(library).ok().and_then(|versions| {
        versions.flatten().find_map(|version| {
            let folder = version.path().join("site-packages/imageio_ffmpeg/binaries");
            let mut programs = std::fs::read_dir(folder).ok()?.flatten();
            let program =
                programs.find(|it| it.file_name().to_string_lossy().starts_with("ffmpeg-"));
            Some(program?.path())
        })
    });
    found.expect("ffmpeg is missing: run cargo xtask test, which installs it")
}

#[test]
fn windows_cover_the_sound_and_overlap_by_a_sixth() {
    let seconds = Duration::from_secs;
    assert_eq!(plan(seconds(480)), [Window { start: seconds(0), end: seconds(480) }]);
    let windows = plan(seconds(481));
    assert_eq!(windows[0], Window { start: seconds(0), end: seconds(90) });
    assert_eq!(windows[1], Window { start: seconds(75), end: seconds(165) });
    assert_eq!(*windows.last().unwrap(), Window { start: seconds(450), end: seconds(481) });
    // An end that falls on a window's end needs no further window.
    assert_eq!(plan(seconds(540)).last().unwrap().start, seconds(450));
    assert_eq!(plan(seconds(541)).last().unwrap().start, seconds(525));
}

#[test]
fn windows_are_cut_as_planned() {
    // At 100 Hz instead of 16,000: the arithmetic is the same, and the test does not take minutes.
    for length in [481, 540, 541] {
        let source = Cursor::new(tone(100, 1, length * 100));
        let mut windows = SpeechWindows::at_rate(source, "a.wav", 100).unwrap();
        let mut cut = Vec::new();
        while let Some((window, wav)) = windows.next(&Stop::default()).unwrap() {
            let frames = hound::WavReader::new(wav.as_slice()).unwrap().duration();
            assert_eq!(u128::from(frames), (window.end - window.start).as_millis() / 10);
            cut.push(window);
        }
        assert_eq!(cut, plan(Duration::from_secs(u64::from(length))));
    }
}

#[test]
fn a_window_is_one_channel_at_the_rate_of_speech_models() {
    let mut windows = SpeechWindows::open(Cursor::new(tone(8_000, 2, 8_000)), "a.wav").unwrap();
    let (window, wav) = windows.next(&Stop::default()).unwrap().unwrap();
    assert_eq!(window, Window { start: Duration::ZERO, end: Duration::from_secs(1) });
    check_tone(&wav, WINDOW_RATE, 1);
    assert!(windows.next(&Stop::default()).unwrap().is_none());
}

#[test]
fn an_output_that_nobody_takes_stops_the_job() {
    let (output, chunks) = channel();
    drop(chunks);
    let source = Cursor::new(tone(44_100, 2, 441_000));
    let encoder = Encoder::new("none");
    let written = convert(source, "a.wav", Container::Wav, &encoder, output, &Stop::default());
    assert!(matches!(written, Err(AudioError::Stopped)), "{written:?}");
}

#[test]
fn a_container_follows_the_name() {
    assert_eq!(Container::of_name("a.MP3"), Some(Container::Mp3));
    assert_eq!(Container::of_name("b/a.wav"), Some(Container::Wav));
    for name in ["a.ogg", "wav", "a.wav/b", ""] {
        assert_eq!(Container::of_name(name), None, "{name}");
    }
}
