//! Which tools are called, how often, and what each should leave behind.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::template::Place;

/// Most tools of a mix.
pub const MAX_TOOLS: usize = 100;

/// Largest weight of a tool.
pub const MAX_WEIGHT: u64 = 1000;

/// Largest file that is read as a mix.
pub const MAX_MIX_BYTES: u64 = 1 << 20;

/// One tool of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The tool's name.
    pub tool: String,
    /// How often it is called, beside the others.
    pub weight: u64,
    /// Its arguments, an object with placeholders.
    pub arguments: Value,
    /// A lone placeholder in the arguments is a number. Found out from the tool's schema.
    pub numbers: bool,
    /// Where its file lands beneath the folder (or in the place of `{name}` in the URL) that is
    /// looked into: with placeholders, and `{name}` for the name that the call gave back or asked
    /// for. `None` for tools that leave no file.
    pub file: Option<String>,
    /// What the file must be.
    pub expected: Expectation,
}

/// What a file must be, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expectation {
    /// Its size.
    pub bytes: Option<u64>,
    /// Its SHA-256, in lower-case hexadecimal digits.
    pub sha256: Option<String>,
}

impl Expectation {
    /// Whether anything is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The tools of a load in the order in which they are called.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    /// The tools.
    pub shares: Vec<Share>,
    /// Which of them the calls take, again and again.
    order: Vec<usize>,
}

/// Why a text or a file is no mix.
#[derive(Debug, Error)]
pub enum MixError {
    /// The file cannot be read.
    #[error("cannot read the mix {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is no TOML of this shape; the message draws line and caret.
    #[error("{} is no mix of tools:\n{reason}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The parser's reason.
        reason: Box<toml::de::Error>,
    },
    /// What it says makes no sense.
    #[error("{0}")]
    Sense(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    #[serde(rename = "tool", default)]
    tools: Vec<WrittenTool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenTool {
    name: String,
    #[serde(default = "one")]
    weight: u64,
    #[serde(default)]
    args: toml::Table,
    file: Option<String>,
    expect_bytes: Option<u64>,
    expect_sha256: Option<String>,
}

fn one() -> u64 {
    1
}

impl Mix {
    /// A mix of these tools.
    ///
    /// # Errors
    /// When there are none or too many, a weight is out of bounds, or arguments are no object.
    pub fn new(shares: Vec<Share>) -> Result<Self, MixError> {
        let error = |text: String| Err(MixError::Sense(text));
        if shares.is_empty() || shares.len() > MAX_TOOLS {
            return error(format!("a mix has from 1 to {MAX_TOOLS} tools"));
        }
        for share in &shares {
            if !(1..=MAX_WEIGHT).contains(&share.weight) {
                return error(format!(
                    "the weight of {} is not from 1 to {MAX_WEIGHT}",
                    share.tool
                ));
            }
            if !share.arguments.is_object() {
                return error(format!("the arguments of {} are no JSON object", share.tool));
            }
            if let Some(digest) = &share.expected.sha256
                && !is_sha256(digest)
            {
                return error(format!("{digest:?} is no SHA-256: write 64 hexadecimal digits"));
            }
        }
        let order = interleaved(&shares.iter().map(|share| share.weight).collect::<Vec<_>>());
        Ok(Self { shares, order })
    }

    /// One tool.
    ///
    /// # Errors
    /// As [`Mix::new`].
    pub fn of(
        tool: &str,
        arguments: Value,
        file: Option<String>,
        expected: Expectation,
    ) -> Result<Self, MixError> {
        Self::new(vec![Share {
            tool: tool.to_owned(),
            weight: 1,
            arguments,
            numbers: false,
            file,
            expected,
        }])
    }

    /// Reads a mix from a TOML file.
    ///
    /// # Errors
    /// [`MixError`].
    pub fn load(file: &Path) -> Result<Self, MixError> {
        let failed = |source| MixError::Read { file: file.to_owned(), source };
        let length = std::fs::metadata(file).map_err(failed)?.len();
        if length > MAX_MIX_BYTES {
            return Err(failed(std::io::Error::other("it is larger than 1 MiB")));
        }
        let text = std::fs::read_to_string(file).map_err(failed)?;
        Self::parse(&text).map_err(|error| match error {
            Parse::Syntax(reason) => MixError::Syntax { file: file.to_owned(), reason },
            Parse::Sense(error) => error,
        })
    }

    fn parse(text: &str) -> Result<Self, Parse> {
        let written: Written =
            toml::from_str(text).map_err(|source| Parse::Syntax(Box::new(source)))?;
        let share = |tool: WrittenTool| Share {
            tool: tool.name,
            weight: tool.weight,
            arguments: json_of(toml::Value::Table(tool.args)),
            numbers: false,
            file: tool.file,
            expected: Expectation {
                bytes: tool.expect_bytes,
                sha256: tool.expect_sha256.map(|digest| digest.to_ascii_lowercase()),
            },
        };
        Self::new(written.tools.into_iter().map(share).collect()).map_err(Parse::Sense)
    }

    /// The index in [`Mix::shares`] of the tool that the call of this number takes.
    #[must_use]
    pub fn pick(&self, number: u64) -> usize {
        let length = u64::try_from(self.order.len()).unwrap_or(1).max(1);
        usize::try_from(number % length)
            .ok()
            .and_then(|at| self.order.get(at))
            .copied()
            .unwrap_or(0)
    }
}

enum Parse {
    Syntax(Box<toml::de::Error>),
    Sense(MixError),
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// TOML as JSON; dates become texts.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(fields) => Value::Object(
            fields.into_iter().map(|(name, v)| (name, json_of(v))).collect::<Map<_, _>>(),
        ),
    }
}

/// An order in which every tool comes as often as its weight says, evenly spread: always the one
/// that is furthest behind its share (smooth weighted round robin, as nginx balances).
fn interleaved(weights: &[u64]) -> Vec<usize> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let weights: Vec<i64> =
        weights.iter().map(|weight| i64::try_from(weight / divisor).unwrap_or(1)).collect();
    let total: i64 = weights.iter().sum();
    let mut behind = vec![0; weights.len()];
    (0..total)
        .map(|_| {
            for (behind, weight) in behind.iter_mut().zip(&weights) {
                *behind += weight;
            }
            // The first of equals: the order is the same on every run.
            let next = (0..behind.len()).rev().max_by_key(|&index| behind[index]).unwrap_or(0);
            behind[next] -= total;
            next
        })
        .collect()
}

fn gcd(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { gcd(right, left % right) }
}

/// Fields that tools name their files by, the more telling first.
const NAMING: [&str; 8] = [
    "output_filename",
    "output_file",
    "filename",
    "file_name",
    "output_path",
    "file",
    "path",
    "name",
];

/// Whether a field of this name says what a file is called.
#[must_use]
pub fn names_file(field: &str) -> bool {
    NAMING.contains(&field)
}

/// The name of the file that a call left: as the tool gave it back, or else as it was asked for.
#[must_use]
pub fn file_name(result: Option<&Value>, arguments: &Value) -> Option<String> {
    let named = |object: &Value| {
        NAMING.iter().find_map(|field| object.get(field)?.as_str()).map(str::to_owned)
    };
    result.and_then(named).or_else(|| named(arguments))
}

/// Where a share's file lies, from the name that the call gave; `None` without file or name.
#[must_use]
pub fn file_place(share: &Share, place: &Place<'_>, name: Option<&str>) -> Option<String> {
    let template = share.file.as_deref()?;
    let filled = place.fill_text(template);
    if !filled.contains("{name}") {
        return Some(filled);
    }
    Some(filled.replace("{name}", name?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIXED: &str = r#"
        [[tool]]
        name = "download_video"
        weight = 4
        args = { video_id = "v", filename = "{agent}_{call}.mp4", deep = { list = [1, true, 2.5] } }
        file = "videos/{name}"
        expect-bytes = 7691516
        [[tool]]
        name = "ping_tool"
        weight = 2
    "#;

    #[test]
    fn a_mix_is_read_and_its_tools_come_evenly() {
        let Ok(mix) = Mix::parse(MIXED) else { panic!("no mix") };
        let order: Vec<usize> = (0..6).map(|number| mix.pick(number)).collect();
        assert_eq!(order, [0, 1, 0, 0, 1, 0]);
        assert_eq!(mix.shares[0].arguments["deep"]["list"], json!([1, true, 2.5]));
        assert_eq!(mix.shares[0].expected.bytes, Some(7_691_516));
        assert_eq!((&mix.shares[1].arguments, &mix.shares[1].file), (&json!({}), &None));
    }

    #[test]
    fn what_is_no_mix_says_why() {
        for (text, part) in [
            ("", "from 1 to 100 tools"),
            ("[[tool]]\nname = 'x'\nweight = 0", "the weight of x"),
            ("[[tool]]\nname = 'x'\nexpect-sha256 = 'ab'", "no SHA-256"),
            ("[[tool]]\nname = 'x'\nwait = 1", "unknown field `wait`"),
        ] {
            let message = match Mix::parse(text) {
                Ok(_) => panic!("{text} is a mix"),
                Err(Parse::Syntax(error)) => error.to_string(),
                Err(Parse::Sense(error)) => error.to_string(),
            };
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_file_is_named_by_the_answer_before_the_arguments() {
        let arguments = json!({ "filename": "asked.mp4", "video_id": "v" });
        let answer = json!({ "filename": "auto_1.mp4", "variant": "video" });
        assert_eq!(file_name(Some(&answer), &arguments).as_deref(), Some("auto_1.mp4"));
        assert_eq!(file_name(Some(&json!({})), &arguments).as_deref(), Some("asked.mp4"));
        assert_eq!(file_name(None, &json!({ "video_id": "v" })), None);
        let share = Mix::parse(MIXED).ok().unwrap().shares[0].clone();
        let place = Place { agent: 1, call: 2, level: 3, run: "r" };
        assert_eq!(file_place(&share, &place, Some("a.mp4")).as_deref(), Some("videos/a.mp4"));
        assert_eq!(file_place(&share, &place, None), None);
    }

    proptest! {
        #[test]
        fn every_tool_comes_as_often_as_its_weight(weights in prop::collection::vec(1u64..20, 1..6)) {
            let order = interleaved(&weights);
            let divisor = weights.iter().copied().fold(0, gcd);
            for (index, weight) in weights.iter().enumerate() {
                let count = order.iter().filter(|&&picked| picked == index).count();
                prop_assert_eq!(u64::try_from(count).unwrap(), weight / divisor);
            }
        }
    }
}
