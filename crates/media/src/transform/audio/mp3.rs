//! MP3, encoded by an `ffmpeg` that we only hand samples to and take MP3 from: it never sees a file,
//! and never a format that it would have to parse.
//!
//! There is no encoder under a licence that can be part of this program: LAME, Shine and the crates
//! made from them are under the LGPL. So MP3 is the one thing that needs another program.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::output::Output;
use super::pcm::{Pcm, Shape};
use super::{AudioError, wav};
use crate::pool::Stop;

/// Longest time that one encoding may take. LAME encodes an hour of sound in well under a minute.
pub const ENCODER_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Between two looks at whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);

/// Most that is kept of what the program says when it fails.
const MESSAGE_BYTES: u64 = 2_000;

/// The program that encodes MP3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoder {
    program: PathBuf,
}

impl Encoder {
    /// This `ffmpeg`: a name that is looked up as the shell does, or a path.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// Whether the program can be started.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.command(["-version"]).stdout(Stdio::null()).status().is_ok_and(|it| it.success())
    }

    /// Encodes all the sound at a constant bit rate.
    pub(super) fn encode(
        &self,
        pcm: Pcm,
        kilobits: u32,
        output: &mut Output,
        stop: &Stop,
    ) -> Result<(), AudioError> {
        let mut child = self.start(pcm.shape(), kilobits)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let abandoned = Stop::default();
        thread::scope(|scope| {
            let feeder = scope.spawn(|| feed(pcm, stdin, &abandoned));
            let (ended, end) = mpsc::channel();
            let taker = scope.spawn(move || {
                let taken = stdout.map_or(Ok(0), |mut stdout| io::copy(&mut stdout, output));
                let _ = ended.send(());
                taken
            });
            let listener = scope.spawn(|| listen(stderr));
            let waited = wait(&end, stop);
            if waited.is_err() {
                abandoned.request();
                // It may have ended by itself meanwhile.
                let _ = child.kill();
            }
            let fed = feeder.join().unwrap_or(Err(AudioError::Stopped));
            let taken = taker.join().unwrap_or_else(|_| Err(io::Error::other("lost")));
            let message = listener.join().unwrap_or_default();
            let status = child.wait()?;
            waited?;
            // Who no longer takes the result closes it; the program then fails for want of a reader.
            let taken = taken.map_err(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => AudioError::Stopped,
                _ => AudioError::Io(error),
            })?;
            if !status.success() || taken == 0 {
                return Err(AudioError::EncoderFailed { message });
            }
            fed
        })
    }

    fn start(&self, shape: Shape, kilobits: u32) -> Result<Child, AudioError> {
        let (rate, channels) = (shape.rate.to_string(), shape.channels.to_string());
        let bit_rate = format!("{kilobits}k");
        #[rustfmt::skip]
        let arguments = [
            "-nostdin", "-hide_banner", "-loglevel", "error",
            "-f", "s16le", "-ar", &rate, "-ac", &channels, "-i", "pipe:0",
            // The index of a file with a constant bit rate is of no use, and cannot be written
            // into a pipe afterwards.
            "-codec:a", "libmp3lame", "-b:a", &bit_rate, "-write_xing", "0", "-id3v2_version", "0",
            "-f", "mp3", "pipe:1",
        ];
        self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(
            |error| match error.kind() {
                io::ErrorKind::NotFound => {
                    AudioError::EncoderMissing { program: self.program.clone() }
                }
                _ => AudioError::Io(error),
            },
        )
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// Waits for the end of the program's output, for as long as somebody else waits for us.
fn wait(end: &mpsc::Receiver<()>, stop: &Stop) -> Result<(), AudioError> {
    let deadline = Instant::now() + ENCODER_LIMIT;
    while !stop.requested() {
        match end.recv_timeout(LOOK) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) if Instant::now() > deadline => {
                return Err(AudioError::EncoderTimeout { limit: ENCODER_LIMIT });
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
    Err(AudioError::Stopped)
}

/// Decodes into the program's input.
fn feed(mut pcm: Pcm, input: Option<impl Write>, abandoned: &Stop) -> Result<(), AudioError> {
    let Some(input) = input else { return Ok(()) };
    let mut input = BufWriter::with_capacity(64 * 1024, input);
    let (mut samples, mut bytes) = (Vec::new(), Vec::new());
    loop {
        samples.clear();
        if !pcm.read(&mut samples, abandoned)? {
            break;
        }
        bytes.clear();
        bytes.extend(wav::bytes(&samples));
        if let Err(error) = input.write_all(&bytes) {
            return gone(error);
        }
    }
    input.flush().or_else(gone_io).map_err(AudioError::Io)
}

/// A program that closes its input has failed, and says so by its status.
fn gone(error: io::Error) -> Result<(), AudioError> {
    gone_io(error).map_err(AudioError::Io)
}

fn gone_io(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

/// The beginning of what the program says. The rest is read, too, lest it wait for a reader.
fn listen(errors: Option<impl Read>) -> String {
    let Some(mut errors) = errors else { return String::new() };
    let mut message = Vec::new();
    let _ = errors.by_ref().take(MESSAGE_BYTES).read_to_end(&mut message);
    let _ = io::copy(&mut errors, &mut io::sink());
    String::from_utf8_lossy(&message).trim().to_owned()
}
