//! What the helps of `weir media`'s commands end with. A test reads every line as the program would.

pub(crate) const VIDEO: &str = "\
Examples:
  weir media video create 'a lighthouse in fog' --seconds 8 -o clip.mp4
  weir media video create 'a lighthouse in fog'         answers with the job's id at once
  weir media video wait video_123 --download";

pub(crate) const VIDEO_CREATE: &str = "\
Examples:
  weir media video create 'a lighthouse in fog' --seconds 8 --size 1280x720 -o clip.mp4
  weir media video create @prompt.txt --input-ref first-frame.png --wait";

pub(crate) const VIDEO_REMIX: &str = "\
Examples:
  weir media video remix video_123 'the same at night' -o night.mp4";

pub(crate) const VIDEO_STATUS: &str = "\
Examples:
  weir media video status video_123";

pub(crate) const VIDEO_WAIT: &str = "\
Examples:
  weir media video wait video_123 video_456 --download -o clips/
  weir media video wait video_123 --timeout 5m";

pub(crate) const VIDEO_DOWNLOAD: &str = "\
Examples:
  weir media video download video_123 -o clip.mp4 --on-conflict rename
  weir media video download video_123 --variant thumbnail";

pub(crate) const VIDEO_LIST: &str = "\
Examples:
  weir media video list --limit 100
  weir media video list --after video_123                the next page";

pub(crate) const VIDEO_DELETE: &str = "\
Examples:
  weir media video delete video_123";

pub(crate) const VIDEO_FILES: &str = "\
Examples:
  weir media video files --type mp4 --sort size
  weir media video files --pattern 'hero*'";

pub(crate) const IMAGE: &str = "\
Examples:
  weir media image generate 'icon' 'banner' --count 2 -o art/
  weir media image edit 'make it night' --input-image photo.png -o night.png
  weir media image prepare photo.jpg --size 1280x720 -o first-frame.png";

pub(crate) const IMAGE_CREATE: &str = "\
Examples:
  weir media image create 'a lighthouse in fog' -o lighthouse.png
  weir media image create 'now at night' --previous-id resp_123 --wait";

pub(crate) const IMAGE_STATUS: &str = "\
Examples:
  weir media image status resp_123";

pub(crate) const IMAGE_WAIT: &str = "\
Examples:
  weir media image wait resp_123 resp_456 --download -o art/";

pub(crate) const IMAGE_DOWNLOAD: &str = "\
Examples:
  weir media image download resp_123 -o lighthouse.webp";

pub(crate) const IMAGE_GENERATE: &str = "\
Examples:
  weir media image generate 'a lighthouse in fog' --size 1536x1024 -o lighthouse.png
  weir media image generate 'icon' 'banner' --count 2 --concurrency 4 -o art/";

pub(crate) const IMAGE_EDIT: &str = "\
Examples:
  weir media image edit 'make it night' --input-image photo.png -o night.png
  weir media image edit 'a red door' --input-image house.png --mask door.png";

pub(crate) const IMAGE_PREPARE: &str = "\
Examples:
  weir media image prepare photo.jpg --size 1280x720 --mode pad -o first-frame.png";

pub(crate) const IMAGE_FILES: &str = "\
Examples:
  weir media image files --type png --sort name --order asc";

pub(crate) const AUDIO: &str = "\
Examples:
  weir media audio transcribe talk.mp3 interview.wav
  weir media audio speak 'Welcome aboard.' --voice nova -o welcome.mp3
  weir media audio convert talk.wav --to mp3";

pub(crate) const AUDIO_TRANSCRIBE: &str = "\
Examples:
  weir media audio transcribe talk.mp3 interview.wav --concurrency 2
  weir media audio transcribe talk.mp3 --model whisper-1 --format verbose_json --timestamps word
  weir media audio transcribe talk.mp3 --enhance professional";

pub(crate) const AUDIO_CHAT: &str = "\
Examples:
  weir media audio chat meeting.mp3 --prompt 'What was decided?'";

pub(crate) const AUDIO_SPEAK: &str = "\
Examples:
  weir media audio speak 'Welcome aboard.' --voice nova -o welcome.mp3
  weir media audio speak @chapter.txt --instructions 'slowly, warmly'";

pub(crate) const AUDIO_CONVERT: &str = "\
Examples:
  weir media audio convert talk.wav --to mp3
  weir media audio convert talk.m4a -o talk.wav";

pub(crate) const AUDIO_COMPRESS: &str = "\
Examples:
  weir media audio compress talk.wav --max-mb 10 -o small.mp3";

pub(crate) const AUDIO_FILES: &str = "\
Examples:
  weir media audio files --format mp3 --sort duration --reverse
  weir media audio files --latest";

pub(crate) const WAIT: &str = "\
Examples:
  weir media wait video_123 resp_456 --timeout 5m
  weir media wait job-7 --type video -o clips/";

pub(crate) const CAPABILITIES: &str = "\
Examples:
  weir media capabilities
  weir --quiet media --config weir.toml capabilities";
