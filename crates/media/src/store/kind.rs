//! What a media folder holds.

use super::SafeName;

/// The three kinds of media. Each has a folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Videos, their thumbnails and spritesheets.
    Video,
    /// Pictures.
    Image,
    /// Speech and other sound.
    Audio,
}

/// An extension and the type of what it stands for.
type Format = (&'static str, &'static str);

/// Pictures that tools make or take. A video's thumbnail is WEBP, its spritesheet JPEG.
const PICTURES: [Format; 5] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
];

const VIDEOS: [Format; 5] = [
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
];

/// What the audio tools read, and what the transcription endpoint takes.
const SOUNDS: [Format; 12] = [
    ("mp3", "audio/mpeg"),
    ("mpga", "audio/mpeg"),
    ("mpeg", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("m4a", "audio/mp4"),
    ("mp4", "audio/mp4"),
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("webm", "audio/webm"),
    ("pcm", "audio/L16"),
];

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Video, Self::Image, Self::Audio];

    /// How tools and addresses call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Image => "image",
            Self::Audio => "audio",
        }
    }

    /// How its folder beneath a media folder is called, as the reference server calls it.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Video => "videos",
            Self::Image => "images",
            Self::Audio => "audio",
        }
    }

    /// Whether a file with this extension (lower case, without the dot) may be written here:
    /// nothing that a shell or a browser would run ever is.
    #[must_use]
    pub fn may_hold(self, extension: &str) -> bool {
        self.formats().any(|(known, _)| *known == extension)
    }

    /// The extensions that may be written, without their dots.
    pub fn extensions(self) -> impl Iterator<Item = &'static str> {
        self.formats().map(|(extension, _)| *extension)
    }

    /// The type of a file by its extension; `application/octet-stream` when it is unknown.
    #[must_use]
    pub fn mime_type(self, name: &SafeName) -> &'static str {
        let extension = name.extension();
        let known = self.formats().find(|(known, _)| *known == extension);
        known.map_or("application/octet-stream", |(_, mime)| mime)
    }

    fn formats(self) -> impl Iterator<Item = &'static Format> {
        let (first, second): (&[Format], &[Format]) = match self {
            Self::Video => (&VIDEOS, &PICTURES),
            Self::Image => (&PICTURES, &[]),
            Self::Audio => (&SOUNDS, &[]),
        };
        first.iter().chain(second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_has_no_place_in_any_folder() {
        for kind in Kind::ALL {
            for junk in ["sh", "html", "svg", "js", "exe", "py", "part", ""] {
                assert!(!kind.may_hold(junk), "{junk} in {}", kind.as_str());
            }
        }
    }

    #[test]
    fn a_type_follows_from_folder_and_extension() {
        let mime = |kind: Kind, name: &str| kind.mime_type(&SafeName::parse(name).unwrap());
        assert_eq!(mime(Kind::Video, "a.MP4"), "video/mp4");
        assert_eq!(mime(Kind::Audio, "a.mp4"), "audio/mp4");
        assert_eq!(mime(Kind::Video, "a.webp"), "image/webp");
        assert_eq!(mime(Kind::Image, "a.mp4"), "application/octet-stream");
    }
}
