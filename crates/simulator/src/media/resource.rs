//! Which path is what.

use http::Method;

use crate::stats::Endpoint;

/// What a path of the media endpoints stands for. Ids are decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    Videos,
    Video(String),
    VideoRemix(String),
    VideoContent(String),
    ImageGenerations,
    ImageEdits,
    Files,
    File(String),
    FileContent(String),
    Speech,
    Transcriptions,
}

impl Resource {
    /// The resource of a path; `None` when the path is none of ours.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
        let id = |encoded: &str| (!encoded.is_empty()).then(|| decode(encoded));
        Some(match parts[..] {
            ["videos"] => Self::Videos,
            ["videos", video] => Self::Video(id(video)?),
            ["videos", video, "remix"] => Self::VideoRemix(id(video)?),
            ["videos", video, "content"] => Self::VideoContent(id(video)?),
            ["images", "generations"] => Self::ImageGenerations,
            ["images", "edits"] => Self::ImageEdits,
            ["files"] => Self::Files,
            ["files", file] => Self::File(id(file)?),
            ["files", file, "content"] => Self::FileContent(id(file)?),
            ["audio", "speech"] => Self::Speech,
            ["audio", "transcriptions" | "translations"] => Self::Transcriptions,
            _ => return None,
        })
    }

    /// The methods that it allows.
    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Videos | Self::Files => &[Method::GET, Method::POST],
            Self::Video(_) | Self::File(_) => &[Method::GET, Method::DELETE],
            Self::VideoContent(_) | Self::FileContent(_) => &[Method::GET, Method::HEAD],
            Self::VideoRemix(_)
            | Self::ImageGenerations
            | Self::ImageEdits
            | Self::Speech
            | Self::Transcriptions => &[Method::POST],
        }
    }

    /// What its requests are counted as.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Videos | Self::Video(_) | Self::VideoRemix(_) => Endpoint::Videos,
            Self::VideoContent(_) => Endpoint::VideoContent,
            Self::ImageGenerations | Self::ImageEdits => Endpoint::Images,
            Self::Files | Self::File(_) | Self::FileContent(_) => Endpoint::Files,
            Self::Speech => Endpoint::Speech,
            Self::Transcriptions => Endpoint::Transcriptions,
        }
    }
}

/// Decodes `%41` to `A`; what is not encoded well stays as it is, and so does what is not text.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|it| it.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_and_ids_decoded() {
        let check = |path: &str, expected| assert_eq!(Resource::of(path), expected, "{path}");
        check("/v1/videos", Some(Resource::Videos));
        check("/v1/videos/a", Some(Resource::Video("a".into())));
        check("/v1/videos/..%2F..%2Fx/content", Some(Resource::VideoContent("../../x".into())));
        check("/v1/videos/a/remix", Some(Resource::VideoRemix("a".into())));
        check("/v1/files/a/content", Some(Resource::FileContent("a".into())));
        check("/v1/audio/translations", Some(Resource::Transcriptions));
        check("/v1/videos/", None);
        check("/v1/videos/a/b", None);
        check("/videos", None);
    }

    #[test]
    fn what_is_not_encoded_well_stays() {
        for (text, expected) in
            [("a%3bb", "a;b"), ("%", "%"), ("%4", "%4"), ("%+1", "%+1"), ("%ff", "%ff")]
        {
            assert_eq!(decode(text), expected);
        }
    }
}
