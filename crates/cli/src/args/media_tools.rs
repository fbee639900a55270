//! The words of `weir media`: those of sanzaru's command line, so that a script needs another
//! command name and nothing else.

mod audio;
mod examples;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use media::store::OnConflict;

use super::media::MediaFileArgs;

pub(crate) use audio::{AudioCommand, AudioFilesArgs, AudioFormat, SpeakArgs, TranscribeArgs};

pub(crate) const EXAMPLES: &str = "\
Jobs: create answers with an id at once; -o implies --download implies --wait. A wait that times out
can be taken up again by the printed command.

Texts: inline, @file, - (stdin); @@ is a literal @. Files: a path, or a name in the media folder.
stdout: one JSON envelope for each input, one a line in the order of completion when there are
several. stderr: progress.

Exit codes: 0 ok, 1 the provider or the network failed, 2 usage, 3 configuration, 4 timeout
(resumable), 5 the job failed, 6 some of several failed, 130 interrupted.

Examples:
  weir media video create 'a lighthouse in fog' --seconds 8 -o clip.mp4
  weir media video wait video_123 video_456 --download -o clips/
  weir media image generate 'icon' 'banner' --count 2 -o art/
  weir media image prepare photo.jpg --size 1280x720 -o first-frame.png
  weir media audio transcribe talk.mp3 interview.wav --concurrency 2
  weir media wait video_123 resp_456 --timeout 5m";

/// Arguments of `weir media`.
#[derive(Debug, Args)]
pub(crate) struct MediaToolsArgs {
    #[command(flatten)]
    pub media: MediaFileArgs,
    /// Taken for compatibility: stdout is always JSON
    #[arg(long, global = true, hide = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: MediaCommand,
}

/// What to do with media.
#[derive(Debug, Subcommand)]
pub(crate) enum MediaCommand {
    /// Video jobs: create, then wait, then download (create -o does all three)
    #[command(subcommand, after_help = examples::VIDEO)]
    Video(VideoCommand),
    /// Pictures: generate and edit at once; create, wait, download as jobs
    #[command(subcommand, after_help = examples::IMAGE)]
    Image(ImageCommand),
    /// Sound: transcribe, chat, speak, convert, compress
    #[command(subcommand, after_help = examples::AUDIO)]
    Audio(AudioCommand),
    /// Wait for jobs of any kind
    #[command(after_help = examples::WAIT)]
    Wait(AnyWaitArgs),
    /// Say what works here: folders, key, commands
    #[command(after_help = examples::CAPABILITIES)]
    Capabilities {
        /// Also ask for the quota of providers that have one
        #[arg(long)]
        quota: bool,
    },
}

/// What happens when a name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conflict {
    /// The new file takes the old one's place, once it is whole
    Overwrite,
    /// The old file stays, and the command fails
    Error,
    /// The new file gets a number: clip-2.mp4
    Rename,
}

/// What to do when the output's name is taken.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Taken {
    /// When the output's name is taken [default: overwrite a file of a name that was chosen; number
    /// one that was made up]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_conflict: Option<Conflict>,
}

impl Taken {
    /// What somebody said, in the words of the tools.
    pub(crate) fn policy(self) -> Option<OnConflict> {
        self.on_conflict.map(|conflict| match conflict {
            Conflict::Overwrite => OnConflict::Overwrite,
            Conflict::Error => OnConflict::Error,
            Conflict::Rename => OnConflict::Rename,
        })
    }
}

/// How long to wait, and what to fetch then.
#[derive(Debug, Clone, Args)]
pub(crate) struct Waiting {
    /// Fetch the file once the job is completed (implies --wait)
    #[arg(long)]
    pub download: bool,
    /// Output file, or folder (implies --download)
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<String>,
    #[command(flatten)]
    pub taken: Taken,
    /// Longest wait (90, 90s, 5m) [default: 30m for videos, 10m for pictures]
    #[arg(long, value_name = "D", value_parser = wait_time)]
    pub timeout: Option<Duration>,
    /// Pause between two questions [default: grows from 1s to 20s for videos, 10s for pictures]
    #[arg(long, value_name = "D", value_parser = wait_time)]
    pub poll_interval: Option<Duration>,
}

/// Which file of a video job.
#[derive(Debug, Clone, Args)]
pub(crate) struct VariantArgs {
    /// Which file
    #[arg(long, default_value = "video", value_parser = ["video", "thumbnail", "spritesheet"])]
    pub variant: String,
}

/// What to do with videos.
#[derive(Debug, Subcommand)]
pub(crate) enum VideoCommand {
    /// Start a job
    #[command(after_help = examples::VIDEO_CREATE)]
    Create(VideoCreateArgs),
    /// Start a job that changes a finished video
    #[command(after_help = examples::VIDEO_REMIX)]
    Remix {
        /// The finished job
        video_id: String,
        /// What to change: text, @file or -
        prompt: String,
        /// Wait for the job's end
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        variant: VariantArgs,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Ask once how far a job is
    #[command(after_help = examples::VIDEO_STATUS)]
    Status {
        /// The job
        video_id: String,
    },
    /// Wait for jobs; doing it again does no harm
    #[command(after_help = examples::VIDEO_WAIT)]
    Wait {
        /// The jobs
        #[arg(required = true)]
        video_ids: Vec<String>,
        #[command(flatten)]
        variant: VariantArgs,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Fetch a finished job's file
    #[command(after_help = examples::VIDEO_DOWNLOAD)]
    Download {
        /// The job
        video_id: String,
        #[command(flatten)]
        variant: VariantArgs,
        /// Output file, or folder [default: the media folder]
        #[arg(long, short, value_name = "PATH")]
        output: Option<String>,
        #[command(flatten)]
        taken: Taken,
    },
    /// List the provider's jobs
    #[command(after_help = examples::VIDEO_LIST)]
    List {
        /// Most jobs
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Go on behind this job
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// By age
        #[arg(long, default_value = "desc", value_parser = ["asc", "desc"])]
        order: String,
    },
    /// Delete a job at the provider, for good
    #[command(after_help = examples::VIDEO_DELETE)]
    Delete {
        /// The job
        video_id: String,
    },
    /// List the files of the video folder
    #[command(after_help = examples::VIDEO_FILES)]
    Files {
        /// Files of this type
        #[arg(long = "type", default_value = "all", value_parser = ["mp4", "webm", "mov", "all"])]
        file_type: String,
        #[command(flatten)]
        listing: Listing,
    },
}

/// Arguments of `weir media video create`.
#[derive(Debug, Args)]
pub(crate) struct VideoCreateArgs {
    /// What to show: text, @file or -
    pub prompt: String,
    /// Model
    #[arg(long, default_value = "sora-2")]
    pub model: String,
    /// Length in seconds
    #[arg(long, value_parser = ["4", "8", "12"])]
    pub seconds: Option<String>,
    /// Size in pixels
    #[arg(long, value_parser = VIDEO_SIZES)]
    pub size: Option<String>,
    /// First frame: a path, or a name in the image folder
    #[arg(long, value_name = "FILE")]
    pub input_ref: Option<String>,
    /// Wait for the job's end
    #[arg(long)]
    pub wait: bool,
    #[command(flatten)]
    pub variant: VariantArgs,
    #[command(flatten)]
    pub waiting: Waiting,
}

const VIDEO_SIZES: [&str; 4] = ["720x1280", "1280x720", "1024x1792", "1792x1024"];

/// Which files to list, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Listing {
    /// Files whose name matches, as 'hero*'
    #[arg(long, value_name = "GLOB")]
    pub pattern: Option<String>,
    /// Order by
    #[arg(long, default_value = "modified", value_parser = ["name", "size", "modified"])]
    pub sort: String,
    /// Direction of the order
    #[arg(long, default_value = "desc", value_parser = ["asc", "desc"])]
    pub order: String,
    /// Most files
    #[arg(long, default_value_t = 50)]
    pub limit: i64,
}

/// What to do with pictures.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// Start a job whose answer holds a picture, for chains of refinement
    #[command(after_help = examples::IMAGE_CREATE)]
    Create(Box<ImageCreateArgs>),
    /// Ask once how far a job is
    #[command(after_help = examples::IMAGE_STATUS)]
    Status {
        /// The job
        response_id: String,
    },
    /// Wait for jobs; doing it again does no harm
    #[command(after_help = examples::IMAGE_WAIT)]
    Wait {
        /// The jobs
        #[arg(required = true)]
        response_ids: Vec<String>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Fetch a finished job's picture
    #[command(after_help = examples::IMAGE_DOWNLOAD)]
    Download {
        /// The job
        response_id: String,
        /// Output file, or folder [default: the media folder]
        #[arg(long, short, value_name = "PATH")]
        output: Option<String>,
        #[command(flatten)]
        taken: Taken,
    },
    /// Make pictures at once, several side by side
    #[command(after_help = examples::IMAGE_GENERATE)]
    Generate(ImageGenerateArgs),
    /// Make a picture from pictures and words, at once
    #[command(after_help = examples::IMAGE_EDIT)]
    Edit(ImageEditArgs),
    /// Bring a picture to exactly a video's size
    #[command(after_help = examples::IMAGE_PREPARE)]
    Prepare {
        /// A path, or a name in the image folder
        input_image: String,
        /// The size
        #[arg(long, value_parser = VIDEO_SIZES)]
        size: String,
        /// Cover and cut, fit on black, or stretch
        #[arg(long, default_value = "crop", value_parser = ["crop", "pad", "rescale"])]
        mode: String,
        /// Output file, or folder [default: beside the input]
        #[arg(long, short, value_name = "PATH")]
        output: Option<String>,
        #[command(flatten)]
        taken: Taken,
    },
    /// List the files of the image folder
    #[command(after_help = examples::IMAGE_FILES)]
    Files {
        /// Files of this type
        #[arg(long = "type", default_value = "all", value_parser = ["jpeg", "png", "webp", "all"])]
        file_type: String,
        #[command(flatten)]
        listing: Listing,
    },
}

/// How a picture is to look. The provider decides what is left out.
#[derive(Debug, Clone, Args)]
pub(crate) struct Look {
    /// Size in pixels, as 1536x1024, or auto
    #[arg(long)]
    pub size: Option<String>,
    /// Quality
    #[arg(long, value_parser = ["auto", "low", "medium", "high"])]
    pub quality: Option<String>,
    /// Background
    #[arg(long, value_parser = ["auto", "transparent", "opaque"])]
    pub background: Option<String>,
    /// File format
    #[arg(long, value_parser = ["png", "jpeg", "webp"])]
    pub output_format: Option<String>,
}

/// Arguments of `weir media image create`.
#[derive(Debug, Args)]
pub(crate) struct ImageCreateArgs {
    /// What to show: text, @file or -
    pub prompt: String,
    /// Model that drives the image tool
    #[arg(long, default_value = "gpt-5.2")]
    pub model: String,
    /// Model of the image tool
    #[arg(long)]
    pub image_model: Option<String>,
    #[command(flatten)]
    pub look: Look,
    /// Strictness of the provider's moderation
    #[arg(long, value_parser = ["auto", "low"])]
    pub moderation: Option<String>,
    /// How close to stay to the input pictures
    #[arg(long, value_parser = ["high", "low"])]
    pub input_fidelity: Option<String>,
    /// Refine an earlier job's picture
    #[arg(long, value_name = "ID")]
    pub previous_id: Option<String>,
    /// Input picture (repeatable): a path, or a name in the image folder
    #[arg(long, value_name = "FILE")]
    pub input_image: Vec<String>,
    /// PNG whose transparent parts may change
    #[arg(long, value_name = "FILE", requires = "input_image")]
    pub mask: Option<String>,
    /// Wait for the job's end
    #[arg(long)]
    pub wait: bool,
    #[command(flatten)]
    pub waiting: Waiting,
}

/// Arguments of `weir media image generate`.
#[derive(Debug, Args)]
pub(crate) struct ImageGenerateArgs {
    /// What to show: text, @file or -
    #[arg(required = true)]
    pub prompts: Vec<String>,
    /// Image model
    #[arg(long)]
    pub model: Option<String>,
    #[command(flatten)]
    pub look: Look,
    /// Strictness of the provider's moderation
    #[arg(long, value_parser = ["auto", "low"])]
    pub moderation: Option<String>,
    /// Pictures for each prompt
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub count: u32,
    /// Requests at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub concurrency: u32,
    /// Output file (of a single picture), or folder
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<String>,
    #[command(flatten)]
    pub taken: Taken,
}

/// Arguments of `weir media image edit`.
#[derive(Debug, Args)]
pub(crate) struct ImageEditArgs {
    /// What to change: text, @file or -
    pub prompt: String,
    /// Input picture (repeatable): a path, or a name in the image folder
    #[arg(long, value_name = "FILE", required = true)]
    pub input_image: Vec<String>,
    /// PNG whose transparent parts may change
    #[arg(long, value_name = "FILE")]
    pub mask: Option<String>,
    /// Image model
    #[arg(long)]
    pub model: Option<String>,
    #[command(flatten)]
    pub look: Look,
    /// How close to stay to the input pictures
    #[arg(long, value_parser = ["high", "low"])]
    pub input_fidelity: Option<String>,
    /// Output file, or folder
    #[arg(long, short, value_name = "PATH")]
    pub output: Option<String>,
    #[command(flatten)]
    pub taken: Taken,
}

/// Arguments of `weir media wait`.
#[derive(Debug, Args)]
pub(crate) struct AnyWaitArgs {
    /// The jobs
    #[arg(required = true)]
    pub job_ids: Vec<String>,
    /// What they are [default: told from the ids, video_… or resp_…]
    #[arg(long = "type", default_value = "auto", value_parser = ["auto", "video", "image"])]
    pub job_type: String,
    #[command(flatten)]
    pub variant: VariantArgs,
    #[command(flatten)]
    pub waiting: Waiting,
}

/// `90` and `90s` are seconds, `5m` minutes.
fn wait_time(text: &str) -> Result<Duration, String> {
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = match lower.strip_suffix('m') {
        Some(number) => (number, 60.0),
        None => (lower.strip_suffix('s').unwrap_or(&lower), 1.0),
    };
    let seconds = number.parse::<f64>().ok().map(|number| number * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "use 90, 90s or 5m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_as_sanzaru_reads_them() {
        assert_eq!(wait_time("90"), Ok(Duration::from_secs(90)));
        assert_eq!(wait_time("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(wait_time("5M"), Ok(Duration::from_secs(300)));
        for wrong in ["", "s", "-1", "5h", "nan", "1e99m"] {
            assert!(wait_time(wrong).is_err(), "{wrong}");
        }
    }
}
