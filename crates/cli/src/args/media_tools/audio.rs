//! The words of `weir media audio`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Taken, examples};

/// What to do with sound.
#[derive(Debug, Subcommand)]
pub(crate) enum AudioCommand {
    /// Write down what is said; several files side by side
    #[command(after_help = examples::AUDIO_TRANSCRIBE)]
    Transcribe(TranscribeArgs),
    /// Ask a model about a sound
    #[command(after_help = examples::AUDIO_CHAT)]
    Chat {
        /// A path, or a name in the audio folder
        file: String,
        /// Model
        #[arg(long)]
        model: Option<String>,
        /// What the model is
        #[arg(long)]
        system: Option<String>,
        /// What to ask
        #[arg(long)]
        prompt: Option<String>,
    },
    /// Speak a text
    #[command(after_help = examples::AUDIO_SPEAK)]
    Speak(SpeakArgs),
    /// Write a sound in another format
    #[command(after_help = examples::AUDIO_CONVERT)]
    Convert {
        /// A path, or a name in the audio folder
        file: String,
        /// Format [default: that of the output's name, else mp3]
        #[arg(long, value_enum)]
        to: Option<AudioFormat>,
        /// Output file, or folder [default: beside the input]
        #[arg(long, short, value_name = "PATH")]
        output: Option<String>,
        #[command(flatten)]
        taken: Taken,
    },
    /// Make a sound small enough to be sent
    #[command(after_help = examples::AUDIO_COMPRESS)]
    Compress {
        /// A path, or a name in the audio folder
        file: String,
        /// Most megabytes
        #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        max_mb: u32,
        /// Output file, or folder [default: beside the input]
        #[arg(long, short, value_name = "PATH")]
        output: Option<String>,
        #[command(flatten)]
        taken: Taken,
    },
    /// List the files of the audio folder with their lengths
    #[command(after_help = examples::AUDIO_FILES)]
    Files(AudioFilesArgs),
}

/// A format of sound that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AudioFormat {
    /// MPEG Layer III; needs ffmpeg
    Mp3,
    /// 16-bit PCM
    Wav,
}

impl AudioFormat {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }
}

const FORMATS: [&str; 6] = ["text", "json", "srt", "verbose_json", "vtt", "diarized_json"];

/// Arguments of `weir media audio transcribe`.
#[derive(Debug, Args)]
pub(crate) struct TranscribeArgs {
    /// Paths, or names in the audio folder
    #[arg(required = true)]
    pub files: Vec<String>,
    /// Model
    #[arg(long)]
    pub model: Option<String>,
    /// Form of the transcript [default: text]; srt, vtt and verbose_json are whisper-1's
    #[arg(long, alias = "response-format", value_parser = FORMATS)]
    pub format: Option<String>,
    /// What the speech is about, for the model
    #[arg(long, conflicts_with = "enhance")]
    pub prompt: Option<String>,
    /// Rewrite the transcript in a style
    #[arg(long, value_parser = ["detailed", "storytelling", "professional", "analytical"])]
    pub enhance: Option<String>,
    /// Times of words or segments (repeatable); whisper-1 has them in verbose_json
    #[arg(long, value_parser = ["word", "segment"])]
    pub timestamps: Vec<String>,
    /// Requests at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub concurrency: u32,
}

/// Arguments of `weir media audio speak`.
#[derive(Debug, Args)]
pub(crate) struct SpeakArgs {
    /// What to say: text, @file or -
    pub text: String,
    /// Who speaks
    #[arg(long, default_value = "openai", value_parser = ["openai", "elevenlabs"])]
    pub provider: String,
    /// Model
    #[arg(long)]
    pub model: Option<String>,
    /// Voice
    #[arg(long)]
    pub voice: Option<String>,
    /// How to speak
    #[arg(long)]
    pub instructions: Option<String>,
    /// Speed, 0.25 to 4
    #[arg(long)]
    pub speed: Option<f64>,
    /// The provider's own settings, as JSON
    #[arg(long, value_name = "JSON")]
    pub voice_settings: Option<String>,
    /// Output file, or folder [default: the media folder]
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<String>,
    #[command(flatten)]
    pub taken: Taken,
}

/// Arguments of `weir media audio files`.
#[derive(Debug, Args)]
pub(crate) struct AudioFilesArgs {
    /// Files whose name matches
    #[arg(long, value_name = "REGEX")]
    pub pattern: Option<String>,
    /// Files of this format
    #[arg(long)]
    pub format: Option<String>,
    /// Least bytes
    #[arg(long)]
    pub min_size: Option<u64>,
    /// Most bytes
    #[arg(long)]
    pub max_size: Option<u64>,
    /// Least seconds
    #[arg(long)]
    pub min_duration: Option<f64>,
    /// Most seconds
    #[arg(long)]
    pub max_duration: Option<f64>,
    /// Order by
    #[arg(long, default_value = "name", value_parser = ["name", "size", "duration", "modified_time", "format"])]
    pub sort: String,
    /// Largest, or last, first
    #[arg(long)]
    pub reverse: bool,
    /// Most files, up to 1000
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
    /// Only the file that was written last
    #[arg(long)]
    pub latest: bool,
}
