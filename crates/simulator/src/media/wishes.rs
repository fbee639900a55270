//! What a prompt, or the id of a video, asks of the simulator: for clients that can set neither
//! headers nor options, such as an agent behind a tool.

use crate::faults::Faults;

use super::film::{MAX_VIDEO_BYTES, MIN_VIDEO_BYTES};

/// How a prompt begins what it asks for: `a river [weir: cut@100000; tries=1]`.
const OPENING: &str = "[weir:";

/// Faults, and an exact length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) faults: Faults,
    /// Exact length of a video in bytes.
    pub(crate) bytes: Option<u64>,
}

impl Wishes {
    /// Reads what a prompt asks for, if it does.
    ///
    /// # Errors
    /// Says what is wrong.
    pub(crate) fn of_prompt(prompt: &str) -> Result<Self, String> {
        let wished = prompt.split_once(OPENING).and_then(|(_, rest)| rest.split_once(']'));
        wished.map_or(Ok(Self::default()), |(wished, _)| Self::parse(wished))
    }

    /// Reads a fault expression, in which `bytes=N` may occur as well.
    ///
    /// # Errors
    /// Says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (bytes, faults): (Vec<&str>, Vec<&str>) =
            text.split(';').map(str::trim).partition(|part| part.starts_with("bytes="));
        let bytes = bytes.last().map(|part| video_bytes(&part["bytes=".len()..])).transpose()?;
        let faults = faults.join(";").parse::<Faults>().map_err(|error| error.to_string())?;
        Ok(Self { faults, bytes })
    }
}

fn video_bytes(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(bytes) if (MIN_VIDEO_BYTES..=MAX_VIDEO_BYTES).contains(&bytes) => Ok(bytes),
        _ => {
            Err(format!("`bytes={text}`: a video has {MIN_VIDEO_BYTES} to {MAX_VIDEO_BYTES} bytes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prompt: &str, expected: Result<(&str, Option<u64>), &str>) {
        let found = Wishes::of_prompt(prompt).map(|it| (it.faults.to_string(), it.bytes));
        let expected = expected.map(|(faults, bytes)| (faults.to_owned(), bytes));
        assert_eq!(found, expected.map_err(str::to_owned), "{prompt}");
    }

    #[test]
    fn a_prompt_can_ask_for_faults_and_a_length() {
        check("a river", Ok(("none", None)));
        check("a river [weir: cut@10 ; tries=1 ] at night", Ok(("cut@10;tries=1", None)));
        check("[weir:bytes=200000;fail@50]", Ok(("fail@50", Some(200_000))));
        check("[weir: never closed", Ok(("none", None)));
    }

    #[test]
    fn what_it_asks_for_must_be_possible() {
        check("[weir:bytes=5]", Err("`bytes=5`: a video has 131072 to 1073741824 bytes"));
        assert!(Wishes::of_prompt("[weir: explode]").unwrap_err().contains("`explode`"));
    }
}
