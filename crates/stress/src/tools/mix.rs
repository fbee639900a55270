//! Which tools are called, how often, and what each should leave behind.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::prepare::{MAX_STEPS, Prepared, Step};
use super::template::{self, Place};

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
    /// The step before the load whose file is what this one must be.
    pub same_as: Option<String>,
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
    /// Calls that are made before the load, in their order.
    pub prepare: Vec<Step>,
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
    #[serde(default)]
    prepare: Vec<WrittenStep>,
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
    same_as: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenStep {
    name: String,
    r#as: Option<String>,
    #[serde(default)]
    args: toml::Table,
    file: Option<String>,
    #[serde(default)]
    until: toml::Table,
}

fn one() -> u64 {
    1
}

impl Mix {
    /// A mix of these tools.
    ///
    /// # Errors
    /// When there are none or too many, a weight is out of bounds, arguments are no object or have a
    /// placeholder that nothing stands for, or a file shall be the same as that of a step that leaves
    /// none.
    pub fn new(prepare: Vec<Step>, shares: Vec<Share>) -> Result<Self, MixError> {
        let error = |text: String| Err(MixError::Sense(text));
        check_steps(&prepare)?;
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
            check_placeholders(&share.tool, &share.arguments, share.file.as_deref())?;
            if let Some(digest) = &share.expected.sha256
                && !is_sha256(digest)
            {
                return error(format!("{digest:?} is no SHA-256: write 64 hexadecimal digits"));
            }
            let leaves = |step: &Step| step.word == share.same_as && step.file.is_some();
            if let Some(word) = &share.same_as
                && !prepare.iter().any(leaves)
            {
                return error(format!(
                    "the file of {} is to be the same as {word:?}: no [[prepare]] step with that \
                     \"as\" has a \"file\"",
                    share.tool
                ));
            }
        }
        let order = interleaved(&shares.iter().map(|share| share.weight).collect::<Vec<_>>());
        Ok(Self { prepare, shares, order })
    }

    /// How many calls have every tool as often as its weight says.
    #[must_use]
    pub fn cycle(&self) -> u64 {
        u64::try_from(self.order.len()).unwrap_or(1).max(1)
    }

    /// The mix with what the steps before the load have made.
    ///
    /// # Errors
    /// A tool and a sentence, when its arguments use what a result does not have.
    pub(super) fn with(mut self, prepared: &Prepared) -> Result<Self, (String, String)> {
        for share in &mut self.shares {
            let filled = prepared.fill(&share.arguments);
            share.arguments = filled.map_err(|reason| (share.tool.clone(), reason))?;
            if let Some(file) = share.same_as.as_deref().and_then(|word| prepared.file(word)) {
                share.expected = file.clone();
            }
        }
        Ok(self)
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
        let share = Share {
            tool: tool.to_owned(),
            weight: 1,
            arguments,
            numbers: false,
            file,
            expected,
            same_as: None,
        };
        Self::new(Vec::new(), vec![share])
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

    /// The mix of a text that is part of the program.
    ///
    /// # Errors
    /// When it is none.
    pub fn built_in(text: &str) -> Result<Self, MixError> {
        Self::parse(text).map_err(|error| match error {
            Parse::Syntax(source) => MixError::Sense(source.to_string()),
            Parse::Sense(error) => error,
        })
    }

    fn parse(text: &str) -> Result<Self, Parse> {
        let written: Written =
            toml::from_str(text).map_err(|source| Parse::Syntax(Box::new(source)))?;
        let step = |step: WrittenStep| Step {
            word: step.r#as,
            tool: step.name,
            arguments: json_of(toml::Value::Table(step.args)),
            file: step.file,
            until: step.until.into_iter().map(|(name, value)| (name, json_of(value))).collect(),
        };
        let prepare = written.prepare.into_iter().map(step).collect();
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
            same_as: tool.same_as,
        };
        Self::new(prepare, written.tools.into_iter().map(share).collect()).map_err(Parse::Sense)
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

/// Steps have words of their own that can stand in braces.
fn check_steps(steps: &[Step]) -> Result<(), MixError> {
    let error = |text: String| Err(MixError::Sense(text));
    if steps.len() > MAX_STEPS {
        return error(format!("a mix has at most {MAX_STEPS} [[prepare]] steps"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for (index, step) in steps.iter().enumerate() {
        check_placeholders(&step.tool, &step.arguments, step.file.as_deref())?;
        let Some(word) = &step.word else { continue };
        if word.is_empty() || !word.chars().all(plain) {
            return error(format!("as = {word:?}: write letters, digits, - and _"));
        }
        if steps[..index].iter().any(|other| other.word.as_ref() == Some(word)) {
            return error(format!("two [[prepare]] steps are known as {word:?}"));
        }
    }
    Ok(())
}

/// A misspelt placeholder would give all calls one file.
fn check_placeholders(tool: &str, arguments: &Value, file: Option<&str>) -> Result<(), MixError> {
    let (word, known, place) = if let Some(word) = template::unknown_in(arguments) {
        (word, "{agent}, {call}, {level} and {run} are", "arguments")
    } else if let Some(word) = file.and_then(template::unknown_in_place) {
        (word, "{agent}, {call}, {level}, {run} and {name} are", "file")
    } else {
        return Ok(());
    };
    Err(MixError::Sense(format!(
        "{{{word}}} in the {place} of {tool} is no placeholder: {known}; {{{{{word}}}}} stands for \
         the text {{{word}}} itself"
    )))
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

/// Where the file of a call lies, from a share's template and the name that the call gave; `None`
/// without file or name.
#[must_use]
pub fn file_place(template: Option<&str>, place: &Place<'_>, name: Option<&str>) -> Option<String> {
    let template = template?;
    if name.is_none() && template::asks_name(template) {
        return None;
    }
    Some(place.fill_place(template, name.unwrap_or_default()))
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
            (
                "[[tool]]\nname = 'x'\nargs = { a = ['{name}'] }",
                "{name} in the arguments of x is no placeholder: {agent}, {call}, {level} and {run} \
                 are; {{name}} stands for the text {name} itself",
            ),
            ("[[tool]]\nname = 'x'\nfile = '{filename}'", "{filename} in the file of x is no"),
            (
                "[[prepare]]\nname = 'p'\nargs = { a = '{rnu}' }\n[[tool]]\nname = 'x'",
                "{rnu} in the arguments of p is no",
            ),
            ("[[tool]]\nname = 'x'\nsame-as = 'y'", "no [[prepare]] step"),
            ("[[prepare]]\nname = 'p'\nas = 'a b'\n[[tool]]\nname = 'x'", "write letters"),
            (
                "[[prepare]]\nname='p'\nas='a'\n[[prepare]]\nname='q'\nas='a'\n[[tool]]\nname='x'",
                "two [[prepare]] steps are known as \"a\"",
            ),
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
        assert_eq!(
            file_place(share.file.as_deref(), &place, Some("a.mp4")).as_deref(),
            Some("videos/a.mp4")
        );
        assert_eq!(file_place(share.file.as_deref(), &place, None), None);
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
